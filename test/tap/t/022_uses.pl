# The ways in which people use a table: joins, views, materialized views,
# prepared statements, cursors, functions, subtransactions, read-only
# transactions, parallel plans, JIT, every format of EXPLAIN.  Each gives what
# a local copy gives.

use strict;
use warnings;

use JSON::PP;
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;

use WfmTest;

my $sim = WfmTest::Simulator->new('--clients', 40, '--jobs', 200, '--time', 3000, '--today', '2026-06-30',
	'--minute-limit', 100000, '--day-limit', 1000000, '--concurrent-limit', 50);
my $node = WfmTest::start_node('uses', settings => "max_prepared_transactions = 2\n");

WfmTest::connect_tables($node, $sim, calls_per_minute => 600, server => "connection 'acme', history_from '2022-01-01'");

sub one { return $node->safe_psql('postgres', $_[0]); }

# Both queries give the same, and something.
sub same
{
	my ($name, $remote, $local) = @_;
	my $rows = one($remote);

	isnt($rows, '', "$name: rows");
	is($rows, one($local), $name);
}

# A copy of the tables: schema dump.
one(q{
CREATE SCHEMA dump;
CREATE TABLE dump.client AS SELECT * FROM acme.client;
CREATE TABLE dump.job AS SELECT * FROM acme.job;
CREATE TABLE dump.staff AS SELECT * FROM acme.staff;
CREATE TABLE dump.time_entry AS SELECT * FROM acme.time_entry;
CREATE TABLE budget (client_uuid uuid PRIMARY KEY, hours numeric);
INSERT INTO budget SELECT uuid, 10 * (row_number() OVER (ORDER BY uuid) % 7) FROM dump.client WHERE name < 'P';
ANALYZE;
});

# Run one text on both.
sub same_on_both
{
	my ($name, $sql, $before) = @_;
	my ($remote, $local) = map { my $schema = $_; (my $text = $sql) =~ s/\bX\./$schema./g; ($before || '') . $text } 'acme', 'dump';

	same($name, $remote, $local);
}

# --- joins with local tables, of every kind ---
my %joins = (
	'inner join' => 'SELECT c.name, b.hours FROM X.client c JOIN budget b ON b.client_uuid = c.uuid ORDER BY 1, 2',
	'left join' => 'SELECT c.name, b.hours FROM X.client c LEFT JOIN budget b ON b.client_uuid = c.uuid ORDER BY 1, 2',
	'right join' => 'SELECT c.name, b.hours FROM budget b RIGHT JOIN X.client c ON b.client_uuid = c.uuid AND b.hours > 20 ORDER BY 1, 2',
	'full join' => 'SELECT c.name, b.hours FROM budget b FULL JOIN X.client c ON b.client_uuid = c.uuid AND c.is_archived ORDER BY 1, 2',
	'semi join' => 'SELECT count(*) FROM X.client c WHERE EXISTS (SELECT FROM budget b WHERE b.client_uuid = c.uuid AND hours = 30)',
	'anti join' => 'SELECT count(*) FROM budget b WHERE NOT EXISTS (SELECT FROM X.job j WHERE j.client_uuid = b.client_uuid)',
	'lateral join' => 'SELECT b.client_uuid, l.name FROM (SELECT * FROM budget ORDER BY client_uuid LIMIT 3) b, LATERAL (SELECT name FROM X.client c WHERE c.uuid = b.client_uuid OFFSET 0) l ORDER BY 1',
	'three tables' => 'SELECT c.name, sum(t.minutes) FROM X.time_entry t JOIN X.job j ON j.id = t.job_id JOIN X.client c ON c.uuid = j.client_uuid LEFT JOIN budget b ON b.client_uuid = c.uuid WHERE t.date >= $$2026-01-01$$ GROUP BY c.uuid, c.name ORDER BY 1, 2',
	'self join' => 'SELECT count(*) FROM X.staff a JOIN X.staff b ON a.uuid < b.uuid',
	'set operations' => 'SELECT name FROM X.staff UNION SELECT name FROM X.client EXCEPT SELECT name FROM X.job ORDER BY 1',
	'window function' => 'SELECT name, row_number() OVER (ORDER BY name COLLATE "C", uuid) FROM X.client ORDER BY 2',
	'recursion' => 'WITH RECURSIVE r(n, name) AS (SELECT 0, min(name) FROM X.staff UNION ALL SELECT n + 1, (SELECT min(s.name) FROM X.staff s WHERE s.name > r.name) FROM r WHERE n < 3) SELECT * FROM r ORDER BY n',
	'system columns and whole rows' => 'SELECT count(s), count(DISTINCT s::text) FROM X.staff s');
same_on_both($_, $joins{$_}) foreach sort keys %joins;
is(one('SELECT DISTINCT tableoid::regclass FROM acme.staff'), 'acme.staff', 'tableoid');

foreach my $method (qw(hashjoin mergejoin nestloop))
{
	my $off = join '', map { "SET enable_$_ = off; " } grep { $_ ne $method } qw(hashjoin mergejoin nestloop);

	same_on_both("$method only", 'SELECT c.name, j.id FROM X.job j JOIN X.client c ON c.uuid = j.client_uuid WHERE j.budget > 5000 ORDER BY 1, 2', $off);
}

# --- views, with rights of their owner ---
one(q{
CREATE VIEW hours AS SELECT staff_uuid, date, sum(minutes) / 60.0 AS hours FROM acme.time_entry GROUP BY 1, 2;
CREATE VIEW barrier WITH (security_barrier) AS SELECT uuid, name FROM acme.client WHERE NOT is_archived;
CREATE ROLE reader LOGIN;
GRANT SELECT ON hours, barrier TO reader;
});
same('a view', q{SELECT round(sum(hours), 2) FROM hours WHERE date BETWEEN '2026-02-01' AND '2026-02-28'},
	q{SELECT round(sum(minutes) / 60.0, 2) FROM dump.time_entry WHERE date BETWEEN '2026-02-01' AND '2026-02-28'});
my $mark = $sim->mark;
one(q{SELECT sum(hours) FROM hours WHERE date = '2026-02-03'});
my @calls = $sim->calls_since($mark);
is(scalar(@calls), 1, 'a condition on a view is pushed into it');
same('a reader of a view needs no rights below it', q{SET ROLE reader; SELECT count(*) FROM barrier},
	'SELECT count(*) FROM dump.client WHERE NOT is_archived');
my ($code, $out, $err) = $node->psql('postgres', "\\set VERBOSITY verbose\nSET ROLE reader; SELECT count(*) FROM acme.client");
like($err, qr/42501: permission denied/, 'the table itself is closed to it');

# --- materialized views ---
one(q{
CREATE MATERIALIZED VIEW copy AS SELECT uuid, name, phone FROM acme.staff;
CREATE UNIQUE INDEX ON copy (uuid);
CREATE TABLE copy_before AS TABLE copy;
});
same('a materialized view', 'SELECT * FROM copy ORDER BY uuid', 'SELECT uuid, name, phone FROM dump.staff ORDER BY uuid');
my ($gone, $changed) = split /\n/, one('SELECT uuid FROM copy ORDER BY uuid LIMIT 2');
$sim->control('POST', 'data', { op => 'delete', table => 'staff', key => { uuid => $gone } });
$sim->control('POST', 'data', { op => 'change', table => 'staff', key => { uuid => $changed }, set => { phone => '555-0100' } });
one('REFRESH MATERIALIZED VIEW CONCURRENTLY copy');
is(one('SELECT uuid FROM (TABLE copy_before EXCEPT TABLE copy) a ORDER BY 1'), "$gone\n$changed", 'REFRESH CONCURRENTLY takes what changed');
is(one("SELECT phone FROM copy WHERE uuid = '$changed'"), '555-0100', 'as it is now');
one("SELECT count(*) FROM acme.client WHERE _search = 'Pacific'");
$sim->fault({ match => { path => '*staff.api' }, action => { status => 400, body => 'no' } });
($code, $out, $err) = $node->psql('postgres', 'REFRESH MATERIALIZED VIEW CONCURRENTLY copy');
isnt($code, 0, 'a refresh that fails');
$sim->no_faults;
is(one("SELECT count(*) FROM copy"), one('SELECT count(*) - 1 FROM copy_before'), 'leaves the old rows');

# --- functions: SQL, PL/pgSQL, set returning, called for each row ---
one(q{
CREATE FUNCTION minutes_of(p_job text) RETURNS bigint LANGUAGE sql STABLE AS
	$$ SELECT coalesce(sum(minutes), 0) FROM acme.time_entry WHERE job_id = p_job $$;
CREATE FUNCTION first_clients(n int) RETURNS SETOF text LANGUAGE plpgsql AS $$
DECLARE
	c record;
BEGIN
	FOR c IN SELECT name FROM acme.client ORDER BY uuid LOOP
		EXIT WHEN n = 0;
		n := n - 1;
		RETURN NEXT c.name;
	END LOOP;
END $$;
CREATE FUNCTION try_job(p_job text) RETURNS text LANGUAGE plpgsql AS $$
BEGIN
	RETURN (SELECT name FROM acme.job WHERE id = p_job);
EXCEPTION WHEN fdw_error OR connection_failure OR fdw_unable_to_establish_connection THEN
	RETURN 'caught ' || SQLSTATE;
END $$;
});
same('a function for each row', q{SELECT id, minutes_of(id) FROM (SELECT id FROM dump.job WHERE id ~ '^J\d+$' ORDER BY id LIMIT 3) j},
	q{SELECT id, (SELECT coalesce(sum(minutes), 0) FROM dump.time_entry WHERE job_id = id) FROM (SELECT id FROM dump.job WHERE id ~ '^J\d+$' ORDER BY id LIMIT 3) j});
same('a loop that ends early', 'SELECT first_clients(5)', 'SELECT name FROM dump.client ORDER BY uuid LIMIT 5');

# --- subtransactions ---
my $job = one(q{SELECT id FROM dump.job WHERE id ~ '^J\d+$' ORDER BY id LIMIT 1});
$sim->fault({ match => { path => '*job.api' }, count => 1, action => { error_text => 'Something else' } });
is(one("SELECT try_job('$job'), try_job('$job')"), 'caught HV000|' . one("SELECT name FROM dump.job WHERE id = '$job'"),
	'an error that is caught leaves the session whole');
$sim->no_faults;
is(one(q{
BEGIN;
DECLARE c CURSOR FOR SELECT name FROM acme.client;
FETCH 1 FROM c \g /dev/null
SAVEPOINT a;
FETCH 1 FROM c \g /dev/null
\set ON_ERROR_STOP off
SELECT 1 / count(*) FROM acme.staff WHERE name = 'nobody';
ROLLBACK TO a;
\set ON_ERROR_STOP on
MOVE FORWARD ALL FROM c;
SELECT count(*) FROM acme.client;
COMMIT;
}), 40, 'a cursor outlives a subtransaction that failed');
is(one(q{
BEGIN;
SAVEPOINT a;
DECLARE c CURSOR FOR SELECT name FROM acme.client;
FETCH 1 FROM c \g /dev/null
ROLLBACK TO a;
SELECT count(*) FROM acme.client;
COMMIT;
}), 40, 'a cursor that goes with its subtransaction');
is(one('SELECT sum(in_flight) FROM wfm_stat_limits'), 0, 'no call is left behind');

# --- read-only and other transactions ---
same('a read-only transaction', 'BEGIN READ ONLY; SELECT count(*) FROM acme.client; COMMIT', 'SELECT count(*) FROM dump.client');
same('a serializable, read-only, deferrable one', 'BEGIN ISOLATION LEVEL SERIALIZABLE READ ONLY DEFERRABLE; SELECT count(*) FROM acme.client; COMMIT',
	'SELECT count(*) FROM dump.client');
same('a read-only session', 'SET default_transaction_read_only = on; SELECT count(*) FROM acme.client', 'SELECT count(*) FROM dump.client');
one("BEGIN; CREATE TABLE two_phase AS SELECT count(*) FROM acme.client; PREPARE TRANSACTION 'two'; COMMIT PREPARED 'two'");
is(one('TABLE two_phase'), 40, 'a prepared transaction');

# --- prepared statements: the same plan, other values ---
my $client = one('SELECT min(uuid::text) FROM dump.client');
foreach my $mode (qw(force_generic_plan force_custom_plan))
{
	same_on_both("prepared statements, $mode", q{
PREPARE a(date, date) AS SELECT count(*), sum(minutes) FROM X.time_entry WHERE date BETWEEN $1 AND $2;
PREPARE b(text[]) AS SELECT count(*) FROM X.job WHERE id = ANY ($1);
PREPARE c(uuid) AS SELECT name FROM X.client WHERE uuid = $1;
EXECUTE a('2026-01-01', '2026-01-31'); EXECUTE a('2025-12-01', '2026-02-28'); EXECUTE a(NULL, '2026-01-01'); EXECUTE a('2026-02-01', '2026-01-01');
EXECUTE b('{J000100,J000101}'); EXECUTE b('{}'); EXECUTE b(NULL); EXECUTE b('{NULL}');
EXECUTE c('UUID'); EXECUTE c(NULL);
} =~ s/UUID/$client/r, "SET plan_cache_mode = $mode; ");
}
is(one(q{SET plan_cache_mode = force_generic_plan; PREPARE a(text) AS SELECT count(*) FROM acme.job WHERE id = $1;
EXECUTE a('J000100') \g /dev/null
EXECUTE a('J000101') \g /dev/null
SELECT generic_plans > 0 FROM pg_prepared_statements WHERE name = 'a'}), 't', 'the plan was generic');

# --- cursors ---
same('a cursor WITH HOLD', q{
BEGIN; DECLARE c CURSOR WITH HOLD FOR SELECT name FROM acme.client ORDER BY uuid; COMMIT;
FETCH 3 FROM c; FETCH ALL FROM c; CLOSE c;}, 'SELECT name FROM dump.client ORDER BY uuid');
same('a cursor that goes back', q{
BEGIN; DECLARE c SCROLL CURSOR FOR SELECT name FROM acme.client; FETCH 5 FROM c \g /dev/null
MOVE BACKWARD ALL FROM c; FETCH 1 FROM c; COMMIT}, 'SELECT name FROM dump.client LIMIT 1');
same('two cursors, by turns', q{
BEGIN; DECLARE a CURSOR FOR SELECT name FROM acme.client; DECLARE b CURSOR FOR SELECT name FROM acme.client;
FETCH 1 FROM a; FETCH 1 FROM b; FETCH 1 FROM a; FETCH 1 FROM b; COMMIT},
	'SELECT name FROM (SELECT name, row_number() OVER () AS n FROM dump.client LIMIT 2) s, generate_series(1, 2) ORDER BY n');
same('a cursor reread', q{
BEGIN; DECLARE c CURSOR FOR SELECT (SELECT count(*) FROM acme.staff s WHERE s.name > b.client_uuid::text) > 0 FROM budget b LIMIT 3;
FETCH ALL FROM c; COMMIT}, 'SELECT true FROM generate_series(1, 3)');

# A cursor left open holds no call, whatever it had under way.
{
	my $session = $node->background_psql('postgres');

	$session->query_safe('BEGIN');
	$mark = $sim->mark;
	$session->query_safe('DECLARE c CURSOR FOR SELECT uuid FROM acme.time_entry');
	is(scalar(() = $sim->calls_since($mark)), 0, 'a cursor that is not read sends nothing');
	$session->query_safe('FETCH 2 FROM c');
	is(one('SELECT sum(in_flight), sum(waiting) FROM wfm_stat_limits'), '0|0', 'an open cursor holds no call');
	cmp_ok(scalar(() = $sim->calls_since($mark)), '>', 0, 'though it sent some');
	is(one('SELECT count(*) FROM acme.client'), 40, 'others go on meanwhile');
	is($session->query_safe('MOVE FORWARD ALL FROM c; SELECT count(*) FROM acme.staff'), one('SELECT count(*) FROM acme.staff'), 'and so does its own session');
	is(one('SELECT sum(in_flight), sum(waiting) FROM wfm_stat_limits'), '0|0', 'nor does one that was read to its end');
	$session->query_safe('ROLLBACK');
	$session->quit;
}

# --- settings of the planner and executor ---
my $join = 'SELECT c.name, count(*), sum(t.minutes) FROM X.time_entry t JOIN X.job j ON j.id = t.job_id JOIN X.client c ON c.uuid = j.client_uuid
	WHERE t.date BETWEEN $$2026-03-01$$ AND $$2026-03-10$$ GROUP BY c.uuid, c.name ORDER BY 1, 2, 3';
# renamed in version 16
my $force = one(q{SELECT name FROM pg_settings WHERE name IN ('force_parallel_mode', 'debug_parallel_query')});
my %settings = (
	'parallel plans forced' => "SET $force = on; " . q{SET parallel_setup_cost = 0; SET parallel_tuple_cost = 0; SET min_parallel_table_scan_size = 0; SET max_parallel_workers_per_gather = 2; },
	'JIT of everything' => 'SET jit = on; SET jit_above_cost = 0; SET jit_inline_above_cost = 0; SET jit_optimize_above_cost = 0; ',
	'little work_mem' => q{SET work_mem = '64kB'; SET hash_mem_multiplier = 1; },
	'no asynchronous append' => 'SET enable_async_append = off; ',
	'no memoize, no material' => 'SET enable_memoize = off; SET enable_material = off; SET enable_hashjoin = off; SET enable_mergejoin = off; ',
	'genetic search' => 'SET geqo_threshold = 2; ',
	'no batches of groups' => 'SET enable_hashagg = off; SET enable_incremental_sort = off; ');
same_on_both($_, $join, $settings{$_}) foreach sort keys %settings;
same_on_both('parallel plans with a union', 'SELECT count(*), count(DISTINCT n) FROM (SELECT name AS n FROM X.client UNION ALL SELECT name FROM dump.job) s',
	$settings{'parallel plans forced'});
SKIP:
{
	skip 'JIT is not available', 1 if one('SELECT pg_jit_available()') ne 't';
	like(one("$settings{'JIT of everything'} EXPLAIN (ANALYZE) SELECT upper(name) FROM acme.client WHERE length(name) > 3"), qr/JIT:/, 'JIT was at work');
}

# --- EXPLAIN in all formats, with every option ---
my $query = q{SELECT s.name, t.minutes FROM acme.time_entry t JOIN acme.staff s ON s.uuid = t.staff_uuid WHERE t.date = '2026-03-03'};
foreach my $options ('VERBOSE', 'ANALYZE, VERBOSE, BUFFERS, SETTINGS, WAL')
{
	my $plan = decode_json(one("EXPLAIN ($options, FORMAT json) $query"));
	my @nodes = ($plan->[0]{Plan});
	my @scans;

	while (my $node = shift @nodes)
	{
		push @nodes, @{ $node->{Plans} || [] };
		push @scans, $node if $node->{'Node Type'} eq 'Foreign Scan';
	}
	is(scalar(@scans), 2, "EXPLAIN ($options, FORMAT json): both scans");
	foreach my $key ('Request', 'Pushed Filters', 'Expected Calls', $options =~ /ANALYZE/ ? ('Calls', 'Pages', 'Rows Received', 'Bytes Received', 'Retries', 'Limited (429)', 'Network Wait', 'Slot Wait', 'Token Wait') : ())
	{
		is(scalar(grep { exists $_->{$key} } @scans), 2, "EXPLAIN ($options, FORMAT json): $key");
	}
	like(one("EXPLAIN ($options, FORMAT yaml) $query"), qr/^\s+Pushed Filters: ?\n\s+- "date = '2026-03-03'::date \(assumed\)"$/m, "EXPLAIN ($options, FORMAT yaml)");
	is(one("SELECT count(*) FROM (SELECT unnest(xpath('//x:Request', \$\$" . one("EXPLAIN ($options, FORMAT xml) $query") . "\$\$::xml, '{{x,http://www.postgresql.org/2009/explain}}'))) s"), 2,
		"EXPLAIN ($options, FORMAT xml) is well-formed XML");
	like(one("EXPLAIN ($options) $query"), qr/Pushed Filters: date = '2026-03-03'::date \(assumed\)/, "EXPLAIN ($options)");
}
$mark = $sim->mark;
one("EXPLAIN (VERBOSE, FORMAT $_) $query") foreach qw(text json yaml xml);
is(scalar(() = $sim->requests_since($mark)), 0, 'EXPLAIN without ANALYZE sends nothing');

# --- tables of tables ---
one(q{
CREATE TABLE everybody (uuid uuid, name text) PARTITION BY LIST (name);
CREATE TABLE parent (uuid uuid, name text);
CREATE FOREIGN TABLE child_a (uuid uuid, name text) INHERITS (parent) SERVER acme OPTIONS (resource 'staff');
CREATE FOREIGN TABLE child_b (uuid uuid, name text) INHERITS (parent) SERVER acme OPTIONS (resource 'client');
});
same('inheritance', 'SELECT tableoid::regclass, count(*) FROM parent GROUP BY 1 ORDER BY min(tableoid::regclass::text)',
	q{SELECT * FROM (SELECT 'child_a', count(*) FROM acme.staff UNION ALL SELECT 'child_b', count(*) FROM dump.client) s ORDER BY 1});
same('COPY of a query', 'COPY (SELECT name FROM acme.client ORDER BY uuid) TO STDOUT', 'COPY (SELECT name FROM dump.client ORDER BY uuid) TO STDOUT');
same('ANALYZE and then a query', 'ANALYZE budget; SELECT count(*) FROM acme.client', 'SELECT count(*) FROM dump.client');

# Row security and column rights
one('GRANT USAGE ON SCHEMA acme TO reader; GRANT SELECT (name) ON acme.staff TO reader');
isnt(one('SET ROLE reader; SELECT count(name) FROM acme.staff'), 0, 'a column that is granted');
($code, $out, $err) = $node->psql('postgres', 'SET ROLE reader; SELECT count(phone) FROM acme.staff');
like($err, qr/permission denied/, 'and one that is not');

# SELECT FOR UPDATE has nothing to lock, but is no error.
same('FOR UPDATE', 'SELECT count(*) FROM (SELECT 1 FROM acme.client FOR UPDATE) s', 'SELECT count(*) FROM dump.client');
same('a sample of rows from a subquery', 'SELECT count(*) FROM (SELECT * FROM acme.client OFFSET 5 LIMIT 10) s', 'SELECT 10');

is(one('SELECT sum(in_flight), sum(waiting) FROM wfm_stat_limits'), '0|0', 'in the end no call is left');
is(one('SELECT count(*) FROM pg_stat_activity WHERE backend_type LIKE $$wfm%launcher%$$'), 1, 'and the server never went down');
done_testing();
