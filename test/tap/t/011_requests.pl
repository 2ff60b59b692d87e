# What is sent for a query: nothing for probes, one request for a key, windows
# for a range, and never more than a LIMIT needs.

use strict;
use warnings;

use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;

use WfmTest;

my $sim = WfmTest::Simulator->new('--clients', 40, '--jobs', 200, '--time', 3000,
	'--minute-limit', 100000, '--day-limit', 1000000, '--concurrent-limit', 50, '--today', '2026-11-20');
my $node = WfmTest::start_node('requests');
WfmTest::connect_tables($node, $sim, calls_per_minute => 600, server => "connection 'acme', history_from '2022-01-01'");
$node->safe_psql('postgres', 'ALTER DATABASE postgres SET search_path = acme, public');
$node->safe_psql('postgres', 'SELECT count(*) FROM staff');

# The requests of a query: path below the dialect, with sorted parameters.
sub requests
{
	my ($sql) = @_;
	my $mark = $sim->mark;
	my ($ret, $out, $err) = $node->psql('postgres', $sql);

	diag($err) if $ret != 0;
	return sort map {
		my $call = $_;
		(my $path = $call->{target}) =~ s{^/practicemanager/3\.1/}{};
		$path
	} $sim->calls_since($mark);
}

my $uuid = $node->safe_psql('postgres', 'SELECT uuid FROM staff ORDER BY uuid LIMIT 1');
my $client = $node->safe_psql('postgres', 'SELECT uuid FROM client ORDER BY uuid LIMIT 1');

foreach my $probe (
	'EXPLAIN SELECT * FROM time_entry',
	'EXPLAIN (VERBOSE, FORMAT json) SELECT * FROM job WHERE id = $$x$$',
	'PREPARE p AS SELECT * FROM client',
	'SELECT * FROM client LIMIT 0',
	'SELECT * FROM client WHERE false',
	'SELECT * FROM client WHERE 1 <> 1',
	'SELECT * FROM client WHERE uuid = NULL',
	q{SELECT * FROM client WHERE uuid = ANY ('{}'::uuid[])},
	q{SELECT * FROM job WHERE id = ''},
	q{SELECT * FROM time_entry WHERE date > '2026-05-02' AND date < '2026-05-01'},
	q{SELECT * FROM time_entry WHERE date < '1990-01-01'},
	q{SELECT * FROM time_entry WHERE date = 'infinity'},
	q{SELECT * FROM client WHERE uuid = $$00000000-0000-0000-0000-000000000001$$
		AND uuid = $$00000000-0000-0000-0000-000000000002$$},
	'\d+ client',
	'BEGIN; DECLARE c CURSOR FOR SELECT * FROM time_entry; COMMIT')
{
	is_deeply([ requests($probe) ], [], "no request: $probe");
}

is_deeply([ requests("SELECT * FROM staff WHERE uuid = '$uuid'") ],
	["staff.api/get/$uuid"], 'a key is a get');
is_deeply([ requests("SELECT * FROM staff WHERE '$uuid' = uuid") ],
	["staff.api/get/$uuid"], 'also the other way round');
is_deeply([ requests("SELECT id FROM job WHERE id IN ('J000100', 'J000101', 'J000100')") ],
	[ 'job.api/get/J000100', 'job.api/get/J000101' ], 'doubles of a list are asked for once');
is_deeply([ requests("SELECT id FROM job WHERE id = 'J000100' OR 'J000101' = id OR id = 'J000100'") ],
	[ 'job.api/get/J000100', 'job.api/get/J000101' ], 'OR of equals is a list');
is(scalar(() = requests("SELECT id FROM job WHERE id = 'J000100' OR name = 'x'")), 6,
	'OR of two columns is not');
is_deeply([ requests("SELECT id FROM job WHERE id = 'R&D/\x{25}?#'") ]->[0],
	'job.api/get/R%26D%2F%25%3F%23', 'a key is one path segment');
is_deeply([ requests("SELECT id FROM job WHERE client_uuid = '$client'") ],
	["job.api/client/$client"], 'jobs of a client');
is_deeply([ requests("SELECT uuid FROM time_entry WHERE job_id = 'J000100'") ],
	['time.api/job/J000100'], 'time of a job');
is_deeply(
	[ requests("SELECT uuid FROM time_entry WHERE date BETWEEN '2026-03-01' AND '2026-03-31'") ],
	['time.api/list?from=20260228&to=20260402'], 'a range is a window, wider by the seams');
is_deeply(
	[ requests("SELECT uuid FROM time_entry WHERE date = '2024-02-29'") ],
	['time.api/list?from=20240228&to=20240302'], 'a day');
is_deeply(
	[ requests("SELECT uuid FROM time_entry WHERE staff_uuid = '$uuid' AND date >= '2026-01-01' AND date < '2026-02-01'") ],
	["time.api/staff/$uuid?from=20251231&to=20260202"], 'a range of a staff member');
is_deeply([ requests("SELECT name FROM client WHERE _modified_since = '2026-01-02 03:04:05.9+02'") ],
	['client.api/list?modifiedsince=2026-01-02T01%3A04%3A05'], 'a modification time, in UTC');
is_deeply([ requests("SELECT name FROM client WHERE _search = 'Smith & Sons'") ],
	['client.api/search?query=Smith%20%26%20Sons'], 'a search');
is_deeply(
	[ requests("SELECT id FROM job WHERE _listed_from = '2026-01-01' AND _listed_to = '2026-03-31'") ],
	['job.api/list?from=20260101&to=20260331'], 'a window of jobs');

is_deeply([ requests('SELECT uuid FROM client LIMIT 1') ], ['client.api/list'], 'a LIMIT');
is(scalar(() = requests("SELECT uuid FROM time_entry WHERE date <= '2026-11-20' LIMIT 3")),
	1, 'a LIMIT stops at the window that satisfies it');

my @all = requests('SELECT count(*) FROM time_entry');
cmp_ok(scalar @all, '>=', 6, 'a full read has a window for each year');
foreach my $request (@all)
{
	my ($from, $to) = $request =~ /from=(\d{4})\d{4}&to=(\d{4})\d{4}/;
	cmp_ok($to - $from, '<=', 1, "at most a year: $request");
}

# A join fetches the inner side by key when that is cheaper than the list.
is_deeply(
	[ requests("SELECT c.name FROM job j JOIN client c ON c.uuid = j.client_uuid WHERE j.id = 'J000100'") ]->[1],
	'job.api/get/J000100', 'the outer side of a join by key');

# Cursors and portals.
cmp_ok(scalar(() = requests('BEGIN; DECLARE c CURSOR FOR SELECT * FROM staff; FETCH 2 FROM c; FETCH 2 FROM c; COMMIT')),
	'==', 1, 'a cursor reads an answer once');

# Generic plans take their values when they run.
is_deeply(
	[ requests(q{SET plan_cache_mode = force_generic_plan;
		PREPARE p(date) AS SELECT count(*) FROM time_entry WHERE date = $1;
		EXECUTE p('2026-03-05'); EXECUTE p('2026-03-06')}) ],
	[ 'time.api/list?from=20260304&to=20260307', 'time.api/list?from=20260305&to=20260308' ],
	'a generic plan');

# Invoices of a job come without their lines: such a request is no way to them.
$node->safe_psql('postgres', 'CREATE SCHEMA lists; IMPORT FOREIGN SCHEMA wfm
	LIMIT TO (invoice) FROM SERVER acme INTO lists OPTIONS (nested $$true$$)');
is_deeply([ requests(q{SELECT id FROM lists.invoice WHERE _job_id = 'J000100'}) ],
	['invoice.api/job/J000100'], 'invoices of a job');
my ($ret, $out, $err) = $node->psql('postgres',
	q{SELECT jobs FROM lists.invoice WHERE _job_id = 'J000100'});
isnt($ret, 0, 'but not with a column that this request does not deliver');
like($err, qr/no request of the API takes this combination/, 'which is said');

done_testing();
