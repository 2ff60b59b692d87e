# One grant, one owner: a standby reads and never refreshes, takes over when
# it is promoted; a clone is told not to; a restored dump needs a consent; a
# database or the extension can go at any time.

use strict;
use warnings;

use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;

use WfmTest;

my $sim = WfmTest::Simulator->new('--clients', 5, '--jobs', 5, '--time', 5,
	'--minute-limit', 100000, '--day-limit', 1000000, '--concurrent-limit', 50);
my $primary = WfmTest::start_node('primary', init => [ allows_streaming => 1 ]);
my $key_file = $primary->basedir . '/wfm_fdw.key';

sub one { return $primary->safe_psql('postgres', $_[0]); }

sub fails
{
	my ($node, $sql, $state, $pattern, $name, $database) = @_;
	my ($code, $out, $err) = $node->psql($database || 'postgres', "\\set VERBOSITY verbose\n$sql");

	like($err, qr/ERROR:  $state: .*$pattern/s, $name);
	return;
}

sub requests { return scalar(() = $sim->token_requests_since($_[0])); }

WfmTest::connect_tables($primary, $sim);
is(one('SELECT count(*) FROM acme.client'), 5, 'the primary reads');
$primary->backup('base');

sub copy_of_primary
{
	my ($name, %options) = @_;
	my $node = PostgreSQL::Test::Cluster->new($name);

	$node->init_from_backup($primary, 'base', %options);
	$node->append_conf('postgresql.conf', "wfm_fdw.key_file = '" . $node->basedir . "/wfm_fdw.key'\n");
	return $node;
}

sub give_key
{
	my ($node) = @_;
	my $path = $node->basedir . '/wfm_fdw.key';

	append_to_file($path, slurp_file($key_file));
	chmod 0600, $path;
	chown +(stat $node->data_dir)[4, 5], $path;
	return;
}

# A standby
my $standby = copy_of_primary('standby', has_streaming => 1);
$standby->start;
my $mark = $sim->mark;
fails($standby, 'SELECT count(*) FROM acme.client', 'F0000', qr/cannot be unsealed.*HINT: .*wfm_fdw\.key_file/s, 'a standby without the key file says so');
ok(!-e $standby->basedir . '/wfm_fdw.key', 'and makes none');
give_key($standby);
$standby->restart;
is($standby->safe_psql('postgres', 'SELECT count(*) FROM acme.client'), 5, 'with the key it reads with the token of the primary');
one("SELECT wfm_refresh('acme')");
$primary->wait_for_catchup($standby);
$standby->restart;
is($standby->safe_psql('postgres', 'SELECT count(*) FROM acme.client'), 5, 'and with the next one');
is(requests($mark), 1, 'only the primary has asked for it');
fails($standby, "SELECT wfm_refresh('acme')", '25006', qr/the tokens of connection "acme" cannot be renewed on this server.*standby.*HINT: .*primary/is, 'wfm_refresh is for the primary');
fails($standby, 'SELECT wfm_rotate_key()', '25006', qr/standby/, 'so is wfm_rotate_key');
fails($standby, "SELECT wfm_disconnect('acme', true)", '25006', qr/cannot execute wfm_disconnect\(\) during recovery/, 'so is wfm_disconnect');
fails($standby, $_, '25006', qr/standby.*HINT: .*primary/is, 'so is ' . s/\(.*//r)
  foreach "SELECT wfm_authorize_url('acme')", "SELECT wfm_authorize('acme', 'http://localhost/wfm?code=c&state=s')";
fails($standby, "INSERT INTO wfm_connections (name, api, client_id, client_secret) VALUES ('x', 'practicemanager/3.1', 'a', 'b')", '25006', qr/read-only/, 'and a new connection');

# A 401 and an expired token cause nothing there
is(one('SELECT count(*) FROM acme.client'), 5, 'the primary reads with that token, too');
$sim->control('POST', 'tokens', { expire_access => JSON::PP::true() });
$mark = $sim->mark;
my ($code, $out, $err) = $standby->psql('postgres', 'SELECT count(*) FROM acme.client');
like($err, qr/ERROR: /, 'a token that was refused is an error on a standby');
is(requests($mark), 0, 'it asks for none');
is(one('SELECT count(*) FROM acme.client'), 5, 'the primary gets a new one');
$primary->wait_for_catchup($standby);
is(requests($mark), 1, 'with one request');

# Promotion while the primary is dead
$primary->stop('immediate');
$standby->promote;
$mark = $sim->mark;
is($standby->safe_psql('postgres', 'SELECT count(*) FROM acme.client'), 5, 'after its promotion it reads');
$standby->safe_psql('postgres', "SELECT wfm_refresh('acme')");
is($standby->safe_psql('postgres', 'SELECT count(*) FROM acme.client'), 5, 'and refreshes');
is(requests($mark), 1, 'with one request');

# A clone beside it, told not to refresh: it uses what it has and sends no token request
$standby->backup('clone');
my $clone = PostgreSQL::Test::Cluster->new('clone');
$clone->init_from_backup($standby, 'clone');
$clone->append_conf('postgresql.conf', "wfm_fdw.refresh_tokens = off\nwfm_fdw.key_file = '" . $standby->basedir . "/wfm_fdw.key'\n");
$clone->start;
$mark = $sim->mark;
is($clone->safe_psql('postgres', 'SELECT count(*) FROM acme.client'), 5, 'a clone reads while its token lives');
fails($clone, "SELECT wfm_refresh('acme')", '55000', qr/cannot be renewed on this server\nDETAIL: .*turned off by wfm_fdw\.refresh_tokens/, 'but does not refresh');
$sim->control('POST', 'tokens', { expire_access => JSON::PP::true() });
($code, $out, $err) = $clone->psql('postgres', 'SELECT count(*) FROM acme.client');
like($err, qr/ERROR: /, 'nor when its token was refused');
is(requests($mark), 0, 'no token request');
$clone->stop;

# A restored dump: settings without secrets, and the way to a consent
$standby->command_ok([ 'pg_dump', '-Fc', '-f', $standby->basedir . '/dump', $standby->connstr('postgres') ], 'pg_dump');
$standby->safe_psql('postgres', 'CREATE DATABASE restored');
$standby->command_ok([ 'pg_restore', '--exit-on-error', '-d', $standby->connstr('restored'), $standby->basedir . '/dump' ], 'pg_restore');
$mark = $sim->mark;
is($standby->safe_psql('restored', 'SELECT state FROM wfm_stat_connections'), 'needs_authorization', 'a restored connection needs a consent');
fails($standby, 'SELECT count(*) FROM acme.client', '28000', qr/connection "acme" is not authorized.*HINT: .*wfm_authorize_url\('acme'\)/s, 'its query says how to get one', 'restored');
is(scalar(() = $sim->requests_since($mark)), 0, 'and sends nothing');

# The grant of one database is refused in the other
fails($standby, "UPDATE wfm_connections SET client_secret = 'sim-secret', refresh_token = 'sim-refresh-token' WHERE name = 'acme'", '23505',
	qr/in use in another database.*HINT: .*wfm_authorize_url\('acme'\)/s, 'one refresh token in two databases', 'restored');

# A database and the extension go while a token is being refreshed: nothing waits
# for longer than the request, nothing of the refresh is lost
my $new = $sim->control('POST', 'tokens', { new_grant => { client_id => 'sim-client' } });
$standby->safe_psql('restored', "UPDATE wfm_connections SET client_secret = 'sim-secret', refresh_token = '$new->{refresh_token}' WHERE name = 'acme'; SELECT 1");
WfmTest::wait_for_token($standby, 'acme', 'restored');

sub beside
{
	my ($database, $sql) = @_;
	my $seen = '';

	return IPC::Run::start([ 'psql', '-X', '-q', '-d', $standby->connstr($database), '-c', $sql ], '<', \undef, '>', \$seen, '2>', \$seen);
}

sub has_ended
{
	my ($run) = @_;

	$run->pump_nb if $run->pumpable;
	return !$run->pumpable;
}

# A refresh whose request is not answered before it is released, and a statement
# that is sent meanwhile: each ends.
sub during_refresh
{
	my ($refreshed, $database, $sql) = @_;

	$sim->fault({ match => { path => '/connect/token' }, action => { delay_before => WfmTest::HELD } });
	my $refresh = beside($refreshed, "SELECT wfm_refresh('acme')");
	$sim->wait_for_request(qr{^/connect/token$});
	my $statement = beside($database, $sql);
	my $is_running = "SELECT count(*) > 0 FROM pg_stat_activity WHERE state = 'active' AND query = '$sql'";
	WfmTest::wait_until(sub { return has_ended($statement) || $standby->safe_psql('postgres', $is_running) eq 't' }, $sql);
	$sim->release;
	WfmTest::wait_until(sub { return has_ended($statement) && has_ended($refresh) }, "the end of $sql");
	$_->finish foreach $statement, $refresh;
	pass("$sql during a refresh waits for its end at most");
	return;
}

during_refresh('restored', 'restored', 'DROP EXTENSION wfm_fdw CASCADE');
$standby->safe_psql('restored', 'CREATE EXTENSION wfm_fdw');
is($standby->safe_psql('restored', 'SELECT count(*) FROM wfm_stat_connections'), 0, 'the extension can come back');

$standby->safe_psql('postgres', 'CREATE DATABASE doomed');
$standby->safe_psql('doomed', 'CREATE EXTENSION wfm_fdw');
$new = $sim->control('POST', 'tokens', { new_grant => { client_id => 'sim-client' } });
WfmTest::connect_server($standby, $sim, database => 'doomed', refresh_token => $new->{refresh_token});
WfmTest::wait_for_token($standby, 'acme', 'doomed');
during_refresh('doomed', 'postgres', 'DROP DATABASE doomed WITH (FORCE)');
$standby->poll_query_until('postgres', "SELECT count(*) = 0 FROM pg_stat_activity WHERE datname = 'doomed'");
$standby->psql('postgres', 'DROP DATABASE IF EXISTS doomed');
is($standby->safe_psql('postgres', "SELECT count(*) FROM pg_database WHERE datname = 'doomed'"), 0, 'the database is gone');
is($standby->safe_psql('postgres', 'SELECT count(*) FROM acme.client'), 5, 'the other database goes on');

done_testing();
