# As little of a list as the answer needs: count(*) from the total that answers
# tell, small pages under a LIMIT, the order that the API itself can give.

use strict;
use warnings;

use JSON::PP;
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;

use WfmTest;

my $sim = WfmTest::Simulator->new('--clients', 37, '--jobs', 80, '--staff', 9, '--time', 300,
	'--today', '2026-06-30', '--no-limits');
my $node = WfmTest::start_node('bounds');

sub one { return $node->safe_psql('postgres', $_[0]); }

foreach my $pair ([ 'br1', 'bluerock/1' ], [ 'br2', 'bluerock/2' ], [ 'x31', 'practicemanager/3.1' ], [ 'x30', 'practicemanager/3.0' ], [ 'wfm', 'workflowmax/3.0' ])
{
	my ($name, $api) = @$pair;

	$sim->control('POST', 'tokens', { new_client => { client_id => $name, secret => 's' } });
	my $grant = $sim->control('POST', 'tokens', { new_grant => { client_id => $name,
		vendor => $api =~ /^bluerock/ ? 'bluerock' : 'xero' } });
	WfmTest::connect_tables($node, $sim, name => $name, api => $api, client_id => $name, client_secret => 's',
		refresh_token => $grant->{refresh_token}, calls_per_minute => 600, calls_per_day => 1000000,
		server => "connection '$name', history_from '2022-01-01'");
}

# The requests of a statement: paths below the dialect with their parameters.
sub requests
{
	my ($sql) = @_;
	my $mark = $sim->mark;

	one($sql);
	my @requests = sort map { $_->{target} =~ s{^/[a-z]+/[\d.]+/}{}r } $sim->calls_since($mark);
	return @requests;
}

# Does the plan count by the total?
sub counts { return one("EXPLAIN $_[0]") =~ /Counted By: the total/; }

# --- count(*) ---
my $sort = 'sort=created&order=asc';
is(one('SELECT count(*) FROM br1.client'), 37, 'clients of bluerock/1');
is_deeply([ requests('SELECT count(*) FROM br1.client') ], ['client.api/list?page=1&pagesize=1'],
	'by one request for one record');
is(one('SELECT count(*) FROM br2.client'), 37, 'clients of bluerock/2, active and archived');
is_deeply([ requests('SELECT count(*) FROM br2.client') ],
	[ map { "clients?$sort&status=$_&page=1&pageSize=1" } qw(active archived) ], 'by one for each of two lists');
is(one('SELECT count(*) FROM br2.job'), 80, 'jobs of bluerock/2');
is_deeply([ requests('SELECT count(*) FROM br2.job') ], ["jobs?$sort&page=1&pageSize=1"], 'by one');
foreach my $table ('client', 'job', 'time_entry', 'staff', 'invoice', 'client_contact', 'job_task')
{
	foreach my $schema (qw(br1 br2 x31 x30 wfm))
	{
		next if one("SELECT to_regclass('$schema.$table') IS NULL") eq 't';
		is(one("SELECT count(*) FROM $schema.$table"), one("SELECT count(*) FROM (SELECT 1 FROM $schema.$table OFFSET 0) s"),
			"$schema.$table: the total is the number of rows");
	}
}

# Only where each row counts, and once.
ok(counts('SELECT count(*) FROM br2.job'), 'a plain count');
ok(counts('SELECT count(*), count(*) + 1, count(1) FROM br2.job'), 'several, and expressions of them');
ok(counts('SELECT count(is_archived) FROM br2.client'), 'of a column that is NOT NULL');
ok(counts('SELECT 1 WHERE (SELECT count(*) FROM br2.job) > 5'), 'in a subquery');
ok(counts('SELECT count(*) FROM br2.job ORDER BY 1'), 'sorted');
ok(!counts($_), "not: $_") foreach (
	'SELECT count(name) FROM br2.job', 'SELECT count(DISTINCT uuid) FROM br2.job', 'SELECT count(*) FILTER (WHERE name > $$m$$) FROM br2.job',
	'SELECT count(*) FROM br2.job WHERE name > $$m$$', 'SELECT count(*) FROM br2.job WHERE updated_at > $$2026-01-01$$',
	'SELECT count(*), max(name) FROM br2.job', 'SELECT client_uuid, count(*) FROM br2.job GROUP BY 1', 'SELECT count(*) FROM br2.job HAVING count(*) > 1',
	'SELECT count(*) FROM br2.job a, br2.staff b', 'SELECT count(*) FROM br2.client_contact', 'SELECT count(*) FROM x31.client',
	'SELECT count(*) FROM x31.time_entry', 'SELECT count(*) FROM (SELECT 1 FROM br2.job LIMIT 3) s', 'SELECT count(NULL::int) FROM br2.job',
	'SELECT count(*) FROM (SELECT DISTINCT name FROM br2.job) s', 'SELECT count(*) FROM br2.job GROUP BY ROLLUP (client_uuid)');
is(one('SELECT count(*), count(*) * 2, count(1) FROM br2.job'), '80|160|80', 'their values');
is(one('SELECT (SELECT count(*) FROM br2.job) + count(*) FROM br2.staff'), 89, 'one in another');
is(one('SELECT sum(n) FROM (SELECT count(*) AS n FROM br2.job UNION ALL SELECT count(*) FROM br1.client) s'), 117, 'two below an Append');
is(one('SELECT g, (SELECT count(*) + g FROM br2.staff) FROM generate_series(1, 2) g ORDER BY 1'), "1|10\n2|11", 'one that runs again');
is(one('SET plan_cache_mode = force_generic_plan; PREPARE p AS SELECT count(*) FROM br2.job; EXECUTE p; EXECUTE p'), "80\n80", 'prepared');
is(one('BEGIN; DECLARE c CURSOR FOR SELECT count(*) FROM br2.job; FETCH c; FETCH c; COMMIT'), 80, 'a cursor');

# Views whose conditions a count must not skip, and rights.
one(q{CREATE ROLE counter; CREATE VIEW open_jobs WITH (security_barrier) AS SELECT * FROM br2.job WHERE state <> 'Completed';
	CREATE VIEW all_jobs WITH (security_barrier) AS SELECT * FROM br2.job; GRANT SELECT ON open_jobs, all_jobs TO counter; GRANT USAGE ON SCHEMA br2 TO counter});
ok(!counts('SELECT count(*) FROM open_jobs'), 'a view with a condition is counted row by row');
is(one('SET ROLE counter; SELECT count(*) FROM open_jobs'), one(q{SELECT count(*) FROM (SELECT state FROM br2.job OFFSET 0) j WHERE state <> 'Completed'}), 'as its rows are');
is(one('SET ROLE counter; SELECT count(*) FROM all_jobs'), 80, 'one without');
my ($ret, $out, $err) = $node->psql('postgres', 'SET ROLE counter; SELECT count(*) FROM br2.job');
like($err, qr/permission denied for foreign table/, 'counting takes the right to read');

# A server that tells no total: then all is read.
foreach my $paging ('capped', 'silent', 'ignored')
{
	$sim->switches(paging => $paging);
	is(one('SELECT count(*) FROM br1.client'), 37, "page parameters are $paging: the same count");
}
$sim->switches(paging => 'reported');

# Several tenants.
{
	my ($first, $second) = map { $sim->tenant_id('PRACTICEMANAGER', $_) } 0, 1;
	my $one = $sim->tenant_id('WORKFLOWMAX', 0);

	one("CREATE SERVER twice FOREIGN DATA WRAPPER wfm_fdw OPTIONS (connection 'br2', tenants '$one=A');
		CREATE SCHEMA twice; IMPORT FOREIGN SCHEMA wfm LIMIT TO (job, client) FROM SERVER twice INTO twice");
	is(one('SELECT count(*) FROM twice.job'), 80, 'a list of one tenant');
	ok(!counts(q{SELECT count(*) FROM twice.job WHERE tenant_name = 'A'}), 'a condition on the tenant is one');
}

# In every format, and what it cost.
{
	my $plan = decode_json(one('EXPLAIN (ANALYZE, VERBOSE, FORMAT json) SELECT count(*) FROM br2.client'))->[0]{Plan};
	is($plan->{'Counted By'}, 'the total that answers tell', 'EXPLAIN says how');
	is($plan->{'Calls'}, 2, 'and for how many calls');
	like(one("EXPLAIN (FORMAT $_) SELECT count(*) FROM br2.client"), qr/Counted.By/, "format $_") foreach qw(yaml xml);
	is(scalar(requests('EXPLAIN (VERBOSE) SELECT count(*) FROM br2.client')), 0, 'EXPLAIN sends nothing');
}

like(one('EXPLAIN SELECT count(*) FROM br2.job'), qr/Request: GET bluerock\/2 jobs\?\Q$sort\E&page=\{page\}&pageSize=1$/m, 'the request as it is sent');

# --- LIMIT ---
like(one('EXPLAIN SELECT name FROM br2.job LIMIT 5'), qr/pageSize=5\n.*Expected Calls: 1$/s, 'EXPLAIN says so');
is_deeply([ requests('SELECT name FROM br2.job LIMIT 5') ], ["jobs?$sort&page=1&pageSize=5"], 'a page of five');
is_deeply([ requests('SELECT name FROM br2.job LIMIT 5 OFFSET 3') ], ["jobs?$sort&page=1&pageSize=8"], 'OFFSET counts');
is_deeply([ requests('SELECT name FROM br1.client LIMIT 3') ], ['client.api/list?page=1&pagesize=3'], 'of bluerock/1');
is_deeply([ requests('SELECT name FROM x31.contact LIMIT 3') ], ['client.api/contacts?pageSize=3'], 'of a list with links');
is_deeply([ requests('SELECT name FROM br2.job LIMIT 5000') ], ["jobs?$sort&page=1&pageSize=1000"], 'never more than the API gives');
is_deeply([ requests(q{SELECT name FROM br2.job WHERE name <> '' LIMIT 5}) ], ["jobs?$sort&page=1&pageSize=1000"], 'a condition may want any number of records');
is_deeply([ requests('SELECT count(*) FROM (SELECT name FROM br2.job LIMIT 2) s') ], ["jobs?$sort&page=1&pageSize=2"], 'in a subquery');
foreach my $sql ('SELECT EXISTS (SELECT FROM br2.job)', 'SELECT 1 WHERE EXISTS (SELECT FROM br2.job)',
	'SELECT count(*) FROM br2.staff WHERE EXISTS (SELECT FROM br2.job ORDER BY name)',
	'DO $$BEGIN ASSERT EXISTS (SELECT FROM br2.job); END$$')
{
	is_deeply([ grep { /^jobs/ } requests($sql) ], ["jobs?$sort&page=1&pageSize=1"], "EXISTS wants one row: $sql");
}
is(scalar(requests(q{SELECT EXISTS (SELECT FROM x31.job WHERE _listed_to = '2027-06-30')})), 2, 'and of windows no more than the first with records');
is(one("SELECT EXISTS (SELECT FROM br2.job WHERE name = 'no such job')"), 'f', 'though it may have to see all');
is_deeply([ map { one("SELECT $_") } 'EXISTS (SELECT count(*) FROM br2.job)', 'EXISTS (SELECT 1 FROM br2.job HAVING count(*) = 80)',
	'EXISTS (SELECT FROM br2.job OFFSET 79)', 'EXISTS (SELECT FROM br2.job OFFSET 80)', 'EXISTS (SELECT name FROM br2.job GROUP BY name HAVING count(*) > 1000)' ],
	[qw(t t t f f)], 'EXISTS of what needs all rows');
{
	my $correlated = 'SELECT count(*) FROM br2.staff s WHERE s.uuid IS NULL OR EXISTS (SELECT FROM br2.job j WHERE j.name <> s.uuid::text)';

	is(one($correlated), 9, 'EXISTS for each outer row');
	cmp_ok(scalar(requests($correlated)), '<=', 3, 'reads the list once');
}
is(scalar(requests('SELECT uuid FROM br2.client_contact LIMIT 1')), 1, 'a list in records');
like([ requests('SELECT uuid FROM br2.client_contact LIMIT 1') ]->[0], qr/pageSize=1000/, 'of which a record may hold none');
is(one('SELECT count(*) FROM (SELECT uuid FROM br2.client LIMIT 30) s'), 30, 'over the end of one list into the next');
is(one('SELECT count(DISTINCT uuid) FROM (SELECT uuid FROM br1.client LIMIT 30) s'), 30, 'all of them different');
$sim->switches(paging => 'capped');
is(one('SELECT count(DISTINCT uuid) FROM (SELECT uuid FROM br1.client LIMIT 30) s'), 30, 'from a server that gives fewer than asked');
$sim->switches(paging => 'reported');

# --- ORDER BY ---
foreach my $column (qw(created_at updated_at))
{
	(my $word = $column) =~ s/_at$//;
	is_deeply([ requests("SELECT uuid FROM br2.job ORDER BY $column DESC LIMIT 5") ],
		["jobs?sort=$word&order=desc&page=1&pageSize=5"], "the latest five by $column");
	is_deeply([ requests("SELECT uuid FROM br2.job ORDER BY $column LIMIT 5") ],
		["jobs?sort=$word&order=asc&page=1&pageSize=5"], "the earliest five by $column");
	foreach my $direction ('', 'DESC')
	{
		is(one("SELECT uuid, $column FROM br2.job ORDER BY $column $direction, uuid LIMIT 12"),
			one("SELECT * FROM (SELECT uuid, $column FROM br2.job OFFSET 0) j ORDER BY $column $direction, uuid LIMIT 12"),
			"by $column $direction and a second column");
	}
}
my $whole = ["jobs?$sort&page=1&pageSize=1000"];
is_deeply([ requests($_) ], $whole, "sorted here: $_") foreach (
	'SELECT uuid FROM br2.job ORDER BY name LIMIT 5', 'SELECT uuid FROM br2.job ORDER BY created_at DESC NULLS LAST LIMIT 5',
	'SELECT uuid FROM br2.job ORDER BY created_at::date LIMIT 5', 'SELECT uuid FROM br2.job ORDER BY created_at DESC',
	'SELECT uuid FROM br2.job ORDER BY uuid LIMIT 1',
	'SELECT uuid FROM br2.job ORDER BY updated_at DESC FETCH FIRST 5 ROWS WITH TIES');
is(scalar(requests('SELECT uuid FROM br2.client ORDER BY updated_at LIMIT 1')), 2, 'two lists have no common order');
like(one('EXPLAIN SELECT uuid FROM br2.job ORDER BY created_at LIMIT 5'), qr/Sorted By: the API/, 'EXPLAIN says who sorts');
unlike(one('EXPLAIN SELECT uuid FROM br2.job ORDER BY created_at LIMIT 5'), qr/^\s*(->)?\s*Sort /m, 'and nobody else does');

# A server that does not sort is found out.
my @two = map { sprintf '{"uuid":"00000000-0000-0000-0000-00000000000%d","createdAt":"2026-0%d-01T00:00:00Z"}', $_, $_ } 1 .. 2;
$sim->fault({ match => { path => '*jobs', query => { order => 'desc' } }, action => { status => 200,
	body => '{"data":[' . join(',', @two) . '],"total":2}', content_type => 'application/json' } });
($ret, $out, $err) = $node->psql('postgres', "\\set VERBOSITY verbose\nSELECT uuid FROM br2.job ORDER BY created_at DESC LIMIT 2");
like($err, qr/ERROR:\s+HV000: the API did not sort records of foreign table "job" by column "created_at"/, 'an error');
my ($statement) = $err =~ /(ALTER FOREIGN TABLE [^;]*;)/;
is($statement, q{ALTER FOREIGN TABLE br2.job OPTIONS (ADD push_assumed 'off');}, 'that names the statement to run');
one($statement);
is_deeply([ requests('SELECT uuid FROM br2.job ORDER BY created_at DESC LIMIT 2') ], $whole, 'which helps');

done_testing();
