# Three kinds of connections: an app without a secret, one with a secret, and
# BlueRock's, each from the consent to a query, through an access token that
# ends before its time, to another query.

use strict;
use warnings;

use HTTP::Tiny;
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;

use WfmTest;

my $clients = 7;
my $sim = WfmTest::Simulator->new('--clients', $clients, '--jobs', 3, '--time', 3, '--auto-consent',
	'--minute-limit', 100000, '--day-limit', 1000000);
my $node = WfmTest::start_node('kinds');
my $http = HTTP::Tiny->new(proxy => undef, max_redirect => 0);

sub one { return $node->safe_psql('postgres', $_[0]); }

foreach my $case (
	[ 'pkce', 'practicemanager/3.1', qr/code_challenge_method=S256/, client_id => 'sim-pkce', client_secret => undef ],
	[ 'secret', 'practicemanager/3.1', qr/client_id=sim-client/ ],
	[ 'bluerock', 'bluerock/1', qr/prompt=consent/ ])
{
	my ($name, $api, $in_address, @columns) = @$case;
	my $tenant = $sim->connection($api)->{tenant_id};
	my $query = "SELECT count(*) FROM $name.client WHERE NOT is_deleted";

	WfmTest::connect_tables($node, $sim, name => $name, api => $api, refresh_token => undef,
		redirect_uri => 'http://localhost/wfm', @columns);

	# Consent
	my $url = one("SELECT wfm_authorize_url('$name')");
	like($url, $in_address, "$name: the address");
	my $back = $http->get($url)->{headers}{location};
	is(one('SELECT tenant_id FROM wfm_authorize(' . WfmTest::literal($name) . ', ' . WfmTest::literal($back) . ')'),
		$tenant, "$name: a consent");
	is(one("SELECT state FROM wfm_stat_connections WHERE name = '$name'"), 'ready', "$name: is ready to use");

	is(one("SELECT string_agg(step || ': ' || detail, '; ') FROM wfm_check('$name') WHERE NOT ok"), '', "$name: wfm_check has nothing to mend");

	# Query, the end of the access token, query
	my $rows = one($query);
	cmp_ok($rows, '>', 0, "$name: a query");
	my $generation = one("SELECT generation FROM wfm_stat_connections WHERE name = '$name'");
	foreach my $round (1, 2)
	{
		my $mark = $sim->mark;

		$sim->control('POST', 'tokens', { expire_access => JSON::PP::true() });
		is(one($query), $rows, "$name: round $round: the same answer after the access token ended");
		is(join(' ', map { $_->{path} =~ /token/ ? "token $_->{status}" : $_->{status} } $sim->requests_since($mark)),
			'401 token 200 200', "$name: round $round: one refused call, one token request, one call");
		is(one("SELECT generation FROM wfm_stat_connections WHERE name = '$name'"), $generation + $round,
			"$name: round $round: the next generation");
	}

	# A restart loses nothing of it
	$node->restart;
	is(one($query), $rows, "$name: a query after a restart");
	one("SELECT wfm_refresh('$name')");
	is(one("SELECT generation FROM wfm_stat_connections WHERE name = '$name'"), $generation + 3, "$name: and the refresh token still serves");
}

is($sim->state->{tokens}{overlaps}, 0, 'no refresh token was ever presented twice at once');

# The newer API of BlueRock has other paths
my %newer = (name => 'newer', api => 'bluerock/2', refresh_token => undef, redirect_uri => 'http://localhost/wfm');
WfmTest::connect_server($node, $sim, %newer);
my $landed = $http->get(one("SELECT wfm_authorize_url('newer')"))->{headers}{location};
one("SELECT * FROM wfm_authorize('newer', " . WfmTest::literal($landed) . ')');
is(one("SELECT string_agg(step || ': ' || detail, '; ') FROM wfm_check('newer') WHERE NOT ok"), '', 'bluerock/2: wfm_check has nothing to mend');
like(one("SELECT detail FROM wfm_check('newer') WHERE step = 'call'"), qr{^GET me: HTTP status 200$}, 'bluerock/2: and has made a call');

done_testing();
