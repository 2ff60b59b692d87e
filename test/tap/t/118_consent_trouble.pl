# What goes wrong between the address and the tokens: pasted junk, a provider
# that refuses, fails or talks nonsense, a connection that changes meanwhile, a
# server that may not ask.  Whatever it is, the consent in force stays.

use strict;
use warnings;

use HTTP::Tiny;
use JSON::PP;
use MIME::Base64 qw(encode_base64url);
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;

use WfmTest;

my $sim = WfmTest::Simulator->new('--clients', 3, '--jobs', 3, '--time', 3, '--auto-consent',
	'--minute-limit', 100000, '--day-limit', 1000000);
my $node = WfmTest::start_node('consent', settings => "wfm_fdw.max_grants = 3\n");
my $http = HTTP::Tiny->new(proxy => undef, max_redirect => 0);
my $redirect_uri = 'http://localhost/wfm';

sub one { return $node->safe_psql('postgres', $_[0], %{ $_[1] || {} }); }

sub fails
{
	my ($sql, $state, $pattern, $name) = @_;
	my ($code, $out, $err) = $node->psql('postgres', "\\set VERBOSITY verbose\n$sql");

	like($err, qr/ERROR:  $state: .*$pattern/s, $name);
	return $err;
}

sub connection
{
	my ($name, %columns) = @_;

	WfmTest::insert_connection($node, { %{ $sim->connection('practicemanager/3.1') }, redirect_uri => $redirect_uri,
		refresh_token => undef, name => $name, %columns });
}

# The address that somebody's consent ends at.
sub consent { return $http->get(one("SELECT wfm_authorize_url('$_[0]')"))->{headers}{location}; }

sub authorize { return "SELECT * FROM wfm_authorize('$_[0]', " . WfmTest::literal($_[1]) . ')'; }

# A session that consents while the test goes on; it ends with its output.
sub consent_beside
{
	my ($sql) = @_;
	my $said = '';
	my $run = IPC::Run::start([ 'psql', '-XAtq', '-d', $node->connstr('postgres'), '-c', $sql ], '<', \undef, '>', \$said, '2>&1');

	return sub { IPC::Run::finish($run); return $said; };
}

connection('acme');
one(authorize('acme', consent('acme')));
my $kept = one('SELECT generation, md5(refresh_token), consented_at FROM wfm_tokens');

sub still_in_force
{
	my ($name) = @_;

	is(one("SELECT generation, md5(refresh_token), consented_at FROM wfm_tokens WHERE connection = 'acme'"), $kept,
		"$name: the consent in force stays");
}

# What people paste
my $mark = $sim->mark;
my $back = consent('acme');
foreach my $case ([ 'nothing', '', '22023', qr/Paste the whole address/ ],
	[ 'the address that was opened', one("SELECT wfm_authorize_url('acme')"), '22023', qr/neither a parameter "code" nor "error"/ ],
	[ 'another page', 'https://example.com/search?q=code', '22023', qr/not the address a consent ends at/ ],
	[ 'a code alone', "$redirect_uri?code=abcdef", '28000', qr/"state" differs/ ],
	[ 'text beyond ASCII', "$redirect_uri?code=\xc3\xa9&state=\xe2\x98\x83", '28000', qr/"state" differs/ ],
	[ 'a line break in the code', "$redirect_uri?code=a%0D%0AHost:%20x&state=s", '22023', qr/not the address/ ],
	[ 'two codes', "$redirect_uri?code=a&code=b&state=s", '22023', qr/not the address/ ],
	[ 'a megabyte', "$redirect_uri?state=s&code=" . 'c' x 1000000, '28000', qr/"state" differs/ ],
	[ 'an error', "$redirect_uri?error=invalid_scope&error_description=Unknown+scope", '28000', qr/failed: invalid_scope\nDETAIL:  Unknown scope\nHINT:  Make a new address: SELECT wfm_authorize_url\('acme'\)/ ],
	[ 'a refusal and its reason', "$redirect_uri?error=access_denied&error_description=Ada%C3%A9+said+%22no%22&state=s", '28000', qr/was refused\nDETAIL:  Ada\?\? said "no"\n/ ],
	[ 'an endless error', "$redirect_uri?error=" . 'e' x 5000, '28000', qr/failed: e{200}\n/ ])
{
	my ($name, $pasted, $state, $pattern) = @$case;

	fails(authorize('acme', $pasted), $state, $pattern, "pasted: $name");
}
is(scalar(() = $sim->token_requests_since($mark)), 0, 'none of which sends anything');
still_in_force('pasted junk');

$back = consent('acme');
my $long = $back =~ s/code=[^&]*/'code=' . 'c' x 2048/er;
fails(authorize('acme', $long), '22023', qr/the code of the consent is too long/, 'a code that is too long');
is(one(authorize('acme', " $back\r\n") =~ s/\*/count(*)/r), 1, 'blanks and the end of the line around the address are no harm');
$kept = one('SELECT generation, md5(refresh_token), consented_at FROM wfm_tokens');

# An address a week old
$back = consent('acme');
one("UPDATE wfm_tokens SET consent_asked_at = now() - interval '7 days 1 minute'");
fails(authorize('acme', $back), '28000', qr/was asked more than 7 days ago\nHINT: .*wfm_authorize_url\('acme'\)/, 'an address that is too old');
still_in_force('an old address');

# A provider in trouble
my $secret = 'sim-secret';
foreach my $case ([ 'a refusal', { status => 400, body => '{"error":"invalid_grant","error_description":"code expired"}' }, qr/HTTP status 400, invalid_grant: code expired/ ],
	[ 'a wrong secret', { status => 401, body => '{"error":"invalid_client"}' }, qr/HTTP status 401, invalid_client\nHINT: .*client_secret/ ],
	[ 'its failure', { status => 500, body => 'boom' }, qr/HTTP status 500, the body is not JSON/ ],
	[ 'a page', { html => JSON::PP::true }, qr/HTTP status 200, the body is not JSON/ ],
	[ 'an empty object', { status => 200, body => '{}' }, qr/HTTP status 200, "access_token" is missing/ ],
	[ 'its silence', { drop => 'close' }, qr/\S.*\nHINT:/ ])
{
	my ($name, $action, $pattern) = @$case;

	$back = consent('acme');
	$sim->fault({ match => { path => '/connect/token' }, action => $action });
	$mark = $sim->mark;
	my $err = fails(authorize('acme', $back), '28000', qr/could not be exchanged for tokens\nDETAIL:  $pattern/, "the provider answers with $name");
	unlike($err, qr/$secret|code=/, "$name: the message shows no secret");
	is(scalar(() = $sim->token_requests_since($mark)), 1, "$name: one request");
	$sim->no_faults;
	still_in_force($name);
}
is(one("SELECT state FROM wfm_stat_connections WHERE name = 'acme'"), 'ready', 'it is used on');
connection('nowhere', client_id => 'sim-pkce', client_secret => undef, token_url => 'http://127.0.0.1:1/token');
fails(authorize('nowhere', consent('nowhere')), '28000', qr/could not be exchanged.*DETAIL: .*127\.0\.0\.1/s, 'a provider that cannot be reached');
one("DELETE FROM wfm_connections WHERE name = 'nowhere'");

# Changes while the code is being exchanged
my $slow = { match => { path => '/connect/token' }, count => 1, action => { delay => WfmTest::HELD } };
foreach my $case ([ 'another app', "UPDATE wfm_connections SET client_id = 'sim-pkce' WHERE name = 'changing'" ],
	[ 'another token endpoint', "UPDATE wfm_connections SET token_url = 'http://127.0.0.1:1/' WHERE name = 'changing'" ],
	[ 'a refresh token', "UPDATE wfm_connections SET refresh_token = 'given' WHERE name = 'changing'" ],
	[ 'another address', "SELECT wfm_authorize_url('changing')" ],
	[ 'no connection', "DELETE FROM wfm_connections WHERE name = 'changing'" ])
{
	my ($name, $change) = @$case;

	connection('changing', revocation_url => $sim->url . '/connect/revocation');
	$back = consent('changing');
	$sim->fault($slow);
	$mark = $sim->mark;
	my $said = consent_beside(authorize('changing', $back));
	$sim->wait_for_request(qr{/token$});
	my $address = one($change);
	$sim->release;
	like($said->(), qr/ERROR:  the consent of connection "changing" could not be exchanged.*\nDETAIL:  the connection was (changed, or another address made,|deleted) meanwhile/,
		"meanwhile $name: the consent is of no use");
	is(one("SELECT count(*) FROM wfm_tokens WHERE connection = 'changing' AND (access_token IS NOT NULL OR consented_at IS NOT NULL)"), 0,
		"meanwhile $name: its tokens are not taken for those of the connection");
	is(scalar(() = grep { $_->{path} =~ /revocation/ } $sim->requests_since($mark)), 0, "meanwhile $name: nor revoked, which would end the person's others too");
	is(one(authorize('changing', $http->get($address)->{headers}{location}) =~ s/\*/count(*)/r), 1, "meanwhile $name: which is good") if $name eq 'another address';
	one("DELETE FROM wfm_connections WHERE name = 'changing'");
}

# Ctrl-C and the same again: the code is sent once, and both come to the same
foreach my $client ('sim-client', 'sim-pkce')
{
	connection('changing', client_id => $client, $client eq 'sim-pkce' ? (client_secret => undef) : ());
	$back = consent('changing');
	$sim->fault($slow);
	$mark = $sim->mark;
	my $said = consent_beside(authorize('changing', $back));
	$sim->wait_for_request(qr{/token$});
	one("SELECT pg_cancel_backend(pid) FROM pg_stat_activity WHERE query LIKE '%wfm_authorize(%' AND pid <> pg_backend_pid()");
	like($said->(), qr/canceling statement due to user request/, "$client: a session gives up");
	$said = consent_beside(authorize('changing', $back) =~ s/\*/count(*)/r);
	WfmTest::wait_for_sessions($node, '%wfm_authorize(%', 1);
	$sim->release;
	is($said->(), "1\n", "$client: the next one is told of the tokens");
	is(scalar(() = $sim->token_requests_since($mark)), 1, "$client: the code was sent once");
	is(one("SELECT state FROM wfm_stat_connections WHERE name = 'changing'"), 'ready', "$client: the consent is in force");
	one("DELETE FROM wfm_connections WHERE name = 'changing'");
}

# Two sessions at once: one of them is told of the other
connection('changing');
$back = consent('changing');
$sim->fault($slow);
$mark = $sim->mark;
my $first = consent_beside(authorize('changing', $back));
$sim->wait_for_request(qr{/token$});
my $second = consent_beside(authorize('changing', $back));
like($first->(), qr/another session has handed in a consent meanwhile/, 'two sessions: the first is told');
$sim->release;
unlike($second->(), qr/ERROR/, 'two sessions: the second has the tokens');
is(scalar(() = $sim->token_requests_since($mark)), 1, 'two sessions: one request');
one("DELETE FROM wfm_connections WHERE name = 'changing'");

# Somebody's transaction holds the grant for longer than the worker waits
connection('changing');
$back = consent('changing');
my $log_at = -s $node->logfile;
my $holding = $node->background_psql('postgres');
$holding->query_safe("BEGIN; UPDATE wfm_connections SET tenant_id = NULL WHERE name = 'changing'");
fails(authorize('changing', $back), '28000', qr/DETAIL:  the tokens could not be stored; see the server log\nHINT: .*wfm_authorize_url\('changing'\)/, 'a grant that is locked');
like(substr(slurp_file($node->logfile), $log_at), qr/ERROR:  canceling statement due to lock timeout/, 'the log says why');
$holding->query_safe('ROLLBACK');
$holding->quit;
is(one("SELECT state FROM wfm_stat_connections WHERE name = 'changing'"), 'needs_authorization', 'nothing was stored');
is(one(authorize('changing', consent('changing')) =~ s/\*/count(*)/r), 1, 'afterwards a consent is taken');
one("DELETE FROM wfm_connections WHERE name = 'changing'");

# The key is lost, or what was sealed for this consent
connection('changing', client_id => 'sim-pkce', client_secret => undef);
$back = consent('changing');
$mark = $sim->mark;
one("UPDATE wfm_tokens SET consent_verifier = left(consent_verifier, -4) WHERE connection = 'changing'");
fails(authorize('changing', $back), '28000', qr/DETAIL:  what was sealed for this consent cannot be opened/, 'a verifier that cannot be opened');
my $key_file = $node->basedir . '/wfm_fdw.key';
rename $key_file, "$key_file.away" or die;
fails(authorize('changing', $back), '58P01', qr/the key file cannot be opened/, 'a lost key file');
rename "$key_file.away", $key_file or die;
is(scalar(() = $sim->token_requests_since($mark)), 0, 'nothing is sent');

# Every place is taken
connection('third', client_id => 'sim-pkce', client_secret => undef);
one(authorize('changing', consent('changing')));
one(authorize('third', consent('third')));
connection('fourth');
$back = consent('fourth');
fails(authorize('fourth', $back), '53400', qr/no room for the tokens of connection "fourth"\nHINT:  Increase wfm_fdw\.max_grants \(now 3\)/, 'no place');
fails("SELECT wfm_refresh('fourth')", '53400', qr/no room for the tokens of connection "fourth"/, 'nor to refresh');
one("DELETE FROM wfm_connections WHERE name = 'third'");
my ($code, $had, $why);
WfmTest::wait_until(sub {
	($code, $had, $why) = $node->psql('postgres', authorize('fourth', $back) =~ s/\*/count(*)/r);
	return $why !~ /no room for the tokens/;
}, 'the worker gives up a place');
is("$had$why", '1', 'a place that was given up can be had');
one("DELETE FROM wfm_connections WHERE name IN ('changing', 'fourth')");

# Who consented, as the provider says: the name and the mail, or what there is
sub web_token { return join '.', map { encode_base64url($_) } '{"alg":"none"}', JSON::PP->new->utf8->canonical->encode($_[0]), 'signature'; }

foreach my $case ([ 'name and mail', { name => "Zo\x{eb} \x{2603}", email => 'zoe@example.com', sub => 's' }, {}, "Zo\x{eb} \x{2603} <zoe\@example.com>" ],
	[ 'mail', { email => 'zoe@example.com', preferred_username => 'zoe' }, {}, 'zoe@example.com' ],
	[ 'name', { name => 'Zoe', sub => 's' }, {}, 'Zoe' ],
	[ 'user name', { preferred_username => 'zoe', sub => 's' }, {}, 'zoe' ],
	[ 'subject', { sub => 'b06c' }, { name => 'not asked for' }, 'b06c' ],
	[ 'access token', undef, { sub => 'from the access token' }, 'from the access token' ],
	[ 'odd values', { name => 7, email => "a\nb", sub => '' }, { sub => 'b06c' }, 'b06c' ],
	[ 'no web token', 'opaque', 'opaque', '' ])
{
	my ($name, $id, $access, $expected) = @$case;
	my %answer = (access_token => ref $access ? web_token($access) : $access, expires_in => 1800, refresh_token => "of $name");

	utf8::encode($expected);
	$answer{id_token} = ref $id ? web_token($id) : $id if defined $id;
	$back = consent('acme');
	$sim->fault({ match => { path => '/connect/token' }, count => 1, action => { status => 200, body => encode_json(\%answer) } });
	is(one(authorize('acme', $back) =~ s/\*/consented_by/r, { extra_params => [ '-v', 'ENCODING=UTF8' ] }), $expected, "who consented: $name");
}

# A server that may not ask
$back = consent('acme');
$kept = one('SELECT generation, md5(refresh_token), consented_at FROM wfm_tokens');
$node->append_conf('postgresql.conf', "wfm_fdw.refresh_tokens = off\n");
$node->reload;
ok($node->poll_query_until('postgres', "SELECT current_setting('wfm_fdw.refresh_tokens') = 'off'"), 'refreshing is turned off');
$mark = $sim->mark;
foreach my $sql ("SELECT wfm_authorize_url('acme')", authorize('acme', $back))
{
	fails($sql, '55000', qr/cannot be given on this server.*turned off by wfm_fdw\.refresh_tokens.*HINT: .*ALTER SYSTEM/s, 'no consent: ' . $sql =~ s/\(.*//sr);
}
is(scalar(() = $sim->token_requests_since($mark)), 0, 'and nothing is sent');
still_in_force('refreshing turned off');
$node->append_conf('postgresql.conf', "wfm_fdw.refresh_tokens = on\n");
$node->reload;
ok($node->poll_query_until('postgres', "SELECT current_setting('wfm_fdw.refresh_tokens') = 'on'"), 'refreshing is turned on');
is(one(authorize('acme', $back) =~ s/\*/count(*)/r), 1, 'and the address is still good');

# A token that has expired, and none can be had without a person
one("CREATE SERVER acme FOREIGN DATA WRAPPER wfm_fdw OPTIONS (connection 'acme');
	CREATE FOREIGN TABLE client (uuid uuid) SERVER acme OPTIONS (resource 'client')");
is(one('SELECT count(*) FROM client'), 3, 'with the consent there are rows');

sub expire_on_restart
{
	ok($node->poll_query_until('postgres', "SELECT count(*) = 0 FROM pg_stat_activity WHERE backend_type = 'wfm_fdw token worker'"), 'the worker has nothing to do');
	one("UPDATE wfm_tokens SET access_obtained_at = now() - interval '2 hours', access_expires_at = now() - interval '90 minutes'");
	$node->restart;
	return;
}

$node->append_conf('postgresql.conf', "wfm_fdw.refresh_tokens = off\n");
$mark = $sim->mark;
expire_on_restart();
fails('SELECT * FROM client', '55000', qr/the access token of connection "acme" has expired\nDETAIL:  Refreshing is turned off by wfm_fdw\.refresh_tokens\.\nHINT: .*ALTER SYSTEM/, 'expired where refreshing is turned off');
is(scalar(() = $sim->requests_since($mark)), 0, 'nothing is sent');
$node->append_conf('postgresql.conf', "wfm_fdw.refresh_tokens = on\n");
$node->restart;
is(one('SELECT count(*) FROM client'), 3, 'turned on, it is refreshed');
one("UPDATE wfm_connections SET scopes = 'openid practicemanager'");
one(authorize('acme', consent('acme')));
is(one('SELECT count(*) FROM client'), 3, 'a consent without offline_access serves');
$mark = $sim->mark;
expire_on_restart();
fails('SELECT * FROM client', '28000', qr/the access token of connection "acme" has expired\nDETAIL:  The consent gave no refresh token, because the scope offline_access was missing\.\nHINT: .*wfm_authorize_url\('acme'\)/, 'while its token lives');
is(scalar(() = $sim->requests_since($mark)), 0, 'and nothing is sent');

done_testing();
