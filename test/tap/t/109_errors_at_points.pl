# wfm-test: crashpoints
#
# The token worker meets an error, or is slow, at each point of a refresh.  An
# error is no reason to forget what the provider has granted: whatever the
# provider's ways, the refresh succeeds, with one request where the first one
# was answered.  WFM_TEST_LONG=1 goes through all points with all five ways of
# a provider; without, each point meets the hardest, and only some are slow.

use strict;
use warnings;

use PostgreSQL::Test::Utils;
use Test::More;

use WfmPoints;

my $world = WfmPoints->new('errors');
my $sim = $world->{sim};
my $node = $world->{node};

# An error behind a commit is a PANIC of the server: the points K03 and K12.
sub meet
{
	my ($point, $action, $mode) = @_;
	my $what = "$point, $mode, $action";
	my ($verb) = $action =~ /^(\w+)/;
	my $panics = $verb eq 'error' && $point =~ /^K(03|12)$/;
	my $no_refresh = $point eq 'K16';

	$world->mode($mode);
	$world->seed;
	my $before = $world->row('generation');
	my $overlaps = $sim->state->{tokens}{overlaps};
	my $mark = $sim->mark;
	my $said = $world->refresh_at($point, $action);

	like($world->was_hit, qr/^$point $verb \d+$/m, "$what: it was reached");
	if ($no_refresh && $verb eq 'error')
	{
		like($said, qr/crash point K16/, "$what: the query fails");
	}
	elsif (!$panics)
	{
		unlike($said, qr/ERROR|FATAL|connection/, "$what: the session is told nothing");
	}
	ok($world->wait_for("state = 'ready' AND first_use IS NULL"), "$what: the grant is kept");

	# K07: the provider has lost the first one, and says so later.
	is($world->posts($mark), $no_refresh ? 0 : $point eq 'K07' ? 2 : 1, "$what: token requests");
	is($world->row('generation'), $before + ($no_refresh ? 0 : 1), "$what: the generation");
	is($world->one("SELECT expires_at > now() FROM wfm_identity('$world->{connection}')"), 't', "$what: its token is there");
	is($sim->settled_state->{tokens}{overlaps}, $overlaps, "$what: no refresh token was presented twice at once");
}

foreach my $mode ($ENV{WFM_TEST_LONG} ? @WfmPoints::MODES : ('strict'))
{
	meet($_, 'error', $mode) foreach @WfmPoints::POINTS;
	meet($_, 'delay 300', $mode) foreach $ENV{WFM_TEST_LONG} ? @WfmPoints::POINTS : qw(K03 K10 K14);
}

# Nor does it when it happens in the work for another connection
$world->mode('strict');
my $before = $world->row('generation');
my $mark = $sim->mark;

# A refresh in a session beside.
sub refresh_beside
{
	my ($said) = @_;

	return IPC::Run::start([ 'psql', '-X', '-q', '-d', $node->connstr('postgres'), '-c', "SELECT wfm_refresh('blue')" ], '<', \undef, '>', $said, '2>&1');
}

$sim->fault({ match => { path => '/oauth/token' }, count => 1, action => { delay => WfmTest::HELD } });
my $session = refresh_beside(\my $said);
$sim->wait_for_request(qr{^/oauth/token$});
$world->order('K04 error');
$world->one("SELECT wfm_refresh('xero')");
like($world->was_hit, qr/^K04 error/, 'an error in the refresh of another connection');
$sim->release;
$session->finish;
is($world->row("state || ' ' || generation"), 'ready ' . ($before + 1), 'costs it nothing');
is($world->posts($mark), 1, 'and no request');

# wfm_refresh() ends when its token can be had, however long that takes
$world->order('K13 delay 3000');
like($world->one("SELECT wfm_refresh('blue'); SELECT state FROM wfm_stat_connections WHERE name = 'blue'"), qr/^ready$/m, 'a slow worker: the state after wfm_refresh()');
like($world->was_hit, qr/^K13 delay/, 'it was slow');

# Who asks while a refresh is under way has one with its end
$mark = $sim->mark;
$sim->fault({ match => { path => '/oauth/token' }, count => 1, action => { delay => WfmTest::HELD } });
my @said = ('', '');
my @sessions = map { my $session = refresh_beside(\$_); $sim->wait_for_request(qr{^/oauth/token$}); $session } @said;
WfmTest::wait_for_sessions($node, '%wfm_refresh(%', 2);
$sim->release;
$_->finish foreach @sessions;
WfmTest::wait_for_worker($node);
unlike("@said", qr/ERROR/, 'two sessions ask for one refresh');
is($world->posts($mark), 1, 'which is one request');

done_testing();
