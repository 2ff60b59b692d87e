# What is wrong for good is said at once, and mended without a restart: an
# endpoint that is not trusted, a dead refresh token, a 401 that no refresh can
# mend; and what a database held that was dropped.

use strict;
use warnings;

use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;
use Time::HiRes qw(time);

use WfmTest;

my $certificate = "$PostgreSQL::Test::Utils::tmp_check/gateway.crt";
my $sim = WfmTest::Simulator->new('--clients', 2, '--jobs', 1, '--time', 1,
	'--minute-limit', 100000, '--day-limit', 1000000, '--concurrent-limit', 50);
my $gateway = WfmTest::Simulator->new('--clients', 1, '--jobs', 1, '--time', 1, '--https', '--cert-out', $certificate);
my $node = WfmTest::start_node('trust', init => [ allows_streaming => 1 ]);

sub one { return $node->safe_psql('postgres', $_[0]); }

sub fails
{
	my ($sql, $state, $pattern, $name, %options) = @_;
	my $begun = time;
	my ($code, $out, $err) = ($options{node} || $node)->psql($options{database} || 'postgres', "\\set VERBOSITY verbose\n$sql");

	like($err, qr/ERROR:  $state: .*$pattern/s, $name);
	cmp_ok(time - $begun, '<', 120, "$name: before wfm_fdw.max_wait is over") if $options{in_time};
	return;
}

sub new_token
{
	my ($client) = @_;

	return $sim->control('POST', 'tokens', { new_grant => { client_id => $client } })->{refresh_token};
}

# A gateway whose certificate nobody has told us of
WfmTest::connect_server($node, $sim, name => 'gateway', token_url => 'https://127.0.0.1:' . $gateway->port . '/connect/token');
fails("SELECT wfm_identity('gateway')", '08001', qr/the token endpoint of connection "gateway" is not trusted.*DETAIL:  \S.*HINT: .*wfm_fdw\.ca_file.*wfm_refresh\('gateway'\)/s,
	'an endpoint that is not trusted', in_time => 1);
is(one("SELECT state || ' ' || last_error || ' ' || (last_error_detail <> '') FROM wfm_stat_connections WHERE name = 'gateway'"), 'config_error trust true', 'the status says so');
is(one("SELECT mend LIKE '%wfm_fdw.ca_file%' FROM wfm_check('gateway') WHERE step = 'token'"), 't', 'and wfm_check says what to do');
one("ALTER SYSTEM SET wfm_fdw.ca_file = '$certificate'");
one('SELECT pg_reload_conf()');
ok($node->poll_query_until('postgres', "SELECT state = 'ready' FROM wfm_stat_connections WHERE name = 'gateway'"), 'with its certificate the connection is ready, without any other statement');
is(one("SELECT expires_at > now() FROM wfm_identity('gateway')"), 't', 'and has a token');
one("DELETE FROM wfm_connections WHERE name = 'gateway'");

# A refresh token that is dead, for a session that does not wait for the second
# refusal
WfmTest::connect_server($node, $sim, name => 'dead', refresh_token => 'never-existed');
ok($node->poll_query_until('postgres', "SELECT last_error = 'grant' FROM wfm_stat_connections WHERE name = 'dead'"), 'a refresh token is refused once');
fails("SET wfm_fdw.max_wait = '1s'; SELECT wfm_identity('dead')", '28000', qr/the consent of connection "dead" has ended.*HINT: .*wfm_authorize_url\('dead'\)/s,
	'a dead refresh token and a short max_wait', in_time => 1);

# A 401 of the API, and the token endpoint then refuses the grant, or the app
WfmTest::connect_tables($node, $sim, name => 'acme');
is(one('SELECT count(*) FROM acme.client'), 2, 'a connection that works');
$sim->control('POST', 'tokens', { expire_access => JSON::PP::true() });
$sim->fault({ match => { path => '/connect/token' }, action => { status => 401, body => '{"error":"invalid_client"}' } });
fails('SELECT count(*) FROM acme.client', '28000', qr/refused the access token of connection "acme".*HINT: .*wfm_refresh\('acme'\)/s, 'a 401, and the app is refused', in_time => 1);
fails('SELECT count(*) FROM acme.client', '28000', qr/refused the access token of connection "acme".*HINT: .*wfm_refresh\('acme'\)/s, 'and again', in_time => 1);
fails("SELECT wfm_refresh('acme')", '28P01', qr/refused the app of connection "acme"/, 'which the HINT leads to', in_time => 1);
$sim->no_faults;
one("SELECT wfm_refresh('acme')");
is(one('SELECT count(*) FROM acme.client'), 2, 'until it is mended');
$sim->control('POST', 'tokens', { revoke => JSON::PP::true() });
fails('SELECT count(*) FROM acme.client', '28000', qr/the consent of connection "acme" has ended/, 'a 401, and the grant is refused', in_time => 1);
fails('SELECT count(*) FROM acme.client', '28000', qr/the consent of connection "acme" has ended/, 'and again', in_time => 1);
one("UPDATE wfm_connections SET refresh_token = '" . new_token('sim-client') . "' WHERE name = 'acme'");
is(one('SELECT count(*) FROM acme.client'), 2, 'until there is another');

# A standby whose token is refused twice within a moment, and after a while
$node->backup('base');
my $standby = PostgreSQL::Test::Cluster->new('standby');
$standby->init_from_backup($node, 'base', has_streaming => 1);
$standby->append_conf('postgresql.conf', "wfm_fdw.key_file = '" . $node->basedir . "/wfm_fdw.key'\n");
$standby->start;
is($standby->safe_psql('postgres', 'SELECT count(*) FROM acme.client'), 2, 'a standby reads');
$sim->control('POST', 'tokens', { expire_access => JSON::PP::true() });
my $mark = $sim->mark;
fails('SELECT count(*) FROM acme.client', '\w+', qr/./, 'a standby whose token is refused', node => $standby, in_time => 1);
fails('SELECT count(*) FROM acme.client', '\w+', qr/./, 'a second time', node => $standby, in_time => 1);
sleep 3;
fails('SELECT count(*) FROM acme.client', '\w+', qr/./, 'and after a while', node => $standby, in_time => 1);
is(scalar(() = $sim->token_requests_since($mark)), 0, 'it asks for none');
one("SELECT wfm_refresh('acme')");
$node->wait_for_catchup($standby);
is($standby->safe_psql('postgres', 'SELECT count(*) FROM acme.client'), 2, 'and reads with the next one of the primary');
$standby->stop;

# What a dropped database held is free at once: its grant ...
my $token = new_token('sim-client');
$sim->control('POST', 'tokens', { rotation => 'grace-same' });
foreach my $round (1 .. 2)
{
	one('CREATE DATABASE branch');
	$node->safe_psql('branch', 'CREATE EXTENSION wfm_fdw');
	WfmTest::connect_server($node, $sim, database => 'branch', name => 'branch', refresh_token => $token);
	is($node->safe_psql('branch', "SELECT expires_at > now() FROM wfm_identity('branch')"), 't', "round $round: a database with a grant");
	$node->poll_query_until('postgres', "SELECT count(*) = 0 FROM pg_stat_activity WHERE datname = 'branch'");
	one('DROP DATABASE branch');
}

# ... and its place
$node->append_conf('postgresql.conf', "wfm_fdw.max_grants = 1\n");
one("DELETE FROM wfm_connections");
$node->restart;
foreach my $round (1 .. 3)
{
	one('CREATE DATABASE branch');
	$node->safe_psql('branch', 'CREATE EXTENSION wfm_fdw');
	WfmTest::connect_server($node, $sim, database => 'branch', name => 'branch', refresh_token => new_token('sim-client'));
	is($node->safe_psql('branch', "SELECT expires_at > now() FROM wfm_identity('branch')"), 't', "round $round: the only place goes to the database there is");
	$node->poll_query_until('postgres', "SELECT count(*) = 0 FROM pg_stat_activity WHERE datname = 'branch'");
	one('DROP DATABASE branch');
}

done_testing();
