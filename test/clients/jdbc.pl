# The PostgreSQL JDBC driver, and the probes of Metabase and Tableau.

use strict;
use warnings;

use PostgreSQL::Test::Utils;
use Test::More;

use WfmClients;
use WfmTest;

my $driver = '/usr/share/java/postgresql.jar';
my $classes = "$PostgreSQL::Test::Utils::tmp_check/classes";

ok(-e $driver, 'the driver is there') or BAIL_OUT('run "make clients", which installs it');
command_ok([ 'javac', '-Xlint:all', '-Werror', '-cp', $driver, '-d', $classes, glob "$ENV{WFM_SOURCE}/test/clients/java/*.java" ], 'it compiles');
WfmClients::start();
# A small heap is enough
WfmClients::run('JDBC', 'java', '-Xmx256m', '-XX:+UseSerialGC', '-cp', "$classes:$driver", 'WithJdbc',
	map { WfmClients::probes($_) } qw(metabase tableau tableau-temporary));
WfmClients::leaves_nothing();
done_testing();
