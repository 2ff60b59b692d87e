# What can happen to a database and its objects: servers altered under prepared
# statements, another schema, an empty search_path, event triggers, renames,
# copies, maintenance of our own tables, single-user mode.

use strict;
use warnings;

use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;

use WfmTest;

my $sim = WfmTest::Simulator->new('--clients', 12, '--jobs', 40, '--time', 200, '--today', '2026-06-30',
	'--minute-limit', 100000, '--day-limit', 1000000, '--concurrent-limit', 50);
my $node = WfmTest::start_node('life', settings => "log_statement = none\n");

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

# A consent of its own for another connection of the same app.
sub fresh_token { return $sim->control('POST', 'tokens', { new_grant => { client_id => 'sim-client' } })->{refresh_token}; }

# The token worker leaves two seconds after its work.
sub wait_for_no_worker
{
	ok($node->poll_query_until('postgres', "SELECT count(*) = 0 FROM pg_stat_activity WHERE backend_type = 'wfm_fdw token worker'"),
		'the token worker leaves');
}

WfmTest::connect_tables($node, $sim, calls_per_minute => 600, server => "connection 'acme', history_from '2022-01-01'");

# --- ALTER SERVER and ALTER FOREIGN TABLE under a session's prepared statements ---
WfmTest::connect_server($node, $sim, name => 'second', calls_per_minute => 600,
	refresh_token => fresh_token(), tenant_id => $sim->tenant_id('PRACTICEMANAGER', 1));
{
	my $all = one('SELECT count(*) FROM acme.time_entry');
	my $young = one("SELECT count(*) FROM acme.time_entry WHERE date >= '2025-07-01'");
	my $session = $node->background_psql('postgres', on_error_stop => 0);
	my $counts = sub { my $out = $session->query_safe('EXECUTE p'); return $out; };
	my $mark;

	cmp_ok($young, '<', $all, 'some entries are old');
	$session->query_safe("SET plan_cache_mode = force_generic_plan; PREPARE p AS SELECT count(*) FROM acme.time_entry");
	is($counts->(), $all, 'a prepared statement');
	$mark = $sim->mark;
	is($counts->(), $all, 'and again');
	my $calls = () = $sim->calls_since($mark);

	one("ALTER SERVER acme OPTIONS (SET history_from '2025-07-01')");
	$mark = $sim->mark;
	is($counts->(), $young, 'after ALTER SERVER it reads the shorter history');
	cmp_ok(scalar(() = $sim->calls_since($mark)), '<', $calls, 'with fewer calls');
	one("ALTER FOREIGN TABLE acme.time_entry OPTIONS (ADD history_from '2022-01-01')");
	is($counts->(), $all, 'an option of the table comes before the server\'s');
	one("ALTER FOREIGN TABLE acme.time_entry OPTIONS (DROP history_from); ALTER SERVER acme OPTIONS (SET history_from '2022-01-01')");

	$session->query_safe("PREPARE q AS SELECT md5(string_agg(uuid::text, '' ORDER BY uuid)) FROM acme.client");
	my $clients = $session->query_safe('EXECUTE q');
	one("ALTER SERVER acme OPTIONS (SET connection 'second')");
	isnt($session->query_safe('EXECUTE q'), $clients, 'another connection is another account');
	one("ALTER SERVER acme OPTIONS (SET connection 'acme')");
	is($session->query_safe('EXECUTE q'), $clients, 'and back');
	one('ALTER SERVER acme RENAME TO renamed');
	is($session->query_safe('EXECUTE q'), $clients, 'a server may be renamed');
	one('ALTER SERVER renamed RENAME TO acme');
	$session->quit;
}

# --- the owner of a connection is a name, which ALTER ROLE does not reach ---
one("CREATE ROLE keeper; UPDATE wfm_connections SET owner = 'keeper' WHERE name = 'second'");
one('ALTER ROLE keeper RENAME TO warden');
one("ALTER SERVER second OWNER TO CURRENT_USER; CREATE FOREIGN TABLE two (uuid uuid) SERVER second OPTIONS (resource 'client')");
fails('SELECT count(*) FROM two', qr/ERROR:  42704: the role that owns connection "second" does not exist any more.*HINT:  UPDATE wfm_connections SET owner = '\.\.\.' WHERE name = 'second';/s,
	'a renamed owner is told, with the statement');
one("UPDATE wfm_connections SET owner = 'warden' WHERE name = 'second'");
cmp_ok(one('SELECT count(*) FROM two'), '>', 0, 'which mends it');

# --- another schema, with a name that needs quotes, and an empty search_path ---
one('CREATE DATABASE elsewhere');
one('CREATE SCHEMA "Odd Place"; CREATE EXTENSION wfm_fdw SCHEMA "Odd Place"', 'elsewhere');
one('ALTER DATABASE elsewhere SET search_path = "Odd Place"');
WfmTest::connect_tables($node, $sim, database => 'elsewhere', calls_per_minute => 600, refresh_token => fresh_token(),
	server => "connection 'acme', history_from '2025-07-01'");
one("ALTER DATABASE elsewhere SET search_path = ''");
is(one('SELECT count(*) FROM acme.client', 'elsewhere'), one('SELECT count(*) FROM acme.client'), 'the extension works from any schema');
one(q{SELECT "Odd Place".wfm_refresh('acme')}, 'elsewhere');
is(one(q{SELECT count(*) FROM "Odd Place".wfm_check('acme') WHERE NOT ok}, 'elsewhere'), 0, 'wfm_check');
is(one(q{SELECT count(*) > 10 FROM "Odd Place".wfm_tables}, 'elsewhere'), 't', 'wfm_tables');
is(one(q{SELECT "Odd Place".wfm_comment_schema('acme') > 10}, 'elsewhere'), 't', 'wfm_comment_schema');
is(one(q{SELECT count(*) > 1 FROM "Odd Place".wfm_history('acme')}, 'elsewhere'), 't', 'wfm_history');
is(one(q{SELECT state FROM "Odd Place".wfm_stat_connections}, 'elsewhere'), 'ready', 'wfm_stat_connections');
one('CREATE MATERIALIZED VIEW "Odd Place".copy AS SELECT uuid, name FROM acme.staff; REFRESH MATERIALIZED VIEW "Odd Place".copy', 'elsewhere');
pass('a materialized view is refreshed');
one('ANALYZE acme.staff', 'elsewhere');
fails('ALTER EXTENSION wfm_fdw SET SCHEMA acme', qr/does not support SET SCHEMA/, 'the extension itself stays where it was made', 'elsewhere');
fails('DROP EXTENSION wfm_fdw', qr/cannot drop extension wfm_fdw because other objects depend on it/, 'DROP EXTENSION counts what hangs on it', 'elsewhere');
one('DROP EXTENSION wfm_fdw CASCADE', 'elsewhere');
one('CREATE EXTENSION wfm_fdw SCHEMA public', 'elsewhere');
is(one('SELECT count(*) FROM public.wfm_stat_connections', 'elsewhere'), 0, 'made anew in another one it is empty');
wait_for_no_worker();
one('DROP DATABASE elsewhere');

# --- event triggers see what is created, and disturb nothing ---
one('CREATE DATABASE watched');
one(q{
CREATE TABLE seen (tag text, identity text);
CREATE FUNCTION watch() RETURNS event_trigger LANGUAGE plpgsql AS $$
BEGIN
    IF tg_event = 'sql_drop' THEN
        INSERT INTO public.seen SELECT tg_tag, object_identity FROM pg_event_trigger_dropped_objects();
    ELSE
        INSERT INTO public.seen SELECT command_tag, object_identity FROM pg_event_trigger_ddl_commands();
    END IF;
END $$;
CREATE EVENT TRIGGER made ON ddl_command_end EXECUTE FUNCTION watch();
CREATE EVENT TRIGGER gone ON sql_drop EXECUTE FUNCTION watch();
CREATE EXTENSION wfm_fdw;
}, 'watched');
WfmTest::connect_tables($node, $sim, database => 'watched', calls_per_minute => 600, refresh_token => fresh_token());
one('SELECT wfm_comment_schema(\'acme\'); DROP SERVER acme CASCADE', 'watched');
is(one("SELECT string_agg(DISTINCT tag, ', ' ORDER BY tag) FROM seen WHERE identity IN ('wfm_fdw', 'acme', 'acme.client')", 'watched'),
	'COMMENT, CREATE EXTENSION, CREATE FOREIGN DATA WRAPPER, CREATE FOREIGN TABLE, CREATE SCHEMA, CREATE SERVER, DROP SERVER', 'event triggers see each step');
fails("CREATE FUNCTION refuse() RETURNS event_trigger LANGUAGE plpgsql AS 'BEGIN RAISE EXCEPTION ''no''; END'; CREATE EVENT TRIGGER no ON ddl_command_start EXECUTE FUNCTION refuse(); CREATE SCHEMA x",
	qr/ERROR:  P0001: no/, 'one that refuses everything', 'watched');
one("SELECT wfm_refresh('acme')", 'watched');
pass('is no matter for tokens');

# --- renaming a database ---
wait_for_no_worker();
my $generation = one('SELECT generation FROM wfm_tokens', 'watched');
my $mark = $sim->mark;
one('ALTER DATABASE watched RENAME TO moved');
one('DROP EVENT TRIGGER no; DROP EVENT TRIGGER made; DROP EVENT TRIGGER gone;
	CREATE SERVER acme FOREIGN DATA WRAPPER wfm_fdw OPTIONS (connection \'acme\');
	CREATE FOREIGN TABLE c (uuid uuid) SERVER acme OPTIONS (resource \'client\')', 'moved');
is(one('SELECT count(*) FROM c', 'moved'), one('SELECT count(*) FROM acme.client'), 'a renamed database reads with the token it had');
is(scalar(() = $sim->token_requests_since($mark)), 0, 'which is not asked for again');
one("SELECT wfm_refresh('acme')", 'moved');
is(one('SELECT generation FROM wfm_tokens', 'moved'), $generation + 1, 'and refreshes');

# --- a copy made with TEMPLATE has its own connections and nobody's tokens ---
wait_for_no_worker();
$generation = one('SELECT generation FROM wfm_tokens', 'moved');
$mark = $sim->mark;
one('CREATE DATABASE copy TEMPLATE moved');
foreach my $sql ('SELECT count(*) FROM c', "SELECT wfm_refresh('acme')")
{
	fails($sql, qr/ERROR:  28000: connection "acme" is not authorized.*HINT: .*wfm_authorize_url\('acme'\)/s, "copy: $sql", 'copy');
}
is(one('SELECT state FROM wfm_stat_connections', 'copy'), 'needs_authorization', 'copy: the status');
is(scalar(() = $sim->requests_since($mark)), 0, 'copy: sent nothing');
one("SELECT wfm_refresh('acme')", 'moved');
is(one('SELECT state, generation FROM wfm_stat_connections', 'moved'), 'ready|' . ($generation + 1), 'the original refreshes on');
one("UPDATE wfm_connections SET client_secret = 'sim-secret', refresh_token = '" . fresh_token() . "'", 'copy');
is(one('SELECT count(*) FROM c', 'copy'), one('SELECT count(*) FROM c', 'moved'), 'with a consent of its own the copy reads, too');
one("SELECT wfm_refresh('acme')", $_) foreach 'copy', 'moved';
pass('and each refreshes its own');

# --- dropping a database right after its tokens were refreshed ---
one('DROP DATABASE copy');
pass('DROP DATABASE waits for the token worker by itself');
one("SELECT wfm_refresh('acme')", 'moved');
one('DROP DATABASE moved WITH (FORCE)');
pass('WITH (FORCE) ends it');
one("SELECT wfm_refresh('acme')");
pass('the others go on');

# --- maintenance of our own tables, while tokens change ---
foreach my $command ('VACUUM', 'VACUUM (FULL, FREEZE)', 'ANALYZE', 'REINDEX TABLE', 'REINDEX TABLE CONCURRENTLY')
{
	foreach my $table ('wfm_connections', 'wfm_tokens')
	{
		one("$command $table");
	}
	one("SELECT wfm_refresh('acme')");
	pass("$command, and a refresh");
}
one('CLUSTER wfm_tokens USING wfm_tokens_pkey');
one("SELECT wfm_refresh('acme')") foreach 1 .. 10;
one("UPDATE wfm_connections SET calls_per_day = 4000 WHERE name = 'acme'");
is(one('SELECT count(*) FROM acme.client'), 12, 'it reads after all that');
$node->command_ok([ 'pg_amcheck', '--install-missing', '--heapallindexed', '--parent-check', '-h', $node->host, '-p', $node->port, 'postgres' ], 'pg_amcheck finds nothing');

# --- single-user mode ---
$node->stop;
sub single_user
{
	my ($sql) = @_;
	my ($out, $err) = ('', '');

	IPC::Run::run([ 'postgres', '--single', '-j', '-D', $node->data_dir, 'postgres' ], '<', \"$sql;\n\n", '>', \$out, '2>', \$err);
	return "$out$err";
}
like(single_user("SELECT name FROM wfm_connections WHERE name = 'acme'"), qr/name = "acme"/, 'single-user mode reads our tables');
like(single_user("UPDATE wfm_connections SET client_secret = 'sim-secret' WHERE name = 'acme'"), qr/WARNING:  column "client_secret"/, 'and seals secrets');
like(single_user('VACUUM FULL wfm_tokens'), qr/^\s*(backend>|PostgreSQL stand-alone)/m, 'maintains them');
unlike(single_user('REINDEX TABLE wfm_tokens'), qr/ERROR|FATAL|PANIC/, 'without an error');
foreach my $sql ('SELECT count(*) FROM acme.client', "SELECT wfm_refresh('acme')")
{
	like(single_user($sql), qr/ERROR:  wfm_fdw reaches no API in single-user mode.*HINT:  Start the server as usual/s, "single-user mode: $sql");
}
like(single_user("SELECT * FROM wfm_check('acme')"), qr/step = "token".*ok = "f".*wfm_fdw reaches no API in single-user mode.*mend = "Start the server as usual\."/s,
	'single-user mode: wfm_check says so');
$node->start;
one("SELECT wfm_refresh('acme')");
is(one("SELECT state FROM wfm_stat_connections WHERE name = 'acme'"), 'ready', 'afterwards all is as before');

done_testing();
