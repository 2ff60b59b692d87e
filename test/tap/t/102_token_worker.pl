# The token worker: a seeded connection becomes a token, durable and sealed,
# survives restarts, and the worker is in nobody's way.

use strict;
use warnings;

use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;

use WfmTest;

my $sim = WfmTest::Simulator->new('--clients', 3, '--jobs', 3, '--time', 3);
my $node = WfmTest::start_node('worker');

sub one { return $node->safe_psql('postgres', $_[0]); }

sub state_of
{
	my ($name, $database) = @_;

	return $node->safe_psql($database || 'postgres',
		"SELECT state || ' ' || generation || ' ' || coalesce(last_error, '-') FROM wfm_stat_connections WHERE name = '$name'");
}

sub wait_for
{
	my ($sql, $name) = @_;

	ok($node->poll_query_until('postgres', $sql), $name);
}

my $workers = "SELECT count(*) FROM pg_stat_activity WHERE backend_type = 'wfm_fdw token worker'";

# From the seed to a token
my $mark = $sim->mark;
WfmTest::connect_server($node, $sim);
wait_for("SELECT state = 'ready' AND generation = 2 FROM wfm_stat_connections WHERE name = 'acme'", 'a seeded connection gets a token');
is(scalar(() = $sim->token_requests_since($mark)), 1, 'with one token request');
is(one("SELECT access_token LIKE 'wfm1:%' AND refresh_token LIKE 'wfm1:%' AND first_use IS NULL AND intent_id IS NULL FROM wfm_tokens"),
	't', 'the new pair is stored sealed, the intent is closed');
is(one("SELECT refresh_token_days_left FROM wfm_stat_connections WHERE name = 'acme'"), 60, 'its age is known');

# wfm_refresh
one("SELECT wfm_refresh('acme')");
is(state_of('acme'), 'ready 3 -', 'wfm_refresh() gets the next generation');
is(scalar(() = $sim->token_requests_since($mark)), 2, 'with one more request');

# A restart costs nothing
$node->restart;
wait_for("SELECT true FROM wfm_stat_connections WHERE name = 'acme' AND state = 'ready' AND generation = 3", 'a restart keeps the generation');
one("SELECT wfm_refresh('acme')");
is(state_of('acme'), 'ready 4 -', 'and the refresh token');
$node->stop('immediate');
$node->start;
one("SELECT wfm_refresh('acme')");
is(state_of('acme'), 'ready 5 -', 'so does a crash');
is(scalar(() = $sim->token_requests_since($mark)), 4, 'nothing was asked for twice');

# Even if the server is told to acknowledge commits early
one('ALTER SYSTEM SET synchronous_commit = off; SELECT pg_reload_conf()');
one("SELECT wfm_refresh('acme')");
$node->stop('immediate');
$node->start;
is(one('SELECT generation FROM wfm_tokens'), 6, 'synchronous_commit = off loses no token');

# The worker leaves, and starts again when it is wanted
ok($node->poll_query_until('postgres', $workers, 0), 'the worker leaves when there is nothing to do');
one('CREATE DATABASE second');
$node->safe_psql('second', 'CREATE EXTENSION wfm_fdw');
WfmTest::connect_server($node, $sim, database => 'second', name => 'pkce', client_id => 'sim-pkce', client_secret => undef,
	refresh_token => 'sim-pkce-refresh-token');
ok($node->poll_query_until('second', "SELECT state = 'ready' FROM wfm_stat_connections"), 'a worker comes to another database');
is($node->safe_psql('second', 'SELECT count(*) FROM wfm_stat_connections'), 1, 'which has its own connections');
$node->safe_psql('second', "DROP EXTENSION wfm_fdw CASCADE");
pass('DROP EXTENSION meets nobody');
one('DROP DATABASE second');
pass('nor does DROP DATABASE');

# The tenant
one("UPDATE wfm_connections SET tenant_id = NULL WHERE name = 'acme'");
wait_for("SELECT tenants IS NOT NULL FROM wfm_tokens WHERE connection = 'acme'", 'the tenants are looked up when none is named');

# Refreshing turned off: a copy of the server sends nothing
one('ALTER SYSTEM SET wfm_fdw.refresh_tokens = off; SELECT pg_reload_conf()');
$node->restart;
$mark = $sim->mark;
my ($code, $out, $err) = $node->psql('postgres', "\\set VERBOSITY verbose\nSELECT wfm_refresh('acme')");
like($err, qr/ERROR:  55000: .*turned off by wfm_fdw\.refresh_tokens/s, 'refresh_tokens = off refuses');
is(scalar(() = $sim->requests_since($mark)), 0, 'and sends nothing');

done_testing();
