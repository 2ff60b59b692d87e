# wfm-test: crashpoints
#
# The server is killed at each point of a refresh.  With a provider that
# forgives a retry nothing is lost.  With one that does not, only what a crash
# between its answer and our commit must lose is lost, K08 to K11, and then it
# is said.  WFM_TEST_LONG=1 goes through all points with all five ways of a
# provider; without, each point meets the hardest.

use strict;
use warnings;

use POSIX ();
use PostgreSQL::Test::Utils;
use Test::More;

use WfmPoints;

my $world = WfmPoints->new('crash');
my $sim = $world->{sim};
my $node = $world->{node};

# How many token requests a refresh takes that was killed there, if nothing is
# lost, together with the one that was.  After K01 and K02 nobody asks any
# more; K16 is no refresh.  A part of a request counts if the provider says so.
my %requests = (
	(map { $_ => [0] } qw(K01 K02 K16)),
	(map { $_ => [1] } qw(K03 K04 K05 K12 K13 K14 K15 K17)),
	(map { $_ => [2] } qw(K07 K08 K09 K10 K11)),
	K06 => [ 1, 2 ]);

sub crash
{
	my ($point, $mode) = @_;
	my $what = "$point, $mode";
	my $lost = $mode !~ /^grace/ && $point =~ /^K(08|09|10|11)$/;

	$world->mode($mode);
	$world->seed;
	my $before = $world->row('generation');
	my $overlaps = $sim->state->{tokens}{overlaps};
	my $mark = $sim->mark;

	$world->refresh_at($point, 'kill');
	like($world->was_hit, qr/^$point kill \d+$/m, "$what: it was reached");

	# Nobody asks: what the worker does now it does by itself.
	ok($world->wait_for("state = '" . ($lost ? 'needs_authorization' : 'ready') . "' AND first_use IS NULL"),
		"$what: " . ($lost ? 'a consent is needed' : 'the grant is kept'));
	my $posts = $world->posts($mark);
	if ($lost)
	{
		cmp_ok($posts, '<=', 3, "$what: after three token requests at most");
		my ($code, $out, $err) = $node->psql('postgres', "SELECT wfm_identity('$world->{connection}')");
		like($err, qr/ERROR:  the consent of connection .* has ended.*HINT: .*wfm_authorize_url/s, "$what: which is said");
		is($world->posts($mark), $posts, "$what: without another request");
	}
	else
	{
		ok((grep { $_ == $posts } @{ $requests{$point} }), "$what: token requests: $posts");
		is($world->row('generation'), $before + ($requests{$point}[0] ? 1 : 0), "$what: the generation");
		$world->one("SELECT wfm_refresh('$world->{connection}')");
		is($world->row("state || ' ' || (first_use IS NULL)"), 'ready true', "$what: and the refresh token works");
	}

	# What was on its way when its sender died is not the sender's any more.
	is($sim->settled_state->{tokens}{overlaps}, $overlaps, "$what: no refresh token was presented twice at once")
	  unless $point =~ /^K0[678]$/;
}

if ($ENV{WFM_TEST_LONG})
{
	foreach my $mode (@WfmPoints::MODES)
	{
		crash($_, $mode) foreach @WfmPoints::POINTS;
	}
}
else
{
	crash($_, 'strict') foreach @WfmPoints::POINTS;
	crash($_, 'grace-new-kill') foreach qw(K08 K11);
}

# A server that crashed with nobody there to ask: the intent is taken up all the
# same, in time for the provider's grace
$world->mode('grace-same');
$world->seed;
my $mark = $sim->mark;
$world->refresh_at('K11', 'kill');
ok($world->wait_for("state = 'ready' AND first_use IS NULL"), 'recovery needs no demand');
is($node->safe_psql('postgres', "SELECT count(*) FROM pg_stat_activity WHERE backend_type = 'client backend' AND wait_event_type = 'Extension'"), 0, 'nobody waited for it');

# A refresh whose answer is held up, in a session beside.
sub refresh_under_way
{
	my ($said) = @_;

	$sim->fault({ match => { path => '/connect/token' }, count => 1, action => { delay => WfmTest::HELD } });
	my $session = IPC::Run::start([ 'psql', '-X', '-q', '-d', $node->connstr('postgres'), '-c', "SELECT wfm_refresh('xero')" ], '<', \undef, '>', $said, '2>&1');
	$sim->wait_for_request(qr{^/connect/token$});
	return $session;
}

# A fast shutdown waits for the answer that is on its way
$mark = $sim->mark;
my $session = refresh_under_way(\my $said);
my $logged = -s $node->logfile;
my $releaser = fork // die "no process: $!";
if ($releaser == 0)
{
	eval { WfmTest::wait_until(sub { return substr(slurp_file($node->logfile), $logged) =~ /received fast shutdown request/ }, 'the shutdown'); };
	$sim->release;
	POSIX::_exit(0);
}
$node->stop('fast');
waitpid $releaser, 0;
IPC::Run::finish($session);
$node->start;
is($world->row("state || ' ' || (first_use IS NULL)"), 'ready true', 'a fast shutdown waits for its answer');
is($world->posts($mark), 1, 'which is not asked for again');

# So does an administrator who ends the token worker; it comes back by itself
my $generation = $world->row('generation');
$mark = $sim->mark;
$session = refresh_under_way(\$said);
$logged = -s $node->logfile;
is($world->one("SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity WHERE backend_type = 'wfm_fdw token worker'"), 1, 'its worker is terminated');
$sim->release;
ok($world->wait_for("generation = $generation + 1 AND state = 'ready'"), 'a worker that is terminated stores its answer first');
IPC::Run::finish($session);
is($world->posts($mark), 1, 'nothing is asked for twice');
ok(WfmTest::wait_until(sub { return substr(slurp_file($node->logfile), $logged) =~ /starting background worker process "wfm_fdw token worker/ }, 'another worker'),
	'and it comes back by itself');

done_testing();
