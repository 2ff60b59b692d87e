# Every way in which there is no token: its SQLSTATE, and a HINT that ends with
# the statement to run.

use strict;
use warnings;

use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;

use WfmTest;

my $sim = WfmTest::Simulator->new('--clients', 1, '--jobs', 1, '--time', 1);
my $node = WfmTest::start_node('errors', init => [ allows_streaming => 1 ]);

sub one { return $node->safe_psql('postgres', $_[0]); }

sub fails
{
	my ($name, $state, $message, $hint, %options) = @_;
	my $on = $options{node} || $node;
	my $sql = $options{sql} || "SELECT wfm_identity('$name')";
	my ($code, $out, $err) = $on->psql($options{database} || 'postgres', "\\set VERBOSITY verbose\n$sql");

	like($err, qr/ERROR:  $state: .*$message/, "$name: $state");
	like($err, qr/HINT:  .*$hint/, "$name: the HINT") if defined $hint;
	return;
}

sub connection
{
	my ($name, %columns) = @_;
	my %row = (%{ $sim->connection('practicemanager/3.1') }, name => $name, %columns);
	my @columns = sort grep { defined $row{$_} } keys %row;

	$node->safe_psql(delete $columns{database} || 'postgres', sprintf 'INSERT INTO wfm_connections (%s) VALUES (%s)',
		join(', ', @columns), join(', ', map { WfmTest::literal($row{$_}) } @columns));
}

sub fresh_token
{
	my $answer = $sim->control('POST', 'tokens', { new_grant => { client_id => 'sim-client' } });

	return $answer->{refresh_token} || $answer->{new_grant}{refresh_token} || (grep { !ref } values %$answer)[0];
}

# The connection
fails('nobody', '08003', qr/connection "nobody" does not exist/, qr/wfm_authorize_url\('nobody'\)/);
fails('uncommitted', '55000', qr/made or changed in this transaction/, qr/Commit first\.$/m,
	sql => "BEGIN; INSERT INTO wfm_connections (name, api, client_id) VALUES ('uncommitted', 'practicemanager/3.1', 'a'); SELECT wfm_identity('uncommitted')");
connection('silent', refresh_token => undef);
fails('silent', '28000', qr/connection "silent" is not authorized/, qr/SELECT wfm_authorize_url\('silent'\);$/m);

# The app and the grant
connection('wrong', client_secret => 'wrong', refresh_token => fresh_token());
fails('wrong', '28P01', qr/refused the app of connection "wrong"/, qr/wfm_import_credentials\('file'\).*SELECT wfm_refresh\('wrong'\);$/m);
my $mark = $sim->mark;
fails('wrong', '28P01', qr/refused the app/);
is(scalar(() = $sim->token_requests_since($mark)), 0, 'a refused app is not tried again by itself');
one("UPDATE wfm_connections SET client_secret = 'sim-secret' WHERE name = 'wrong'");
is(one("SELECT expires_at > now() FROM wfm_identity('wrong')"), 't', 'but when its secret is mended');

connection('dead', refresh_token => 'never-existed');
fails('dead', '28000', qr/the consent of connection "dead" has ended/, qr/SELECT wfm_authorize_url\('dead'\);$/m);
is(one("SELECT last_error || ' ' || (last_error_detail LIKE '%invalid_grant%') FROM wfm_stat_connections WHERE name = 'dead'"), 'grant true', 'dead: the status says why');
one("UPDATE wfm_connections SET refresh_token = '" . fresh_token() . "' WHERE name = 'dead'");
is(one("SELECT expires_at > now() FROM wfm_identity('dead')"), 't', 'a new refresh token brings it back');

# The endpoint
connection('down', token_url => 'http://127.0.0.1:1/token', refresh_token => 'down-token');
fails('down', '08006', qr/no access token for connection "down" within wfm_fdw\.max_wait/, qr/wfm_check\('down'\);$/m,
	sql => "SET wfm_fdw.max_wait = '1s'; SELECT wfm_identity('down')");
one("DELETE FROM wfm_connections WHERE name = 'down'");
foreach my $fault ([ 'HTML', { html => JSON::PP::true() } ], [ 'a cut answer', { cut_after => 100, how => 'close' } ],
	[ 'a 503', { unavailable => JSON::PP::true() } ], [ 'a redirect', { redirect => JSON::PP::true() } ],
	[ 'a lost answer', { drop => 'rst' } ], [ 'a 429', { retry_after => 1 } ])
{
	my $before = one("SELECT generation FROM wfm_tokens WHERE connection = 'dead'");

	$sim->fault({ match => { path => '/connect/token' }, count => 1, action => $fault->[1] });
	one("SELECT wfm_refresh('dead')");
	is(one("SELECT generation FROM wfm_tokens WHERE connection = 'dead'"), $before + 1, "$fault->[0] in place of a token loses nothing");
	$sim->no_faults;
}

# Loopback without leave
one('ALTER SYSTEM SET wfm_fdw.allow_insecure_loopback = off');
$node->restart;
fails('dead', '22023', qr/is a plain http URL/, qr/wfm_fdw\.allow_insecure_loopback/);
one('ALTER SYSTEM RESET wfm_fdw.allow_insecure_loopback');
$node->restart;

# The key
my $key_file = $node->basedir . '/wfm_fdw.key';
rename $key_file, "$key_file.away" or die;
$mark = $sim->mark;
fails('dead', 'F0000', qr/cannot be unsealed/, qr/SELECT wfm_refresh\('dead'\);$/m, sql => "SELECT wfm_refresh('dead')");
append_to_file($key_file, "other:" . ('A' x 43) . "=\n");
chmod 0600, $key_file;
fails('dead', 'F0000', qr/cannot be unsealed/, qr/wfm_fdw\.key_file/, sql => "SELECT wfm_refresh('dead')");
is(scalar(() = $sim->token_requests_since($mark)), 0, 'without its key nothing is sent');
unlink $key_file;
rename "$key_file.away", $key_file or die;
one("SELECT wfm_refresh('dead')");
pass('with it all is well');

# A row that was swapped does not open
my $swapped = one("SELECT refresh_token FROM wfm_tokens WHERE connection = 'wrong'");
my $own = one("SELECT refresh_token FROM wfm_tokens WHERE connection = 'dead'");
one("UPDATE wfm_tokens SET refresh_token = '$swapped' WHERE connection = 'dead'");
$mark = $sim->mark;
fails('dead', 'F0000', qr/cannot be unsealed/, undef, sql => "SELECT wfm_refresh('dead')");
is(scalar(() = $sim->token_requests_since($mark)), 0, 'a swapped token is not sent');
one("UPDATE wfm_tokens SET refresh_token = '$own' WHERE connection = 'dead'");
one("SELECT wfm_refresh('dead')");

# One grant, two databases
my $shared = fresh_token();
connection('first', refresh_token => $shared);
one("SELECT wfm_refresh('first')");
one('CREATE DATABASE other');
$node->safe_psql('other', 'CREATE EXTENSION wfm_fdw');
my ($code, $out, $err) = $node->psql('other', "\\set VERBOSITY verbose\nINSERT INTO wfm_connections (name, api, client_id, refresh_token) VALUES ('second', 'practicemanager/3.1', 'sim-client', '$shared')");
like($err, qr/ERROR:  23505: .*in use in another database/, 'one refresh token in two databases');
one("DELETE FROM wfm_connections WHERE name = 'first'");

# A copied database holds grants of another, which it gives up
$node->poll_query_until('postgres', "SELECT count(*) = 0 FROM pg_stat_activity WHERE backend_type = 'wfm_fdw token worker'");
$node->safe_psql('template1', 'CREATE DATABASE copy TEMPLATE postgres');
$mark = $sim->mark;
fails('dead', '28000', qr/connection "dead" is not authorized/, undef, database => 'copy');
is(scalar(() = $sim->requests_since($mark)), 0, 'a copied database sends nothing');
$node->poll_query_until('postgres', "SELECT count(*) = 0 FROM pg_stat_activity WHERE datname = 'copy'");
one('DROP DATABASE copy');

# A standby uses what the primary has, and asks for nothing
$node->backup('base');
my $standby = PostgreSQL::Test::Cluster->new('standby');
$standby->init_from_backup($node, 'base', has_streaming => 1);
$standby->append_conf('postgresql.conf', "wfm_fdw.key_file = '$key_file'\n");
$standby->start;
$mark = $sim->mark;
is($standby->safe_psql('postgres', "SELECT expires_at > now() FROM wfm_identity('dead')"), 't', 'a standby has the token');
fails('dead', '25006', qr/cannot be renewed on this server/, undef, node => $standby, sql => "SELECT wfm_refresh('dead')");
is(scalar(() = $sim->requests_since($mark)), 0, 'and sends nothing');
$standby->stop;

# Places run out
$node->append_conf('postgresql.conf', "wfm_fdw.max_grants = 1\n");
$node->restart;
is(one("SELECT count(*) > 1 FROM wfm_connections"), 't', 'several connections');
my @refused = grep { (($node->psql('postgres', "SELECT wfm_identity('$_')"))[2] || '') =~ /Increase wfm_fdw\.max_grants/ } qw(dead wrong);
# which one has the place depends on whose grant was looked at first
cmp_ok(scalar(@refused), '>=', 1, 'and room for one: the HINT says what to set');

# No process to be had
$node->append_conf('postgresql.conf', "wfm_fdw.max_grants = 32\nmax_worker_processes = 1\n");
$node->restart;
fails('dead', '53400', qr/no token worker could be started|launcher of wfm_fdw is not running/, qr/max_worker_processes \(now 1\)/,
	sql => "SET wfm_fdw.max_wait = '5s'; SELECT wfm_identity('dead')");

# Not preloaded
$node->append_conf('postgresql.conf', "shared_preload_libraries = ''\n");
$node->restart;
fails('dead', '55000', qr/wfm_fdw must be loaded when the server starts/, qr/shared_preload_libraries/);
like(one("SELECT mend FROM wfm_check('dead') WHERE step = 'preload' AND NOT ok"), qr/^Add wfm_fdw to shared_preload_libraries/, 'wfm_check says so, too');
is(one("INSERT INTO wfm_connections (name, api, client_id, client_secret) VALUES ('cold', 'practicemanager/3.1', 'a', 'b') RETURNING name"), 'cold', 'connections can be written without it');

done_testing();
