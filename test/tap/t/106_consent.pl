# Consent without a web page: the address, the address pasted back, tokens.

use strict;
use warnings;

use HTTP::Tiny;
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;

use WfmTest;

my $sim = WfmTest::Simulator->new('--clients', 3, '--jobs', 3, '--time', 3, '--auto-consent');
my $node = WfmTest::start_node('consent');
my $http = HTTP::Tiny->new(proxy => undef, max_redirect => 0);
my $redirect_uri = 'http://localhost/wfm';

sub one { return $node->safe_psql('postgres', $_[0]); }

sub fails
{
	my ($sql, $state, $pattern, $name) = @_;
	my ($code, $out, $err) = $node->psql('postgres', "\\set VERBOSITY verbose\n$sql");

	like($err, qr/ERROR:  $state: .*$pattern/s, $name);
}

# The person in front of the browser: the address it ends at.
sub consent
{
	my ($url) = @_;
	my $answer = $http->get($url);

	return $answer->{headers}{location} || "no redirect: $answer->{status} $answer->{content}";
}

sub connection
{
	my ($name, %columns) = @_;

	WfmTest::insert_connection($node, { %{ $sim->connection('practicemanager/3.1') }, redirect_uri => $redirect_uri,
		refresh_token => undef, name => $name, %columns });
}

foreach my $case ([ 'secret', client_id => 'sim-client' ],
	[ 'pkce', client_id => 'sim-pkce', client_secret => undef, tenant_id => undef ])
{
	my ($name, @columns) = @$case;

	connection($name, @columns);
	is(one("SELECT state FROM wfm_stat_connections WHERE name = '$name'"), 'needs_authorization', "$name: needs a consent");
	fails("SELECT wfm_refresh('$name')", '28000', qr/HINT: [^\n]*SELECT wfm_authorize_url\('$name'\);\n/, "$name: and says how to get it");
	fails("BEGIN; SELECT wfm_authorize_url('$name'); SELECT wfm_authorize('$name', '$redirect_uri?code=c&state=s')",
		'55000', qr/Commit first/, "$name: an address of the same transaction");

	my $url = one("SELECT wfm_authorize_url('$name')");
	like($url, qr/response_type=code/, "$name: the address");
	$name eq 'pkce' ? like($url, qr/code_challenge_method=S256/, "$name: with a challenge")
	  : unlike($url, qr/code_challenge/, "$name: without a challenge");
	my $back = consent($url);
	like($back, qr/^\Q$redirect_uri\E\?.*code=/, "$name: the person consents");

	my $mark = $sim->mark;
	fails("SELECT * FROM wfm_authorize('$name', '$redirect_uri')", '22023', qr/Paste the whole address/, "$name: half an address");
	fails("SELECT * FROM wfm_authorize('$name', '$redirect_uri?code=abc&state=def')", '28000', qr/not the answer to the last address/, "$name: a foreign state");
	fails("SELECT * FROM wfm_authorize('$name', '$redirect_uri?error=access_denied')", '28000', qr/was refused/, "$name: refused");
	is(scalar(() = $sim->token_requests_since($mark)), 0, "$name: none of which sends anything");

	my $rows = one("SELECT tenant_id, consented_by IS NOT NULL, next FROM wfm_authorize('$name', " . WfmTest::literal($back) . ')');
	if ($name eq 'secret')
	{
		is($rows, $sim->tenant_id('PRACTICEMANAGER') . "|t|CREATE SERVER secret FOREIGN DATA WRAPPER wfm_fdw OPTIONS (connection 'secret');",
			"$name: tokens, and the next statement");
	}
	else
	{
		is(scalar(() = $rows =~ /\|t\|UPDATE wfm_connections SET tenant_id = '[-0-9a-f]+' WHERE name = 'pkce';/g), 2,
			"$name: two tenants to choose from");
	}
	is(scalar(() = $sim->token_requests_since($mark)), 1, "$name: one token request");
	is(one("SELECT state FROM wfm_stat_connections WHERE name = '$name'"), 'ready', "$name: ready");
	one("SELECT wfm_refresh('$name')");
	is(one("SELECT state FROM wfm_stat_connections WHERE name = '$name'"), 'ready', "$name: and refreshed");
	fails("SELECT * FROM wfm_authorize('$name', " . WfmTest::literal($back) . ')', '28000', qr/no consent was asked/, "$name: an address is good once");

	like(one("SELECT scopes FROM wfm_identity('$name')"), qr/practicemanager/, "$name: wfm_identity");
	is(one("SELECT count(*) FILTER (WHERE usable) || ' ' || count(*) FILTER (WHERE NOT usable AND why_not LIKE 'its type is %') FROM wfm_tenants('$name')"),
		'2 ' . (one("SELECT count(*) FROM wfm_tenants('$name')") - 2), "$name: wfm_tenants");
	is(one("SELECT count(*) FROM wfm_tokens WHERE connection = '$name' AND consent_state IS NULL AND consent_verifier IS NULL"), 1, "$name: nothing is left of the consent");
}

# wfm_check: each step, and how to mend the first that fails
is(one("SELECT string_agg(step, ', ' ORDER BY n) FROM wfm_check('secret') WITH ORDINALITY AS c (step, ok, detail, mend, n) WHERE ok"),
	'preload, connection, key file, token launcher, token, scopes, tenant, call, clock, day limit, time zone', 'wfm_check: all is well');
like(one("SELECT mend FROM wfm_check('pkce') WHERE NOT ok"), qr/^Choose one: UPDATE wfm_connections SET tenant_id/, 'wfm_check: which tenant?');
$sim->fault({ match => { path => '/practicemanager/3.1/category.api' }, count => 1, action => { status => 403 } });
like(one("SELECT mend FROM wfm_check('secret') WHERE NOT ok"), qr/^The person who consents needs Administrator/, 'wfm_check: not allowed');
like(one("SELECT detail FROM wfm_check('secret') WHERE step = 'tenant'"), qr/^[0-9a-f-]{36}, type PRACTICEMANAGER$/, 'wfm_check: the tenant and its type');
like(one("SELECT detail FROM wfm_check('secret') WHERE step = 'day limit'"), qr/^\d+ calls are left .* 5000 a day are set$/, 'wfm_check: the day limit');
my $kept = one("SELECT tenant_id FROM wfm_connections WHERE name = 'secret'");
foreach my $wrong ([ $sim->tenant_id('WORKFLOWMAX'), qr/, type WORKFLOWMAX, but the API needs one of type PRACTICEMANAGER$/ ],
	[ '00000000-0000-4000-8000-000000000000', qr/ is none of those the consent reaches$/ ])
{
	one("UPDATE wfm_connections SET tenant_id = '$wrong->[0]' WHERE name = 'secret'");
	is(one("SELECT tenant_id, tenant_name FROM wfm_stat_connections WHERE name = 'secret'"), "$wrong->[0]|", 'wfm_stat_connections: the tenant that the settings name');
	like(one("SELECT detail FROM wfm_check('secret') WHERE step = 'tenant' AND NOT ok"), $wrong->[1], 'wfm_check: a wrong tenant');
	like(one("SELECT mend FROM wfm_check('secret') WHERE step = 'tenant'"), qr/wfm_tenants\('secret'\)/, 'wfm_check: and how to mend it');
}
one("UPDATE wfm_connections SET tenant_id = " . ($kept eq '' ? 'NULL' : "'$kept'") . " WHERE name = 'secret'");
connection('old', api => 'workflowmax/3.0');
is(one("SELECT string_agg(step, ', ') FROM wfm_check('old') WHERE NOT ok"), 'token, end of life', 'wfm_check: no consent, and an old API');

# A code that the vendor does not take
my $back = consent(one("SELECT wfm_authorize_url('secret')"));
$back =~ s/code=[^&]*/code=wrong/;
fails('SELECT * FROM wfm_authorize(\'secret\', ' . WfmTest::literal($back) . ')', '28000',
	qr/could not be exchanged for tokens.*invalid_grant/s, 'a stale code');
is(one("SELECT state FROM wfm_stat_connections WHERE name = 'secret'"), 'ready', 'leaves the old consent in force');

# Scopes without offline_access
one("UPDATE wfm_connections SET scopes = 'openid practicemanager' WHERE name = 'secret'");
my ($code, $out, $err) = $node->psql('postgres', "SELECT wfm_authorize_url('secret')");
like($err, qr/WARNING:  the scopes of connection "secret" do not hold offline_access/, 'a consent that cannot be renewed is warned of');
$node->psql('postgres', 'SELECT * FROM wfm_authorize(\'secret\', ' . WfmTest::literal(consent($out)) . ')');
is(one("SELECT state FROM wfm_stat_connections WHERE name = 'secret'"), 'ready_no_refresh', 'and shown as such');

# Others may not
one('CREATE ROLE clerk LOGIN');
foreach my $call ("wfm_authorize_url('secret')", "wfm_tenants('secret')", "wfm_identity('secret')", "wfm_refresh('secret')")
{
	($code, $out, $err) = $node->psql('postgres', "\\set VERBOSITY verbose\nSELECT $call", extra_params => [ '-U', 'clerk' ]);
	like($err, qr/ERROR:  42501: permission denied for connection "secret"/, "$call by another role");
}
is($node->safe_psql('postgres', 'SELECT count(*) FROM wfm_stat_connections', extra_params => [ '-U', 'clerk' ]), 0, 'another role sees no connection');

# The end of a consent
one("UPDATE wfm_connections SET revocation_url = '" . $sim->url . "/connect/revocation' WHERE name = 'pkce'");
$node->psql('postgres', 'SELECT * FROM wfm_authorize(\'pkce\', ' . WfmTest::literal(consent(one("SELECT wfm_authorize_url('pkce')"))) . ')');
is(one("SELECT state FROM wfm_stat_connections WHERE name = 'pkce'"), 'ready', 'another URL needs another consent');
my $before = $sim->mark;
$sim->fault({ match => { path => '/connect/revocation' }, count => 1, action => { delay_before => WfmTest::HELD } });
my $ending = IPC::Run::start([ 'psql', '-X', '-q', '-d', $node->connstr('postgres'), '-c', "SELECT wfm_disconnect('pkce')" ], '<', \undef, '>', \my $said, '2>&1');
$sim->wait_for_request(qr/revocation/);
one("SELECT wfm_refresh('pkce')");
is(scalar(grep { $_->{path} =~ /revocation/ } @{ $sim->state->{http}{active} }), 1, 'while the vendor is asked to end a consent, nothing is locked');
$sim->release;
$ending->finish;
is(scalar(grep { $_->{path} =~ /revocation/ } $sim->requests_since($before)), 2, 'what came of it meanwhile is revoked, too');
unlike($said, qr/ERROR|WARNING/, 'the consent ends');
fails("SELECT wfm_identity('pkce')", '28000', qr/disconnected by wfm_disconnect/, 'and nothing is left to use');
$sim->no_faults;
$node->psql('postgres', 'SELECT * FROM wfm_authorize(\'pkce\', ' . WfmTest::literal(consent(one("SELECT wfm_authorize_url('pkce')"))) . ')');
$before = $sim->mark;
($code, $out, $err) = $node->psql('postgres', "SELECT wfm_disconnect('pkce', true)");
is($err, '', 'wfm_disconnect warns of nothing');
is(join(' ', sort map { "$_->{method} $_->{status}" } grep { $_->{path} =~ m{revocation|connections/} } $sim->requests_since($before)),
	'DELETE 204 POST 200', 'the tenant of this consent is unlinked and the token is revoked');
fails("SELECT wfm_identity('pkce')", '28000', qr/disconnected by wfm_disconnect/, 'nothing is left to use');

# A consent whose URL column changed, or without a redirect URI
one("UPDATE wfm_connections SET redirect_uri = NULL WHERE name = 'secret'");
fails("SELECT wfm_authorize_url('secret')", '55000', qr/has no redirect_uri/, 'no redirect URI');

done_testing();
