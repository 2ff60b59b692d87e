# What may stand between the token worker and its row, or the vendor: locks,
# settings of the database, a standby that does not answer, a slow provider,
# the environment.  Nothing is sent that could not be stored, and no answer is
# lost.

use strict;
use warnings;

use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;
use Time::HiRes qw(time);

use WfmTest;

my $sim = WfmTest::Simulator->new('--clients', 1, '--jobs', 1, '--time', 1, '--rotation', 'strict');
my $node;
{
	# Credentials for this host that libcurl finds if it is let.
	local $ENV{HOME} = "$PostgreSQL::Test::Utils::tmp_check/home";
	mkdir $ENV{HOME} or die "$ENV{HOME}: $!";
	append_to_file("$ENV{HOME}/.netrc", "machine 127.0.0.1 login stranger password stranger\n");
	chmod 0600, "$ENV{HOME}/.netrc";
	$node = WfmTest::start_node('way', init => [ allows_streaming => 1 ], settings => "max_prepared_transactions = 1\nwfm_fdw.stall_timeout = 1s\nwfm_fdw.connect_timeout = 5s\n");
}

sub one { return $node->safe_psql('postgres', $_[0]); }

sub generation { return one("SELECT generation FROM wfm_tokens WHERE connection = 'acme'"); }

sub state_of { return one("SELECT state || ' ' || (first_use IS NULL) FROM wfm_tokens WHERE connection = 'acme'"); }

sub requests { return scalar(() = $sim->token_requests_since($_[0])); }

# session(SQL): runs it beside; finish it with ->finish.
sub session
{
	my ($sql, $said) = @_;

	return IPC::Run::start([ 'psql', '-X', '-q', '-d', $node->connstr('postgres'), '-c', $sql ], '<', \undef, '>', $said, '2>&1');
}

# A session that holds the row lock of the grant until it quits.
sub hold_row
{
	my $session = $node->background_psql('postgres');

	$session->query_safe("BEGIN; SELECT 1 FROM wfm_tokens WHERE connection = 'acme' FOR UPDATE");
	return $session;
}

# The environment: an app without a secret is let in by its client id alone, and
# turned away with credentials
WfmTest::connect_server($node, $sim, name => 'pkce', client_id => 'sim-pkce', client_secret => undef,
	refresh_token => 'sim-pkce-refresh-token');
is(one("SELECT expires_at > now() FROM wfm_identity('pkce')"), 't', '.netrc is ignored');

WfmTest::connect_server($node, $sim);
WfmTest::wait_for_token($node, 'acme');

# S03: a session holds the row, so there can be no intent, and so no request
my $mark = $sim->mark;
my $before = generation();
my $holder = hold_row();
my ($code, $out, $err) = $node->psql('postgres', "SET wfm_fdw.max_wait = '10s'; SELECT wfm_refresh('acme')");
like($err, qr/ERROR:  no access token for connection "acme" within wfm_fdw\.max_wait.*DETAIL: .*store/s, 'a row that somebody holds: the session is told');
is(requests($mark), 0, 'nothing is sent');
is(one("SELECT expires_at > now() FROM wfm_identity('acme')"), 't', 'the old token serves');
$holder->quit;
ok($node->poll_query_until('postgres', "SELECT generation = $before + 1 AND state = 'ready' FROM wfm_stat_connections WHERE name = 'acme'"), 'when it is free, the refresh goes on');
is(requests($mark), 1, 'with one request');

# The same while the answer is on its way
$mark = $sim->mark;
$before = generation();
$sim->fault({ match => { path => '/connect/token' }, count => 1, action => { delay => WfmTest::HELD } });
my $refresh = session("SELECT wfm_refresh('acme')", \my $said);
$sim->wait_for_request(qr{^/connect/token$});
$holder = hold_row();
$sim->release;
ok($node->poll_query_until('postgres', "SELECT last_error = 'store' FROM wfm_stat_connections WHERE name = 'acme'"), 'a row that somebody holds when the answer comes: it cannot be stored');
$holder->quit;
$refresh->finish;
unlike($said, qr/ERROR/, 'the session waits');
is(generation(), $before + 1, 'the answer is stored when it is free');
is(requests($mark), 1, 'and was asked for once');
is(state_of(), 'ready true', 'nothing is lost');

# A provider slower than what is allowed for data
$mark = $sim->mark;
my $slow = $ENV{WFM_TEST_LONG} ? 55 : 5;
$sim->fault({ match => { path => '/connect/token' }, count => 1, action => { delay => $slow } });
one("SELECT wfm_refresh('acme')");
is(requests($mark), 1, "an answer that takes $slow s is waited for");
is(state_of(), 'ready true', 'and stored');

# Settings of the database that would break the worker's transactions
my @settings = ("synchronous_commit = 'off'", "default_transaction_read_only = 'on'", "default_transaction_isolation = 'serializable'",
	"default_transaction_deferrable = 'on'", "statement_timeout = '1ms'", "lock_timeout = '1ms'", "search_path = 'nowhere'",
	"wfm_fdw.stall_timeout = '1s'", "wfm_fdw.connect_timeout = '1ms'", "session_replication_role = 'replica'", "role = 'clerk'");
push @settings, "transaction_timeout = '1ms'" if $node->pg_version >= 17;
one('CREATE ROLE clerk');
$node->poll_query_until('postgres', "SELECT count(*) = 0 FROM pg_stat_activity WHERE backend_type = 'wfm_fdw token worker'");
$node->safe_psql('template1', "ALTER DATABASE postgres SET $_") foreach @settings;
my $relieved = $node->connstr('postgres') . " options='"
  . join(' ', map { "-c\\ $_" } 'role=none', 'statement_timeout=0', 'lock_timeout=0', 'search_path=public', 'default_transaction_read_only=off',
	$node->pg_version >= 17 ? 'transaction_timeout=0' : ()) . "'";
sub relieved
{
	my ($sql) = @_;
	my ($out, $err) = ('', '');

	IPC::Run::run([ 'psql', '-X', '-q', '-A', '-t', '-d', $relieved, '-c', $sql ], '<', \undef, '>', \$out, '2>', \$err);
	chomp $out;
	return $out . $err;
}
$mark = $sim->mark;
$before = relieved("SELECT generation FROM wfm_tokens WHERE connection = 'acme'");
is(relieved("SELECT wfm_refresh('acme')"), '', 'settings of the database: a refresh succeeds');
is(relieved("SELECT state || ' ' || generation FROM wfm_tokens WHERE connection = 'acme'"), 'ready ' . ($before + 1), 'and is stored');
$node->stop('immediate');
$node->start;
is(relieved("SELECT generation FROM wfm_tokens WHERE connection = 'acme'"), $before + 1, 'durably');
is(requests($mark), 1, 'with one request');
$node->safe_psql('template1', "ALTER DATABASE postgres RESET ALL");

# S07: a synchronous standby that is not there.  A commit waits for it, but not
# for ever; then it is durable here, and is published.
$mark = $sim->mark;
$before = generation();
one("ALTER SYSTEM SET synchronous_standby_names = 'nobody'");
one('SELECT pg_reload_conf()');
$node->poll_query_until('postgres', "SELECT setting = 'nobody' FROM pg_settings WHERE name = 'synchronous_standby_names'");

# The checkpointer tells the others, in its own time: then a commit waits
my $commits = $node->basedir . '/commits.sql';
append_to_file($commits, "SELECT pg_logical_emit_message(true, 'test', 'commit') \\watch 0.1\n");
my $committing = IPC::Run::start([ 'psql', '-X', '-q', '-d', $node->connstr('postgres'), '-f', $commits ], '<', \undef, '>', \my $committed, '2>&1');
ok($node->poll_query_until('postgres', "SELECT count(*) = 1 FROM pg_stat_activity WHERE wait_event = 'SyncRep' AND backend_type = 'client backend'"), 'commits wait for a standby');
$committing->kill_kill;
one("SELECT pg_terminate_backend(pid, 60000) FROM pg_stat_activity WHERE wait_event = 'SyncRep' AND backend_type = 'client backend'");
my $begun = time;
my $logged = -s $node->logfile;
one("SELECT wfm_refresh('acme')");
my $took = time - $begun;
cmp_ok($took, '>=', 10, 'a synchronous standby that is not there is waited for');
cmp_ok($took, '<=', 60, 'but not for ever');
like(substr(slurp_file($node->logfile), $logged), qr/canceling wait for synchronous replication/, 'the log tells');
$node->stop('immediate');
$node->start;
is(generation(), $before + 1, 'what was published is durable');
is(requests($mark), 1, 'and was asked for once');
one("ALTER SYSTEM RESET synchronous_standby_names");
one('SELECT pg_reload_conf()');

# A lock on the whole table outlasts a crash that has left an intent open: it
# is taken up when the lock is gone, though nobody asks
$node->poll_query_until('postgres', "SELECT count(*) = 0 FROM pg_stat_activity WHERE backend_type = 'wfm_fdw token worker'");
$mark = $sim->mark;
$before = generation();
one("UPDATE wfm_tokens SET state = 'refreshing', first_use = now(), attempts = 1, intent_id = gen_random_uuid() WHERE connection = 'acme'");
one("BEGIN; LOCK TABLE wfm_tokens IN ACCESS EXCLUSIVE MODE; PREPARE TRANSACTION 'holder'");
$node->stop('immediate');
$logged = -s $node->logfile;
$node->start;
WfmTest::wait_until(sub { return substr(slurp_file($node->logfile), $logged) =~ /canceling statement due to lock timeout/ }, 'the worker finds the lock');
is(requests($mark), 0, 'a table that is locked when the server starts: nothing is sent');
one("ROLLBACK PREPARED 'holder'");
ok($node->poll_query_until('postgres', "SELECT generation = $before + 1 AND state = 'ready' FROM wfm_stat_connections WHERE name = 'acme'"), 'the open intent is taken up when it is free');
is(requests($mark), 1, 'with one request');

# Refreshing turned off and on without a restart
$mark = $sim->mark;
one("SELECT wfm_refresh('acme')");
WfmTest::wait_for_worker($node);
one('ALTER SYSTEM SET wfm_fdw.refresh_tokens = off');
one('SELECT pg_reload_conf()');
($code, $out, $err) = $node->psql('postgres', "\\set VERBOSITY verbose\nSELECT wfm_refresh('acme')");
like($err, qr/ERROR:  55000: .*turned off by wfm_fdw\.refresh_tokens/s, 'refresh_tokens turned off by a reload');
is(one("SELECT expires_at > now() FROM wfm_identity('acme')"), 't', 'the token serves on');
is(requests($mark), 1, 'nothing is sent');
WfmTest::wait_for_worker($node);
one('ALTER SYSTEM RESET wfm_fdw.refresh_tokens');
one('SELECT pg_reload_conf()');
one("SELECT wfm_refresh('acme')");
is(requests($mark), 2, 'turned on again: it refreshes');

# The pages that hold tokens are left out of core dumps
my ($postmaster) = slurp_file($node->data_dir . '/postmaster.pid') =~ /^(\d+)/;
my $maps = slurp_file("/proc/$postmaster/smaps");
SKIP:
{
	skip 'this kernel does not show the flags of memory', 1 unless $maps =~ /^VmFlags:/m;
	like($maps, qr/^[0-9a-f]+-[0-9a-f]+ rw-s (?:(?!^[0-9a-f]+-).)*^VmFlags:.*\bdd\b/ms, 'tokens are left out of core dumps');
}

done_testing();
