# The demo's report equals the same query over the simulator's own dump, and
# costs few calls; its EXPLAIN costs none.

use strict;
use warnings;

use JSON::PP;
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;

use WfmTest;

my $demo = "$ENV{WFM_SOURCE}/test/demo";
my $sim = WfmTest::Simulator->new('--clients', 60, '--jobs', 300, '--time', 8000);
my $node = WfmTest::start_node('main', extension => 0);

my $credentials = $node->basedir . '/acme.json';
append_to_file($credentials, JSON::PP->new->encode({ %{ $sim->connection }, name => 'acme' }));
chmod 0600, $credentials;

my $mark = $sim->mark;
$node->safe_psql('postgres', slurp_file("$demo/setup.sql"),
	extra_params => [ '-v', "credentials=$credentials" ]);
is(scalar(() = $sim->calls_since($mark)), 0, 'connecting and importing sends nothing');

# The dump, as tables of the same columns and names.
$node->safe_psql('postgres', 'CREATE SCHEMA dump');
foreach my $table (qw(client job time_entry))
{
	my ($csv, @columns) = $sim->csv_file($table);
	my %types = (uuid => 'uuid', client_uuid => 'uuid', minutes => 'integer', date => 'date');
	my $columns = join ', ', map { "$_ " . ($types{$_} || 'text') } @columns;
	$node->safe_psql('postgres',
		"CREATE TABLE dump.$table ($columns);\n\\copy dump.$table FROM '$csv' (FORMAT csv, HEADER)");
}
$node->safe_psql('postgres', <<'END');
INSERT INTO budget
SELECT uuid, 10 * (2 + row_number() OVER (ORDER BY uuid) % 9) FROM dump.client;
ANALYZE budget;
END

my $report = slurp_file("$demo/report.sql");
(my $expected = $report) =~ s/\bacme\./dump./g;

$mark = $sim->mark;
$node->safe_psql('postgres', "EXPLAIN (VERBOSE) $report");
is(scalar(() = $sim->calls_since($mark)), 0, 'EXPLAIN sends nothing');

my $rows = $node->safe_psql('postgres', $report);
is($rows, $node->safe_psql('postgres', $expected), 'the report equals the dump');
is(scalar(() = $rows =~ /^/mg), 10, 'and has its ten rows');

my @calls = $sim->calls_since($mark);
my @windows = grep { $_->{path} =~ /time\.api/ } @calls;
cmp_ok(scalar(@windows), '<=', 2, 'time entries of two months are no more than two windows');
cmp_ok(scalar(@calls), '<=', 15, 'the whole report takes few calls');

# The scan of jobs asks for windows ahead and is not looked at while the scan
# of time entries wants a call: that must not keep it from getting one.
$sim->fault({ match => { path => '/practicemanager/3.1/job.api' }, action => { delay => 0.4 } });
is($node->safe_psql('postgres', "SET wfm_fdw.max_wait = '3s';\n$report"),
	$rows, 'scans of one query do not wait for each other');
$sim->no_faults;

done_testing();
