# A query ends within 200 ms of statement_timeout also where it waits for
# something else than the network: a pause before another attempt, a slot, the
# minute, a token; and it gives back what it held.  (201 has the network.)
#
# WFM_TEST_LONG=1 tries 200 times in each phase.
# wfm-test: alone

use strict;
use warnings;

use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;
use Time::HiRes qw(sleep time);

use WfmTest;

my $tries = $ENV{WFM_TEST_LONG} ? 200 : 5;
my $after_ms = 100;				# statement_timeout
my $bound_ms = 200;				# and how much later the query may end

my $sim = WfmTest::Simulator->new('--clients', 20, '--jobs', 40, '--time', 60000,
	'--minute-limit', 100000, '--day-limit', 1000000, '--concurrent-limit', 50);
my $node = WfmTest::start_node('cancel_waits');
WfmTest::connect_tables($node, $sim, calls_per_minute => 600, calls_per_day => 1000000,
	server => "connection 'acme', history_from '2022-01-01'");
$node->safe_psql('postgres', 'ALTER DATABASE postgres SET search_path = acme, public;
	SELECT count(*) FROM acme.staff');

# How much later than statement_timeout each of several tries ended, in one
# session; the answers must be cancels.
sub delays
{
	my ($name, $query, $calls) = @_;
	my $sql = '';

	# so many that the minute is not what is waited for
	my $at_once = $calls ? int(550 / $calls) : $tries;
	for (my $left = $tries; $left > 0; $left -= $at_once)
	{
		$sql .= "SET statement_timeout = 0;\nSELECT pg_sleep(62);\n" if $left < $tries;
		$sql .= "SET statement_timeout = $after_ms;\n\\timing on\n"
		  . "$query;\n" x ($left < $at_once ? $left : $at_once) . "\\timing off\n";
	}
	my ($ret, $out, $err) = $node->psql('postgres', $sql, on_error_stop => 0, timeout => 600);
	# those that were answered in between do not count
	my @times = grep { $_ >= 0 } map { $_ - $after_ms } $out =~ /^Time: ([0-9.]+) ms/mg;
	my @cancels = $err =~ /canceling statement due to statement timeout/g;

	is(scalar @cancels, $tries, "$name: every try is cancelled") or diag(substr $err, 0, 2000);
	# the 99th percentile; of a few tries on a busy machine the median
	my @sorted = sort { $a <=> $b } @times;
	my $late = $sorted[ $tries >= 100 ? int(0.99 * $#sorted) : $#sorted / 2 ];
	cmp_ok($late, '<', $bound_ms, "$name: within $bound_ms ms") or diag("@sorted");
	note(sprintf '%s: median %.1f ms, 99 %% %.1f ms after the timeout',
		$name, $sorted[ $#sorted / 2 ], $late);
	is($node->safe_psql('postgres',
		'SELECT coalesce(sum(in_flight), 0) FROM wfm_stat_limits'),
		$name eq 'slot' ? 1 : 0, "$name: no slot is left behind");
	return;
}

# --- a pause before another attempt ---
# What succeeds in between keeps the circuit breaker out of it.
$sim->fault({ match => { path => '*staff.api' }, action => { status => 503 } });
delays('back-off', join(";\n", 'SELECT count(*) FROM staff', ('SELECT count(*) FROM client') x 4), 5);
$sim->no_faults;

# --- parsing: much to read, of which nothing is wanted ---
$node->safe_psql('postgres', 'SELECT count(*) FROM time_entry');
delays('parse', q{SELECT count(*) FROM time_entry WHERE note = 'no such note'});

# --- the only slot is taken by another session ---
$node->safe_psql('postgres', 'UPDATE wfm_connections SET concurrent_calls = 1');
$sim->fault({ match => { path => '*client.api' }, action => { delay => 3600 } });
my ($in, $out_text, $timer) = ('', '', IPC::Run::timer(120));
my $session = IPC::Run::start(
	[ 'psql', '-XAtq', '-d', $node->connstr('postgres') ],
	'<', \$in, '>', \$out_text, '2>', \my $err_text, $timer);
$in = "SELECT count(*) FROM acme.client;\n";
$session->pump_nb;
$node->poll_query_until('postgres', 'SELECT sum(in_flight) = 1 FROM wfm_stat_limits')
  or die 'the other session did not take the slot';
delays('slot', 'SELECT count(*) FROM staff');
$node->safe_psql('postgres',
	q{SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE query LIKE '%acme.client%' AND pid <> pg_backend_pid()});
$session->kill_kill;
$sim->no_faults;
$node->poll_query_until('postgres', 'SELECT sum(in_flight) = 0 FROM wfm_stat_limits')
  or die 'the slot was not freed';
$node->safe_psql('postgres', 'UPDATE wfm_connections SET concurrent_calls = 5');

# --- a token that does not come ---
$sim->control('POST', 'tokens', { expire_access => \1 });
$sim->fault({ match => { path => '/connect/token' }, action => { delay_before => $tries > 100 ? 50 : 15 } });
$node->restart;
delays('token', q{SELECT wfm_refresh('acme')});
$sim->no_faults;

# --- the minute is used up ---
$node->restart;
$node->safe_psql('postgres', 'SELECT count(*) FROM staff');
$node->safe_psql('postgres', 'UPDATE wfm_connections SET calls_per_minute = 1');
delays('minute', 'SELECT count(*) FROM staff');

done_testing();
