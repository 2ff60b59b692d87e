# wfm_stat_tables: what is counted is what the simulator saw and sent, however
# many sessions read; it survives a clean restart, works where nothing can be
# written, and can be reset by those who may.
#
# WFM_TEST_LONG=1 runs the 64 sessions for longer.

use strict;
use warnings;

use IPC::Run;
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;
use Time::HiRes qw(sleep time);

use WfmTest;

my $sim = WfmTest::Simulator->new('--clients', 20, '--jobs', 30, '--time', 300, '--dirty',
	'--minute-limit', 100000, '--day-limit', 1000000, '--concurrent-limit', 50);
my $node = WfmTest::start_node('tables', init => [ allows_streaming => 1 ],
	settings => "wfm_fdw.max_tables = 20\nrestart_after_crash = on\nmax_connections = 100\nwfm_fdw.max_wait = '600s'\nwfm_fdw.stall_timeout = '1h'\n");

sub one { return $node->safe_psql('postgres', $_[0]); }
sub figures { return one("SELECT $_[1] FROM wfm_stat_tables WHERE table_name = '$_[0]'::regclass"); }

# The requests below a path, also those that a fault answered, and the bytes of
# the bodies that came.
sub seen
{
	my ($mark, $path) = @_;
	my @calls = grep { $_->{path} =~ m{/\Q$path\E} } $sim->requests_since($mark);
	my $bytes = 0;

	$bytes += $_->{body_bytes} foreach grep { $_->{status} == 200 } @calls;
	return (scalar @calls, $bytes);
}

# Until the simulator has a call that it does not answer yet.
sub wait_for_call
{
	for (1 .. 1200)
	{
		return 1 if @{ $sim->state->{http}{active} };
		sleep 0.05;
	}
	return 0;
}

WfmTest::connect_tables($node, $sim, calls_per_minute => 600, concurrent_calls => 20,
	server => "connection 'acme', history_from '2022-01-01'");
my $mark = $sim->mark;

is(one('SELECT count(*) FROM wfm_stat_tables'), 0, 'at first nothing is counted');
is(one('EXPLAIN SELECT * FROM acme.client; SELECT count(*) FROM wfm_stat_tables') =~ /(\d+)$/ && $1, 0, 'EXPLAIN is no scan');
one('SELECT * FROM acme.client LIMIT 0; SELECT * FROM acme.client WHERE false');
is(one('SELECT count(*) FROM wfm_stat_tables'), 0, 'nor is what sends nothing');

# --- one table ---
{
	my $rows = one('SELECT count(name) FROM acme.client');
	my ($calls, $bytes) = seen($mark, 'client.api');

	is(figures('acme.client', 'server, scans, calls, pages, rows, bytes, retries, refusals, errors, last_error, learnt_rows'),
		"acme|1|$calls|$calls|$rows|$bytes|0|0|0||$rows", 'one scan: calls, rows and bytes are those of the simulator');
	is(figures('acme.client', "total_time > interval '0', total_time < interval '1 minute', network_wait > interval '0', network_wait <= total_time,
		last_scan BETWEEN now() - interval '1 minute' AND now(), stats_since BETWEEN now() - interval '1 minute' AND now()"),
		't|t|t|t|t|t', 'times are possible ones');
	$mark = $sim->mark;
	one('SELECT name FROM acme.client LIMIT 3');
	is(figures('acme.client', 'scans, rows'), '2|' . ($rows + 3), 'a LIMIT takes the rows it takes');
	is(figures('acme.client', 'learnt_rows'), $rows, 'and teaches nothing');
	is((seen($mark, 'client.api'))[0], figures('acme.client', 'calls') - $calls, 'its calls are counted');
}

# --- windows, retries, refusals, errors ---
{
	$mark = $sim->mark;
	$sim->fault({ match => { path => '*time.api/list' }, skip => 1, count => 1, action => { status => 503 } });
	$sim->fault({ match => { path => '*time.api/list' }, skip => 3, count => 1, action => { retry_after => 1 } });
	my $rows = one('SELECT count(uuid) FROM acme.time_entry');
	my ($calls, $bytes) = seen($mark, 'time.api');

	$sim->no_faults;
	is(figures('acme.time_entry', 'scans, calls, retries, refusals, errors, rows'), "1|$calls|2|1|0|$rows", 'a 503 and a 429 on the way: two retries');
	is(figures('acme.time_entry', 'pages'), $calls - 2, 'pages are the answers that were good');
	is(figures('acme.time_entry', "limit_wait >= interval '0.5 s'"), 't', 'the wait for the 429 is one for the limits');

	$mark = $sim->mark;
	$sim->fault({ match => { path => '*staff.api' }, action => { status => 400, body => '<Response><Status>ERROR</Status><ErrorDescription>no</ErrorDescription></Response>' } });
	my ($code, $out, $err) = $node->psql('postgres', "\\set VERBOSITY verbose\nSELECT name FROM acme.staff");
	my ($state) = $err =~ /ERROR:  (\w{5}):/;
	$sim->no_faults;
	is(figures('acme.staff', 'scans, errors, last_error, calls, last_error_at BETWEEN last_scan AND now()'),
		"1|1|$state|" . (seen($mark, 'staff.api'))[0] . '|t', 'an error, with its SQLSTATE and when');
	one("DO \$\$ BEGIN PERFORM 1 / (length(name) - length(name)) FROM acme.staff; EXCEPTION WHEN division_by_zero THEN NULL; END \$\$");
	is(figures('acme.staff', 'scans, errors'), '2|1', 'what fails elsewhere in the query is no error of the table');

	$mark = $sim->mark;
	$sim->fault({ match => { path => '*staff.api' }, action => { delay => 600 } });
	my $session = IPC::Run::start([ 'psql', '-XAtq', '-d', $node->connstr('postgres'), '-c', 'SELECT name FROM acme.staff' ],
		'<', \undef, '>', \$out, '2>', \$err);
	ok(wait_for_call(), 'a call is under way');
	one('SELECT pg_cancel_backend(pid) FROM wfm_stat_scans');
	$session->finish;
	like($err, qr/canceling statement/, 'a query is cancelled');
	$sim->no_faults;
	is(figures('acme.staff', 'scans, errors, calls'), '3|1|' . (2 + (seen($mark, 'staff.api'))[0]), 'a cancel is no error, but the call was made');
}

# --- values ---
{
	# the simulator's own records say which dates have a time of day
	one("CREATE SCHEMA raw; IMPORT FOREIGN SCHEMA wfm LIMIT TO (job) FROM SERVER acme INTO raw OPTIONS (raw 'true')");
	my @dates = split /\n/, one("SELECT value FROM raw.job, jsonb_each_text(raw) WHERE key IN ('StartDate', 'DueDate')");
	my $cut = grep { /T(\d\d:\d\d:\d\d)/ && $1 ne '00:00:00' && !/^0001/ } @dates;
	my $nulled = grep { /^0001-01-01/ } @dates;
	one('SELECT start_date, due_date FROM acme.job');
	is(figures('acme.job', 'values_cut, values_nulled'), "$cut|$nulled", "values cut ($cut) and nulled ($nulled)");
	cmp_ok($cut + $nulled, '>', 0, 'of which there are some');
}

# --- joins ---
{
	$mark = $sim->mark;
	one("SELECT wfm_stat_reset('acme.job')");
	one("SET enable_hashjoin = off; SET enable_mergejoin = off; SET enable_material = off;
		SELECT count(name) FROM unnest('{a1,a2,a3}'::text[]) k, LATERAL (SELECT name FROM acme.job WHERE id = k OFFSET 0) j");
	is(figures('acme.job', 'scans, calls'), '3|' . (seen($mark, 'job.api'))[0], 'each rescan of a join is a scan');
}

# --- 64 sessions, and somebody who looks ---
{
	my $turns = $ENV{WFM_TEST_LONG} ? 40 : 4;
	my $script = "$PostgreSQL::Test::Utils::tmp_check/read.sql";
	my ($out, $err) = ('', '');
	my $looks = 0;
	my $wrong = 0;

	append_to_file($script, "SELECT count(name) FROM acme.staff;\n");
	one('UPDATE wfm_connections SET calls_per_minute = 600');
	one("SELECT wfm_stat_reset()");
	is(one('SELECT count(*) FROM wfm_stat_tables'), 0, 'a reset forgets all of them');
	$mark = $sim->mark;
	# they are held until several were seen at once
	$sim->fault({ match => { path => '*staff.api' }, action => { delay => 600 } });
	my $run = IPC::Run::start([ 'pgbench', '-n', '-c', 64, '-j', 4, '-t', $turns, '-f', $script, $node->connstr('postgres') ],
		'<', \undef, '>', \$out, '2>', \$err);
	my $most = 0;
	while ($run->pumpable)
	{
		my ($scans, $bad, $n) = split /\|/, one("SELECT (SELECT scans FROM wfm_stat_info),
			(SELECT count(*) FROM wfm_stat_scans WHERE server IS DISTINCT FROM 'acme' OR table_name IS DISTINCT FROM 'acme.staff' OR rows < 0 OR calls > 1),
			(SELECT count(*) FROM wfm_stat_scans)");
		$looks++;
		$wrong += $bad;
		$most = $n if $n > $most;
		$sim->release if $n > 1;
		eval { $run->pump_nb; };
		sleep 0.05;
	}
	$run->finish;
	my ($calls, $bytes) = seen($mark, 'staff.api');
	my $rows = one('SELECT count(name) FROM acme.staff') * 64 * $turns;
	cmp_ok($looks, '>', 1, "looked $looks times, at up to $most scans");
	cmp_ok($most, '>', 1, 'and saw several at once');
	is($wrong, 0, 'each as it is');
	is($calls, 64 * $turns, 'all sessions read');
	$node->poll_query_until('postgres', 'SELECT scans = 0 FROM wfm_stat_info');
	is(figures('acme.staff', "scans - 1, calls - 1, pages - 1, errors, bytes * $calls / ($calls + 1) = $bytes, rows * $calls / ($calls + 1) = $rows"),
		"$calls|$calls|$calls|0|t|t", '64 sessions at once: exactly what the simulator answered');
	is(one('SELECT scans, scans_not_shown FROM wfm_stat_info'), '0|0', 'and no place is lost');
}

# --- where nothing can be written ---
one("BEGIN READ ONLY; SELECT count(name) FROM acme.staff; SELECT wfm_stat_reset('acme.staff'); COMMIT; SET default_transaction_read_only = on; SELECT count(name) FROM acme.staff");
is(figures('acme.staff', 'scans'), 1, 'read-only transactions count, and may reset');
my ($code, $out, $err) = $node->psql('postgres', "SET temp_file_limit = 0; SELECT count(name) FROM acme.staff; SELECT count(*) > 0 FROM wfm_stat_tables");
is($code, 0, 'no temporary file is needed') or diag($err);

# --- who may reset ---
one('CREATE ROLE nobody LOGIN; CREATE ROLE keeper LOGIN; GRANT EXECUTE ON FUNCTION wfm_stat_reset(regclass) TO keeper');
like(($node->psql('postgres', 'SELECT wfm_stat_reset()', extra_params => [ '-U', 'nobody' ]))[2], qr/permission denied/, 'a reset is not for everybody');
is($node->safe_psql('postgres', 'SELECT count(*) > 0 FROM wfm_stat_tables', extra_params => [ '-U', 'nobody' ]), 't', 'the figures are');
$node->safe_psql('postgres', 'SELECT wfm_stat_reset()', extra_params => [ '-U', 'keeper' ]);
is(one('SELECT count(*) FROM wfm_stat_tables'), 0, 'it is for those to whom it was granted');

# --- other databases ---
$node->safe_psql('postgres', 'SELECT count(name) FROM acme.staff');
$node->safe_psql('postgres', 'CREATE DATABASE other');
$node->safe_psql('other', 'CREATE EXTENSION wfm_fdw');
is($node->safe_psql('other', 'SELECT count(*) FROM wfm_stat_tables'), 0, 'another database shows its own');
$node->safe_psql('other', 'SELECT wfm_stat_reset()');
is(figures('acme.staff', 'scans'), 1, 'and resets its own');

# --- restarts ---
my $columns = 'scans, calls, rows, bytes, total_time, last_scan, learnt_rows, stats_since';
my $before = figures('acme.staff', $columns);
my $plan = one('EXPLAIN SELECT * FROM acme.staff');
$node->restart;
is(figures('acme.staff', $columns), $before, 'a clean restart keeps the figures');
is(one('EXPLAIN SELECT * FROM acme.staff'), $plan, 'and what the planner has learnt');
$node->stop;
my $file = $node->data_dir . '/pg_stat/wfm_fdw_tables.stat';
ok(-s $file, 'they are in a file meanwhile');
truncate $file, 50;
$node->start;
is(one('SELECT count(*) FROM wfm_stat_tables'), 0, 'a damaged file is not believed');
like(slurp_file($node->logfile), qr/ignoring invalid data in file "pg_stat\/wfm_fdw_tables\.stat"/, 'and the log says so');
ok(!-e $file, 'nor kept');
one('SELECT count(name) FROM acme.staff');
$node->stop('immediate');
$node->start;
like(one('SELECT count(*) FROM wfm_stat_tables'), qr/^[01]$/, 'after an immediate shutdown the views work');

# --- more tables than entries ---
{
	one("SELECT wfm_stat_reset(); CREATE SCHEMA many");
	one("CREATE FOREIGN TABLE many.t$_ (uuid uuid) SERVER acme OPTIONS (resource 'staff')") foreach 1 .. 25;
	one("SELECT count(uuid) FROM many.t$_") foreach 1 .. 20;
	my $kept = one("SELECT count(*) FROM wfm_stat_tables WHERE table_name::text LIKE 'many.%'");
	my ($evicted) = one('SELECT tables_evicted FROM wfm_stat_info');
	one('SELECT count(uuid) FROM many.t2');
	one("SELECT count(uuid) FROM many.t$_") foreach 21 .. 25;
	is(one('SELECT tables, max_tables, tables_evicted FROM wfm_stat_info'), '20|20|' . ($evicted + 5), 'further tables take the entries of others');
	is(one("SELECT scans FROM wfm_stat_tables WHERE table_name = 'many.t2'::regclass"), 2, 'not of those that are in use');
	is(one("SELECT count(*) FROM wfm_stat_tables WHERE table_name IN ('many.t1'::regclass, 'many.t3'::regclass)"), 0, 'but of those read longest ago');
	one('DROP FOREIGN TABLE many.t25');
	is(one("SELECT count(*) FROM wfm_stat_tables WHERE table_name::text ~ 't25|^[0-9]'"), 0, 'a table that was dropped is not shown');
	is(one("ALTER FOREIGN TABLE many.t24 RENAME TO renamed; SELECT scans FROM wfm_stat_tables WHERE table_name = 'many.renamed'::regclass"), 1, 'one that was renamed keeps its figures');
}

# --- a standby ---
{
	$node->backup('backup');
	my $standby = PostgreSQL::Test::Cluster->new('standby');
	$standby->init_from_backup($node, 'backup', has_streaming => 1);
	$standby->append_conf('postgresql.conf', "wfm_fdw.key_file = '" . $node->basedir . "/wfm_fdw.key'\n");
	$standby->start;
	$node->wait_for_catchup($standby);
	is($standby->safe_psql('postgres', 'SELECT count(*) FROM wfm_stat_tables'), 0, 'a standby counts for itself');
	my $rows = $standby->safe_psql('postgres', 'SELECT count(name) FROM acme.staff');
	is($standby->safe_psql('postgres', "SELECT scans, calls, rows FROM wfm_stat_tables WHERE table_name = 'acme.staff'::regclass"), "1|1|$rows", 'what it reads');
	is($standby->safe_psql('postgres', 'SELECT count(*) FROM wfm_stat_scans; SELECT wfm_stat_reset(); SELECT count(*) FROM wfm_stat_tables'), "0\n\n0", 'and resets it');
	$standby->stop;
}

# --- what wfm_stat_limits says besides ---
{
	one('SELECT count(name) FROM acme.staff');
	is(one('SELECT connections, minute_limit, minute_limit - minute_left = calls_last_minute, day_limit - day_left = calls_last_day,
		day_resets_at IS NULL, circuit FROM wfm_stat_limits'), '{acme}|600|t|t|t|closed', 'limits, and what is left of them');
	$sim->fault({ match => { path => '*staff.api' }, count => 1, action => { status => 429, body => '',
				headers => { 'Retry-After' => '66975', 'X-Rate-Limit-Problem' => 'day' } } });
	$node->psql('postgres', 'SELECT count(name) FROM acme.staff');
	is(one("SELECT day_resets_at BETWEEN now() + interval '18 hours' AND now() + interval '19 hours', day_resets_at = blocked_until, blocked_by FROM wfm_stat_limits"),
		't|t|day limit', 'when the day begins anew');

	# Another tenant, which keeps failing
	my $tenant = $sim->tenant_id('PRACTICEMANAGER', 1);
	one("UPDATE wfm_connections SET tenant_id = '$tenant'");
	$sim->fault({ match => { path => '*staff.api' }, action => { status => 503 } });
	$node->psql('postgres', 'SELECT count(name) FROM acme.staff') for 1 .. 2;
	is(one("SELECT circuit, blocked_by, blocked_until > now() FROM wfm_stat_limits WHERE tenant_id = '$tenant'"), 'open|API keeps failing|t',
		'an API that keeps failing is left alone');
	$sim->no_faults;
	is(one("SELECT circuit FROM wfm_stat_limits WHERE tenant_id <> '$tenant'"), 'closed', 'which is no matter of other tenants');
}

done_testing();
