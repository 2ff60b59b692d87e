# wfm_stat_scans: what a second session sees of a scan while it runs, what it
# waits for, who may see it, and that nothing of it stays however it ends.

use strict;
use warnings;

use IPC::Run;
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;
use Time::HiRes qw(sleep time);

use WfmTest;

my $sim = WfmTest::Simulator->new('--clients', 30, '--jobs', 60, '--time', 2000,
	'--minute-limit', 100000, '--day-limit', 1000000, '--concurrent-limit', 50);
my $node = WfmTest::start_node('scans', settings => "wfm_fdw.max_scans = 6\nrestart_after_crash = on\nwfm_fdw.wait_notice = -1\nwfm_fdw.stall_timeout = '1h'\n");
my @sessions;

# One call at a time, so that what was read before a slow answer is certain.
WfmTest::connect_tables($node, $sim, calls_per_minute => 600, concurrent_calls => 1,
	server => "connection 'acme', history_from '2020-01-01'");
sub one { return $node->safe_psql('postgres', $_[0]); }

# A session that is fed statements; as a role, if one is given.
sub session
{
	my ($sql, $role) = @_;
	my $self = { in => '', out => '', err => '' };
	my @as = $role ? ('-U', $role) : ();

	$self->{run} = IPC::Run::start([ 'psql', '-XAtq', '-d', $node->connstr('postgres'), @as ],
		'<', \$self->{in}, '>', \$self->{out}, '2>', \$self->{err});
	push @sessions, $self;
	feed($self, $sql);
	return $self;
}

sub feed
{
	my ($self, $sql) = @_;

	$self->{in} .= "$sql;\n";
	$self->{run}->pump_nb while length $self->{in};
	return;
}

# End it; what it said on standard error.
sub finish
{
	my ($self) = @_;

	eval { $self->{run}->finish; };
	return $self->{err};
}

# Wait until the view has a row with this; its columns, or an empty list.
sub see
{
	my ($condition, @columns) = @_;
	my $deadline = time() + 60;
	my $list = @columns ? join(', ', @columns) : '*';

	while (time() < $deadline)
	{
		my $row = one("SELECT $list FROM wfm_stat_scans WHERE $condition LIMIT 1");
		return split /\|/, $row, -1 if $row ne '';
		sleep 0.02;
	}
	diag(one('SELECT * FROM wfm_stat_scans'));
	return;
}

# All places are free again; that no scan is shown might be a moment earlier.
sub nothing_is_left
{
	my ($name) = @_;

	ok($node->poll_query_until('postgres', 'SELECT scans = 0 FROM wfm_stat_info'), "$name: nothing is left of the scan");
	is(one('SELECT count(*) FROM wfm_stat_scans'), 0, "$name: nor shown");
	return;
}

# Hold answers back until they are released, or whoever waits for them gives up.
sub hold { return $sim->fault({ match => { path => $_[0] }, skip => $_[1] || 0, action => { delay => 600 } }); }

# What is there for a moment only: looked for without a pause from before it
# begins, by a session that is there already.  Returns a function that waits for
# the columns of the row that was seen, or nothing.
sub catch_sight
{
	my ($condition, @columns) = @_;
	my $list = join ' || $$|$$ || ', map { "coalesce(($_)::text, '')" } @columns;
	my $watch = session("SELECT 'watching'; DO \$x\$
		DECLARE seen text;
		BEGIN
			FOR i IN 1 .. 60000 LOOP
				SELECT $list INTO seen FROM wfm_stat_scans WHERE $condition LIMIT 1;
				EXIT WHEN seen IS NOT NULL;
				PERFORM pg_sleep(0.001);
			END LOOP;
			RAISE NOTICE 'seen: %', seen;
		END \$x\$");

	$watch->{run}->pump until $watch->{out} =~ /watching/;
	return sub { return finish($watch) =~ /NOTICE:  seen: (.*)/ ? split /\|/, $1 : (); };
}

my $all = 'SELECT count(*), sum(minutes) FROM acme.time_entry';
my $tenant = $sim->tenant_id('PRACTICEMANAGER');
my $expected = one($all);
my ($calls) = one("EXPLAIN $all") =~ /Expected Calls: (\d+)/;
cmp_ok($calls, '>=', 8, 'a whole table takes several calls');
is(one('SELECT count(*) FROM wfm_stat_scans'), 0, 'at rest there is none');

# --- in the middle ---
{
	my $mark = $sim->mark;
	hold('*time.api/list', 4);
	my $session = session($all);
	my ($role, $server, $table, $of, $request, $current, $pages, $missing, $rows, $bytes, $sent, $until, $young, $known) =
	  see("waits_for = 'network' AND pages = 4", 'role', 'server', 'table_name', 'tenant_id', 'request', 'current_request', 'pages',
		'expected_pages', 'rows', 'bytes', 'calls', 'waits_until',
		"started_at BETWEEN now() - interval '2 min' AND now()",
		"EXISTS (SELECT FROM pg_stat_activity a WHERE a.pid = s.pid AND a.datname = s.database)" =~ s/\bs\./wfm_stat_scans./gr);
	# calls_since() would wait for the one that is under way
	my @log = grep { defined $_->{dialect} } map { JSON::PP->new->decode($_) } split /\n/, $sim->_request('GET', "log?since=$mark");
	my $received = 0;
	$received += $_->{body_bytes} foreach @log;

	is($server, 'acme', 'in the middle: the server');
	is($table, 'acme.time_entry', 'the table');
	is($of, $tenant, 'the tenant');
	is($request, 'GET practicemanager/3.1 time.api/list?from={date}&to={date}', 'the request as EXPLAIN prints it');
	like($current, qr/^time\.api\/list\?from=\d{8}&to=\d{8}$/, 'the request that is under way');
	is($missing, $calls, 'as many pages are expected as the plan said');
	is(scalar @log, 4, 'the simulator has answered four');
	is($sent, 5, 'and the fifth is under way');
	is($bytes, $received, 'bytes are those of the four answers');
	cmp_ok($rows, '>', 0, 'rows went to the executor');
	is($until, '', 'nobody knows how long the network takes');
	is($young, 't', 'it began just now');
	is($known, 't', 'process and database are those of pg_stat_activity');
	is(one('SELECT wait_event_type, wait_event FROM pg_stat_activity WHERE pid = (SELECT pid FROM wfm_stat_scans)'),
		one('SHOW server_version_num') >= 170000 ? 'Extension|WfmNetwork' : 'Extension|Extension', 'the server knows that it waits, and newer ones what for');
	$sim->release;
	finish($session);
	is($session->{out}, "$expected\n", 'the scan is none the worse');
	nothing_is_left('end');
}

# --- bytes of an answer that comes slowly ---
{
	my $whole = $sim->fault({ match => { path => '*client.api' }, action => { stall_after => 2000, stall_seconds => 600 } });
	my $session = session('SELECT count(name) FROM acme.client');
	my ($pages) = see("bytes >= 1000 AND waits_for = 'network'", 'pages');
	is($pages, 0, 'bytes are counted while an answer arrives');
	one('SELECT pg_cancel_backend(pid) FROM wfm_stat_scans');
	like(finish($session), qr/canceling statement/, 'cancel in the middle of an answer');
	$sim->no_faults;
	nothing_is_left('cancel');
}

# --- what it waits for ---
{
	hold('*staff.api');
	my $first = session('SELECT count(*) FROM acme.staff');
	see("table_name = 'acme.staff' AND waits_for = 'network'", 'pid');
	my $second = session("SET wfm_fdw.wait_notice = '300ms'; SELECT count(*) FROM acme.client");
	my ($calls_of_second) = see("table_name = 'acme.client' AND waits_for = 'concurrent calls'", 'calls');
	is($calls_of_second, 0, 'waits for a slot: nothing was sent');
	my $third = session("SET wfm_fdw.wait_notice = '300ms'; SELECT name FROM acme.client UNION ALL SELECT name FROM acme.task");
	my $deadline = time() + 60;
	$_->{run}->pump_nb, sleep 0.05 foreach ($second, $third) x 20;
	foreach my $waiting ($second, $third)
	{
		$waiting->{run}->pump_nb, sleep 0.05 until $waiting->{err} =~ /NOTICE/ || time() > $deadline;
	}
	one('SELECT pg_cancel_backend(pid) FROM wfm_stat_scans');
	finish($_) foreach $first, $second, $third;
	$sim->no_faults;
	nothing_is_left('slot');
	my $notice = qr/^NOTICE:  waiting because of the limits of connection "acme": concurrent calls$/m;
	is(scalar(() = $second->{err} =~ /$notice/g), 1, 'the client is told once');
	like($third->{err}, $notice, 'also by asynchronous scans');
	is($first->{err} =~ /NOTICE/ ? 1 : 0, 0, 'with the setting at -1 not at all');

	$sim->fault({ match => { path => '*staff.api' }, count => 1, action => { retry_after => 15 } });
	$first = session('SELECT count(*) FROM acme.staff');
	my ($soon) = see("waits_for = 'told to wait'", "waits_until BETWEEN now() AND now() + interval '17 s'");
	is($soon, 't', 'told to wait: and until when');
	is(join('|', see("refusals = 1", 'refusals', 'retries')), '1|1', 'the 429 and the second attempt are counted');
	one('SELECT pg_cancel_backend(pid) FROM wfm_stat_scans');
	finish($first);
	nothing_is_left('told to wait');
	ok($node->poll_query_until('postgres', 'SELECT blocked_until IS NULL FROM wfm_stat_limits'), 'then the time is over');

	$sim->fault({ match => { path => '*staff.api' }, action => { status => 503 } });
	my $sight = catch_sight("waits_for = 'back-off'", "waits_until BETWEEN started_at AND started_at + interval '2 min'");
	$first = session('SELECT count(*) FROM acme.staff');
	($soon) = $sight->();
	is($soon, 'true', 'back-off: and until when');
	like(finish($first), qr/ERROR/, 'an error in the end');
	$sim->no_faults;
	nothing_is_left('error');

	$sim->fault({ match => { path => '/connect/token' }, count => 1, action => { delay => 50 } });
	$sim->control('POST', 'tokens', { expire_access => JSON::PP::true });
	$first = session('SELECT count(*) FROM acme.staff');
	is((see("waits_for = 'token'", 'count(*) OVER ()'))[0], 1, 'waits for a token');
	$sim->release;
	is(finish($first), '', 'which comes');
	nothing_is_left('token');
}

# --- the minute ---
{
	one('UPDATE wfm_connections SET calls_per_minute = 1');
	my $session = session($all);
	my ($soon) = see("waits_for = 'minute limit'", "waits_until BETWEEN now() AND now() + interval '61 s'");
	is($soon, 't', 'minute limit: and until when');
	one('SELECT pg_terminate_backend(pid) FROM wfm_stat_scans');
	like(finish($session), qr/terminating connection/, 'terminated');
	nothing_is_left('terminated');
	one('UPDATE wfm_connections SET calls_per_minute = 600');
}

# --- cursors ---
{
	my $session = session('BEGIN; DECLARE c CURSOR FOR SELECT * FROM acme.time_entry; FETCH 1 FROM c');
	my ($rows, $until) = see("waits_for = 'next fetch'", 'rows', 'waits_until');
	is($rows, 1, 'a cursor at rest has handed out one row');
	is($until, '', 'until when is the client\'s business');
	feed($session, 'FETCH 9 FROM c');
	is((see("waits_for = 'next fetch' AND rows = 10", 'rows'))[0], 10, 'and then ten');
	feed($session, "SAVEPOINT s; SELECT 1/0; ROLLBACK TO s; SELECT 'alive'");
	sleep 0.02 until $session->{out} =~ /alive/ || !$session->{run}->pump_nb;
	is(one('SELECT rows FROM wfm_stat_scans'), 10, 'a subtransaction that fails elsewhere leaves it alone');
	feed($session, 'CLOSE c');
	nothing_is_left('closed');
	feed($session, 'SAVEPOINT t; DECLARE d CURSOR FOR SELECT * FROM acme.time_entry; FETCH 1 FROM d');
	see("waits_for = 'next fetch'", 'pid');
	feed($session, 'ROLLBACK TO t');
	nothing_is_left('subtransaction');
	feed($session, 'DECLARE e CURSOR FOR SELECT * FROM acme.time_entry; FETCH 1 FROM e');
	see("waits_for = 'next fetch'", 'pid');
	feed($session, 'ROLLBACK');
	nothing_is_left('transaction');
	feed($session, 'BEGIN; DECLARE f CURSOR FOR SELECT * FROM acme.time_entry; FETCH 1 FROM f');
	see("waits_for = 'next fetch'", 'pid');
	$session->{run}->kill_kill(grace => 1);
	nothing_is_left('the client is gone');
}

# An error caught inside one statement: seen by the very session
is(one("DO \$\$ BEGIN PERFORM 1 / (minutes - minutes) FROM acme.time_entry; EXCEPTION WHEN division_by_zero THEN NULL; END \$\$;
	SELECT scans FROM wfm_stat_info"), 0, 'an error that is caught leaves nothing');

# --- joins ---
{
	hold('*job.api/get', 6);
	my $session = session('SET enable_hashjoin = off; SET enable_mergejoin = off; SET enable_material = off; '
		. "SELECT count(j.name) FROM unnest(ARRAY(SELECT id FROM acme.job_current WHERE id ~ '^[A-Z0-9]+\$' LIMIT 9)) k, LATERAL (SELECT name FROM acme.job WHERE id = k OFFSET 0) j");
	my ($pages) = see("table_name = 'acme.job' AND waits_for = 'network' AND pages > 0", 'pages');
	cmp_ok($pages // 0, '>=', 1, 'the inner side of a join shows what it read over its rescans');
	$sim->release;
	finish($session);
	nothing_is_left('join');
}

# --- more scans than places ---
{
	my $session = session('BEGIN; ' . join('; ', map { "DECLARE c$_ CURSOR FOR SELECT * FROM acme.time_entry; FETCH 1 FROM c$_" } 1 .. 9) . "; SELECT 'open'");
	my $deadline = time() + 60;
	$session->{run}->pump_nb, sleep 0.02 until $session->{out} =~ /open/ || time() > $deadline;
	is(one('SELECT scans, max_scans, scans_not_shown FROM wfm_stat_info'), '6|6|3', 'nine scans, six places: three are not shown');
	is(one('SELECT count(*) FROM wfm_stat_scans'), 6, 'and six are');
	feed($session, "CLOSE c1; MOVE ALL IN c9; SELECT 'read'; COMMIT");
	is(finish($session), '', 'those that are not shown run all the same');
	nothing_is_left('too many');
}

# --- asynchronous scans ---
{
	hold('*.api');
	one('UPDATE wfm_connections SET concurrent_calls = 5');
	my $session = session('SELECT name FROM acme.staff UNION ALL SELECT name FROM acme.client UNION ALL SELECT name FROM acme.task');
	is((see("(SELECT count(*) FROM wfm_stat_scans WHERE waits_for = 'network') = 3", '1'))[0], 1, 'scans below an Append: one row each');
	$sim->release;
	finish($session);
	nothing_is_left('asynchronous');
}

# --- who may see what ---
{
	one('CREATE ROLE alice LOGIN; CREATE ROLE bob LOGIN; CREATE ROLE chief LOGIN IN ROLE alice; CREATE ROLE observer LOGIN IN ROLE pg_read_all_stats;
		GRANT USAGE ON SCHEMA acme TO PUBLIC; GRANT SELECT ON ALL TABLES IN SCHEMA acme TO alice; CREATE DATABASE other');
	$node->safe_psql('other', 'CREATE EXTENSION wfm_fdw');
	hold('*staff.api');
	my $session = session('SELECT count(*) FROM acme.staff', 'alice');
	see("table_name = 'acme.staff' AND waits_for = 'network'", 'pid');
	my $look = 'SELECT pid IS NOT NULL, role, database, server, table_name, tenant_id IS NULL, request IS NULL, calls, started_at IS NULL FROM public.wfm_stat_scans';
	my %seen = map { $_ => $node->safe_psql('postgres', $look, extra_params => [ '-U', $_ ]) } qw(alice bob chief observer);
	my $open = 't|alice|postgres|acme|acme.staff|f|f|1|f';

	is($seen{alice}, $open, 'one sees one\'s own scan');
	is($seen{chief}, $open, 'and that of a role one is a member of');
	is($seen{observer}, $open, 'and with pg_read_all_stats everybody\'s');
	is($seen{bob}, 't|alice|postgres|||t|t||t', 'of others only who and where');
	is($node->safe_psql('other', $look), $open, 'from another database too');
	one("SELECT pg_cancel_backend(pid) FROM wfm_stat_scans");
	finish($session);
	$sim->no_faults;
	nothing_is_left('alice');
}

# --- kill -9 ---
{
	hold('*staff.api');
	my $session = session('SELECT count(*) FROM acme.staff');
	my ($pid) = see("waits_for = 'network'", 'pid');
	kill 'KILL', $pid;
	eval { finish($session); };
	$sim->no_faults;
	my $deadline = time() + 60;
	my ($code, $out);
	do
	{
		sleep 0.05;
		($code, $out) = eval { $node->psql('postgres', 'SELECT count(*) FROM wfm_stat_scans') };
	} until (defined $code && $code == 0) || time() > $deadline;
	is($out, 0, 'kill -9: the server starts anew, and with it the view');
	is(one($all), $expected, 'and scans work');
}

done_testing();
