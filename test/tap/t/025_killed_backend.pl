# kill -9 of a backend in the middle of a scan: the server recovers, the token
# still works without being asked for again, no call counts as under way, and
# nothing of the scan stays behind.

use strict;
use warnings;

use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;
use Time::HiRes qw(sleep time);

use WfmTest;

my $sim = WfmTest::Simulator->new('--clients', 30, '--jobs', 60, '--time', 1000,
	'--minute-limit', 100000, '--day-limit', 1000000, '--concurrent-limit', 50);
my $node = WfmTest::start_node('killed', settings => "restart_after_crash = on\n");

WfmTest::connect_tables($node, $sim, calls_per_minute => 600, server => "connection 'acme', history_from '2022-01-01'");
$node->safe_psql('postgres', 'CREATE ROLE other LOGIN SUPERUSER');
my $rows = $node->safe_psql('postgres', 'SELECT count(*), sum(minutes) FROM acme.time_entry');
my $clients = $node->safe_psql('postgres', 'SELECT count(*) FROM acme.client');
my $generation = $node->safe_psql('postgres', 'SELECT generation FROM wfm_tokens');

# The first answer after the crash, however often one has to knock.
sub after_crash
{
	my ($sql) = @_;
	my $deadline = time() + 60;

	while (time() < $deadline)
	{
		my ($code, $out) = eval { $node->psql('postgres', $sql) };
		return $out if defined $code && $code == 0;
		sleep 0.05;
	}
	return 'the server did not come back';
}

# Kill a session that runs SQL as soon as it stands where WHEN (SQL) is true.
sub kill_session
{
	my ($name, $sql, $when) = @_;
	my $session = IPC::Run::start(
		[ 'psql', '-X', '-q', '-d', $node->connstr('postgres') . ' application_name=victim', '-c', $sql ],
		'<', \undef, '>', \my $out, '2>', \my $err);

	ok($node->poll_query_until('postgres', "SELECT count(*) = 1 FROM pg_stat_activity WHERE application_name = 'victim' AND $when"), "$name: it is at it");
	my $pid = $node->safe_psql('postgres', "SELECT pid FROM pg_stat_activity WHERE application_name = 'victim'");
	like($pid, qr/^\d+$/, "$name: one process");
	is(kill('KILL', $pid), 1, "$name: killed");
	eval { $session->finish; };
	isnt($err, '', "$name: its client is told");
}

sub all_is_well
{
	my ($name, $mark, $tokens) = @_;

	$sim->no_faults;
	is(after_crash('SELECT count(*) FROM acme.client'), $clients, "$name: the server recovers and the token works");
	cmp_ok(scalar(() = $sim->token_requests_since($mark)), '<=', $tokens, "$name: with $tokens token requests at most");
	is($node->safe_psql('postgres', 'SELECT count(*), sum(minutes) FROM acme.time_entry'), $rows, "$name: all rows");
	is($node->safe_psql('postgres', 'SELECT coalesce(sum(in_flight), 0), coalesce(sum(waiting), 0) FROM wfm_stat_limits'), '0|0', "$name: no call is under way");
	is($node->safe_psql('postgres', q{SELECT count(*) FROM pg_ls_tmpdir()}), 0, "$name: no temporary file");
	is($node->safe_psql('postgres', 'SELECT state FROM wfm_stat_connections'), 'ready', "$name: the connection is ready");
}

# While answers are on their way
my $mark = $sim->mark;
$sim->fault({ match => { path => '*time.api' }, action => { delay => 30 } });
kill_session('waiting for answers', 'SELECT count(*) FROM acme.time_entry', "wait_event_type = 'Extension'");
all_is_well('waiting for answers', $mark, 0);
is($node->safe_psql('postgres', 'SELECT generation FROM wfm_tokens'), $generation, 'the token is the same one');

# In the middle of an answer
$mark = $sim->mark;
$sim->fault({ match => { path => '*time.api' }, action => { stall_after => 200, stall_seconds => 30 } });
kill_session('in an answer', 'SELECT count(*) FROM acme.time_entry', "wait_event_type = 'Extension'");
all_is_well('in an answer', $mark, 0);

# With a cursor open
$mark = $sim->mark;
kill_session('with an open cursor', 'BEGIN; DECLARE c CURSOR FOR SELECT * FROM acme.time_entry; FETCH 5 FROM c; SELECT pg_sleep(60)', "wait_event = 'PgSleep'");
all_is_well('with an open cursor', $mark, 0);

# While the token worker asks for a token on its behalf: what was presented
# once may be presented again within the vendor's grace, once.
$mark = $sim->mark;
$sim->control('POST', 'tokens', { expire_access => JSON::PP::true() });
$sim->fault({ match => { path => '/connect/token' }, count => 1, action => { delay => 2 } });
kill_session('waiting for a token', 'SELECT count(*) FROM acme.staff', "wait_event_type = 'Extension' AND EXISTS (SELECT FROM wfm_tokens WHERE first_use IS NOT NULL)");
all_is_well('waiting for a token', $mark, 2);
$node->safe_psql('postgres', "SELECT wfm_refresh('acme')");
is($node->safe_psql('postgres', 'SELECT state FROM wfm_stat_connections'), 'ready', 'and the refresh token lives');

done_testing();
