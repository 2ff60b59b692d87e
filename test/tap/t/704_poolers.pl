# Connection poolers in transaction mode: one server session serves many
# clients in turns, and nothing of one may reach the next.
#
# The rules are tried on one session that two clients share, then through
# PgBouncer, which test/install-packages fetched.

use strict;
use warnings;

use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;

use WfmTest;

my $sim = WfmTest::Simulator->new('--clients', 12, '--jobs', 40, '--time', 200,
	'--minute-limit', 100000, '--day-limit', 1000000, '--concurrent-limit', 50);
my $node = WfmTest::start_node('pooled', settings => "max_connections = 20\nlog_statement = none\n");

sub one { return $node->safe_psql('postgres', $_[0]); }

WfmTest::connect_tables($node, $sim, calls_per_minute => 600, server => "connection 'acme', history_from '2025-01-01'");
one("ALTER DATABASE postgres SET wfm_fdw.max_wait = '20s'; CREATE ROLE app LOGIN; GRANT USAGE ON SCHEMA acme TO app; GRANT SELECT ON acme.client TO app");
my $clients = one('SELECT count(*) FROM acme.client');
my $jobs = one('SELECT count(*) FROM acme.job');

# --- two clients, one session ---
{
	my $session = $node->background_psql('postgres', on_error_stop => 0);
	my $fails = sub {
		my ($sql) = @_;

		$session->query($sql);
		my $said = $session->{stderr};
		$session->{stderr} = '';
		return $said;
	};

	# A sets for its transaction, B's is as the database says
	$session->query_safe("BEGIN; SET LOCAL wfm_fdw.priority = 'batch'; SET LOCAL wfm_fdw.max_wait = '1s'");
	is($session->query_safe('SELECT count(*) FROM acme.client'), $clients, 'A reads in its transaction');
	$session->query_safe('COMMIT');
	is($session->query_safe("SELECT current_setting('wfm_fdw.priority') || ' ' || current_setting('wfm_fdw.max_wait')"),
		'interactive 20s', 'SET LOCAL ends with the transaction');

	# A leaves a cursor that ends with its transaction, and one that does not
	$session->query_safe('BEGIN; DECLARE c CURSOR FOR SELECT * FROM acme.job; FETCH 1 FROM c; COMMIT');
	is($session->query_safe('SELECT sum(in_flight) FROM wfm_stat_limits'), 0, 'a cursor that ends leaves no call under way');
	$session->query_safe('BEGIN; DECLARE h CURSOR WITH HOLD FOR SELECT * FROM acme.job; COMMIT');

	# A prepares, is served by another, and comes back after ALTER
	$session->query_safe('PREPARE p AS SELECT count(*) FROM acme.job');
	is($session->query_safe('EXECUTE p'), $jobs, 'a prepared statement');
	one("ALTER FOREIGN TABLE acme.job OPTIONS (ADD history_from '2020-01-01')");
	is($session->query_safe('EXECUTE p'), one('SELECT count(*) FROM acme.job'), 'sees an option that was changed meanwhile');

	# A fails half-way; B finds a clean session
	$sim->fault({ match => { path => '*job.api/list' }, action => { error_text => 'Closed for repairs' } });
	like($fails->('SELECT count(*) FROM acme.job'), qr/ERROR:  the API of connection "acme" reported an error/, 'an error of A');
	$sim->no_faults;
	is($session->query_safe('SELECT count(*) FROM acme.client'), $clients, 'is none of B');
	is($session->query_safe('SELECT sum(in_flight) FROM wfm_stat_limits'), 0, 'and leaves no call under way');

	# As another role, which sees what is its own
	$session->query_safe('BEGIN; SET LOCAL ROLE app');
	is($session->query_safe('SELECT count(*) FROM acme.client'), $clients, 'B in another role');
	like($fails->('SELECT count(*) FROM acme.job'), qr/permission denied for foreign table job/, 'may not read what was not granted, though A just did');
	$session->query_safe('ROLLBACK');

	# DISCARD ALL, which PgBouncer sends in session mode
	$session->query_safe('DISCARD ALL');
	is($session->query_safe('SELECT count(*) FROM pg_prepared_statements') . $session->query_safe('SELECT count(*) FROM pg_cursors'), '00', 'DISCARD ALL leaves nothing');
	is($session->query_safe('SELECT count(*) FROM acme.client'), $clients, 'and reading goes on');
	$session->query_safe('DISCARD PLANS');
	is($session->query_safe('SELECT count(*) FROM acme.client'), $clients, 'as after DISCARD PLANS');
	$session->quit;
}

# --- PgBouncer ---
my ($pgbouncer) = grep { -x } map { "$_/pgbouncer" }
  split(/:/, $ENV{PATH}), '/usr/sbin', '/usr/local/sbin', "$ENV{WFM_SOURCE}/build/programs";

SKIP:
{
	skip 'there is no PgBouncer', 1 unless defined $pgbouncer;

	my $folder = $node->basedir;
	my $port = PostgreSQL::Test::Cluster::get_free_port();
	my ($host, $server_port) = ($node->host, $node->port);
	my $user = one('SELECT current_user');

	append_to_file("$folder/users.txt", "\"$user\" \"\"\n\"app\" \"\"\n");
	append_to_file("$folder/pgbouncer.ini", <<"END");
[databases]
postgres = host=$host port=$server_port
[pgbouncer]
listen_addr =
unix_socket_dir = $host
listen_port = $port
auth_type = trust
auth_file = $folder/users.txt
pool_mode = transaction
default_pool_size = 2
max_client_conn = 100
logfile = $folder/pgbouncer.log
pidfile = $folder/pgbouncer.pid
END
	my $bouncer = IPC::Run::start([ $pgbouncer, '-q', "$folder/pgbouncer.ini" ], '<', \undef, '>', "$folder/pgbouncer.out", '2>&1');
	my $connection = "host=$host port=$port dbname=postgres user=$user";
	my $through = sub {
		my ($sql, $as) = @_;
		my ($out, $err) = ('', '');

		IPC::Run::run([ 'psql', '-XAtq', '-v', 'ON_ERROR_STOP=1', '-d', $connection . ($as ? " user=$as" : ''), '-c', $sql ], '>', \$out, '2>', \$err);
		chomp $out;
		return "$out$err";
	};

	for (1 .. 1200)
	{
		last if $through->('SELECT 1') eq '1';
		select undef, undef, undef, 0.05;
	}
	is($through->('SELECT count(*) FROM acme.client'), $clients, 'PgBouncer: a query');
	is($through->("BEGIN; SET LOCAL wfm_fdw.priority = 'batch'; SELECT count(*) FROM acme.client; COMMIT"), $clients, 'PgBouncer: SET LOCAL');
	is($through->('SHOW wfm_fdw.priority'), 'interactive', 'PgBouncer: is not there for the next client');
	like($through->('SELECT count(*) FROM acme.job', 'app'), qr/permission denied/, 'PgBouncer: roles have pools of their own');

	# Twenty clients, two server sessions
	my $script = "$folder/script.sql";
	append_to_file($script, "SELECT 1 / (count(*) = $clients)::integer FROM acme.client;\n");
	my ($out, $err) = ('', '');
	my $mark = $sim->mark;
	ok(IPC::Run::run([ 'pgbench', '-n', '-c', 20, '-j', 1, '-t', 3, '-f', $script, '-h', $host, '-p', $port, '-U', $user, 'postgres' ],
			'>', \$out, '2>', \$err), 'PgBouncer: twenty clients on two sessions') or diag($err);
	like($out, qr/actually processed: 60\/60/, 'PgBouncer: each has all its answers');
	is(scalar(() = $sim->token_requests_since($mark)), 0, 'PgBouncer: with the token that is there');
	cmp_ok(one("SELECT count(*) FROM pg_stat_activity WHERE datname = 'postgres' AND backend_type = 'client backend' AND application_name = 'pgbench'"),
		'<=', 2, 'PgBouncer: two sessions');
	is(one('SELECT sum(in_flight) FROM wfm_stat_limits'), 0, 'PgBouncer: no call is left under way');

	# Clients that leave in the middle
	$sim->fault({ match => { path => '*client.api/list' }, action => { delay => 5 } });
	foreach (1 .. 2)
	{
		my $client = IPC::Run::start([ 'psql', '-XAtq', '-d', $connection, '-c', 'SELECT count(*) FROM acme.client' ], '<', \undef, '>', \my $o, '2>', \my $e);
		$node->poll_query_until('postgres', "SELECT count(*) > 0 FROM pg_stat_activity WHERE wait_event_type = 'Extension' AND backend_type = 'client backend'");
		$client->kill_kill(grace => 1);
	}
	$sim->no_faults;
	is($through->('SELECT count(*) FROM acme.client'), $clients, 'PgBouncer: clients that go away in a query leave the next ones unharmed');
	ok($node->poll_query_until('postgres', 'SELECT sum(in_flight) = 0 FROM wfm_stat_limits'), 'PgBouncer: their calls are given back');
	$bouncer->kill_kill(grace => 2);
}

done_testing();
