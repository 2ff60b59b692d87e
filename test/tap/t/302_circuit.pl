# An API that keeps failing is left alone: what people wait for fails at once
# and says so, refreshes wait, one call tries whether it is well again.  And
# more tenants in use than there is room for.

use strict;
use warnings;

use IPC::Run;
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;
use Time::HiRes qw(sleep time);

use WfmTest;

my $sim = WfmTest::Simulator->new('--clients', 10, '--jobs', 20, '--time', 50,
	'--minute-limit', 100000, '--day-limit', 1000000, '--concurrent-limit', 50);
my $node = WfmTest::start_node('main', settings => "wfm_fdw.max_tenants = 1\nwfm_fdw.stall_timeout = '1h'\n");
WfmTest::connect_tables($node, $sim, calls_per_minute => 600);
my $clients = $node->safe_psql('postgres', 'SELECT count(*) FROM acme.client');

sub run
{
	my ($sql) = @_;
	my $mark = $sim->mark;
	my $start = time;
	my ($ret, $out, $err) = $node->psql('postgres', "\\set VERBOSITY verbose\n$sql");

	return ($out, $err, time - $start, scalar($sim->calls_since($mark)));
}

sub circuit { return $node->safe_psql('postgres', 'SELECT circuit FROM wfm_stat_limits'); }

# A session with one statement.
sub session
{
	my ($sql) = @_;
	my $self = { out => '', err => '' };

	$self->{run} = IPC::Run::start([ 'psql', '-XAtq', '-v', 'VERBOSITY=verbose', '-d', $node->connstr('postgres'), '-c', $sql ],
		'<', \undef, '>', \$self->{out}, '2>', \$self->{err});
	return $self;
}

# --- the circuit ---
$sim->fault({ match => { path => '*staff.api' }, action => { status => 503 } });
my ($out, $err, $seconds, $calls) = run('SELECT count(*) FROM acme.staff');
like($err, qr/ERROR:  HV00N: .*HTTP status 503/s, 'an API that fails: what it said');
for (1 .. 5)
{
	last if circuit() eq 'open';
	($out, $err, $seconds, $calls) = run('SELECT count(*) FROM acme.staff');
	like($err, qr/ERROR:  HV00N: /, 'an API that fails: an error');
}
is(circuit(), 'open', 'an API that keeps failing');

($out, $err, $seconds, $calls) = run('SELECT count(*) FROM acme.client');
is($out, '', 'no rows');
like($err, qr/ERROR:  \w{5}: the API of connection "acme" keeps failing.*DETAIL:.*request: GET \S+ client\.api\/list.*Too many of its last answers were failures\. The next call is possible at \S+.*HINT:.*try again later/s,
	'but what is the matter, and until when');
is($calls, 0, 'without a call');
cmp_ok($seconds, '<', 10, 'at once, and not when it is tried again');

# A refresh waits for the call that tries; only one does.
$sim->no_faults;
$sim->fault({ match => { path => '*client.api' }, action => { delay => 1 } });
my $mark = $sim->mark;
my @waiting = map { session("SET wfm_fdw.priority = 'batch'; SELECT count(*) FROM acme.client") } 1 .. 3;
ok($node->poll_query_until('postgres', "SELECT circuit = 'probing' OR circuit = 'half-open' OR in_flight > 0 FROM wfm_stat_limits"), 'refreshes wait until it is tried');
my $most = 0;
my $deadline = time + 120;
while (time < $deadline)
{
	my ($state, $now) = split /\|/, $node->safe_psql('postgres', 'SELECT circuit, in_flight FROM wfm_stat_limits');

	last if $state eq 'closed';
	$most = $now if $now > $most;
	sleep 0.05;
}
cmp_ok($most, '<=', 1, 'by one call');
$_->{run}->finish foreach @waiting;
is(join(' ', map { $_->{out} =~ s/\n//r } @waiting), join(' ', ($clients) x 3), 'then all have their rows')
  or diag(map { $_->{err} } @waiting);
is(scalar($sim->calls_since($mark)), 3, 'by a call each');
is(circuit(), 'closed', 'and all is well');
$sim->no_faults;

# --- room for one tenant ---
WfmTest::connect_tables($node, $sim, name => 'other', calls_per_minute => 600,
	tenant_id => $sim->tenant_id('PRACTICEMANAGER', 1), do {
		$sim->control('POST', 'tokens', { new_client => { client_id => 'other', secret => 's' } });
		my $grant = $sim->control('POST', 'tokens', { new_grant => { client_id => 'other' } });
		(client_id => 'other', client_secret => 's', refresh_token => $grant->{refresh_token});
	});
$sim->fault({ match => { path => '*client.api' }, action => { delay => 600 } });
$mark = $sim->mark;
my $busy = session('SELECT count(*) FROM acme.client');
ok($node->poll_query_until('postgres', 'SELECT sum(in_flight) > 0 FROM wfm_stat_limits'), 'a tenant is in use');
(undef, undef, $err) = $node->psql('postgres', "\\set VERBOSITY verbose\nSELECT count(*) FROM other.staff");
like($err, qr/ERROR:  53400: too many tenants are in use at once.*DETAIL:  Limits are kept for 1 tenant, and it is not idle\..*HINT:.*wfm_fdw\.max_tenants/s,
	'another one has no room');
$sim->release;
$busy->{run}->finish;
is($busy->{out}, "$clients\n", 'which does not disturb the first');
is(join(' ', map { $_->{path} =~ m{(\w+)\.api} } $sim->calls_since($mark)), 'client', 'and makes no call');

# --- 503 is said of the API, however wide the windows that are asked for ---
$sim->fault({ match => { path => '*time.api' }, action => { status => 503 } });
($out, $err) = run('SELECT count(*) FROM acme.time_entry');
like($err, qr/ERROR:  HV00N: .*HTTP status 503/s, 'an API that fails for windows: what it said');
is(circuit(), 'open', 'and it is left alone');

done_testing();
