# Many sessions, one grant: an expired token costs one token request, a dead
# grant a handful, and a 401 one refresh.  WFM_TEST_LONG=1 starts them 50 times.
# How soon all have the token is a figure of time: "make bench" prints it.

use strict;
use warnings;

use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;

use WfmTest;

my $sessions = 64;
my $sim = WfmTest::Simulator->new('--clients', 1, '--jobs', 1, '--time', 1);
my $node = WfmTest::start_node('flight', settings => "max_connections = 100\n");
my $script = $node->basedir . '/script.sql';

append_to_file($script, "SELECT expires_at > now() FROM wfm_identity('acme');\n");

sub one { return $node->safe_psql('postgres', $_[0]); }

# Every session asks for a token at the same time; how pgbench ended.
sub all_at_once
{
	my ($out, $err);

	IPC::Run::run([ 'pgbench', '-n', '-c', $sessions, '-j', 2, '-t', 1, '-f', $script,
			'-h', $node->host, '-p', $node->port, 'postgres' ], '>', \$out, '2>', \$err);
	my ($done) = $out =~ /actually processed: (\d+)\//;
	return ($done, $err);
}

# The token has expired while nobody was there: a server that starts later.
sub expire
{
	$node->poll_query_until('postgres', "SELECT count(*) = 0 FROM pg_stat_activity WHERE backend_type = 'wfm_fdw token worker'")
	  or die 'the worker stays';
	one("UPDATE wfm_tokens SET access_expires_at = now() - interval '1 minute', access_obtained_at = now() - interval '31 minutes'");
	$node->restart;
}

WfmTest::connect_server($node, $sim);
$node->poll_query_until('postgres', "SELECT state = 'ready' AND generation = 2 FROM wfm_stat_connections") or die 'no token';

foreach my $round (1 .. ($ENV{WFM_TEST_LONG} ? 50 : 3))
{
	expire();
	my $mark = $sim->mark;

	# A slow answer, so that all of them are waiting for it.
	$sim->fault({ match => { path => '/connect/token' }, count => 1, action => { delay => 0.5 } }) if $round > 1;
	my ($done, $err) = all_at_once();
	is($done, $sessions, "round $round: all sessions have a token") or diag $err;
	is(scalar(() = $sim->token_requests_since($mark)), 1, "round $round: for one token request");
}

# With a token there is nothing to ask
my $mark = $sim->mark;
my ($done) = all_at_once();
is($done, $sessions, 'with a token all sessions go on');
is(scalar(() = $sim->requests_since($mark)), 0, 'and nothing is sent');

# A session that is cancelled while it waits leaves the others' token alone
expire();
$mark = $sim->mark;
$sim->fault({ match => { path => '/connect/token' }, count => 1, action => { delay => WfmTest::HELD } });
my ($code, $out, $err) = $node->psql('postgres', "SET statement_timeout = 300; SELECT wfm_identity('acme')");
like($err, qr/canceling statement due to statement timeout/, 'a session that waits for an answer can be cancelled');
$sim->wait_for_request(qr{^/connect/token$});
$sim->release;
is(one("SELECT expires_at > now() FROM wfm_identity('acme')"), 't', 'and the next one gets the token');
is(scalar(() = $sim->token_requests_since($mark)), 1, 'that was on its way');

# A dead grant: two requests to be sure, then silence
expire();
$sim->control('POST', 'tokens', { revoke => JSON::PP::true(), grant => 0 });
$mark = $sim->mark;
($done, $err) = all_at_once();
is($done, 0, 'no session gets a token from a dead grant');
like($err, qr/the consent of connection "acme" has ended/, 'and each is told');

# Again and again, with a restart in between
all_at_once() for 1 .. 2;
$node->restart;
all_at_once();
cmp_ok(scalar(() = $sim->token_requests_since($mark)), '<=', 3, 'for three token requests at most');

# The same for wfm_refresh(): the worker leaves in the five seconds between its
# requests, and the next one goes on counting
my $grant = $sim->control('POST', 'tokens', { new_grant => { client_id => 'sim-pkce' } });
WfmTest::connect_server($node, $sim, name => 'lone', client_id => 'sim-pkce', client_secret => undef,
	refresh_token => $grant->{refresh_token});
WfmTest::wait_for_token($node, 'lone');
one("SELECT wfm_refresh('lone')") for 1 .. 2;
$sim->control('POST', 'tokens', { revoke => JSON::PP::true() });
$mark = $sim->mark;
($code, $out, $err) = $node->psql('postgres', "SELECT wfm_refresh('lone')");
like($err, qr/the consent of connection "lone" has ended/, 'wfm_refresh() of a dead grant says so');
cmp_ok(scalar(() = $sim->token_requests_since($mark)), '<=', 3, 'after three token requests at most');

# A tenant that refuses every token beside one that takes them
$sim->control('POST', 'tokens', { new_client => { client_id => 'two', secret => 's' } });
my %two = (client_id => 'two', client_secret => 's', refresh_token =>
	$sim->control('POST', 'tokens', { new_grant => { client_id => 'two', vendor => 'xero' } })->{refresh_token});
WfmTest::connect_tables($node, $sim, name => 'two', %two);
my $other = '00000000-0000-4000-8000-000000000401';
one("CREATE SERVER other FOREIGN DATA WRAPPER wfm_fdw OPTIONS (connection 'two', tenant_id '$other');
	CREATE SCHEMA other; IMPORT FOREIGN SCHEMA wfm LIMIT TO (staff) FROM SERVER other INTO other");
$sim->fault({ match => { path => '*staff.api', headers => { 'xero-tenant-id' => $other } },
		action => { status => 401 } });
one('SELECT count(*) FROM two.staff');
$mark = $sim->mark;
my $refused = 0;
foreach (1 .. 5)
{
	($code, $out, $err) = $node->psql('postgres', "\\set VERBOSITY sqlstate\nSELECT count(*) FROM other.staff");
	$refused++ if $err =~ /28000/;
	is($node->psql('postgres', 'SELECT count(*) FROM two.staff'), 0, 'the other tenant is read');
}
is($refused, 5, 'one tenant refuses the token');
cmp_ok(scalar(() = $sim->token_requests_since($mark)), '<=', 1, 'for one token request at most');
$sim->no_faults;

is($sim->state->{tokens}{overlaps}, 0, 'no refresh token was ever presented twice at once');

done_testing();
