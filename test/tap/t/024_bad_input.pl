# What a query is told when something is not as it should be: SQLSTATE, what
# was asked for, and a HINT that says what to do.  Alone and as a branch of an
# Append, where nothing may wait.  What the token endpoint can refuse in detail
# is in 105_errors, what the network can do in 012_faults.

use strict;
use warnings;

use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;

use WfmTest;

my @wide = ('--minute-limit', 100000, '--day-limit', 1000000, '--concurrent-limit', 50);
my $sim = WfmTest::Simulator->new('--clients', 5, '--jobs', 30, '--time', 30, @wide);
my $node = WfmTest::start_node('bad', settings => "wfm_fdw.max_wait = '5s'\nlog_statement = none\nlog_min_error_statement = panic\n");

sub one { return $node->safe_psql('postgres', $_[0]); }

# A refresh token of a consent of its own: one connection holds it.
sub fresh_token
{
	my $consent = $sim->control('POST', 'tokens', { new_grant => { client_id => 'sim-client' } });

	return @{$consent}{qw(refresh_token grant)};
}

# SQLSTATE, message, detail and hint of a failing query; nothing may be shown.
sub fails
{
	my ($name, $sql, $state, $message, $hint, $detail) = @_;
	my ($code, $out, $err) = $node->psql('postgres', "\\set VERBOSITY verbose\n$sql");

	is($out, '', "$name: no rows");
	like($err, qr/ERROR:  $state: $message/, "$name: $state");
	like($err, qr/^HINT:  $hint/m, "$name: HINT");
	like($err, qr/^DETAIL:  $detail/m, "$name: DETAIL") if defined $detail;
	unlike($err, qr/sim-secret|sim-refresh-token|Bearer|wfm1:/, "$name: no secret");
	return;
}

# The same query alone, and where others run beside it.
sub fails_everywhere
{
	my ($name, $table, @told) = @_;

	fails($name, "SELECT count(name) FROM $table", @told);
	fails("$name, below an Append", "SELECT count(name) FROM (SELECT name FROM acme.staff UNION ALL SELECT name FROM $table) s", @told);
}

# A connection, a server and one table of it, TABLE: name.staff.
sub connect_staff
{
	my ($name, %options) = @_;

	WfmTest::connect_server($node, $sim, name => $name, %options);
	one("CREATE SCHEMA $name; CREATE FOREIGN TABLE $name.staff (uuid uuid, name text) SERVER $name OPTIONS (resource 'staff')");
	return;
}

WfmTest::connect_tables($node, $sim);
connect_staff('dead', refresh_token => 'never-issued');
my $staff = one('SELECT count(*) FROM acme.staff');

# --- the connection ---
one(q{CREATE SERVER nobody FOREIGN DATA WRAPPER wfm_fdw OPTIONS (connection 'nobody');
	CREATE SCHEMA nobody; CREATE FOREIGN TABLE nobody.staff (name text) SERVER nobody OPTIONS (resource 'staff')});
fails_everywhere('no such connection', 'nobody.staff', '08003', qr/connection "nobody" does not exist/, qr/.*wfm_authorize_url\('nobody'\)/);
fails('a connection not yet committed', q{BEGIN;
	INSERT INTO wfm_connections (name, api, client_id) VALUES ('nobody', 'practicemanager/3.1', 'sim-client');
	SELECT name FROM nobody.staff}, '55000', qr/connection "nobody" was made or changed in this transaction/, qr/Commit first\.$/m);
fails('a connection changed and not yet committed', q{BEGIN;
	UPDATE wfm_connections SET calls_per_day = 4000 WHERE name = 'acme';
	SELECT name FROM acme.staff}, '55000', qr/connection "acme" was made or changed in this transaction/, qr/Commit first\.$/m);

connect_staff('silent', refresh_token => undef);
fails_everywhere('not yet authorised', 'silent.staff', '28000', qr/connection "silent" is not authorized/, qr/.*SELECT wfm_authorize_url\('silent'\);$/m);

my ($token, $grant) = fresh_token();
connect_staff('wrong', client_secret => 'not-it', refresh_token => $token);
fails_everywhere('wrong client secret', 'wrong.staff', '28P01', qr/the token endpoint refused the app of connection "wrong"/,
	qr/.*wfm_import_credentials\('file'\).*SELECT wfm_refresh\('wrong'\);$/m);

ok($node->poll_query_until('postgres', "SELECT state = 'needs_authorization' FROM wfm_stat_connections WHERE name = 'dead'"), 'a refresh token that nobody issued');
fails_everywhere('dead refresh token', 'dead.staff', '28000', qr/the consent of connection "dead" has ended/, qr/.*SELECT wfm_authorize_url\('dead'\);$/m);

# --- the role ---
one('CREATE ROLE clerk; CREATE ROLE boss; GRANT USAGE ON FOREIGN DATA WRAPPER wfm_fdw TO clerk; ALTER SERVER dead OWNER TO clerk');
fails('the same of a connection that a superuser owns', 'SELECT name FROM dead.staff', '42501', qr/role "clerk" may not use connection "dead"/,
	qr/Give the connection to that role, or .*UPDATE wfm_connections SET owner = 'clerk' WHERE name = 'dead';$/m);
one("UPDATE wfm_connections SET owner = 'boss' WHERE name = 'dead'");
fails('a server whose owner may not use the connection', 'SELECT name FROM dead.staff', '42501', qr/role "clerk" may not use connection "dead"/, qr/GRANT boss TO clerk, or/);

# --- the tenant ---
my $parts = qr/First, .*Administrator.*"Authorise 3rd Party Full Access" under Business > Settings > Staff > API Access Privileges\. Second, .*scope.*Third, .*disconnected.*another type/;
($token) = fresh_token();
connect_staff('other', refresh_token => $token, tenant_id => $sim->tenant_id('WORKFLOWMAX'));
fails_everywhere('a tenant of another type', 'other.staff', '28000', qr/the API does not allow connection "other" to read this/, $parts,
	qr/Foreign table "staff", connection "other", tenant \S+, request: GET practicemanager\/3\.1 staff\.api\/list\. HTTP status 403\./);
one(q{ALTER SERVER other OPTIONS (ADD tenant_id '} . $sim->tenant_id('PRACTICEMANAGER') . q{')});
is(one('SELECT count(*) FROM other.staff'), $staff, 'the server can name the right one');
$sim->control('POST', 'tenants', { disconnect => $sim->tenant_id('PRACTICEMANAGER') });
fails('a tenant that was disconnected', 'SELECT name FROM acme.staff', '28000', qr/the API does not allow/, $parts, qr/.*HTTP status 403/);
$sim->control('POST', 'tenants', { reconnect => \1 });
is(one('SELECT count(*) FROM acme.staff'), $staff, 'and when it is back, so are the rows');

# --- keys ---
is(one("SELECT count(*) FROM acme.job WHERE id = 'J999999'"), 0, 'an unknown job number is zero rows');
is(one("SELECT count(*) FROM acme.client WHERE uuid = '00000000-0000-0000-0000-000000000001'"), 0, 'an unknown key is zero rows');
is(one("SELECT count(*) FROM acme.time_entry WHERE job_id = 'J999999'"), 0, 'time entries of an unknown job are none');
foreach my $text ('Invalid job', 'Job identifier is locked', 'Object reference not set to an instance of an object')
{
	$sim->fault({ match => { path => '*job.api/get' }, action => { error_text => $text } });
	my ($code, $out, $err) = $node->psql('postgres', "\\set VERBOSITY verbose\nSELECT count(*) FROM acme.job WHERE id = 'J000100'");
	like($err, qr/ERROR:  HV000: the API of connection "acme" reported an error\nDETAIL:  .*job\.api\/get\/J000100.* The API says: "$text"/, "any other text is an error: $text");
	$sim->no_faults;
}

# --- values ---
# The answer to a list of staff, with one record changed.
sub with_staff
{
	my ($records, $name, @told) = @_;

	$sim->fault({ match => { path => '*staff.api' }, action => { status => 200, headers => { 'Content-Type' => 'text/xml' },
		body => "<Response api-method=\"List\"><Status>OK</Status><StaffList>$records</StaffList></Response>" } });
	fails($name, 'SELECT count(uuid), max(name) FROM acme.staff', @told);
	$sim->no_faults;
}

my $good = '<Staff><UUID>00000000-0000-0000-0000-000000000001</UUID><Name>A</Name></Staff>';
with_staff("$good$good<Staff><UUID>canary</UUID><Name>B</Name></Staff>", 'text that does not fit', '22P02',
	qr/invalid value for column "uuid" of foreign table "staff": "canary"/, qr/Declare the column as text/, qr/It does not fit type uuid\. Record 3 of staff\.api\/list\.$/m);
with_staff($good . '<Staff><UUID>' . 'x' x 5000 . '</UUID></Staff>', 'a long one is cut', '22P02', qr/invalid value for column "uuid" of foreign table "staff": "x{100}"$/m, qr/Declare/, qr/.*Record 2/);
one('ALTER FOREIGN TABLE acme.client ALTER COLUMN name SET NOT NULL');
$sim->fault({ match => { path => '*client.api' }, action => { status => 200, headers => { 'Content-Type' => 'text/xml' },
	body => '<Response api-method="List"><Status>OK</Status><Clients><Client><UUID>00000000-0000-0000-0000-000000000001</UUID></Client></Clients></Response>' } });
fails('a value that must be there', 'SELECT name FROM acme.client', '23502', qr/no value for column "name" of foreign table "client", which is NOT NULL/, qr/ALTER FOREIGN TABLE .* DROP NOT NULL/, qr/Record 1 of client\.api\/list/);
$sim->no_faults;

# --- answers, where others run beside them ---
foreach my $case (
	[ 'ERROR in a 200', { error_text => 'The date range must be less than one year' }, 'HV000', qr/DETAIL:  .*The date range must be less than one year/ ],
	[ 'a web page', { html => \1 }, 'HV000', qr/HINT:  .*api_url/ ],
	[ 'a redirect', { redirect => 'http://example.com/' }, 'HV000', qr/HINT:  .*not followed/ ],
	[ 'forbidden', { status => 403, body => '{"Title":"Forbidden","Status":403,"Detail":"AuthenticationUnsuccessful"}' }, '28000', qr/HINT:  .*Administrator/ ],
	[ 'neither status nor records', { status => 200, body => '<Response><Other/></Response>' }, 'HV000', qr/HINT:  .*api_url/ ],
	[ 'no answer of an API', { status => 200, body => 'Service menu' }, 'HV000', qr/HINT:  .*(proxy|api_url)/ ],
	[ 'an empty body', { status => 200, body => '' }, '08006', qr/DETAIL:  .*staff\.api\/list/ ])
{
	my ($name, $action, $state, $words) = @$case;

	$sim->fault({ match => { path => '*staff.api' }, action => $action });
	my ($code, $out, $err) = $node->psql('postgres', "\\set VERBOSITY verbose\nSELECT name FROM acme.client UNION ALL SELECT name FROM acme.staff");
	like($err, qr/ERROR:  $state:/, "$name, below an Append: SQLSTATE");
	like($err, $words, "$name, below an Append: what to do");
	$sim->no_faults;
}

# --- the network ---
($token) = fresh_token();
connect_staff('gone', refresh_token => $token, api_url => 'http://127.0.0.1:1/practicemanager/3.1/');
fails('server down', 'SELECT name FROM gone.staff', '08001', qr/could not connect to the API of connection "gone"/, qr/Check the network/, qr/.*Tried \d times/);
one("SET client_min_messages = error; DROP SERVER gone CASCADE; DELETE FROM wfm_connections WHERE name = 'gone'");
is(one('SELECT count(*) FROM acme.staff'), $staff, 'others of the tenant go on');

# --- certificates ---
my $certificate = "$PostgreSQL::Test::Utils::tmp_check/simulator.crt";
my $tls = WfmTest::Simulator->new('--https', '--cert-out', $certificate, '--staff', 7, @wide);
my $https = 'https://127.0.0.1:' . $tls->port;
($token) = fresh_token();
connect_staff('distrusted', refresh_token => $token, api_url => "$https/practicemanager/3.1/");
fails_everywhere('a certificate that is not trusted', 'distrusted.staff', '08001', qr/certificate of the API of connection "distrusted" is not trusted/, qr/.*set wfm_fdw\.ca_file\.$/m);
connect_staff('encrypted', api_url => "$https/practicemanager/3.1/", token_url => "$https/connect/token", connections_url => "$https/connections",
	client_id => 'sim-pkce', client_secret => undef, refresh_token => 'sim-pkce-refresh-token');
fails('a token endpoint that is not trusted', q{SET wfm_fdw.max_wait = '1s'; SELECT name FROM encrypted.staff}, '08001', qr/the token endpoint of connection "encrypted" is not trusted/,
	qr/.*set wfm_fdw\.ca_file and run: .*wfm_refresh\('encrypted'\);$/m, qr/.*certificate/i);
$node->append_conf('postgresql.conf', "wfm_fdw.ca_file = '$certificate'\nwfm_fdw.max_wait = '30s'\n");
$node->restart;
is(one('SELECT count(*) FROM encrypted.staff'), 7, 'with wfm_fdw.ca_file both are trusted');

# --- the library that was not loaded in time ---
$node->stop;
$node->append_conf('postgresql.conf', "shared_preload_libraries = ''\n");
$node->start;
fails('not in shared_preload_libraries', $_, '55000', qr/wfm_fdw must be loaded when the server starts/, qr/Add wfm_fdw to shared_preload_libraries in postgresql\.conf and restart the server\.$/m)
  foreach 'SELECT name FROM acme.staff', 'SELECT name FROM acme.staff UNION ALL SELECT name FROM acme.client', 'SELECT * FROM wfm_stat_limits', "SELECT wfm_refresh('acme')";
like(one('EXPLAIN SELECT name FROM acme.staff'), qr/Request: GET/, 'EXPLAIN works all the same');
is(one("BEGIN; CREATE SCHEMA again; IMPORT FOREIGN SCHEMA wfm LIMIT TO (staff) FROM SERVER acme INTO again; ROLLBACK; SELECT 1"), 1, 'and so does IMPORT FOREIGN SCHEMA');

$node->stop;
unlike(slurp_file($node->logfile), qr/sim-secret|sim-refresh-token|sim-pkce-refresh-token|Bearer/, 'the log shows no secret');
done_testing();
