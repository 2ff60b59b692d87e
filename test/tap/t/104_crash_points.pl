# wfm-test: crashpoints
#
# The token worker is killed at each point of a refresh.  With a provider that
# forgives a retry nothing is lost; with one that does not, only what a crash
# between its answer and our commit must lose, and then it is said.

use strict;
use warnings;

use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;
use Time::HiRes qw(sleep);

use WfmTest;

my $sim = WfmTest::Simulator->new('--clients', 1, '--jobs', 1, '--time', 1);
my $node = WfmTest::start_node('crash', settings => "restart_after_crash = on\n");
my $order = $node->data_dir . '/wfm_crashpoint';
my $hits = "$order.hit";

sub one { return $node->safe_psql('postgres', $_[0]); }

sub order
{
	my ($text) = @_;

	unlink $hits;
	open my $file, '>', "$order.new" or die "$order: $!";
	print $file "$text\n";
	close $file;
	rename "$order.new", $order or die "$order: $!";
}

sub was_hit { return -e $hits ? slurp_file($hits) : ''; }

sub status { return one("SELECT state FROM wfm_stat_connections WHERE name = 'acme'"); }

sub generation { return one("SELECT generation FROM wfm_tokens WHERE connection = 'acme'"); }

# A fresh consent, as the vendor would give one.
sub seed
{
	my $token = $sim->control('POST', 'tokens', { new_grant => { client_id => 'sim-client' } });

	$token = $token->{refresh_token} || $token->{new_grant}{refresh_token} || (grep { !ref } values %$token)[0];
	one("UPDATE wfm_connections SET refresh_token = '$token' WHERE name = 'acme'");
	$node->poll_query_until('postgres', "SELECT state = 'ready' AND generation > 1 AND last_refresh IS NOT NULL AND last_error IS NULL FROM wfm_stat_connections WHERE name = 'acme'")
	  or die 'no token from a fresh consent';
}

# Does the server answer?  psql may end before it has read its statement.
sub answers
{
	my ($sql) = @_;
	my $code = eval { ($node->psql('postgres', $sql))[0] };

	return defined $code && $code == 0;
}

# Ask for a refresh that ends in a kill, and wait until the server is back.
sub crash_at
{
	my ($point) = @_;

	order("$point kill");
	answers("SELECT wfm_refresh('acme')");
	foreach (1 .. 500)
	{
		last if was_hit() ne '' && answers('SELECT 1');
		sleep 0.02;
	}
	like(was_hit(), qr/^$point kill/, "$point was reached");
}

WfmTest::connect_server($node, $sim);
my @points = qw(K01 K02 K04 K07 K09 K10 K11 K13 K15);

foreach my $point (@points)
{
	seed();
	my $before = generation();
	my $mark = $sim->mark;

	crash_at($point);
	ok($node->poll_query_until('postgres',
			"SELECT state = 'ready' AND first_use IS NULL FROM wfm_tokens WHERE connection = 'acme'"),
		"$point: ready again");
	my ($code, $out, $err) = $node->psql('postgres', "SELECT wfm_refresh('acme')");
	is($code, 0, "$point: the refresh token still works") or diag $err;
	cmp_ok(generation(), '>', $before, "$point: and was exchanged");
	cmp_ok(scalar(() = $sim->token_requests_since($mark)), '<=', 3, "$point: with three requests at most");
}

# A provider without grace
foreach my $point (qw(K02 K04 K09 K11 K13))
{
	my $lost = $point eq 'K09' || $point eq 'K11';

	$sim->control('POST', 'tokens', { rotation => 'grace-same' });
	seed();
	$sim->control('POST', 'tokens', { rotation => 'strict' });
	my $mark = $sim->mark;
	crash_at($point);
	ok($node->poll_query_until('postgres',
			"SELECT state IN ('ready', 'needs_authorization') AND first_use IS NULL FROM wfm_tokens WHERE connection = 'acme'"),
		"$point without grace: the worker comes to a result");
	is(status(), $lost ? 'needs_authorization' : 'ready', "$point without grace: the right one");
	cmp_ok(scalar(() = $sim->token_requests_since($mark)), '<=', 4, "$point without grace: no storm");
}
$sim->control('POST', 'tokens', { rotation => 'grace-same' });

# Writes that fail: no request without an intent, no answer lost
seed();
my $mark = $sim->mark;
order('K02 error');
one("SELECT wfm_refresh('acme')");
like(was_hit(), qr/^K02 error/, 'an intent that cannot be written');
is(scalar(() = $sim->token_requests_since($mark)), 1, 'sends nothing until it can');

seed();
my $before = generation();
$mark = $sim->mark;
$sim->control('POST', 'tokens', { rotation => 'strict' });
order('K11 error');
one("SELECT wfm_refresh('acme')");
like(was_hit(), qr/^K11 error/, 'an answer that cannot be stored');
is(scalar(() = $sim->token_requests_since($mark)), 1, 'is kept in memory and stored later');
is(generation(), $before + 1, 'as the next generation');
one("SELECT wfm_refresh('acme')");
is(status(), 'ready', 'and nothing is lost');

# A fast shutdown waits for the answer that is on its way
$sim->fault({ match => { path => '/connect/token' }, count => 1, action => { delay => 3 } });
$mark = $sim->mark;
my $pid = fork // die;
if ($pid == 0)
{
	$node->psql('postgres', "SELECT wfm_refresh('acme')");
	require POSIX;
	POSIX::_exit(0);
}
ok($node->poll_query_until('postgres', "SELECT first_use IS NOT NULL FROM wfm_tokens WHERE connection = 'acme'"), 'a request is under way');
$node->stop('fast');
waitpid $pid, 0;
$node->start;
is(one("SELECT state || ' ' || (first_use IS NULL) FROM wfm_tokens WHERE connection = 'acme'"), 'ready true', 'a fast shutdown waits for its answer');
is(scalar(() = $sim->token_requests_since($mark)), 1, 'which is not asked for again');

is($sim->state->{tokens}{overlaps}, 0, 'no refresh token was ever presented twice at once');
done_testing();
