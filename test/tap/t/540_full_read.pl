# A scan whose requests by key would cost more calls than the list turns to the
# list: never more than twice the calls of the better plan, and the same rows.

use strict;
use warnings;

use JSON::PP;
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;

use WfmTest;

my $sim = WfmTest::Simulator->new('--clients', 60, '--jobs', 150, '--staff', 12, '--time', 900,
	'--today', '2026-06-30', '--minute-limit', 100000, '--day-limit', 1000000,
	'--app-minute-limit', 100000, '--concurrent-limit', 50);
my $node = WfmTest::start_node('full_read', settings => "autovacuum = off\njit = off\n");

sub one { return $node->safe_psql('postgres', $_[0]); }

# The limit of calls belongs to the app and the tenant: several apps, by turns.
foreach my $n (0 .. 3)
{
	$sim->control('POST', 'tokens', { new_client => { client_id => "app$n", secret => 's' } });
	my $grant = $sim->control('POST', 'tokens', { new_grant => { client_id => "app$n" } });
	WfmTest::connect_tables($node, $sim, name => "x$n", client_id => "app$n", client_secret => 's',
		refresh_token => $grant->{refresh_token}, calls_per_minute => 600,
		server => "connection 'x$n', history_from '2022-01-01'");
}
my $turn = 0;

# Local tables of the simulator's own dump.
one('CREATE SCHEMA dump');
foreach my $table (qw(client job staff time_entry client_contact job_task invoice))
{
	my ($file, @columns) = $sim->csv_file($table);
	my $columns = join ', ', map { "\"$_\"" } @columns;

	one("CREATE TABLE dump.$table AS SELECT $columns FROM x0.$table WHERE false;
		COPY dump.$table FROM '$file' (FORMAT csv, HEADER)");
}
# Statistics that are wrong: one row each, when they were made.
one(q{
CREATE TABLE wanted_client (uuid uuid, note text);
CREATE TABLE wanted_job (id text, day date);
INSERT INTO wanted_client VALUES (NULL, 'none');
INSERT INTO wanted_job VALUES (NULL, NULL);
ANALYZE wanted_client, wanted_job;
INSERT INTO wanted_client SELECT uuid, 'n' FROM (SELECT uuid FROM dump.client ORDER BY uuid LIMIT 40) c;
INSERT INTO wanted_client SELECT uuid, 'twice' FROM (SELECT uuid FROM dump.client ORDER BY uuid LIMIT 10) c;
INSERT INTO wanted_client VALUES ('00000000-0000-0000-0000-000000000001', 'no such'), (NULL, 'another');
INSERT INTO wanted_job SELECT id, date '2026-03-01' + (row_number() OVER (ORDER BY id COLLATE "C"))::int
	FROM (SELECT id FROM dump.job ORDER BY id COLLATE "C") j;
CREATE TABLE plain_job AS SELECT * FROM wanted_job WHERE id ~ '^[A-Za-z0-9_-]+$';
INSERT INTO wanted_job VALUES ('no such', '2026-03-05'), ('', NULL), (NULL, NULL);
});

my $nested = 'SET enable_hashjoin = off; SET enable_mergejoin = off; SET enable_material = off; ';
my $plain = $nested . 'SET enable_memoize = off; ';
my %calls_of = (
	client => 1, staff => 1,
	job => one("SELECT calls_of_full_read FROM wfm_tables WHERE server = 'x0' AND resource = 'job'"),
	time_entry => one("SELECT calls_of_full_read FROM wfm_tables WHERE server = 'x0' AND resource = 'time_entry'"),
	invoice => one("SELECT calls_of_full_read FROM wfm_tables WHERE server = 'x0' AND resource = 'invoice'"));

# A query with X for the schema: same rows as locally, at most so many calls.
# Returns the plan as it ran, decoded.
sub check
{
	my ($name, $sql, $most, $before) = @_;
	my $schema = 'x' . $turn++ % 4;
	(my $remote = $sql) =~ s/\bX\./$schema./g;
	(my $local = $sql) =~ s/\bX\./dump./g;
	$before = $nested if !defined $before;
	my $mark = $sim->mark;
	my $rows = one("$before$remote");
	my $calls = () = $sim->calls_since($mark);

	isnt($rows, '', "$name: there are rows");
	is($rows, one($local), "$name: the same rows");
	cmp_ok($calls, '<=', $most, "$name: at most $most calls");
	my $plan = decode_json(one("${before}EXPLAIN (ANALYZE, FORMAT json) $remote"));
	my @nodes = ($plan->[0]{Plan});
	my @scans;

	while (my $one = shift @nodes)
	{
		push @nodes, @{ $one->{Plans} || [] };
		push @scans, $one if $one->{'Node Type'} eq 'Foreign Scan';
	}
	return @scans;
}

foreach my $memoize (0, 1)
{
	my $before = $memoize ? $nested : $plain;
	my $name = $memoize ? 'behind Memoize' : 'without a cache';

	my @scans = check("a get for each row, $name",
		'SELECT w.note, c.name FROM wanted_client w JOIN X.client c ON c.uuid = w.uuid ORDER BY 1, 2', 2, $before);
	like($scans[0]{'Switched To Full Read'}, qr{^GET practicemanager/3.1 client.api/list$}, "$name: EXPLAIN says so");
	is($scans[0]{'Calls Before'}, 1, "$name: after one call");
	is($scans[0]{'Rows Kept'}, 60, "$name: all clients are kept");
	check("outer rows without a partner, $name",
		'SELECT w.note, count(c.uuid) FROM wanted_client w LEFT JOIN X.client c ON c.uuid = w.uuid GROUP BY 1 ORDER BY 1', 2, $before);
	check("jobs by number, $name",
		'SELECT j.id, j.name FROM plain_job w JOIN X.job j ON j.id = w.id ORDER BY j.id COLLATE "C"', 2 * $calls_of{job}, $before);
	# a number that no path can hold is looked for in the list already
	check("jobs by odd numbers, $name",
		'SELECT j.id, j.name FROM wanted_job w JOIN X.job j ON j.id = w.id ORDER BY j.id COLLATE "C"', 3 * $calls_of{job}, $before);
	check("jobs of clients, $name",
		'SELECT w.note, j.id FROM wanted_client w JOIN X.job j ON j.client_uuid = w.uuid ORDER BY 1, j.id COLLATE "C"', 2 * $calls_of{job}, $before);
	check("lists in clients, $name",
		'SELECT w.note, c.client_uuid, c.ordinal, c.name FROM wanted_client w JOIN X.client_contact c ON c.client_uuid = w.uuid ORDER BY 1, 2, 3', 2, $before);
	check("lists in the long form, $name",
		'SELECT w.id, t.ordinal, t.name FROM plain_job w JOIN X.job_task t ON t.job_id = w.id ORDER BY w.id COLLATE "C", 2', 2 * $calls_of{job}, $before);
}

my @scans = check('LATERAL with LIMIT',
	'SELECT w.note, l.name FROM wanted_client w, LATERAL (SELECT name FROM X.client c WHERE c.uuid = w.uuid LIMIT 1) l ORDER BY 1, 2', 2);
@scans = check('a list of keys from the outer row',
	'SELECT g, l.n FROM (SELECT g, array(SELECT uuid FROM wanted_client OFFSET 2 * g LIMIT 5) AS a FROM generate_series(1, 10) g OFFSET 0) w,
		LATERAL (SELECT count(*) AS n FROM X.client c WHERE c.uuid = ANY (w.a) OFFSET 0) l ORDER BY 1', 1);
is($scans[0]{'Calls Before'}, 0, 'five keys at once are more than the list: no key is asked for');
check('a subquery in the select list',
	'SELECT w.id, (SELECT sum(minutes) FROM X.time_entry t WHERE t.job_id = w.id) FROM plain_job w ORDER BY w.id COLLATE "C"', 2 * $calls_of{time_entry});
check('a window for each row',
	'SELECT w.day, (SELECT sum(minutes) FROM X.time_entry t WHERE t.date = w.day) FROM wanted_job w ORDER BY 1', 2 * $calls_of{time_entry}, $plain);
check('a window that is fixed, and a person for each row',
	q{SELECT s.uuid, (SELECT count(*) FROM X.time_entry t WHERE t.staff_uuid = s.uuid AND t.date BETWEEN '2025-01-01' AND '2026-06-30') FROM dump.staff s ORDER BY 1}, 4, $plain);
check('NOT EXISTS', 'SELECT count(*) FROM wanted_client w WHERE NOT EXISTS (SELECT FROM X.client c WHERE c.uuid = w.uuid AND c.name > w.note)', 2, $plain);
check('a condition of its own is still checked',
	q{SELECT count(*) FROM wanted_client w JOIN X.client c ON c.uuid = w.uuid AND c.name < 'M' AND c.is_archived = (w.note = 'twice')}, 2, $plain);
check('a get may deliver a draft, the list does not',
	q{SELECT count(*) FROM (SELECT id FROM dump.invoice WHERE id ~ '^[A-Za-z0-9_-]+$' UNION ALL SELECT id FROM plain_job) k, LATERAL (SELECT status FROM X.invoice i WHERE i.id = k.id OFFSET 0) l}, 2 * $calls_of{invoice}, $plain);

# Keys in a parameter: known when the query runs, not when it is planned.
{
	one(q{ALTER SERVER x0 OPTIONS (SET history_from '2010-01-01')});
	$calls_of{job} = one("SELECT calls_of_full_read FROM wfm_tables WHERE server = 'x0' AND resource = 'job'");
	my $mark = $sim->mark;
	my $out = one(q{SET plan_cache_mode = force_generic_plan; PREPARE p(text[]) AS SELECT count(*) FROM x0.job WHERE id = ANY ($1);
		EXPLAIN (COSTS OFF) EXECUTE p('{}');
		PREPARE all_ids AS SELECT array_agg(id) FROM dump.job;
		DO $$ DECLARE n bigint; ids text[];
		BEGIN
			SELECT array_agg(id) INTO ids FROM dump.job;
			EXECUTE format('EXECUTE p(%L)', ids) INTO n;
			IF n <> cardinality(ids) THEN RAISE EXCEPTION '% of %', n, cardinality(ids); END IF;
		END $$});
	like($out, qr{job.api/get/\{id\}}, 'the generic plan asks for each key');
	is(scalar(() = $sim->calls_since($mark)), $calls_of{job}, 'a long list in a parameter is read from the list');
	$mark = $sim->mark;
	is(one(q{SET plan_cache_mode = force_generic_plan; PREPARE p(text[]) AS SELECT count(*) FROM x0.job WHERE id = ANY ($1);
		EXECUTE p('{J000100,J000101,J000100}')}), 2, 'a short one');
	is(scalar(() = $sim->calls_since($mark)), 2, 'by key');
	one(q{ALTER SERVER x0 OPTIONS (SET history_from '2022-01-01')});
	$calls_of{job} = one("SELECT calls_of_full_read FROM wfm_tables WHERE server = 'x0' AND resource = 'job'");
}

# What does not fit into memory is not kept.
{
	one('CREATE SERVER forgetful FOREIGN DATA WRAPPER wfm_fdw OPTIONS (connection $$x3$$);
		CREATE FOREIGN TABLE little (uuid uuid, name text, address text, web_url text, city text, region text, country text, phone text, fax text) SERVER forgetful OPTIONS (resource $$client$$)');
	my $sql = 'SELECT count(c.name), count(c.address || c.web_url || c.city || c.region || c.country || c.phone || c.fax) FROM (SELECT uuid FROM wanted_client LIMIT 12) w JOIN little c ON c.uuid = w.uuid';
	my $small = "SET work_mem = '64kB'; SET hash_mem_multiplier = 1; $plain";
	my $mark = $sim->mark;
	is(one("$small$sql"), '11|' . one('SELECT count(address || web_url || city || region || country || phone || fax) FROM dump.client WHERE uuid IN (SELECT uuid FROM wanted_client LIMIT 12)'),
		'too little memory: the same rows');
	is(scalar(() = $sim->calls_since($mark)), 11, 'by key: what is likely too large is not tried');
	# a size that is wrong is noticed while reading
	one('CREATE FOREIGN TABLE much (uuid uuid, name text, a text OPTIONS (field $$WebUrl$$), b text OPTIONS (field $$WebUrl$$),
		c text OPTIONS (field $$WebUrl$$), d text OPTIONS (field $$WebUrl$$), e text OPTIONS (field $$Address$$), raw jsonb) SERVER forgetful OPTIONS (resource $$client$$);
		ALTER FOREIGN TABLE much ALTER a SET STATISTICS 0');
	one('SELECT count(*) FROM much');
	my $plan = one("$small EXPLAIN (ANALYZE, COSTS OFF, TIMING OFF, SUMMARY OFF)
		SELECT count(c.name), max(raw::text) FROM (SELECT uuid FROM wanted_client LIMIT 12) w JOIN much c ON c.uuid = w.uuid");
	like($plan, qr/Full Read Given Up: rows did not fit/, 'what proves too large is given up');
	like($plan, qr/^\s+Calls: 12$/m, 'and keys are asked for as before');
}

# Tables that are one call for each parent have no list to turn to.
{
	one(q{CREATE SCHEMA rare; IMPORT FOREIGN SCHEMA wfm LIMIT TO (job_cost) FROM SERVER x1 INTO rare OPTIONS ("all" 'true')});
	my $jobs = q{(SELECT id FROM dump.job WHERE id ~ '^J[0-9]+$' ORDER BY id LIMIT 15)};
	my $mark = $sim->mark;
	isnt(one("$plain SELECT sum(l.n) FROM $jobs j, LATERAL (SELECT count(*) AS n FROM rare.job_cost c WHERE c.job_id = j.id OFFSET 0) l"), '', 'costs of jobs');
	is(scalar(() = $sim->calls_since($mark)), 15, 'one call for each');
}

# Tenants: the list of all, when the outer row says which.
{
	my ($first, $second) = map { $sim->tenant_id('PRACTICEMANAGER', $_) } 0, 1;

	one("CREATE SERVER two FOREIGN DATA WRAPPER wfm_fdw OPTIONS (connection 'x2', tenants '$first=A, $second=B');
		CREATE SCHEMA two; IMPORT FOREIGN SCHEMA wfm LIMIT TO (client) FROM SERVER two INTO two;
		CREATE TABLE keys AS SELECT uuid, tenant_id FROM two.client");
	my $mark = $sim->mark;
	is(one("$plain SELECT count(*), count(DISTINCT c.tenant_name) FROM keys k, LATERAL (SELECT * FROM two.client c WHERE c.uuid = k.uuid AND c.tenant_id = k.tenant_id OFFSET 0) c"),
		one('SELECT count(*), 2 FROM keys'), 'two tenants: each row of each');
	cmp_ok(scalar(() = $sim->calls_since($mark)), '<=', 4, 'two lists, and no more keys than lists');
	$mark = $sim->mark;
	is(one("$plain SELECT count(*) FROM keys k, LATERAL (SELECT * FROM two.client c WHERE c.uuid = k.uuid AND c.tenant_name = 'B' OFFSET 0) c"),
		one("SELECT count(*) FROM keys WHERE tenant_id = '$second'"), 'one tenant of two');
	is(scalar(grep { $_->{tenant} ne $second } $sim->calls_since($mark)), 0, 'the other is not asked');
}

# Below an asynchronous Append, and in a cursor that is left in the middle.
check('below Append', q{SELECT w.note, l.n FROM wanted_client w, LATERAL (SELECT count(*) AS n FROM
	(SELECT name FROM X.client c WHERE c.uuid = w.uuid UNION ALL SELECT name FROM X.job j WHERE j.client_uuid = w.uuid) u) l ORDER BY 1, 2}, 2 + 2 * $calls_of{job}, $plain);
is(one("$plain BEGIN; DECLARE c CURSOR FOR SELECT c.name FROM wanted_client w JOIN x2.client c ON c.uuid = w.uuid; MOVE 3 FROM c; MOVE 4 FROM c; MOVE ALL FROM c; COMMIT; SELECT 'done'"),
	'done', 'a cursor');
is(one('SELECT sum(in_flight) FROM wfm_stat_limits'), 0, 'no call is left behind');

done_testing();
