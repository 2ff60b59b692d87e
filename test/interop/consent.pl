# The whole life of a consent against an OAuth server that is not ours:
# oidc-provider over https, with a person at a browser.

use strict;
use warnings;

use HTTP::Tiny;
use IPC::Run;
use JSON::PP;
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;
use Time::HiRes qw(sleep time);

use WfmBrowser;
use WfmTest;

my $redirect_uri = 'http://localhost/wfm';
my $app_secret = join '', map { sprintf '%08x', int rand 2**32 } 1 .. 4;
my $refreshes = 20;
my $allow = 'form:has(input[value=consent]) button';
my $cancel = 'a[href$="/abort"]';

# ---- a CA, and a certificate for this machine ----

my $tls = PostgreSQL::Test::Utils::tempdir();

sub run_quietly
{
	my @command = @_;
	my ($out, $ok);

	$ok = IPC::Run::run(\@command, '<', \undef, '>', \$out, '2>&1');
	die "@command: $out" unless $ok;
	return $out;
}

run_quietly(qw(openssl req -x509 -newkey rsa:2048 -nodes -days 2 -subj /CN=interop-ca),
	'-keyout', "$tls/ca.key", '-out', "$tls/ca.crt");
run_quietly(qw(openssl req -newkey rsa:2048 -nodes -subj /CN=127.0.0.1),
	'-keyout', "$tls/server.key", '-out', "$tls/server.csr");
append_to_file("$tls/server.ext", "subjectAltName=IP:127.0.0.1\n");
run_quietly(qw(openssl x509 -req -days 2 -CAcreateserial), '-in', "$tls/server.csr", '-CA', "$tls/ca.crt",
	'-CAkey', "$tls/ca.key", '-extfile', "$tls/server.ext", '-out', "$tls/server.crt");
my $key_hash = run_quietly('sh', '-c',
	"openssl x509 -in '$tls/server.crt' -noout -pubkey | openssl pkey -pubin -outform der | openssl dgst -sha256 -binary | openssl base64");
chomp $key_hash;

# ---- the simulator, the provider with its gateway, the server ----

my $sim = WfmTest::Simulator->new('--clients', 12, '--jobs', 5, '--time', 20, '--no-limits',
	'--access-token-seconds', 86400);
my $sim_token = JSON::PP->new->decode(HTTP::Tiny->new(proxy => undef)->post_form(
		$sim->url =~ s{//}{//sim-client:sim-secret@}r . '/connect/token',
		{ grant_type => 'refresh_token', refresh_token => 'sim-refresh-token' })->{content})->{access_token};
my $tenant = $sim->tenant_id('PRACTICEMANAGER');
my $event_file = "$PostgreSQL::Test::Utils::log_path/provider.jsonl";
my $provider_input = '';
my $provider;
{
	local $ENV{NODE_EXTRA_CA_CERTS} = "$tls/ca.crt";
	local $ENV{WFM_INTEROP_SECRET} = $app_secret;
	$provider = IPC::Run::start(
		[ $ENV{WFM_NODE} || 'node', "$ENV{WFM_SOURCE}/test/interop/provider.mjs", $tls, $sim->url, $tenant, $sim_token ],
		'<', \undef, '>', $event_file, '2>', "$PostgreSQL::Test::Utils::log_path/provider.err");
}

END
{
	my $exit_code = $?;

	$provider->kill_kill(grace => 5) if defined $provider;
	$? = $exit_code;
}

my $deadline = time() + 60;
sleep 0.05 until -e "$tls/ready" || time() > $deadline || !$provider->pumpable;
BAIL_OUT('the provider did not start: ' . slurp_file("$PostgreSQL::Test::Utils::log_path/provider.err"))
  unless -e "$tls/ready";
my $where = JSON::PP->new->decode(slurp_file("$tls/ready"));

my $node = WfmTest::start_node('interop', settings => <<"END");
wfm_fdw.allow_insecure_loopback = off
wfm_fdw.ca_file = '$tls/ca.crt'
END

sub one { return $node->safe_psql('postgres', $_[0]); }

sub fails
{
	my ($sql, $state, $pattern, $name) = @_;
	my ($code, $out, $err) = $node->psql('postgres', "\\set VERBOSITY verbose\n$sql");

	like($err, qr/ERROR:  $state: .*$pattern/s, $name);
}

# Events of the provider and the gateway, of one kind.
sub events
{
	my ($event, %wanted) = @_;
	my @all = map { JSON::PP->new->decode($_) } grep { /^\{/ } split /\n/, slurp_file($event_file);

	return grep {
		my $e = $_;
		$e->{event} eq $event && !grep { ($e->{$_} // '') ne $wanted{$_} } keys %wanted
	} @all;
}

sub count { return scalar(() = events(@_)); }

# Calls of the gateway, which are told after their answer was sent.
sub settled_calls
{
	my ($wanted, @what) = @_;
	my $until = time() + 10;

	sleep 0.05 while count('call', @what) < $wanted && time() < $until;
	return count('call', @what);
}

# A request of another program, as somebody with curl would send it.
sub curl
{
	my @arguments = @_;
	my $out;

	IPC::Run::run([ 'curl', '-q', '--noproxy', '*', '-sS', '--cacert', "$tls/ca.crt", @arguments ], '<', \undef, '>', \$out, '2>&1');
	return $out;
}

# A refresh token that wfm_fdw had or has: 'last_used' or 'newest'.
sub refresh_token
{
	my ($which) = @_;

	return JSON::PP->new->decode(curl("$where->{gateway}/_interop/refresh_tokens"))->{$which};
}

# Present it as another program of the same app would.
sub present
{
	my ($name, $token) = @_;
	my @app = $name eq 'secret' ? ('-u', "app-secret:$app_secret") : ('-d', 'client_id=app-pkce');

	return curl("$where->{issuer}/token", @app, '-d', 'grant_type=refresh_token', '--data-urlencode', "refresh_token=$token");
}

sub connection
{
	my ($name, %columns) = @_;
	my %row = (
		name => $name, api => 'practicemanager/3.1', redirect_uri => $redirect_uri, calls_per_minute => 600,
		api_url => "$where->{gateway}/practicemanager/3.1/",
		connections_url => "$where->{gateway}/connections",
		token_url => "$where->{issuer}/token",
		revocation_url => "$where->{issuer}/token/revocation",
		# OpenID Connect gives offline_access only to who asks for the consent page.
		authorize_url => "$where->{issuer}/auth?prompt=consent",
		%columns);
	my $file = $node->basedir . "/$name.json";

	append_to_file($file, JSON::PP->new->encode(\%row));
	chmod 0600, $file;
	one('SELECT * FROM wfm_import_credentials(' . WfmTest::literal($file) . ')');
	unlink $file;
	one("CREATE SERVER $name FOREIGN DATA WRAPPER wfm_fdw OPTIONS (connection '$name');
		CREATE SCHEMA $name; IMPORT FOREIGN SCHEMA wfm FROM SERVER $name INTO $name");
}

# The person: log in if asked, then press a button or a link.
sub decide
{
	my ($browser, $url, $selector) = @_;

	$browser->open($url);
	unless ($browser->has($allow))
	{
		$browser->fill('input[name=login]', 'manager');
		$browser->fill('input[name=password]', 'a password');
		$browser->click('button[type=submit]');
	}
	$browser->click($selector);
	return $browser->wait_for_address(qr{^\Q$redirect_uri\E\?});
}

my $browser = WfmBrowser->new(trust => $key_hash);
diag('Chromium ' . $browser->version);

sub authorize
{
	my ($name, $back) = @_;

	return "wfm_authorize('$name', " . WfmTest::literal($back) . ')';
}

sub status
{
	my ($name, $column) = @_;

	return one("SELECT $column FROM wfm_stat_connections WHERE name = '$name'");
}

# ---- an app without a secret, whose tokens are JWTs, then one with, whose are opaque ----

foreach my $case ([ 'pkce', 'jwt', client_id => 'app-pkce' ],
	[ 'secret', 'opaque', client_id => 'app-secret', client_secret => $app_secret ])
{
	my ($name, $kind, @columns) = @$case;
	my $clients = "SELECT count(*) FROM $name.client";
	my $needs_consent = qr/HINT: [^\n]*SELECT wfm_authorize_url\('$name'\);/;

	connection($name, @columns);
	is(status($name, 'state'), 'needs_authorization', "$name: needs a consent");

	# The person cancels
	my $back = decide($browser, one("SELECT wfm_authorize_url('$name')"), $cancel);
	like($back, qr/[?&]error=access_denied/, "$name: a person who cancels is sent back without a code");
	fails('SELECT * FROM ' . authorize($name, $back), '28000', qr/was refused.*$needs_consent/s, "$name: and wfm_authorize says so");

	# A code alone is worth nothing: the app without a secret has to prove that it asked
	if ($name eq 'pkce')
	{
		my ($code) = decide($browser, one("SELECT wfm_authorize_url('$name')"), $allow) =~ /[?&]code=([^&]+)/;
		like(curl("$where->{issuer}/token", '-d', 'grant_type=authorization_code', '-d', 'client_id=app-pkce',
				'-d', "code=$code", '--data-urlencode', "redirect_uri=$redirect_uri"),
			qr/"error":"invalid_grant"/, "$name: the code of a consent without the verifier is refused");
	}

	# The person allows
	$back = decide($browser, one("SELECT wfm_authorize_url('$name')"), $allow);
	like($back, qr/[?&]code=[^&]+/, "$name: a person who allows is sent back with a code");
	is(one('SELECT tenant_id, tenant_name, consented_by, next FROM ' . authorize($name, $back)),
		"$tenant|Interop|Practice Manager <manager\@example.com>|CREATE SERVER $name FOREIGN DATA WRAPPER wfm_fdw OPTIONS (connection '$name');",
		"$name: wfm_authorize tells the tenant, who consented and what comes next");
	is(status($name, 'state'), 'ready', "$name: ready");
	fails('SELECT * FROM ' . authorize($name, $back), '28000', qr/no consent was asked/, "$name: the address is good once");
	is(one($clients), 12, "$name: a query");
	is(settled_calls(1, path => '/practicemanager/3.1/client.api/list', kind => $kind, accepted => 'true'), 1, "$name: in one call, with a token of the kind $kind");
	is(one("SELECT string_agg(step || ': ' || detail, E'\n') FROM wfm_check('$name') WHERE NOT ok"), '', "$name: wfm_check finds nothing wrong");

	# Refreshes: asked for, and because the access token ended before its time
	my $tokens = count('tokens', grant => 'refresh_token');
	my $refused = count('refused');
	my $generation = status($name, 'generation');
	my $wrong = 0;
	my %used;
	foreach my $i (1 .. $refreshes)
	{
		if ($i % 2)
		{
			one("SELECT wfm_refresh('$name')");
		}
		else
		{
			curl("$where->{gateway}/_interop/end_access");
		}
		$wrong++ if one($clients) != 12;
		$wrong++ if status($name, 'generation') != $generation + $i;
		$used{ refresh_token('last_used') } = 1;
	}
	is($wrong, 0, "$name: queries go on through $refreshes refreshes, half of them found necessary by a query");
	is(count('tokens', grant => 'refresh_token') - $tokens, $refreshes, "$name: with one token request each");
	is(scalar(keys %used), $refreshes, "$name: each of which used another refresh token");
	is(count('refused'), $refused, "$name: none of which was refused");
	is($used{ refresh_token('newest') }, undef, "$name: the newest is unused");

	# Somebody else presents a refresh token that was used: the consent ends
	my $revoked = count('revoked');
	like(present($name, refresh_token('last_used')), qr/"error":"invalid_grant"/, "$name: a refresh token presented twice is refused");
	cmp_ok(count('revoked'), '>', $revoked, "$name: and ends the consent");
	$refused = count('refused');
	fails("SELECT wfm_refresh('$name')", '28000', $needs_consent, "$name: wfm_refresh says what to do");
	is(status($name, 'state'), 'needs_authorization', "$name: a new consent is needed");
	fails($clients, '28000', $needs_consent, "$name: a query says so too");
	cmp_ok(count('refused') - $refused, '<=', 3, "$name: after at most three token requests");

	# Another consent mends it
	$back = decide($browser, one("SELECT wfm_authorize_url('$name')"), $allow);
	one('SELECT * FROM ' . authorize($name, $back));
	is(one($clients), 12, "$name: another consent mends it");

	# The end of it, from here
	my $last = refresh_token('newest');
	$revoked = count('revoked');
	my ($code, $out, $err) = $node->psql('postgres', "SELECT wfm_disconnect('$name', true)");
	is($code, 0, "$name: wfm_disconnect");
	cmp_ok(count('revoked'), '>', $revoked, "$name: the consent is revoked");
	# A token that is no JWT does not say which consent it is of: nothing is unlinked then
	$kind eq 'jwt' ? is($err, '', "$name: warns of nothing")
	  : like($err, qr/^\S* *WARNING:  no tenant was unlinked[^\n]*\nDETAIL:[^\n]*\nHINT:[^\n]*\n?\z/, "$name: warns of what it could not do, and of nothing else");
	my $unlinked = $kind eq 'jwt' ? 1 : 0;
	is(settled_calls($unlinked, method => 'DELETE', status => 204, kind => $kind), $unlinked, "$name: links removed: $unlinked");
	like(present($name, $last), qr/"error":"invalid_grant"/, "$name: the last refresh token is worth nothing");
	fails($clients, '28000', qr/disconnected by wfm_disconnect.*$needs_consent/s, "$name: a query says why there is no token");
}

is(count('server error'), 0, 'the provider had no trouble');
unlike(slurp_file($node->logfile), qr/\Q$app_secret\E/, 'the log does not hold the secret of the app');
my $left = refresh_token('last_used');
unlike(slurp_file($node->logfile), qr/\Q$left\E/, 'nor a refresh token');

done_testing();
