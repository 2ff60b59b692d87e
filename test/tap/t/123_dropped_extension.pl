# DROP EXTENSION while no worker is there: what shared memory knows of the
# database goes when something of it falls due, and its places with it.

use strict;
use warnings;

use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;

use WfmTest;

my $sim = WfmTest::Simulator->new('--clients', 3, '--jobs', 3, '--time', 3);
my $node = WfmTest::start_node('dropped', settings => "wfm_fdw.max_grants = 1\n");

$node->safe_psql('postgres', 'CREATE DATABASE other');
$node->safe_psql('other', 'CREATE EXTENSION wfm_fdw');
$sim->fault({ match => { path => '/connect/token' }, action => { unavailable => JSON::PP::true() } });
WfmTest::connect_server($node, $sim, database => 'other', name => 'first');
ok($node->poll_query_until('other', 'SELECT token_requests >= 2 FROM wfm_stat_connections'), 'a token is asked for, in vain');
ok($node->poll_query_until('postgres', "SELECT count(*) = 0 FROM pg_stat_activity WHERE backend_type = 'wfm_fdw token worker'"), 'and will be again');
$node->safe_psql('other', 'DROP EXTENSION wfm_fdw CASCADE');
$sim->no_faults;
my $mark = $sim->mark;

my $grant = $sim->control('POST', 'tokens', { new_grant => { client_id => 'sim-client' } });
WfmTest::connect_server($node, $sim, name => 'second', refresh_token => $grant->{refresh_token});
my ($code, $out, $err) = $node->psql('postgres', "SELECT wfm_refresh('second')");
like($err, qr/no room for the tokens of connection "second"|^\z/, 'until then its place is taken');
my $deadline = time + 60;
while ($err ne '' && time < $deadline)
{
	sleep 1;
	($code, $out, $err) = $node->psql('postgres', "SELECT wfm_refresh('second')");
}
is($err, '', 'then it is free');
is(scalar(() = grep { $_->{grant} != $grant->{grant} } $sim->token_requests_since($mark)), 0, 'and nothing more was sent for what is gone');
is($node->safe_psql('postgres', 'SELECT name, state FROM wfm_stat_connections'), 'second|ready', 'the other database has its tokens');
$node->safe_psql('other', 'CREATE EXTENSION wfm_fdw');
is($node->safe_psql('other', 'SELECT count(*) FROM wfm_stat_connections'), 0, 'the extension can come back');

done_testing();
