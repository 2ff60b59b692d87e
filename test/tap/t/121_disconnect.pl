# The end of a consent, and the list of tenants, where the vendor does not
# answer, fails or talks nonsense, and where things change meanwhile.

use strict;
use warnings;

use HTTP::Tiny;
use IO::Socket::INET;
use JSON::PP;
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;

use WfmTest;

my $sim = WfmTest::Simulator->new('--clients', 3, '--jobs', 3, '--time', 3, '--auto-consent',
	'--minute-limit', 100000, '--day-limit', 1000000);
my $node = WfmTest::start_node('disconnect', settings => "log_statement = none\n");
my $http = HTTP::Tiny->new(proxy => undef, max_redirect => 0);
my $key_file = $node->basedir . '/wfm_fdw.key';
my $revocation_url = $sim->url . '/connect/revocation';
my $nowhere = 'http://127.0.0.1:1/';

sub one { return $node->safe_psql('postgres', $_[0]); }

# What psql says of a statement, with SQLSTATEs.
sub said
{
	my ($sql) = @_;
	my ($code, $out, $err) = $node->psql('postgres', "\\set VERBOSITY verbose\n$sql");

	return $err =~ s/^psql:\S+ //mgr;
}

# A connection with tokens; what is given are columns of it.
sub connected
{
	my ($name, %columns) = @_;
	my $client = $columns{client_id} || 'sim-client';
	my $grant = $sim->control('POST', 'tokens', { new_grant => { client_id => $client } });

	one("DELETE FROM wfm_connections WHERE name = '$name'");
	WfmTest::connect_server($node, $sim, name => $name, refresh_token => $grant->{refresh_token},
		redirect_uri => 'http://localhost/wfm', revocation_url => $revocation_url, %columns);
	one("DROP SERVER $name");
	WfmTest::wait_for_token($node, $name);
	return;
}

sub consent
{
	my ($name) = @_;
	my $back = $http->get(one("SELECT wfm_authorize_url('$name')"))->{headers}{location};

	return one("SELECT count(*) FROM wfm_authorize('$name', " . WfmTest::literal($back) . ')');
}

sub beside
{
	my ($sql) = @_;
	my $said = '';
	my $run = IPC::Run::start([ 'psql', '-XAtq', '-d', $node->connstr('postgres'), '-c', $sql ], '<', \undef, '>', \$said, '2>&1');

	return sub { IPC::Run::finish($run); return $said; };
}

my $ended = "SELECT state, refresh_token IS NULL, access_token IS NULL, client_secret IS NOT NULL FROM wfm_tokens WHERE connection = 'acme'";

# The vendor is no help: the tokens go all the same, and it is told what is left to do
foreach my $case ([ 'cannot be reached', { revocation_url => $nowhere }, undef, qr/127\.0\.0\.1/ ],
	[ 'fails', {}, { status => 500, body => 'boom' }, qr/HTTP status 500/ ],
	[ 'refuses', {}, { status => 400, body => '{"error":"invalid_client"}' }, qr/HTTP status 400/ ],
	[ 'hangs up', {}, { drop => 'close' }, qr/\S/ ],
	[ 'has no endpoint for it', { revocation_url => undef }, undef, qr/no revocation endpoint/ ])
{
	my ($name, $columns, $action, $detail) = @$case;

	connected('acme', %$columns);
	$sim->fault({ match => { path => '/connect/revocation' }, action => $action }) if $action;
	like(said("SELECT wfm_disconnect('acme')"),
		qr/^WARNING:  01000: the consent of connection "acme" was not revoked at the vendor\nDETAIL:  [^\n]*$detail[^\n]*\nHINT:  Disconnect the app in the vendor's list of connected apps\./,
		"the vendor $name: that is told");
	is(one($ended), 'needs_authorization|t|t|t', "the vendor $name: the tokens are gone");
	like(said("SELECT wfm_identity('acme')"), qr/ERROR:  28000: .*\nDETAIL:  It was disconnected by wfm_disconnect/, "the vendor $name: nothing is left to use");
	$sim->no_faults;
}
is(said("SELECT wfm_disconnect('acme')"), '', 'to disconnect what is disconnected is nothing');

# Nobody has to wait for it
connected('acme');
$sim->fault({ match => { path => '/connect/revocation' }, count => 1, action => { delay_before => WfmTest::HELD } });
like(said("SET statement_timeout = '1s'; SELECT wfm_disconnect('acme')"), qr/^ERROR:  57014: /, 'a vendor that is silent: the wait can be cancelled');
is(one($ended), 'ready|f|f|t', 'then the tokens are still here');
$sim->release;
$sim->settled_state;

# What was sealed does not open any more
foreach my $column ('refresh_token', 'client_secret')
{
	connected('acme');
	my $mark = $sim->mark;

	one("UPDATE wfm_tokens SET $column = left($column, -4)");
	like(said("SELECT wfm_disconnect('acme')"), qr/^WARNING:  .*\nDETAIL:  What was sealed cannot be opened\.\n/, "a damaged $column");
	is(scalar(() = grep { $_->{path} =~ /revocation/ } $sim->requests_since($mark)), 0, "a damaged $column: nothing is sent");
	is(one($ended), 'needs_authorization|t|t|' . ($column eq 'refresh_token' ? 't' : 'f'), "a damaged $column: what opens is kept, the rest is gone");
	is(consent('acme'), 1, "a damaged $column: a consent brings new tokens") if $column eq 'refresh_token';
}
connected('acme');
rename $key_file, "$key_file.away" or die;
like(said("SELECT wfm_disconnect('acme')"), qr/^ERROR:  58P01: .*the key file cannot be opened/, 'a lost key file');
one('DELETE FROM wfm_connections');
ok(!-e $key_file, 'a lost key file: none was made');
connected('acme');
ok(-e $key_file, 'a lost key file: once nothing is sealed under it, the next secret makes one');

# Meanwhile somebody consents again, or deletes the connection
my $slow = { match => { path => '/connect/revocation' }, count => 1, action => { delay => WfmTest::HELD } };
my $mark = $sim->mark;
$sim->fault($slow);
my $ending = beside("SELECT wfm_disconnect('acme')");
$sim->wait_for_request(qr/revocation/);
is(consent('acme'), 1, 'a consent while the one before is being ended');
$sim->release;
like($ending->(), qr/^WARNING:  connection "acme" was changed while its consent was being revoked\nDETAIL:  What it holds now is kept\./, 'is told to the one who ends it');
is(one($ended), 'ready|f|f|t', 'and kept');
is(scalar(() = grep { $_->{path} =~ /revocation/ } $sim->requests_since($mark)), 1, 'and not revoked');
is(one("SELECT (wfm_identity('acme')).consented_by"), 'ada@example.com', 'and in force');
$sim->fault($slow);
$ending = beside("SELECT wfm_disconnect('acme')");
$sim->wait_for_request(qr/revocation/);
one("DELETE FROM wfm_connections WHERE name = 'acme'");
$sim->release;
like($ending->(), qr/^WARNING:  connection "acme" was changed/, 'a connection that is deleted meanwhile');
is(one('SELECT count(*) FROM wfm_tokens'), 0, 'stays so');

# How the app proves itself: Xero takes Basic or the id alone, BlueRock the body
foreach my $case ([ 'an app with a secret', {}, qr/^authorization: Basic \S+\r$/mi, qr/^token=[^&]+$/ ],
	[ 'an app without', { client_id => 'sim-pkce', client_secret => undef }, undef, qr/^token=[^&]+&client_id=sim-pkce$/ ],
	[ 'BlueRock', { api => 'bluerock/2', refresh_token => 'sim-bluerock-refresh-token' }, undef, qr/^token=[^&]+&client_id=sim-client&client_secret=sim-secret$/ ])
{
	my ($name, $columns, $header, $body) = @$case;
	my $socket = IO::Socket::INET->new(Listen => 1, LocalAddr => '127.0.0.1', Proto => 'tcp') or die;

	connected('acme', %$columns, revocation_url => 'http://127.0.0.1:' . $socket->sockport . '/revoke');
	my $run = beside("SELECT wfm_disconnect('acme')");
	my $request = '';
	if (my $peer = $socket->accept)
	{
		# The body is there when it is as long as the header says
		while (1)
		{
			my ($head, $content) = split /\r\n\r\n/, $request, 2;

			last if defined $content && $head =~ /^content-length: (\d+)/mi && length $content >= $1;
			last unless $peer->sysread($request, 65536, length $request);
		}
		$peer->syswrite("HTTP/1.1 200 OK\r\nContent-Length: 0\r\nConnection: close\r\n\r\n");
	}
	my ($head, $content) = split /\r\n\r\n/, $request, 2;
	is($run->() =~ s/\s+//gr, '', "$name: the consent ends");
	like($head, qr{^POST /revoke HTTP/1\.1\r\n.*^content-type: application/x-www-form-urlencoded\r?$}msi, "$name: a form is sent");
	$header ? like("$head\r\n", $header, "$name: with the secret in a header") : unlike($head, qr/^authorization:/mi, "$name: without a header of credentials");
	like($content, $body, "$name: the form");
	is(one($ended =~ s/client_secret IS NOT NULL/true/r), 'needs_authorization|t|t|t', "$name: the tokens are gone");
}

# The list of tenants
connected('acme');
foreach my $case ([ 'fails', {}, { status => 500, body => 'boom' }, qr/HV\w{3}: the tenants of connection "acme" cannot be asked for\nDETAIL:  HTTP status 500\./ ],
	[ 'forbids it', {}, { status => 403, body => '{}' }, qr/HV\w{3}: the tenants .*\nDETAIL:  HTTP status 403\./ ],
	[ 'sends a page', {}, { html => JSON::PP::true() }, qr/HV\w{3}: the list of tenants of connection "acme" cannot be read\nDETAIL:  the body is not JSON/ ],
	[ 'sends an object', {}, { status => 200, body => '{}' }, qr/HV\w{3}: .* cannot be read\nDETAIL:  the body is not a JSON array/ ],
	[ 'sends tenants without an id', {}, { status => 200, body => '[{"tenantName":"x"}]' }, qr/HV\w{3}: .* cannot be read\nDETAIL:  "tenantId" is missing/ ],
	[ 'hangs up', {}, { drop => 'rst' }, qr/08006: the tenants of connection "acme" cannot be asked for\nDETAIL:  \S/ ],
	[ 'cannot be reached', { connections_url => $nowhere }, undef, qr/08006: the tenants .*\nDETAIL:  .*127\.0\.0\.1/ ],
	[ 'has no such list', { connections_url => undef }, undef, qr/55000: connection "acme" has no connections_url to ask for its tenants/ ])
{
	my ($name, $columns, $action, $pattern) = @$case;

	connected('acme', %$columns) if %$columns;
	$sim->fault({ match => { path => '/connections' }, action => $action }) if $action;
	like(said("SELECT * FROM wfm_tenants('acme')"), qr/^ERROR:  (?:$pattern)/, "tenants: the vendor $name");
	$sim->no_faults;
}
connected('acme');
is(one("SELECT count(*) FROM wfm_tenants('acme')"), 4, 'tenants: and when all is well');

# Tenants that cannot be unlinked
is(consent('acme'), 1, 'a consent to be ended with its tenants');
$sim->fault({ match => { path => '/connections/', method => 'DELETE' }, action => { status => 500, body => '' } });
like(said("SELECT wfm_disconnect('acme', true)"), qr/^(?:WARNING:  01000: tenant [-0-9a-f]{36} could not be disconnected\nDETAIL:  HTTP status 500\.\n(?:LOCATION:.*\n?)?)+\z/, 'a tenant that stays connected is told');
is(one($ended), 'needs_authorization|t|t|t', 'and the consent has ended');
$sim->no_faults;
is(consent('acme'), 1, 'another consent');
$sim->fault({ match => { path => '/connections/', method => 'DELETE' }, action => { status => 404, body => '' } });
is(said("SELECT wfm_disconnect('acme', true)"), '', 'what is unlinked already is no fault');
$sim->no_faults;
connected('acme');
$sim->fault({ match => { path => '/connections', method => 'GET' }, action => { status => 200, body => '[]' } });
like(said("SELECT wfm_disconnect('acme', true)"), qr/^WARNING:  01000: no tenant was unlinked from the app of connection "acme"\n/, 'none to unlink');
is(one($ended), 'needs_authorization|t|t|t', 'the consent ends all the same');

# A copy of the server, which holds the consent of another
connected('acme');
my $link = $sim->mark;
$node->append_conf('postgresql.conf', "wfm_fdw.refresh_tokens = off\n");
$node->reload;
ok($node->poll_query_until('postgres', "SELECT current_setting('wfm_fdw.refresh_tokens') = 'off'"), 'refreshing is turned off');
foreach my $arguments ("'acme'", "'acme', true")
{
	like(said("SELECT wfm_disconnect($arguments)"),
		qr/^ERROR:  55000: the consent of connection "acme" cannot be ended on this server\nDETAIL:  [^\n]*wfm_fdw\.refresh_tokens[^\n]*\nHINT:  .*delete the connection/, "a copy: wfm_disconnect($arguments)");
}
is(scalar(() = $sim->requests_since($link)), 0, 'a copy: nothing is sent');
is(one($ended), 'ready|f|f|t', 'a copy: the tokens are still here');

done_testing();
