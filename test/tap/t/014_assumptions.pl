# Filters that rest on an assumption: a record that proves it wrong is an
# error that names the statement to run, and that statement helps.

use strict;
use warnings;

use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;

use WfmTest;

my $sim = WfmTest::Simulator->new('--clients', 20, '--jobs', 60, '--time', 4000,
	'--today', '2026-11-20',
	'--minute-limit', 100000, '--day-limit', 1000000, '--concurrent-limit', 50);
my $node = WfmTest::start_node('assumptions');
WfmTest::connect_tables($node, $sim, calls_per_minute => 600,
	server => "connection 'acme', history_from '2022-01-01'");
$node->safe_psql('postgres', 'ALTER DATABASE postgres SET search_path = acme, public');

my $query = "SELECT count(*), sum(minutes) FROM time_entry WHERE date BETWEEN '2026-03-01' AND '2026-03-31'";
my $expected = $node->safe_psql('postgres', $query);

sub requests
{
	my ($sql) = @_;
	my $mark = $sim->mark;

	$node->safe_psql('postgres', $sql);
	return scalar(() = $sim->calls_since($mark));
}

# A time entry of another year in the answer for March 2026.
my $stranger = '<Response api-method="List"><Status>OK</Status><Times><Time>'
  . '<UUID>00000000-0000-0000-0000-000000000001</UUID><Job><ID>J1</ID><Name>x</Name></Job>'
  . '<Date>2019-05-01T00:00:00</Date><Minutes>5</Minutes><Note></Note><Billable>true</Billable>'
  . '</Time></Times></Response>';
$sim->fault({ match => { path => '*time.api/list' }, count => 1,
		action => { status => 200, body => $stranger } });
my ($ret, $out, $err) = $node->psql('postgres', "\\set VERBOSITY verbose\n$query");
like($err, qr/ERROR:\s+HV000: the API's time window does not test column "date"/,
	'a record outside the window is an error');
like($err, qr/2019-05-01/, 'which shows it');
my ($statement) = $err =~ /(ALTER FOREIGN TABLE [^;]*;)/;
is($statement, q{ALTER FOREIGN TABLE acme.time_entry OPTIONS (ADD window_column '');},
	'and names the statement to run');

# The verdict is kept for the tenant: what rests on the assumption is refused
# without a call, also by another session, until the statement is run.
sub refused
{
	my ($sql) = @_;
	my $mark = $sim->mark;
	my (undef, undef, $message) = $node->psql('postgres', $sql);

	return $message =~ /does not test column "date".*showed it.*\QALTER FOREIGN TABLE acme.time_entry OPTIONS (ADD window_column '');\E/s
	  && $sim->calls_since($mark) == 0;
}
ok(refused($query), 'the next query is refused, and nothing sent');
ok(refused('SELECT count(uuid) FROM time_entry'), 'so is the whole table, which is read by windows too');
is($node->psql('postgres', "SELECT count(uuid) FROM time_entry WHERE job_id = 'J000100'"), 0,
	'a request without a window is not');
is($node->psql('postgres', "SELECT count(uuid) FROM invoice WHERE date > '2026-01-01'"), 0,
	'nor are windows of another list');
$node->safe_psql('postgres', "ALTER FOREIGN TABLE time_entry OPTIONS (ADD window_column '')");
is($node->safe_psql('postgres', $query), $expected, 'with the statement run: all rows');
$node->safe_psql('postgres', 'ALTER FOREIGN TABLE time_entry OPTIONS (DROP window_column)');
is($node->safe_psql('postgres', $query), $expected, 'taken back, the API gets another chance');

# A record a day off is the zone of the window: dropped or kept by its date.
(my $neighbour = $stranger) =~ s/2019-05-01/2026-02-28/;
$sim->fault({ match => { path => '*time.api/list' }, count => 1,
		action => { status => 200, body => $neighbour } });
is($node->safe_psql('postgres', $query), '0|', 'a record of the day before is dropped');

my $all = 'SELECT count(*), count(DISTINCT uuid), sum(minutes) FROM time_entry';
my $whole = $node->safe_psql('postgres', $all);
is(requests($query), 1, 'with the assumption: one request');
$node->safe_psql('postgres', $statement);
unlike($node->safe_psql('postgres', "EXPLAIN $query"), qr/Pushed Filters/,
	'without it the range is not pushed');
is($node->safe_psql('postgres', $query), $expected, 'same rows');
cmp_ok(requests($query), '>', 3, 'from the whole list');

# Windows that overlap by a day, since nobody knows whether the last day counts:
# what both deliver comes once, and what one leaves out is in the other.
foreach my $to ('inclusive', 'exclusive')
{
	my $mark = $sim->mark;

	$sim->switches(to => $to);
	is($node->safe_psql('postgres', $all), $whole, "windows by key, last day $to: each row once");
	my ($oldest, @seams) = sort map { $_->{query}{from} }
	  grep { $_->{path} =~ /time\.api\/list/ } $sim->requests_since($mark);
	cmp_ok(
		$node->safe_psql('postgres', "SELECT count(*) FROM time_entry
			WHERE date = ANY ('{" . join(',', @seams) . "}')"),
		'>', 3, "windows by key, last day $to: there are rows of the days in two windows");
}
$sim->switches(to => 'inclusive');

# The same for all assumptions of a server or a table.
$node->safe_psql('postgres', "ALTER FOREIGN TABLE time_entry OPTIONS (DROP window_column)");
is(requests($query), 1, 'back again');

# The API may begin its days up to a day sooner or later than ours begin: the
# days asked for beyond those wanted make up for it.
foreach my $hours (24, -24)
{
	$sim->switches(to => 'exclusive', window_zone => $hours);
	is($node->safe_psql('postgres', $all), $whole, "windows by date, days that begin $hours h off");
	is($node->safe_psql('postgres', $query), $expected, "a range by date, days that begin $hours h off");
}
$sim->switches(to => 'inclusive', window_zone => 0);
my $client = $node->safe_psql('postgres', 'SELECT client_uuid FROM job ORDER BY id LIMIT 1');
my $jobs = "SELECT count(*) FROM job WHERE client_uuid = '$client'";
my $count = $node->safe_psql('postgres', $jobs);
is(requests($jobs), 1, 'jobs of a client: one request');
$node->safe_psql('postgres', "ALTER SERVER acme OPTIONS (ADD push_assumed 'off')");
cmp_ok(requests($jobs), '>', 3, 'not when nothing assumed is pushed');
is($node->safe_psql('postgres', $jobs), $count, 'same rows');
is($node->safe_psql('postgres', $query), $expected, 'same rows of time entries');
$node->safe_psql('postgres', "ALTER FOREIGN TABLE job OPTIONS (ADD push_assumed 'on')");
is(requests($jobs), 1, 'a table can have it otherwise than its server');

# An API whose client list leaves archived jobs out is what the option is for.
$sim->switches(client_jobs => 'current');
$node->safe_psql('postgres', "ALTER FOREIGN TABLE job OPTIONS (SET push_assumed 'off')");
is($node->safe_psql('postgres', $jobs), $count, 'archived jobs of a client');

done_testing();
