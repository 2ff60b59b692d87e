# psql: what its backslash commands show of foreign tables, tab completion
# with readline at a terminal, and Ctrl-C.

use strict;
use warnings;

use IO::Pty;
use PostgreSQL::Test::Utils;
use Test::More;
use Time::HiRes qw(sleep time);

use WfmClients;
use WfmTest;

WfmClients::start();

my ($node, $sim) = ($WfmClients::node, $WfmClients::sim);

# What psql prints for the BI tool's role.
sub psql
{
	my (@commands) = @_;
	my ($out, $err) = ('', '');

	IPC::Run::run([ 'psql', '-X', '-q', '-v', 'ON_ERROR_STOP=1', '-h', '127.0.0.1', '-p', $node->port, '-U', 'tool', '-d', 'postgres' ],
		'<', \join("\n", '\pset pager off', '\set QUIET 1', @commands, ''), '>', \$out, '2>', \$err);
	return $out . $err;
}

# --- describing ---
my $mark = $sim->mark;
my %commands = (
	'\d acme.client' => [ qr/Foreign table "acme\.client"/, qr/^ uuid +\| uuid +\|/m, qr/^ is_archived +\| boolean +\| +\| not null/m, qr/^ _search +\| text/m,
		qr/^Server: acme$/m, qr/^FDW options: \(resource 'client'\)/m ],
	'\d+ acme.client' => [ qr/Foreign table "acme\.client"/, qr/FDW options +\| Storage/, qr/^ uuid .*\| key of the client/m, qr/^ _search .*input only/m ],
	'\d+ bi.client' => [ qr/View "bi\.client"/, qr/^ uuid .*\| key of the client/m, qr/View definition:\n SELECT .*FROM acme\.client;/s ],
	'\d+ copy.client' => [ qr/Materialized view "copy\.client"/, qr/"client_uuid_idx" UNIQUE, btree \(uuid\)/ ],
	'\dE acme.*' => [ qr/ acme +\| client +\| foreign table +\| postgres/ ],
	'\dE+ acme.staff' => [ qr/ acme +\| staff +\| foreign table .*staff members/ ],
	'\det acme.*' => [ qr/List of foreign tables/, qr/ acme +\| time_entry +\| acme/ ],
	'\det+ acme.*' => [ qr/ acme +\| staff +\| acme +\| \(resource 'staff'\) +\| staff members/ ],
	'\des' => [ qr/ acme +\| postgres +\| wfm_fdw/ ],
	'\des+' => [ qr/ acme +\| postgres +\| wfm_fdw .*\(connection 'acme', history_from '2024-01-01'\)/ ],
	'\dew+' => [ qr/ wfm_fdw +\| postgres +\| wfm_fdw_handler +\| wfm_fdw_validator .*WorkflowMax/ ],
	'\deu+' => [ qr/List of user mappings/, qr/\(0 rows\)/ ],
	'\dx wfm_fdw' => [ qr/ wfm_fdw +\| \d/ ],
	'\dx+ wfm_fdw' => [ qr/Objects in extension "wfm_fdw"/, qr/^ foreign-data wrapper wfm_fdw$/m, qr/^ function wfm_create_views\(/m, qr/^ view wfm_tables$/m, qr/^ table wfm_connections$/m ],
	'\dv+ bi.client' => [ qr/ bi +\| client +\| view .*key: uuid/ ],
	'\dm copy.*' => [ qr/ copy +\| client +\| materialized view/ ],
	'\df+ wfm_create_views' => [ qr/wfm_create_views.*make or complete a view/s ],
	'\sf wfm_create_views' => [ qr/CREATE OR REPLACE FUNCTION public\.wfm_create_views/ ],
	'\sv bi.staff' => [ qr/CREATE OR REPLACE VIEW bi\.staff AS/ ],
	'\dp acme.client' => [ qr/ acme +\| client +\| foreign table +\| .*tool=r/s ],
	'\dd wfm_*' => [ qr/./s ],
	'\d wfm_tables' => [ qr/View "public\.wfm_tables"/ ],
	'\dn+' => [ qr/acme/ ]);
foreach my $command (sort keys %commands)
{
	my $shown = psql($command);
	my @missing = grep { $shown !~ $_ } @{ $commands{$command} };

	is("@missing", '', $command) or diag($shown);
}
like(psql('SELECT * FROM acme.client WHERE uuid = $1 \gdesc'), qr/ uuid +\| uuid/, '\gdesc');
is(scalar(() = $sim->calls_since($mark)), 0, 'none of it sends anything');
unlike(psql('\d wfm_connections', '\d wfm_tokens', 'SELECT * FROM wfm_connections'), qr/sim-secret|sim-refresh-token/, 'no secret is shown');

# --- reading ---
$mark = $sim->mark;
my %rows = map { $_ => 1 } psql('\set FETCH_COUNT 50', '\pset format unaligned', '\pset tuples_only', 'SELECT uuid FROM acme.time_entry;') =~ /^[0-9a-f-]{36}$/mg;
is(scalar(keys %rows), WfmClients::one('SELECT count(*) FROM copy.time_entry'), 'FETCH_COUNT: all rows by a cursor');
is(scalar(() = $sim->calls_since($mark)), WfmClients::one(q{SELECT calls_of_full_read FROM wfm_tables WHERE resource = 'time_entry'}), 'FETCH_COUNT: the calls of one reading');
my $file = "$PostgreSQL::Test::Utils::tmp_check/staff.csv";
psql("\\copy (SELECT uuid, name FROM acme.staff) TO '$file' (FORMAT csv)");
is(scalar(() = slurp_file($file) =~ /\n/g), 8, '\copy of a query');
like(psql('SELECT state, is_archived, count(*) FROM (SELECT c.is_archived, j.state FROM acme.client c JOIN acme.job_current j ON j.client_uuid = c.uuid) s GROUP BY 1, 2 \crosstabview'),
	qr/state/, '\crosstabview');
like(psql('SELECT count(*) FROM acme.staff \watch c=2 i=0.1'), qr/8/, '\watch') if WfmClients::one('SHOW server_version_num') >= 160000;
like(psql('SELECT format(\'SELECT count(*) AS %s FROM acme.%s\', t, t) FROM unnest(ARRAY[\'staff\', \'client\']) t \gexec'), qr/staff.*8.*client.*30/s, '\gexec');

# --- a terminal ---
{
	local $ENV{TERM} = 'vt100';
	local $ENV{PSQLRC} = '/dev/null';
	local $ENV{PSQL_HISTORY} = "$PostgreSQL::Test::Utils::tmp_check/history";
	local $ENV{INPUTRC} = "$PostgreSQL::Test::Utils::tmp_check/inputrc";
	append_to_file($ENV{INPUTRC}, "set enable-bracketed-paste off\nset bell-style none\nset show-all-if-ambiguous on\n");

	my ($in, $out, $timer) = ('', '', IPC::Run::timer(120));
	my $session = IPC::Run::start([ 'psql', '-X', '-h', '127.0.0.1', '-p', $node->port, '-U', 'postgres', '-d', 'postgres', '-P', 'pager=off' ],
		'<pty<', \$in, '>pty>', \$out, $timer);

	# Types keys and waits for a pattern; the line is then thrown away.
	my $types = sub {
		my ($keys, $pattern, $name) = @_;

		$timer->start(120);
		($in, $out) = ($keys, '');
		my $good = eval { $session->pump until $out =~ $pattern || $timer->is_expired; 1 } && $out =~ $pattern;
		ok($good, $name) or diag("the terminal shows: $out");
		($in, $out) = ("\cU\\echo do" . "ne\n", '');
		eval { $session->pump until $out =~ /^done/m || $timer->is_expired; };
	};

	eval { $session->pump until $out =~ /postgres=# $/ || $timer->is_expired };
	$mark = $sim->mark;
	$types->("SELECT * FROM acme.cli\t", qr/acme\.client/, 'completes a foreign table');
	$types->("SELECT * FROM acme.time\t", qr/acme\.time_entry/, 'completes another');
	$types->("\\d acme.sta\t", qr/\\d acme\.staff/, 'completes after \d');
	$types->("\\det acme.sta\t", qr/\\det acme\.staff/, 'completes after \det');
	$types->("\\des ac\t", qr/\\des acme/, 'completes after \des');
	$types->("DROP FOREIGN TABLE acme.quote_dr\t", qr/quote_draft/, 'completes DROP FOREIGN TABLE');
	$types->("ALTER FOREIGN TABLE acme.staf\t", qr/acme\.staff/, 'completes ALTER FOREIGN TABLE');
	$types->("ALTER SERVER ac\t", qr/ALTER SERVER acme/, 'completes a server');
	$types->("\\df wfm_create_v\t", qr/wfm_create_views/, 'completes a function');
	$types->("SELECT * FROM wfm_stat_lim\t", qr/wfm_stat_limits/, 'completes a view of the extension');
	$types->("SET wfm_fdw.max_w\t", qr/wfm_fdw\.max_wait/, 'completes a setting');
	$types->("REFRESH MATERIALIZED VIEW copy.cl\t", qr/copy\.client/, 'completes a copy');
	$types->("DROP EXTENSION wfm\t", qr/wfm_fdw/, 'completes the extension');
	is(scalar(() = $sim->calls_since($mark)), 0, 'completion sends nothing');

	# Ctrl-C while the API is silent
	$sim->fault({ match => { path => '*staff.api' }, action => { delay => 600 } });
	$timer->start(120);
	($in, $out) = ("SELECT * FROM acme.staff;\n", '');
	eval { $session->pump_nb, sleep 0.02 until @{ $sim->state->{http}{active} } || $timer->is_expired };
	my $started = time();
	($in, $out) = ("\cC", '');
	eval { $session->pump until $out =~ /canceling statement due to user request/ || $timer->is_expired };
	like($out, qr/canceling statement due to user request/, 'Ctrl-C ends a query');
	cmp_ok(time() - $started, '<', 25, 'before the silence is given up');
	$sim->no_faults;
	# it may arrive twice: the server signals the process and its group, and psql
	# goes on after both
	($in, $out) = ("SELECT 'settled';\n", '');
	eval { $session->pump until $out =~ /\(1 row\)|canceling statement/ || $timer->is_expired };
	$types->("SELECT count(*) FROM acme.client;\n", qr/30/, 'and the session goes on');
	($in) = ("\\q\n");
	$timer->start(60);
	eval { $session->finish };
}

WfmClients::leaves_nothing();
done_testing();
