# What runs out: workers, room for temporary files, the disk below them and
# below the write-ahead log.  Each is a clear error that leaves nothing behind,
# and all goes on once there is room.

use strict;
use warnings;

use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;

use WfmTest;

# Makes writes below a folder fail as on a full disk (test/hostile/full_disk.c).
my $shim = "$PostgreSQL::Test::Utils::tmp_check/full_disk.so";
my $order = "$PostgreSQL::Test::Utils::tmp_check/full_disk";
system_or_bail($ENV{CC} || 'cc', '-shared', '-fPIC', '-O2', '-o', $shim,
	"$ENV{WFM_SOURCE}/test/hostile/full_disk.c", '-ldl');

sub disk_is_full_below
{
	my ($part) = @_;

	append_to_file("$order.new", $part);
	rename "$order.new", $order or die "$order: $!";
}

sub disk_has_room { unlink $order; }

my $sim = WfmTest::Simulator->new('--clients', 10, '--jobs', 100, '--time', 12000, '--today', '2026-06-30',
	'--minute-limit', 100000, '--day-limit', 1000000, '--concurrent-limit', 50);
my $node;
{
	local $ENV{LD_PRELOAD} = $shim;
	local $ENV{WFM_FULL_DISK} = $order;
	$node = WfmTest::start_node('short', settings => "restart_after_crash = on\nlog_statement = none\n");
}

sub one
{
	my ($sql, $database) = @_;

	return $node->safe_psql($database || 'postgres', $sql);
}

sub fails
{
	my ($sql, $pattern, $name, $database) = @_;
	my ($code, $out, $err) = $node->psql($database || 'postgres', "\\set VERBOSITY verbose\n$sql");

	like($err, $pattern, $name);
}

sub nothing_is_left
{
	my ($name) = @_;

	is(one('SELECT count(*) FROM pg_ls_tmpdir()'), 0, "$name: no temporary file is left");
	is(one('SELECT coalesce(sum(in_flight), 0), coalesce(sum(waiting), 0) FROM wfm_stat_limits'), '0|0', "$name: no call is under way");
}

sub fresh_token { return $sim->control('POST', 'tokens', { new_grant => { client_id => 'sim-client' } })->{refresh_token}; }

WfmTest::connect_tables($node, $sim, calls_per_minute => 600, server => "connection 'acme', history_from '2022-01-01'");
my $query = 'SELECT count(*), sum(minutes) FROM acme.time_entry';
my $answer = one($query);

# --- temp_file_limit: an answer of more than 1 MiB goes to a temporary file ---
my $mark = $sim->mark;
fails("SET temp_file_limit = '64kB'; $query", qr/ERROR:  53400: temporary file size exceeds "?temp_file_limit"? \(64kB\)/, 'temp_file_limit');
my ($largest) = sort { $b <=> $a } map { $_->{body_bytes} } $sim->calls_since($mark);
cmp_ok($largest, '>', 1024 * 1024, 'answers are large enough for a file');
nothing_is_left('temp_file_limit');
is(one("SET temp_file_limit = '100MB'; $query"), $answer, 'with room the query has all rows');

# --- the disk below the temporary files is full ---
disk_is_full_below('/pgsql_tmp/');
foreach my $round (1, 2)
{
	fails($query, qr/ERROR:  53100: could not write .*temporary file .*No space left on device/, "full disk, round $round");
}
is(one('SELECT count(*) FROM acme.client'), 10, 'small answers need no file');
disk_has_room();
nothing_is_left('full disk');
is(one($query), $answer, 'with room again all rows are there');

# Several sessions at once, and within a transaction that goes on
disk_is_full_below('/pgsql_tmp/');
my $session = $node->background_psql('postgres', on_error_stop => 0);
$session->query_safe('BEGIN; SAVEPOINT s');
$session->query($query);
like($session->{stderr}, qr/No space left on device/, 'in a transaction');
$session->{stderr} = '';
disk_has_room();
$session->query_safe('ROLLBACK TO s');
is($session->query_safe($query), $answer, 'which goes on after its savepoint');
$session->query_safe('COMMIT');
$session->quit;

# --- the disk below the write-ahead log is full: PostgreSQL itself stops ---
my $generation = one('SELECT generation FROM wfm_tokens');
$mark = $sim->mark;
disk_is_full_below('/pg_wal/');
$node->psql('postgres', "SELECT wfm_refresh('acme')");
foreach (1 .. 1200)
{
	last if !-e $node->data_dir . '/postmaster.pid';
	select undef, undef, undef, 0.05;
}
like(slurp_file($node->logfile), qr/PANIC: .*No space left on device/, 'a full pg_wal stops the server');
disk_has_room();
$node->stop('immediate', fail_ok => 1) if -e $node->data_dir . '/postmaster.pid';
$node->_update_pid(0);
{
	local $ENV{LD_PRELOAD} = $shim;
	local $ENV{WFM_FULL_DISK} = $order;
	$node->start;
}
one("SELECT wfm_refresh('acme')");
cmp_ok(one('SELECT generation FROM wfm_tokens'), '>', $generation, 'with room it starts, and the refresh token serves');
is(one('SELECT state FROM wfm_stat_connections'), 'ready', 'without a new consent');
cmp_ok(scalar(() = $sim->token_requests_since($mark)), '<=', 3, 'and without a storm of requests');
is(one($query), $answer, 'all rows are there');

# --- max_worker_processes: a place for the launcher and one more ---
$node->append_conf('postgresql.conf', "max_worker_processes = 2\nmax_logical_replication_workers = 0\n");
one('CREATE DATABASE second');
one('CREATE EXTENSION wfm_fdw', 'second');
WfmTest::connect_server($node, $sim, database => 'second', name => 'second', refresh_token => fresh_token());
one("SELECT wfm_refresh('second')", 'second');
$node->restart;
one("SELECT wfm_refresh('acme')");
one("SELECT wfm_refresh('second')", 'second');
pass('databases take turns with one place');

# One of them keeps the place
$sim->fault({ match => { path => '/connect/token' }, count => 1, action => { delay => 50 } });
my $busy = IPC::Run::start([ 'psql', '-XAtq', '-d', $node->connstr('second'), '-c', "SELECT wfm_refresh('second')" ],
	'<', \undef, '>', \my $out, '2>', \my $err);
ok($node->poll_query_until('second', 'SELECT first_use IS NOT NULL FROM wfm_tokens'), 'a slow refresh keeps it');
fails("SELECT wfm_refresh('acme')", qr/ERROR:  53400: no token worker could be started.*HINT: .*max_worker_processes \(now 2\)/s, 'the other is told what to raise');
is(one('SELECT count(*) FROM acme.client'), 10, 'and reads on with the token it has');
$sim->release;
$busy->finish;
is($err, '', 'the slow refresh ends well');
ok($node->poll_query_until('postgres', "SELECT count(*) = 0 FROM pg_stat_activity WHERE backend_type = 'wfm_fdw token worker'"), 'its worker leaves');
one("SELECT wfm_refresh('acme')");
pass('then there is a place for the other');

# --- a database that takes no connections ---
{
	my $inside = $node->background_psql('second', on_error_stop => 0);
	my $refused = qr/FATAL:  database "second" is not currently accepting connections/;

	ok($node->poll_query_until('postgres', "SELECT count(*) = 0 FROM pg_stat_activity WHERE backend_type = 'wfm_fdw token worker'"), 'no worker is there');
	my $begun = time;
	one('ALTER DATABASE second ALLOW_CONNECTIONS false');
	$inside->query("SELECT wfm_refresh('second')");
	like($inside->{stderr}, qr/ERROR:  no token worker could be started.*\nDETAIL: .*the database takes no connections.*\nHINT:  See the server log/, 'those who are in it are told');
	$inside->{stderr} = '';
	sleep 5;
	# after 1, 2, 4, 8 seconds and so on
	my $tries = () = slurp_file($node->logfile) =~ /$refused/g;
	cmp_ok($tries, '<=', 1 + int(log(time - $begun + 1) / log(2)), 'and it is tried less and less often');
	one('ALTER DATABASE second ALLOW_CONNECTIONS true');
	my $done;
	for (1 .. 10)
	{
		$inside->query("SELECT wfm_refresh('second')");
		$done = $inside->{stderr} !~ /ERROR/;
		$inside->{stderr} = '';
		last if $done;
		sleep 2;
	}
	ok($done, 'when it takes them again, the worker comes');
	$inside->quit;
}

done_testing();
