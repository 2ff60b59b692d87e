# Limits of the API, shared by all sessions: no 429 however many ask, a slot
# back however a query ends, one 429 that stops all, a day that is refused at
# once, priorities, and what is remembered over a restart.
#
# WFM_TEST_LONG=1 tries 10,000 timeouts.

use strict;
use warnings;

use IPC::Run;
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;
use Time::HiRes qw(sleep time);

use WfmTest;

my $sim = WfmTest::Simulator->new('--clients', 10, '--jobs', 20, '--time', 50,
	'--minute-limit', 600, '--day-limit', 100000, '--concurrent-limit', 50);
my $node = WfmTest::start_node('limits',
	settings => "wfm_fdw.wait_notice = -1\nwfm_fdw.stall_timeout = '1h'\nrestart_after_crash = on\n");
my %numbers = (calls_per_minute => 600, calls_per_day => 100000);
WfmTest::connect_tables($node, $sim, %numbers);
$node->safe_psql('postgres', 'ALTER DATABASE postgres SET search_path = acme, public');
my $staff = $node->safe_psql('postgres', 'SELECT count(*) FROM staff');
my @sessions;

# Start a session with one statement; it is ended with the test.
sub session
{
	my ($sql) = @_;
	my $self = { out => '', err => '' };

	$self->{run} = IPC::Run::start(
		[ 'psql', '-XAtq', '-v', 'VERBOSITY=verbose', '-d', $node->connstr('postgres'), '-c', $sql ],
		'<', \undef, '>', \$self->{out}, '2>', \$self->{err});
	push @sessions, $self;
	return $self;
}

# Wait for sessions to end; how many of them failed.
sub finish
{
	my (@ended) = @_;

	return scalar grep { !IPC::Run::finish($_->{run}) } @ended;
}

# End sessions that hold a slot.
sub release
{
	my (@holders) = @_;

	$node->safe_psql('postgres', <<'END');
SELECT pg_cancel_backend(pid) FROM pg_stat_activity
WHERE query LIKE '%/* holder */%' AND pid <> pg_backend_pid();
END
	return finish(@holders);
}

# One column of the view's row of the first tenant.
sub limits
{
	my ($column) = @_;

	return $node->safe_psql('postgres', "SELECT $column FROM wfm_stat_limits ORDER BY 1 LIMIT 1");
}

# Wait until a condition on the view holds; the seconds it took, or -1.
sub wait_for
{
	my ($condition) = @_;
	my $start = time;

	while (time - $start < 90)
	{
		return time - $start
		  if $node->safe_psql('postgres', "SELECT $condition FROM wfm_stat_limits") eq 't';
		sleep 0.02;
	}
	return -1;
}

# The server's side of things for the tenant that is called.
sub tenant
{
	my ($tenant) = grep { $_->{highest_concurrency} } @{ $sim->state->{limits}{tenants} };

	return $tenant;
}

sub refused_calls
{
	my ($mark) = @_;

	return scalar grep { $_->{status} == 429 } $sim->calls_since($mark);
}

# Kill the backend of a session; all of shared memory goes with it.
sub kill_backend
{
	my ($session, $mark) = @_;
	my $find = "SELECT pid FROM pg_stat_activity WHERE query LIKE '%/* $mark */%' AND pid <> pg_backend_pid()";

	$node->poll_query_until('postgres', "SELECT count(*) = 1 FROM ($find) f");
	kill 'KILL', $node->safe_psql('postgres', $find);
	finish($session);
	my $deadline = time + 180;
	while (time < $deadline)
	{
		# psql may be gone before it was told what to ask; the token is there
		# again once the worker has read it
		my ($ret) = eval { $node->psql('postgres', "SELECT count(*) FROM wfm_identity('acme')") };
		return if defined $ret && $ret == 0;
		sleep 0.02;
	}
	die 'the server does not recover';
}

# What was known is lost.
sub crash
{
	kill_backend(session('SELECT /* victim */ pg_sleep(60)'), 'victim');
	return;
}

sub slow { return $sim->fault({ match => { path => '*staff.api' }, action => { delay => $_[0] } }); }

# Until it is released, or whoever waits for it gives up.
sub hold { return slow(600); }

# "At once": less than half of what any of the waits here would take.
my $at_once = 25;

my $slow_query = 'SELECT count(*) FROM staff';

# --- a cursor that fails in a subtransaction, and outlives it ---
{
	$sim->fault({ match => { path => '*time.api*' }, action => { delay => 0.5 } });
	my ($ret, $out, $err) = $node->psql('postgres', <<'END');
\set ON_ERROR_STOP off
BEGIN;
DECLARE c CURSOR FOR SELECT minutes / 0 FROM time_entry;
SAVEPOINT s;
FETCH 1 FROM c;
ROLLBACK TO s;
SELECT sum(in_flight) AS held FROM wfm_stat_limits;
COMMIT;
END
	like($err, qr/division by zero/, 'a cursor fails in a subtransaction');
	is($out, '0', 'its calls hold no slot after ROLLBACK TO');
	$sim->no_faults;
}

# --- many sessions ---
{
	my $mark = $sim->mark;
	my $script = "$PostgreSQL::Test::Utils::tmp_check/staff.sql";

	append_to_file($script, "SELECT count(*) FROM staff;\n");
	$sim->fault({ match => { path => '*staff.api' }, action => { delay => 0.02 } });
	$node->command_ok(
		[ 'pgbench', '-n', '-c', 16, '-j', 2, '-t', 25, '-f', $script, 'postgres' ],
		'16 sessions, 25 queries each, all answered');
	$sim->no_faults;

	my @calls = $sim->calls_since($mark);
	is(scalar(@calls), 400, 'many sessions: one call for each query');
	is(refused_calls($mark), 0, 'many sessions: no 429');
	my ($highest) = sort { $b <=> $a } map { $_->{concurrent} } @calls;
	is($highest, 5, 'many sessions: five calls at once at the server, and never more');
	is(limits('most_in_flight'), 5, 'many sessions: and here');
	is(limits("in_flight || ' ' || waiting"), '0 0', 'many sessions: nothing is left over');
}

# --- a slot comes back however a query ends ---
{
	hold();
	my @holders = map { session("SELECT /* holder */ count(*) FROM staff") } 1 .. 5;
	isnt(wait_for('in_flight = 5'), -1, 'five queries have the slots');
	my $waiter = session($slow_query);
	isnt(wait_for('waiting = 1'), -1, 'a sixth waits');
	like(limits('longest_wait'), qr/^\d\d:/, 'and the view says for how long');

	$sim->no_faults;
	my $start = time;
	$node->safe_psql('postgres', <<'END');
SELECT pg_terminate_backend(pid) FROM pg_stat_activity
WHERE query LIKE '%/* holder */%' AND pid <> pg_backend_pid() ORDER BY pid LIMIT 2;
END
	is(finish($waiter), 0, 'two are terminated: the waiter is served');
	is($waiter->{out}, "$staff\n", 'with its rows');
	cmp_ok(time - $start, '<', $at_once, 'soon');
	isnt(wait_for('in_flight = 3'), -1, 'terminated: their slots are back');
	$node->safe_psql('postgres', <<'END');
SELECT pg_cancel_backend(pid) FROM pg_stat_activity
WHERE query LIKE '%/* holder */%' AND pid <> pg_backend_pid();
END
	is(finish(@holders), 5, 'none of them was answered');
	is(scalar(grep { $_->{err} =~ /57014/ } @holders), 3, 'three were cancelled');
	is(limits("in_flight || ' ' || waiting"), '0 0', 'cancelled: their slots are back');

	# a waiter that is cancelled leaves the queue
	hold();
	@holders = map { session("SELECT /* holder */ count(*) FROM staff") } 1 .. 5;
	isnt(wait_for('in_flight = 5'), -1, 'the slots are taken again');
	$waiter = session("SET statement_timeout = 300; $slow_query");
	is(finish($waiter), 1, 'a waiter runs into its timeout');
	like($waiter->{err}, qr/57014/, 'as a cancel');
	is(limits('waiting'), 0, 'and has left the queue');
	$sim->no_faults;
	release(@holders);

	# errors, aborted subtransactions, open cursors
	$node->safe_psql('postgres', <<'SQL');
DO $$
DECLARE
	c refcursor;
	r record;
BEGIN
	FOR i IN 1 .. 20 LOOP
		BEGIN
			PERFORM 1 / (count(*) - count(*)) FROM staff;
		EXCEPTION WHEN division_by_zero THEN NULL;
		END;
		BEGIN
			OPEN c FOR SELECT * FROM staff;
			FETCH c INTO r;
			RAISE EXCEPTION 'enough';
		EXCEPTION WHEN raise_exception THEN NULL;
		END;
	END LOOP;
END
$$;
SQL
	is(limits("in_flight || ' ' || waiting"), '0 0', 'errors and aborted subtransactions leave nothing');

	# a cursor left open holds no slot
	my $cursor = session('BEGIN; DECLARE c CURSOR FOR SELECT * FROM staff; FETCH 1 FROM c; SELECT pg_sleep(60)');
	$node->poll_query_until('postgres', "SELECT count(*) = 1 FROM pg_stat_activity WHERE wait_event = 'PgSleep'");
	is(limits('in_flight'), 0, 'an open cursor holds no slot');
	$node->safe_psql('postgres', "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE wait_event = 'PgSleep'");
	finish($cursor);
}

# --- one 429 stops all ---
{
	my $mark = $sim->mark;

	$sim->fault({ match => { path => '*staff.api' }, count => 1,
			action => { status => 429, body => '', headers => { 'Retry-After' => '6',
					'X-Rate-Limit-Problem' => 'minute' } } });
	my @asking = map { session($slow_query) } 1 .. 10;
	# Those that had a slot already have called; then nobody does.
	isnt(wait_for("blocked_by = 'told to wait' AND in_flight = 0"), -1, 'one 429: the tenant is blocked');
	my $quiet = time;
	is(finish(@asking), 0, 'one 429: all ten queries wait and are answered');
	is(limits('refusals'), 1, 'one 429: it stayed the only one');
	my @calls = sort { $a->{time} <=> $b->{time} } $sim->calls_since($mark);
	my ($refused) = grep { $_->{status} == 429 } @calls;
	my @close = grep { $_->{time} > $quiet && $_->{time} < $refused->{time} + 6 } @calls;
	is(scalar(@close), 0, 'one 429: nobody called before the time was over');
	is($node->safe_psql('postgres', "SELECT blocked_until IS NULL FROM wfm_stat_limits"), 't',
		'one 429: then nothing is blocked');
}

# --- no longer than wfm_fdw.max_wait ---
{
	$sim->fault({ match => { path => '*staff.api' }, count => 1,
			action => { status => 429, body => '', headers => { 'Retry-After' => '1800',
					'X-Rate-Limit-Problem' => 'minute' } } });
	my $start = time;
	my ($ret, $out, $err) = $node->psql('postgres', "\\set VERBOSITY verbose\n$slow_query");
	like($err, qr/ERROR:\s+53400:/, 'a wait of half an hour: an error');
	like($err, qr/The next call is possible at 20\d\d-/, 'it says when to come back');
	like($node->safe_psql('postgres', q{SELECT detail, mend FROM wfm_check('acme') WHERE step = 'call' AND NOT ok}),
		qr/has to wait: told to wait, until 20\d\d-.*wfm_stat_limits/, 'and so does wfm_check');
	like($err, qr/HINT:.*wfm_fdw\.max_wait/, 'and which setting decides');
	cmp_ok(time - $start, '<', $at_once, 'at once');
	my $mark = $sim->mark;
	($ret, $out, $err) = $node->psql('postgres', "\\set VERBOSITY verbose\nSET wfm_fdw.max_wait = 0; $slow_query");
	like($err, qr/ERROR:\s+53400:/, 'max_wait = 0: an error');
	is(scalar(() = $sim->calls_since($mark)), 0, 'without a call');
	crash();
}

# --- but a query may wait for its own calls ---
{
	# a list of nine windows, and a whole minute for the calls of this part
	$node->safe_psql('postgres', "ALTER SERVER acme OPTIONS (ADD history_from '2019-06-01')");
	my $jobs = $node->safe_psql('postgres', 'SELECT count(*) FROM job');
	$sim->control('POST', 'reset', { what => ['limits'] });
	crash();
	$sim->fault({ match => { path => '*' }, action => { delay => 0.1 } });
	is($node->safe_psql('postgres', 'SET wfm_fdw.max_wait = 0; SELECT count(*) FROM job'), $jobs,
		'max_wait = 0: more calls than there are slots');
	foreach my $slots (1, 2)
	{
		$node->safe_psql('postgres', "UPDATE wfm_connections SET concurrent_calls = $slots");
		foreach my $max_wait (0, 50)
		{
			my $set = "SET wfm_fdw.max_wait = $max_wait; SET enable_material = off; SET statement_timeout = '60s'";

			is($node->safe_psql('postgres', "$set; SELECT count(*) FROM (SELECT 1 FROM job LIMIT 40) j, LATERAL (SELECT * FROM staff OFFSET 0) s"),
				$jobs * $staff, "max_wait = $max_wait: two scans of a query, $slots at once");
			is($node->safe_psql('postgres', "$set; SELECT count(*) FROM (SELECT uuid FROM job UNION ALL SELECT uuid FROM job) j"),
				2 * $jobs, "max_wait = $max_wait: two scans below an Append, $slots at once");
		}
	}
	$node->safe_psql('postgres', 'UPDATE wfm_connections SET concurrent_calls = 5');
	is(limits("in_flight || ' ' || waiting"), '0 0', 'max_wait: nothing is left over');

	# others' calls are waited for no longer
	$sim->no_faults;
	hold();
	my @holders = map { session("SELECT /* holder */ count(*) FROM staff") } 1 .. 5;
	isnt(wait_for('in_flight = 5'), -1, 'others have the slots');
	my $start = time;
	my ($ret, $out, $err) = $node->psql('postgres', "\\set VERBOSITY verbose\nSET wfm_fdw.max_wait = '300ms'; $slow_query");
	like($err, qr/ERROR:\s+53400:/, 'max_wait: a slot of others is an error');
	cmp_ok(time - $start, '<', $at_once, 'when the time is over');
	$sim->no_faults;
	release(@holders);
	$node->safe_psql('postgres', 'ALTER SERVER acme OPTIONS (DROP history_from)');
	$sim->control('POST', 'reset', { what => ['limits'] });
	crash();
}

# --- what is remembered ---
my $file = $node->data_dir . '/pg_stat/wfm_fdw_limits.stat';
{
	is($node->safe_psql('postgres', 'SELECT count(*) FROM wfm_stat_limits'), 0, 'a crash: nothing is known');
	$node->safe_psql('postgres', "SELECT count(*) FROM staff") for 1 .. 3;
	my $before = limits('calls_last_day');
	cmp_ok($before, '>=', 3, 'three calls, and what the headers tell of those before');
	$node->stop;
	ok(-s $file, 'a clean stop writes the state file');
	$node->start;
	ok(!-e $file, 'the start reads and removes it');
	is(limits('calls_last_day'), $before, 'the day goes on');
	cmp_ok(limits('calls_last_minute'), '>=', 3, 'the minute goes on');

	$node->stop;
	open my $out, '+<', $file or die "$file: $!";
	seek $out, 3000, 0;
	print $out 'damaged';
	close $out;
	$node->start;
	is($node->safe_psql('postgres', 'SELECT count(*) FROM wfm_stat_limits'), 0, 'a damaged file is not believed');
	like(slurp_file($node->logfile), qr/ignoring invalid data in file "pg_stat\/wfm_fdw_limits\.stat"/, 'and the log says so');

	# kill -9 of a backend that holds a slot
	hold();
	my $holder = session("SELECT /* holder */ count(*) FROM staff");
	isnt(wait_for('in_flight = 1'), -1, 'a query has a slot');
	$sim->no_faults;
	kill_backend($holder, 'holder');
	is($node->safe_psql('postgres', 'SELECT count(*) FROM wfm_stat_limits'), 0, 'kill -9: nothing is left over');
	is($node->safe_psql('postgres', $slow_query), $staff, 'kill -9: the next query is answered');
}

# --- the first call after a crash goes alone, and headers count ---
{
	# Seconds between the calls of four queries that follow each other.
	sub pauses
	{
		my $mark = $sim->mark;
		$node->safe_psql('postgres', "$slow_query;\n" x 4);
		my @at = map { $_->{time} } $sim->calls_since($mark);
		return sort { $a <=> $b } map { $at[$_] - $at[ $_ - 1 ] } 1 .. $#at;
	}

	$sim->control('POST', 'limits', { enforced => JSON::PP::false });
	crash();
	cmp_ok((pauses())[0], '>', 0.9, 'without headers one call a second goes out after a crash');
	$sim->control('POST', 'limits', { enforced => JSON::PP::true });
	cmp_ok((pauses())[0], '<', 0.9, 'until a header tells what is left');
	$sim->control('POST', 'limits', { minute => 30 });
	$sim->control('POST', 'reset', { what => ['limits'] });
	crash();
	my $mark = $sim->mark;
	slow(0.3);
	my @asking = map { session($slow_query) } 1 .. 5;
	is(finish(@asking), 0, 'five queries after a crash');
	$sim->no_faults;
	my @calls = sort { $a->{time} <=> $b->{time} } $sim->calls_since($mark);
	cmp_ok($calls[1]{time}, '>=', $calls[0]{time} + 0.3, 'the first call went alone');
	cmp_ok(limits('minute_left'), '<=', 30, 'the header lowered what is left of the minute');
	my ($ret, $out, $err) = $node->psql('postgres',
		"\\set VERBOSITY verbose\nSET wfm_fdw.max_wait = '1s';\n" . "$slow_query;\n" x 40, on_error_stop => 1);
	isnt($ret, 0, 'the minute of another plan than the settings say is noticed');
	like($err, qr/53400/, 'then an error rather than a 429');
	is(refused_calls($mark), 0, 'before the server refuses');
	$sim->control('POST', 'limits', { minute => 600 });
	$sim->control('POST', 'reset', { what => ['limits'] });
	crash();
}

# --- priority ---
{
	$node->safe_psql('postgres', $slow_query);
	hold();
	my @batch = map { session("SET wfm_fdw.priority = 'batch'; $slow_query") } 1 .. 5;
	isnt(wait_for('waiting = 2'), -1, 'batch: two of five wait');
	is(limits('in_flight'), 3, 'batch: three have a slot');
	my @interactive = map { session($slow_query) } 1 .. 2;
	isnt(wait_for('in_flight = 5'), -1, 'interactive: has the other two');
	$sim->release;
	is(finish(@batch, @interactive), 0, 'priority: all are answered');
}

# --- many rounds of timeouts and terminations, in flight and in the queue ---
{
	my $rounds = $ENV{WFM_TEST_LONG} ? 1250 : 25;
	my $script = "$PostgreSQL::Test::Utils::tmp_check/rounds.sql";

	append_to_file($script, join '', map { 'SET statement_timeout = ' . (1 + $_ * 7 % 60) . ";\n$slow_query;\n" } 1 .. $rounds);
	slow(0.03);
	my @clients = map {
		{ run => IPC::Run::start(
				[ 'psql', '-XAtq', '-d', $node->connstr('postgres'), '-f', $script ],
				'<', \undef, '>', \my $out, '2>', \my $err) }
	} 1 .. 8;
	push @sessions, @clients;
	finish(@clients);
	isnt(wait_for('in_flight = 0 AND waiting = 0'), -1, 8 * $rounds . ' timeouts leave nothing')
	  or diag(limits("in_flight || ' ' || waiting"));
	$sim->no_faults;

	hold();
	for (1 .. 3)
	{
		my @victims = map { session('SELECT /* victim */ count(*) FROM staff') } 1 .. 7;
		isnt(wait_for('in_flight = 5 AND waiting = 2'), -1, 'seven queries, five slots');
		$node->safe_psql('postgres',
			"SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE query LIKE '%/* victim */%' AND pid <> pg_backend_pid()");
		finish(@victims);
		is(limits("in_flight || ' ' || waiting"), '0 0', 'seven terminations leave nothing');
	}
	$sim->no_faults;
}

# --- the day ---
{
	$sim->fault({ match => { path => '*staff.api' }, count => 1,
			action => { status => 429, body => '', headers => { 'Retry-After' => '66975',
					'X-Rate-Limit-Problem' => 'day' } } });
	my $start = time;
	my ($ret, $out, $err) = $node->psql('postgres', "\\set VERBOSITY verbose\n$slow_query");
	like($err, qr/ERROR:\s+53400:.*day limit/, 'the day: an error');
	like($err, qr/The next call is possible at 20\d\d-/, 'the day: with the time when it begins anew');
	cmp_ok(time - $start, '<', $at_once, 'the day: at once');
	my $mark = $sim->mark;
	($ret, $out, $err) = $node->psql('postgres', "\\set VERBOSITY verbose\n$slow_query");
	like($err, qr/ERROR:\s+53400:.*day limit/, 'the day: also for the next query');
	is(scalar(() = $sim->calls_since($mark)), 0, 'the day: which calls nobody');
	is(limits('blocked_by'), 'day limit', 'the day: the view says so');
	$node->restart;
	is(limits('blocked_by'), 'day limit', 'the day: a restart does not forget it');
	is($node->safe_psql('postgres', "SELECT blocked_until BETWEEN now() + interval '18 hours' AND now() + interval '19 hours' FROM wfm_stat_limits"),
		't', 'the day: nor until when');
}

# --- who may look ---
{
	$node->safe_psql('postgres', 'CREATE ROLE nobody LOGIN; CREATE ROLE watcher LOGIN IN ROLE pg_monitor');
	my ($ret, $out, $err) = $node->psql('postgres', 'SELECT count(*) FROM public.wfm_stat_limits', extra_params => [ '-U', 'nobody' ]);
	like($err, qr/permission denied/, 'the view is not for everybody');
	($ret, $out, $err) = $node->psql('postgres', 'SELECT count(*) FROM public.wfm_stat_limits', extra_params => [ '-U', 'watcher' ]);
	is($out, 1, 'but for pg_monitor');
}

$node->stop;
$sim->stop;
done_testing();

END
{
	my $exit_code = $?;

	foreach my $session (@sessions)
	{
		$session->{run}->kill_kill(grace => 1) if $session->{run}->pumpable;
	}
	$? = $exit_code;
}
