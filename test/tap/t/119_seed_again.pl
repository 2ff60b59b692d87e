# A refresh token given once more, as it stood in a file or a script: it is
# spent since the first refresh, and the tokens that replaced it are worth more.

use strict;
use warnings;

use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;

use WfmTest;

# A provider that ends a grant whose refresh token comes twice.
my $sim = WfmTest::Simulator->new('--clients', 3, '--jobs', 3, '--time', 3, '--rotation', 'strict',
	'--minute-limit', 100000, '--day-limit', 1000000);
my $node = WfmTest::start_node('seeds', settings => "log_statement = none\n");
my $kept = qr/NOTICE:  kept the tokens of connection "acme"\nDETAIL:  The refresh token given is the one it was made with; newer ones have replaced it since\./;

sub one { return $node->safe_psql('postgres', $_[0]); }

sub said
{
	my ($sql) = @_;
	my ($code, $out, $err) = $node->psql('postgres', $sql);

	return $err =~ s/^psql:\S+ //mgr;
}

sub new_seed { return $sim->control('POST', 'tokens', { new_grant => { client_id => $_[0] || 'sim-client' } })->{refresh_token}; }

sub tokens { return one("SELECT generation, md5(refresh_token), md5(access_token), md5(client_secret), fingerprint FROM wfm_tokens WHERE connection = 'acme'"); }

sub file
{
	my (%fields) = @_;
	my $path = $node->basedir . '/acme.json';

	unlink $path;
	append_to_file($path, JSON::PP->new->encode({ %{ $sim->connection }, name => 'acme', calls_per_minute => 600, %fields }));
	chmod 0600, $path;
	chown +(stat $node->data_dir)[4, 5], $path;
	return $path;
}

my $seed = new_seed();
my $import = "SELECT wfm_import_credentials('" . file(refresh_token => $seed) . "')";
my $upsert = "INSERT INTO wfm_connections (name, api, client_id, client_secret, refresh_token)
	VALUES ('acme', 'practicemanager/3.1', 'sim-client', 'sim-secret', '$seed')
	ON CONFLICT (name) DO UPDATE SET client_secret = excluded.client_secret, refresh_token = excluded.refresh_token";

# Before it was used it is the current one, and giving it again is nothing to tell
$sim->fault({ match => { path => '/connect/token' }, action => { unavailable => JSON::PP::true() } });
is(said($import), '', 'a file is imported');
is(said($import), '', 'the same file, before its token was used: nothing to tell');
$sim->no_faults;
WfmTest::wait_for_token($node, 'acme');

# Afterwards the newer ones stay
foreach my $case ([ 'the same file', $import ], [ 'an upsert', $upsert ],
	[ 'an UPDATE', "UPDATE wfm_connections SET refresh_token = '$seed' WHERE name = 'acme'" ])
{
	my ($name, $sql) = @$case;
	my ($generation, $refresh, $access, undef, $fingerprint) = split /\|/, tokens();
	my $mark = $sim->mark;

	like(said($sql), $kept, "$name: what is kept is told");
	is(join('|', (split /\|/, tokens())[0, 1, 2, 4]), "$generation|$refresh|$access|$fingerprint", "$name: the newer tokens stay");
	is(one("SELECT refresh_token IS NULL AND client_secret IS NULL FROM wfm_connections"), 't', "$name: and nothing stays in the row");
	is(one("SELECT (wfm_identity('acme')).expires_at > now()"), 't', "$name: the token serves");
	is(scalar(() = $sim->token_requests_since($mark)), 0, "$name: none was asked for");
	one("SELECT wfm_refresh('acme')");
	is(join(' ', map { $_->{status} } $sim->token_requests_since($mark)), '200', "$name: the spent token is never sent");
}

# The secret beside it is taken
my $mark = $sim->mark;
like(said("SELECT wfm_import_credentials('" . file(refresh_token => $seed, client_secret => 'wrong') . "')"), $kept, 'with another client secret');
like(said("SELECT wfm_refresh('acme')"), qr/ERROR:  the token endpoint refused the app of connection "acme"/, 'which is used');
like(said("SELECT wfm_import_credentials('" . file(refresh_token => $seed) . "')"), $kept, 'with the right one');
one("SELECT wfm_refresh('acme')");
is(one("SELECT state FROM wfm_stat_connections"), 'ready', 'all is well again');
is(scalar(() = grep { ($_->{note} || '') eq 'invalid_grant' } $sim->token_requests_since($mark)), 0, 'and the spent token was never sent');

# In a transaction that is rolled back, and while the token is being refreshed
like(said("BEGIN; UPDATE wfm_connections SET refresh_token = '$seed'; ROLLBACK"), $kept, 'in a transaction');
$sim->fault({ match => { path => '/connect/token' }, count => 1, action => { delay_before => WfmTest::HELD } });
my $session = IPC::Run::start([ 'psql', '-X', '-q', '-d', $node->connstr('postgres'), '-c', "SELECT wfm_refresh('acme')" ], '<', \undef, '>', \my $out, '2>&1');
$sim->wait_for_request(qr{^/connect/token$});
like(said($upsert), $kept, 'during a refresh');
$sim->release;
IPC::Run::finish($session);
is($out =~ s/\s+//r && one("SELECT state, (SELECT count(*) FROM wfm_tokens WHERE intent_id IS NULL) FROM wfm_stat_connections"), 'ready|1', 'which ends well');

# Another token is another grant; so is the first one once the grant is over
my $other = new_seed();
is(said("UPDATE wfm_connections SET refresh_token = '$other'") =~ s/WARNING:.*?\nDETAIL:.*\nHINT:.*\n?//r, '', 'another token is taken');
one("SELECT wfm_refresh('acme')");
$sim->control('POST', 'tokens', { revoke => JSON::PP::true() });
like(said("SELECT wfm_refresh('acme')"), qr/ERROR:  the consent of connection "acme" has ended/, 'its consent ends');
unlike(said("UPDATE wfm_connections SET refresh_token = '$other'"), qr/NOTICE/, 'then there is nothing newer to keep');
like(said("SELECT wfm_refresh('acme')"), qr/ERROR:  the consent of connection "acme" has ended/, 'and it is tried, and refused');

# DELETE is the end of the tokens: its seed is then only what it is
my $third = new_seed();
one("UPDATE wfm_connections SET refresh_token = '$third'");
one("SELECT wfm_refresh('acme')");
unlike(said("BEGIN; DELETE FROM wfm_connections; SELECT wfm_import_credentials('" . file(refresh_token => $third) . "'); COMMIT"), qr/NOTICE|ERROR/, 'deleted and made anew');
is(one("SELECT count(*) FROM wfm_tokens WHERE access_token IS NOT NULL AND generation > 1"), 0, 'the old tokens are gone');
like(said("SELECT wfm_refresh('acme')"), qr/ERROR:  the consent of connection "acme" has ended\nDETAIL: .*used elsewhere.*\nHINT: .*wfm_authorize_url\('acme'\)/s, 'the spent one is refused, and the way out is told');

# The extension goes and comes back; its connections have other names then
my $fourth = new_seed();
one("UPDATE wfm_connections SET refresh_token = '$fourth'");
one("SELECT wfm_refresh('acme')");
ok($node->poll_query_until('postgres', "SELECT count(*) = 0 FROM pg_stat_activity WHERE backend_type = 'wfm_fdw token worker'"), 'the worker leaves');
$sim->fault({ match => { path => '/connect/token' }, action => { unavailable => JSON::PP::true() } });
one('DROP EXTENSION wfm_fdw CASCADE; CREATE EXTENSION wfm_fdw');
is(said("SELECT wfm_import_credentials('" . file(name => 'renamed', refresh_token => $fourth) . "')"), '', 'a token of before, under another name');
ok($node->poll_query_until('postgres', "SELECT token_requests > 0 FROM wfm_stat_connections"), 'is tried');
is(one('SELECT name, refresh_token IS NOT NULL FROM wfm_stat_connections JOIN wfm_tokens ON connection = name'), 'renamed|t', 'and is this one\'s');

# Deleted and made under another name, at once
my $last = new_seed();
one("UPDATE wfm_connections SET refresh_token = '$last'");
$sim->no_faults;
one("SELECT wfm_refresh('renamed')");
unlike(said("BEGIN; DELETE FROM wfm_connections; SELECT wfm_import_credentials('" . file(refresh_token => $last) . "'); COMMIT"), qr/ERROR/, 'another name in one transaction');

done_testing();
