# Scans below an Append fetch side by side; under a LIMIT they do not run
# ahead; faults, rescans and ends in the middle leave nothing behind.

use strict;
use warnings;

use IPC::Run;
use List::Util qw(sum);
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;
use Time::HiRes qw(time);

use WfmTest;

my $sim = WfmTest::Simulator->new('--clients', 20, '--jobs', 40, '--time', 500,
	'--minute-limit', 100000, '--day-limit', 1000000, '--concurrent-limit', 50);
my $node = WfmTest::start_node('async');
WfmTest::connect_tables($node, $sim, calls_per_minute => 600,
	server => "connection 'acme', history_from '2022-01-01'");
$node->safe_psql('postgres', q{
	ALTER DATABASE postgres SET search_path = acme, public;
	CREATE VIEW acme.everybody AS
		SELECT 1 AS part, * FROM acme.staff UNION ALL
		SELECT 2, * FROM acme.staff UNION ALL
		SELECT 3, * FROM acme.staff;
	CREATE TABLE acme.people (uuid uuid, name text) PARTITION BY LIST (name);
	CREATE FOREIGN TABLE acme.people_a PARTITION OF acme.people FOR VALUES IN ('a')
		SERVER acme OPTIONS (resource 'staff');
	CREATE FOREIGN TABLE acme.people_b PARTITION OF acme.people DEFAULT
		SERVER acme OPTIONS (resource 'client');
});
my $staff = $node->safe_psql('postgres', 'SELECT count(*) FROM staff');

like($node->safe_psql('postgres', 'EXPLAIN (COSTS off) SELECT * FROM everybody'),
	qr/Async Foreign Scan.*Async Foreign Scan.*Async Foreign Scan/s, 'EXPLAIN says so');
is($node->safe_psql('postgres', 'SELECT part, count(*) FROM everybody GROUP BY 1 ORDER BY 1'),
	"1|$staff\n2|$staff\n3|$staff", 'all rows of all branches');
is($node->safe_psql('postgres', 'SELECT count(*) FROM people'),
	$staff + 20, 'all rows of partitions');
is($node->safe_psql('postgres', q{SELECT count(*) FROM everybody WHERE name > 'M'}),
	3 * $node->safe_psql('postgres', q{SELECT count(*) FROM staff WHERE name > 'M'}),
	'local conditions hold');

# Three answers that take 0.7 s each: well under the 2.1 s of one after another.
$sim->fault({ match => { path => '*staff.api' }, action => { delay => 0.7 } });
my $start = time;
is($node->safe_psql('postgres', 'SELECT count(*) FROM everybody'), 3 * $staff, 'slow answers');
my $took = time - $start;
cmp_ok($took, '<', 1.6, 'come at the same time') or diag("took $took s");

# A cancel while all of them wait.
my ($ret, $out, $err) = $node->psql('postgres',
	q{SET statement_timeout = '200ms'; SELECT count(*) FROM everybody});
like($err, qr/canceling statement due to statement timeout/, 'a cancel ends the wait');
$sim->no_faults;
is($node->safe_psql('postgres', 'SELECT count(*) FROM everybody'), 3 * $staff,
	'and the next query works');
is($node->safe_psql('postgres', 'SELECT sum(in_flight) FROM wfm_stat_limits'), 0,
	'no slot is held after that');

# Branches compete for five slots: one that waits takes what has come for the
# others, which must not sleep on.  The same when a portal is suspended.
my $jobs = $node->safe_psql('postgres', 'SELECT count(*) FROM job');
$sim->fault({ match => { path => '*job.api/list' }, action => { delay => 0.03 } });
my $three = join ' UNION ALL ', ('SELECT id FROM job') x 3;
foreach my $round (1 .. 3)
{
	is($node->safe_psql('postgres', "SET statement_timeout = '10s'; SELECT count(*) FROM ($three) x"),
		3 * $jobs, "more requests than slots, round $round");
}
is($node->safe_psql('postgres', "SET statement_timeout = '10s'; BEGIN;
		DECLARE c CURSOR FOR $three; MOVE 2 FROM c; MOVE 5 FROM c;
		MOVE ALL FROM c;
		COMMIT; SELECT 'done'"), 'done', 'a suspended portal goes on');
$sim->no_faults;

# With one call at a time the slot goes from branch to branch, and from session
# to session, without lying idle: its pauses are held against those of scans
# that are no Append's.
sub pauses_between_calls
{
	my ($async, $sessions, $branches) = @_;
	my $sql = "SET enable_async_append = $async; SELECT count(*) FROM ($branches) x";
	my $mark = $sim->mark;
	my @runs = map {
		IPC::Run::start([ 'psql', '-XAtq', '-d', $node->connstr('postgres'), '-c', $sql ], '>', \my $out)
	} 1 .. $sessions;

	is(scalar(grep { !IPC::Run::finish($_) } @runs), 0, "$sessions sessions, async append $async");
	my @calls = sort { $a->{time} <=> $b->{time} } $sim->calls_since($mark);
	return map { $calls[$_]{time} - $calls[ $_ - 1 ]{time} - $calls[ $_ - 1 ]{duration} } 1 .. $#calls;
}

sub mean { return sum(@_) / @_; }

$node->safe_psql('postgres', 'UPDATE wfm_connections SET concurrent_calls = 1');
$sim->fault({ match => { path => '*job.api/list' }, action => { delay => 0.1 } });
foreach (
	[ 'branches', 1, $three ],
	# of which one branch ends early
	[ 'sessions', 2, 'SELECT uuid FROM job UNION ALL SELECT uuid FROM staff' ])
{
	my ($what, $sessions, $branches) = @$_;
	my $plain = mean(pauses_between_calls('off', $sessions, $branches));
	my $async = mean(pauses_between_calls('on', $sessions, $branches));

	cmp_ok($async, '<', 1.5 * $plain + 0.02, "a slot goes from one to another of several $what soon")
	  or diag("$async s, and $plain s without async append");
}
$sim->no_faults;
$node->safe_psql('postgres', 'UPDATE wfm_connections SET concurrent_calls = 5');

# One branch fails: an error, not fewer rows.
$sim->fault({ match => { path => '*staff.api' }, skip => 1, action => { error_text => 'no' } });
($ret, $out, $err) = $node->psql('postgres', 'SELECT count(*) FROM everybody');
isnt($ret, 0, 'a failing branch is an error');
is($out, '', 'without a row');
$sim->no_faults;

# The inner side of a nested loop is scanned again and again.
is($node->safe_psql('postgres', q{
	SET enable_hashjoin = off; SET enable_mergejoin = off; SET enable_material = off;
	SELECT count(*) FROM generate_series(1, 3) g,
		LATERAL (SELECT * FROM everybody e WHERE e.part <= g LIMIT 2) x}), 6,
	'rescans');

# A LIMIT that the first branch satisfies.
my $mark = $sim->mark;
$node->safe_psql('postgres', 'SELECT * FROM staff LIMIT 1');
is(scalar(() = $sim->calls_since($mark)), 1, 'a LIMIT on one table');

# The token is gone meanwhile: the branches wait for a new one.
$sim->control('POST', 'tokens', { expire_access => \1 });
is($node->safe_psql('postgres', 'SELECT count(*) FROM everybody'), 3 * $staff,
	'an expired token in the middle');

done_testing();
