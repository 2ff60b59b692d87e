# A call that would have to wait for longer than wfm_fdw.max_wait: the error
# names the limit, when it ends as far as that is known, and what helps.  That of
# an API that keeps failing is in 302_circuit.

use strict;
use warnings;

use IPC::Run;
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;

use WfmTest;

my $sim = WfmTest::Simulator->new('--clients', 5, '--jobs', 5, '--time', 10, '--no-limits');
my $node = WfmTest::start_node('too_long', settings => "wfm_fdw.wait_notice = -1\n");
my $known = qr/The next call is possible at 20\d\d-/;
my $unknown = qr/When the next call is possible is not known\./;
my $too_long = qr/a limit of the API of connection "\w+" asks for a longer wait than allowed/;

# An app of its own, whose limits nobody has used; columns of its connection.
sub new_app
{
	my ($name, %columns) = @_;

	$sim->control('POST', 'tokens', { new_client => { client_id => $name, secret => 's' } });
	my $grant = $sim->control('POST', 'tokens', { new_grant => { client_id => $name } });
	WfmTest::connect_tables($node, $sim, name => $name, client_id => $name, client_secret => 's',
		refresh_token => $grant->{refresh_token}, %columns);
	return $name;
}

# A query of one call that is answered.
sub call
{
	my ($app, $settings) = @_;

	return $node->safe_psql('postgres', ($settings || '') . "SELECT count(*) FROM $app.staff");
}

# Requests since a mark, those included that a rule answered.
sub requests { return scalar grep { $_->{path} =~ /staff\.api/ } $sim->requests_since($_[0]); }

# A query has to wait for longer than it may; returns a mark from before it.
sub too_long
{
	my ($what, $app, $message, $detail, $until, $hint, $settings) = @_;
	my $mark = $sim->state->{last_seq};
	my ($ret, $out, $err) = $node->psql('postgres',
		"\\set VERBOSITY verbose\nSET wfm_fdw.max_wait = '300ms'; " . ($settings || '') . "SELECT count(*) FROM $app.staff");

	like($err, qr/ERROR:  53400: $message$/m, "$what: an error");
	like($err, qr/^DETAIL:  Foreign table "staff", connection "$app", tenant .* $detail $until/m,
		"$what: which limit, and until when");
	like($err, qr/^HINT:  .*$hint/m, "$what: what helps");
	return $mark;
}

# The answer to the next call refuses it.
sub refuse
{
	my ($status, %headers) = @_;

	return $sim->fault({ match => { path => '*staff.api' }, count => 1,
			action => { status => $status, body => '', headers => \%headers } });
}

# --- what the API asks for ---
foreach my $case (
	[ 'minute', 429, 'minute', qr/The API asked to wait\. It named the tenant's calls of a minute\./ ],
	[ 'concurrent', 429, 'concurrent', qr/The API asked to wait\. It named the tenant's concurrent calls\./ ],
	[ 'unnamed', 429, undef, qr/The API asked to wait\./ ],
	[ 'unavailable', 503, undef, qr/The API asked to wait\./ ],
	[ 'app', 429, 'appminute', qr/The calls of this minute that the app has for all its tenants together are used up\./ ],
	[ 'day', 429, 'day', qr/The tenant's calls of this day are used up\./ ])
{
	my ($name, $status, $problem, $detail) = @$case;
	my $app = new_app("told_$name");

	call($app);
	refuse($status, 'Retry-After' => '120', $problem ? ('X-Rate-Limit-Problem' => $problem) : ());
	is(requests(too_long("told to wait, $name", $app,
			$problem && $problem eq 'day' ? qr/the day limit of connection "$app" is used up/ : $too_long,
			$detail, $known, $name eq 'day' ? qr/materialized views/ : qr/wfm_fdw\.max_wait.*wfm_stat_limits/)),
		1, "told to wait, $name: one call");
	# and nobody else asks
	is(requests(too_long("told to wait, $name, next query", $app,
			$problem && $problem eq 'day' ? qr/the day limit of connection "$app" is used up/ : $too_long,
			$detail, $known, qr/./)), 0, "told to wait, $name, next query: no call");
}

# --- what is counted here ---
{
	my $app = new_app('minute', calls_per_minute => 4);
	my $batch = "SET wfm_fdw.priority = 'batch'; ";

	call($app, $batch) for 1 .. 3;
	is(requests(too_long('the minute of a batch', $app, $too_long,
			qr/The tenant's calls of this minute are used up\. Queries whose wfm_fdw\.priority is "batch" have only a part of them\./,
			$unknown, qr/wfm_fdw\.max_wait: after a minute/, $batch)),
		0, 'the minute of a batch: no call');
	call($app);
	is(requests(too_long('the minute', $app, $too_long, qr/The tenant's calls of this minute are used up\./, $known,
			qr/wfm_fdw\.max_wait: after a minute/)), 0, 'the minute: no call');

	$app = new_app('day', calls_per_day => 3);
	call($app) for 1 .. 3;
	is(requests(too_long('the day', $app, qr/the day limit of connection "$app" is used up/,
			qr/The tenant's calls of this day are used up\./, $known, qr/materialized views/)),
		0, 'the day: no call');
}

# --- others' calls ---
{
	my $app = new_app('slots', concurrent_calls => 1);
	my @holders;

	foreach my $case (
		[ 'the first call', qr/Calls for a tenant go out one at a time until it is known how far its limits are used\./ ],
		[ 'a slot', qr/The concurrent calls of the tenant are taken, or promised to queries that asked earlier\./ ])
	{
		my ($what, $detail) = @$case;

		$sim->fault({ match => { path => '*staff.api' }, action => { delay => 60 } });
		my $holder = IPC::Run::start([ 'psql', '-XAtq', '-d', $node->connstr('postgres'),
				'-c', "SELECT /* holder */ count(*) FROM $app.staff" ], '>', \my $out, '2>', \my $err);
		ok($node->poll_query_until('postgres',
				"SELECT in_flight = 1 FROM wfm_stat_limits WHERE client_id = '$app'"), "$what: it is under way");
		too_long($what, $app, $too_long, $detail, $unknown, qr/wfm_fdw\.max_wait\. The view wfm_stat_scans/);
		$sim->no_faults;
		$node->safe_psql('postgres', "SELECT pg_cancel_backend(pid) FROM pg_stat_activity
			WHERE query LIKE '%/* holder */%' AND pid <> pg_backend_pid()");
		IPC::Run::finish($holder);
		call($app);
	}
}

is($node->safe_psql('postgres', 'SELECT sum(in_flight) + sum(waiting) FROM wfm_stat_limits'), 0,
	'nothing is left behind');

done_testing();
