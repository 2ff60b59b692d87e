# Under a LIMIT, when few rows may be wanted, an answer is read while it arrives: the first
# rows come before its end, the rest is not waited for, and what fails is tried
# again only while no row was handed out.

use strict;
use warnings;

use IPC::Run;
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;
use Time::HiRes qw(sleep time);

use WfmTest;

my $sim = WfmTest::Simulator->new('--clients', 90, '--jobs', 5, '--time', 5,
	'--minute-limit', 100000, '--day-limit', 1000000, '--concurrent-limit', 50);
my $node = WfmTest::start_node('main');

foreach ([ 'xml', 'practicemanager/3.1' ], [ 'json', 'bluerock/2' ])
{
	my ($name, $api) = @$_;

	$sim->control('POST', 'tokens', { new_client => { client_id => $name, secret => 's' } });
	my $grant = $sim->control('POST', 'tokens', { new_grant => { client_id => $name,
		vendor => $api =~ /^bluerock/ ? 'bluerock' : 'xero' } });
	WfmTest::connect_tables($node, $sim, name => $name, api => $api, client_id => $name,
		client_secret => 's', refresh_token => $grant->{refresh_token}, calls_per_minute => 600);
}

# Run statements in one session; (stdout, stderr, seconds, calls of the API).
sub run
{
	my ($sql, $action, $count) = @_;
	my $mark = $sim->mark;

	$sim->no_faults;
	$sim->fault({ match => { path => '*client' }, action => $action, count => $count // 1000 });
	my $start = time;
	my ($ret, $out, $err) = $node->psql('postgres', "\\set VERBOSITY verbose\n$sql",
		on_error_stop => 0);
	my $seconds = time - $start;
	my @calls = $sim->calls_since($mark);
	$sim->no_faults;
	return ($out, $err, $seconds, @calls);
}

# The same in two parts; after the first has shown so many rows, what holds the
# answer up ends.
sub run_in_parts
{
	my ($rows, $first, $second, $action) = @_;
	my $mark = $sim->mark;
	my ($in, $out, $err) = ("\\set VERBOSITY verbose\n$first\n", '', '');
	my $deadline = time + 60;

	$sim->fault({ match => { path => '*client' }, action => $action, count => 1 });
	my $run = IPC::Run::start([ 'psql', '-XAtq', '-d', $node->connstr('postgres') ], '<', \$in, '>', \$out, '2>', \$err);
	$run->pump_nb, sleep 0.01 until ($out =~ tr/\n//) >= $rows || time > $deadline;
	$sim->release;
	$in .= "$second\n";
	$run->finish;
	chomp $out;
	return ($out, $err, $sim->calls_since($mark));
}

sub in_flight
{
	return $node->safe_psql('postgres', 'SELECT coalesce(sum(in_flight), 0) FROM wfm_stat_limits');
}

foreach my $schema ('xml', 'json')
{
	my $mark = $sim->mark;
	my @all = split /\n/, $node->safe_psql('postgres', "SELECT uuid FROM $schema.client");
	my @pages = $sim->calls_since($mark);
	my ($pages, $size) = (scalar(@pages), $pages[0]{bytes});	# as sent, compressed
	cmp_ok($size, '>', 4000, "$schema: an answer to cut");
	my $half = int($size / 2);

	# The first rows come while the rest does not.
	my $limit = "SELECT uuid FROM $schema.client LIMIT 3;";
	my ($out, $err, $seconds, @calls) = run($limit, { stall_after => $half, stall_seconds => 600 });
	is($out, join("\n", @all[0 .. 2]), "$schema: LIMIT: the first rows") or diag($err);
	cmp_ok($seconds, '<', 25, "$schema: LIMIT: before the answer ends, or is given up");
	is(scalar(@calls), 1, "$schema: LIMIT: one call");
	is(in_flight(), 0, "$schema: LIMIT: no slot is held");

	my $fetch = "BEGIN; DECLARE c CURSOR FOR SELECT uuid FROM $schema.client LIMIT 1000; FETCH 3 FROM c;";
	($out, $err, $seconds, @calls) = run("$fetch COMMIT;", { stall_after => $half, stall_seconds => 600 });
	is($out, join("\n", @all[0 .. 2]), "$schema: cursor: the first rows") or diag($err);
	cmp_ok($seconds, '<', 25, "$schema: cursor: before the answer ends, or is given up");
	is(in_flight(), 0, "$schema: cursor: no slot is held");

	# All rows, through waits in the middle of records.
	($out, $err, $seconds, @calls) = run("$fetch FETCH ALL FROM c;",
		{ drip => { bytes => int($size / 15), interval => 0.05 } });
	is($out, join("\n", @all), "$schema: bit by bit: all rows") or diag($err);
	is(scalar(@calls), $pages, "$schema: bit by bit: as many calls");

	foreach my $how ('close', 'rst')
	{
		# No row yet: again, and every row once.
		($out, $err, $seconds, @calls) = run("$fetch FETCH ALL FROM c;",
			{ stall_after => 30, stall_seconds => 0.3, cut_after => 30, how => $how }, 1);
		is($out, join("\n", @all), "$schema: $how before a row: all rows") or diag($err);
		is(scalar(@calls), $pages + 1, "$schema: $how before a row: one call more");

		# Rows were handed out: an error, not the same rows again.
		($out, $err, @calls) = run_in_parts(3, $fetch, 'FETCH ALL FROM c;',
			{ stall_after => $half, stall_seconds => 600, cut_after => $half, how => $how });
		is($out, join("\n", @all[0 .. 2]), "$schema: $how after rows: no more than those");
		like($err, qr/ERROR:  08006: .*connection "$schema"/, "$schema: $how after rows: an error");
		is(scalar(@calls), 1, "$schema: $how after rows: not tried again");
		is(in_flight(), 0, "$schema: $how after rows: no slot is held");
	}

	# The session and the connections are as good as new.
	is($node->safe_psql('postgres', "SELECT count(*) FROM $schema.client"), scalar(@all),
		"$schema: afterwards: all rows");
}

done_testing();
