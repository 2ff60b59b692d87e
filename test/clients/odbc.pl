# The PostgreSQL ODBC driver, by pyodbc and by unixODBC's isql.

use strict;
use warnings;

use PostgreSQL::Test::Utils;
use Test::More;

use WfmClients;
use WfmTest;

WfmClients::start();
WfmClients::run('ODBC', $ENV{WFM_PYTHON}, "$ENV{WFM_SOURCE}/test/clients/with_pyodbc.py", WfmClients::probes('tableau'));

# isql takes its sources from a file
my $sources = "$PostgreSQL::Test::Utils::tmp_check/odbc.ini";
append_to_file($sources, "[wfm]\nDriver = PostgreSQL Unicode\nServername = 127.0.0.1\nPort = "
	  . $WfmClients::node->port . "\nDatabase = postgres\nUsername = tool\nConnSettings = set+search_path+to+acme\n");

sub isql
{
	my (@lines) = @_;
	my ($out, $err) = ('', '');
	local $ENV{ODBCINI} = $sources;

	IPC::Run::run([ 'isql', 'wfm', '-b', '-d|' ], '<', \join("\n", @lines, ''), '>', \$out, '2>', \$err);
	return $out . $err;
}

my $mark = $WfmClients::sim->mark;
like(isql('help'), qr/acme\|client\|FOREIGN TABLE/, 'isql: help lists foreign tables');
like(isql('help client'), qr/uuid/, 'isql: and the columns of one');
is(scalar(() = $WfmClients::sim->calls_since($mark)), 0, 'isql: which sends nothing');
$mark = $WfmClients::sim->mark;
my $shown = isql('SELECT uuid FROM acme.staff');
is(scalar(() = $shown =~ /^[0-9a-f-]{36}$/img), 8, 'isql: a query') or diag($shown);
is(scalar(() = $WfmClients::sim->calls_since($mark)), 1, 'isql: in one call');
WfmClients::leaves_nothing();
done_testing();
