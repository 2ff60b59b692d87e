# Random queries give the same rows from foreign tables as from local ones,
# on all dialects and whatever the API does where the vendor does not say.
#
# WFM_TEST_LONG=1 takes 5,000 queries, WFM_TEST_SEED another seed.  A
# difference is printed with the statements that show it.

use strict;
use warnings;

use JSON::PP;
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;

use WfmTest;

my $seed = defined $ENV{WFM_TEST_SEED} ? $ENV{WFM_TEST_SEED} : 1;
my $queries = $ENV{WFM_TEST_LONG} ? 5000 : 1000;
# The limiter lets 600 calls a minute out for each grant.
my $grants = $ENV{WFM_TEST_LONG} ? 9 : 3;

# The same data twice: each simulator has its own setting of the switches.
my @sims = map {
	WfmTest::Simulator->new('--clients', 30, '--jobs', 90, '--staff', 8, '--time', 700,
		'--today', '2026-06-30', '--minute-limit', 100000, '--day-limit', 1000000,
		'--concurrent-limit', 50, '--app-minute-limit', 100000)
} 1 .. 2;
my $node = WfmTest::start_node('differential',
	settings => "wfm_fdw.max_grants = 200\nwfm_fdw.max_tenants = 400\n");

my @command = (
	$ENV{WFM_PYTHON} || 'python3',
	"$ENV{WFM_SOURCE}/test/differential/compare-queries",
	'--psql', 'psql -h ' . $node->host . ' -p ' . $node->port . ' -d postgres',
	(map { ('--simulator', $_->url) } @sims),
	'--queries', $queries, '--grants', $grants, '--seed', $seed,
	'--folder', $PostgreSQL::Test::Utils::tmp_check);
my ($out, $err);
my $ran = IPC::Run::run(\@command, '<', \undef, '>', \$out, '2>', \$err);
ok($ran, 'the queries ran') or BAIL_OUT($err);

my $report = JSON::PP->new->decode($out);
my ($run, $with_rows, $failing) = (0, 0, 0);
note("seed $seed, set up in $report->{setup_seconds} s, queries in $report->{seconds} s");
foreach my $setting (sort keys %{ $report->{settings} })
{
	my $outcome = $report->{settings}{$setting};
	my @differences = @{ $outcome->{differences} };

	$run += $outcome->{queries};
	$with_rows += $outcome->{with_rows};
	$failing += $outcome->{failing};
	is(scalar(@differences), 0, "no difference, $setting");
	diag($_) foreach @differences[ 0 .. ($#differences > 2 ? 2 : $#differences) ];
}
is($run, $queries, 'all queries ran');
cmp_ok($with_rows, '>', $queries / 2, 'most of them give rows');
cmp_ok($failing, '<', $queries / 50, 'and few are errors on both sides');

done_testing();
