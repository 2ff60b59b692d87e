# A connection that names no tenant: the worker finds out which one is meant,
# once, and says what to do where that is not clear.

use strict;
use warnings;

use JSON::PP;
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;

use WfmTest;

my $sim = WfmTest::Simulator->new('--clients', 12, '--jobs', 20, '--time', 40,
	'--minute-limit', 100000, '--day-limit', 1000000, '--concurrent-limit', 50);
my $node = WfmTest::start_node('main');

sub one { return $node->safe_psql('postgres', $_[0]); }

# A connection and its server; the simulator gets an app of its own for it, to
# which something is done before the worker hears of it.
sub connect_app
{
	my ($name, $api, %columns) = @_;
	my $before = delete $columns{before};

	$sim->control('POST', 'tokens', { new_client => { client_id => $name, secret => 's' } });
	my $grant = $sim->control('POST', 'tokens', { new_grant => { client_id => $name,
		vendor => $api =~ /^bluerock/ ? 'bluerock' : 'xero' } });
	$before->() if $before;
	WfmTest::connect_tables($node, $sim, name => $name, api => $api, client_id => $name,
		client_secret => 's', refresh_token => $grant->{refresh_token},
		tenant_id => undef, calls_per_minute => 600, %columns);
}

# Fails with an error; what it says.
sub failure
{
	my ($sql) = @_;
	my ($ret, $out, $err) = $node->psql('postgres', "\\set VERBOSITY verbose\n$sql");

	is($out, '', "$sql: no rows");
	return $err;
}

sub lists_asked
{
	my ($mark) = @_;

	return scalar(grep { $_->{path} eq '/connections' } $sim->requests_since($mark));
}

my @practices = map { $sim->tenant_id('PRACTICEMANAGER', $_) } 0, 1;
my $company = $sim->tenant_id('WORKFLOWMAX');

# --- one of the type ---
my $mark = $sim->mark;
connect_app('wfm', 'workflowmax/3.0');
is(one('SELECT count(*) FROM wfm.client'), 12, 'one tenant of the type: rows');
is(lists_asked($mark), 1, 'one tenant of the type: the list is asked for');
is((map { $_->{tenant} } $sim->calls_since($mark))[0], $company, 'one tenant of the type: it is meant');
is(one("SELECT tenant_id, tenant_name FROM wfm_stat_connections WHERE name = 'wfm'"),
	"$company|Harbour Design Ltd", 'one tenant of the type: the view shows it');
$mark = $sim->mark;
is(one('SELECT count(*) FROM wfm.client'), 12, 'another session: rows');
$node->restart;
is(one('SELECT count(*) FROM wfm.client'), 12, 'after a restart: rows');
is(lists_asked($mark), 0, 'the list is not asked for again');

# --- BlueRock's tokens name the account ---
$mark = $sim->mark;
connect_app('br', 'bluerock/1');
is(one('SELECT count(*) FROM br.client'), 12, 'the account in the token: rows');
is(lists_asked($mark), 0, 'the account in the token: no list');
is((map { $_->{tenant} } $sim->calls_since($mark))[0], $company, 'the account in the token: it is meant');

my $opaque = { match => { path => '/oauth/token' }, action => { status => 200,
	headers => { 'Content-Type' => 'application/json' },
	body => encode_json({ access_token => 'A' x 40, token_type => 'Bearer', expires_in => 3600,
			refresh_token => 'R' x 40 }) } };
$mark = $sim->mark;
connect_app('opaque', 'bluerock/1', before => sub { $sim->fault($opaque) });
like(failure('SELECT * FROM opaque.client'),
	qr/ERROR:  55000: the tenant of connection "opaque" is not known.*DETAIL:  The access token does not name the accounts\..*HINT:.*SET tenant_id = '\.\.\.' WHERE name = 'opaque'/s,
	'a token that names no account');
is(scalar($sim->calls_since($mark)), 0, 'a token that names no account: no call of the API');
$sim->no_faults;

# --- several of the type ---
$mark = $sim->mark;
connect_app('two', 'practicemanager/3.1');
my $err = failure('SELECT * FROM two.client');
like($err, qr/ERROR:  55000: connection "two" reaches several tenants/, 'several: an error');
like($err, qr/DETAIL:.*\Q$_\E/s, "several: names $_") foreach @practices, 'Kauri & Söhne Accountants';
unlike($err, qr/\Q$company\E/, 'several: only of the type');
like($err, qr/HINT:  Choose one: UPDATE wfm_connections SET tenant_id = '\.\.\.' WHERE name = 'two';/, 'several: what to do');
is(scalar($sim->calls_since($mark)), 0, 'several: no call of the API');
one("UPDATE wfm_connections SET tenant_id = '$practices[1]' WHERE name = 'two'");
$mark = $sim->mark;
cmp_ok(one('SELECT count(*) FROM two.client'), '>', 0, 'several: one is chosen');
is((map { $_->{tenant} } $sim->calls_since($mark))[0], $practices[1], 'several: it is asked');

# One is disconnected, then the other: what a new token tells counts.
one("UPDATE wfm_connections SET tenant_id = NULL WHERE name = 'two'");
like(failure('SELECT * FROM two.client'), qr/reaches several tenants/, 'and none is chosen again');
$sim->control('POST', 'tenants', { disconnect => $practices[1] });
one("SELECT wfm_refresh('two')");
$mark = $sim->mark;
is(one('SELECT count(*) FROM two.client'), 12, 'the one that is left');
is((map { $_->{tenant} } $sim->calls_since($mark))[0], $practices[0], 'is asked');
$sim->control('POST', 'tenants', { disconnect => $practices[0] });
connect_app('none', 'practicemanager/3.1', before => sub {
	$sim->control('POST', 'tenants', { disconnect => $_, client_id => 'none' }) foreach @practices; });
like(failure('SELECT * FROM none.client'),
	qr/ERROR:  55000: connection "none" reaches no tenant of its type.*DETAIL:.*PRACTICEMANAGER.*HINT:.*wfm_authorize_url\('none'\)/s,
	'none of the type');
$sim->control('POST', 'tenants', { reconnect => \1 });

# --- a list that does not come ---
foreach my $case (
	[ 'error', { status => 500, body => 'boom' }, qr/The list of tenants could not be asked for: HTTP status 500\./ ],
	[ 'lost', { drop => 'close' }, qr/The list of tenants could not be asked for: \S+/ ],
	[ 'garbage', { status => 200, body => '{"Hello": 1}' }, qr/The list of tenants cannot be read\./ ])
{
	my ($name, $action, $detail) = @$case;

	$mark = $sim->mark;
	connect_app($name, 'workflowmax/3.0',
		before => sub { $sim->fault({ match => { path => '/connections' }, action => $action }) });
	my $start = time;
	like(failure("SELECT * FROM $name.client"),
		qr/ERROR:  55000: the tenant of connection "$name" is not known.*DETAIL:  $detail.*HINT:  Name it:/s,
		"list, $name: an error that says so");
	cmp_ok(time - $start, '<', 60, "list, $name: in bounded time");
	# three times, and libcurl repeats what a kept connection lost
	cmp_ok(lists_asked($mark), '<=', 6, "list, $name: asked for a few times");
	$sim->no_faults;
	one("SELECT wfm_refresh('$name')");
	is(one("SELECT count(*) FROM $name.client"), 12, "list, $name: it is asked for again with the next token");
}

# --- nowhere to ask ---
connect_app('nowhere', 'workflowmax/3.0', connections_url => undef);
like(failure('SELECT * FROM nowhere.client'), qr/DETAIL:.*connections_url.*HINT:  Name it:/s, 'nowhere to ask');

done_testing();
