# wfm_connections: what may stand in it, and where its secrets go.

use strict;
use warnings;

use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;

use WfmTest;

# Nothing listens on this port: no row of this test is usable.
my $nowhere = 'http://127.0.0.1:1';
my $node = WfmTest::start_node('connections', settings => "log_statement = none\n");
my $canary = 'canary-' . 'x' x 20;

sub fails
{
	my ($sql, $state, $pattern, $name, %options) = @_;
	my ($code, $out, $err) = $node->psql('postgres', "\\set VERBOSITY verbose\n$sql", %options);

	like($err, qr/ERROR:  $state: /, "$name: SQLSTATE $state");
	like($err, $pattern, "$name: message");
	return $err;
}

sub one
{
	my ($sql) = @_;

	return $node->safe_psql('postgres', $sql);
}

sub file
{
	my ($name, $content) = @_;
	my $path = $node->basedir . "/$name";

	open my $file, '>', $path or die "$path: $!";
	print $file $content;
	close $file;
	chmod 0600, $path;
	return $path;
}

# Bad rows
my $row = "INSERT INTO wfm_connections (name, api, client_id";
my $good = "'practicemanager/3.1', 'app'";

fails("$row) VALUES ('a', 'practicemanager/31', 'app')", '22023',
	qr/HINT:  Perhaps you meant "practicemanager\/3.1"\. Known are: workflowmax\/3\.0, /, 'unknown API');
fails("$row) VALUES ('a', 'practicemanager/3.1', NULL)", '23502', qr/column "client_id" of connection "a" is missing/, 'no client id');
fails("$row) VALUES ('', $good)", '42602', qr/1 to 63 bytes/, 'empty name');
fails("$row) VALUES (repeat('n', 64), $good)", '42602', qr/1 to 63 bytes/, 'long name');
fails("$row) VALUES (E'a\\nb', $good)", '42602', qr/must not hold control characters/, 'a name with a line break');
fails("$row) VALUES (E'a\\x7f', $good)", '42602', qr/must not hold control characters/, 'a name with another control character');
foreach my $scopes ("''", "repeat('s', 2001)", "E'openid\\nprofile'", "'caf' || chr(233)")
{
	fails("$row, scopes) VALUES ('a', $good, $scopes)", '22023', qr/column "scopes" of connection "a" is not a list of scopes.*HINT:  Separate scopes by spaces/s, "scopes $scopes");
}
fails("INSERT INTO wfm_connections (name, api, client_id, owner) VALUES ('a', $good, NULL)", '23502', qr/column "owner" of connection "a" is missing/, 'no owner');
fails("$row, calls_per_minute) VALUES ('a', $good, 601)", '22023', qr/between 1 and 600/, 'too many calls');
fails("$row, calls_per_minute) VALUES ('a', $good, 0)", '22023', qr/between 1 and 600/, 'too few calls');
fails("$row, owner) VALUES ('a', $good, 'nobody_here')", '42704', qr/role "nobody_here", which does not exist/, 'unknown owner');
fails("$row, tenant_id) VALUES ('a', $good, E'x\\r\\nHost: y')", '22023', qr/is not a tenant id/, 'header injection');
fails("$row, api_url) VALUES ('a', $good, 'ftp://x/')", '22023', qr/column "api_url" of connection "a" is not a usable URL/, 'scheme');
fails("$row, api_url) VALUES ('a', $good, 'https://u:p\@x/')", '22023', qr/not a usable URL/, 'user in a URL');
fails("$row, token_url) VALUES ('a', $good, 'http://192.0.2.1/')", '22023', qr/must be an https URL/, 'plain http');
fails("$row, client_secret) VALUES ('a', $good, '')", '22023', qr/is empty/, 'empty secret');
unlike(fails("$row, client_secret) VALUES ('a', $good, E'$canary\\n')", '22023', qr/not a usable secret/, 'secret with a line break'),
	qr/ERROR.*$canary|DETAIL.*$canary|HINT.*$canary/, 'the message does not show it');
is(one('SELECT count(*) FROM wfm_connections') . one('SELECT count(*) FROM wfm_tokens'), '00', 'nothing was stored');

# Privileges
one('CREATE ROLE clerk LOGIN; GRANT SELECT, INSERT, UPDATE, DELETE ON wfm_connections TO clerk');
fails("$row, api_url, owner) VALUES ('a', $good, '$nowhere/', 'clerk')", '42501', qr/must be superuser to set column "api_url"/,
	'URL columns are for superusers', extra_params => [ '-U', 'clerk' ]);
fails("$row, owner) VALUES ('a', $good, 'postgres')", '42501', qr/must be a member/, 'a connection for somebody else',
	extra_params => [ '-U', 'clerk' ]) if one('SELECT current_user') eq 'postgres';
fails('SELECT * FROM wfm_tokens', '42501', qr/permission denied/, 'tokens are not to be read', extra_params => [ '-U', 'clerk' ]);

# Secrets go to wfm_tokens, sealed, however they come
my ($code, $out, $err) = $node->psql('postgres',
	"$row, client_secret, refresh_token, token_url) VALUES ('acme', $good, '$canary-secret', '$canary-token', '$nowhere/token')");
like($err, qr/WARNING:  column "client_secret" of connection "acme" came in an SQL statement/, 'a literal is warned of');
like($err, qr/HINT:  Use wfm_import_credentials/, 'with the better way');
is(one('SELECT client_secret IS NULL AND refresh_token IS NULL FROM wfm_connections'), 't', 'secrets read as NULL');
is(one("SELECT client_secret LIKE 'wfm1:%' AND refresh_token LIKE 'wfm1:%' FROM wfm_tokens"), 't', 'and are sealed');

my $key_file = $node->basedir . '/wfm_fdw.key';
is((stat $key_file)[2] & 07777, 0600, 'the key file is private');

sub tokens { return one("SELECT generation, md5(client_secret), md5(refresh_token) FROM wfm_tokens WHERE connection = 'acme'"); }

my $before = tokens();
one("$row, refresh_token) VALUES ('acme', $good, 'other') ON CONFLICT DO NOTHING");
is(tokens(), $before, 'ON CONFLICT DO NOTHING leaves the grant alone');
one("UPDATE wfm_connections SET calls_per_minute = 30 WHERE name = 'acme'");
is(tokens(), $before, 'so does an UPDATE of something else');
one("$row, refresh_token) VALUES ('acme', $good, 'second-token') ON CONFLICT (name) DO UPDATE SET refresh_token = excluded.refresh_token");
isnt(tokens(), $before, 'an upsert replaces it');
is(one('SELECT generation FROM wfm_tokens'), 2, 'as a new generation');
is(one('SELECT refresh_token IS NULL FROM wfm_connections'), 't', 'and is cleared');

fails("$row, client_secret) VALUES ('b', $good, 'wfm1:none:' || encode(sha256('x'), 'base64'))", '22023', qr/holds a sealed value that is not its own/, 'foreign seal');

my $copy = file('copy', join("\t", 'copied', 'practicemanager/3.1', 'app', "$canary-copy") . "\n");
($code, $out, $err) = $node->psql('postgres', "\\copy wfm_connections (name, api, client_id, client_secret) FROM '$copy'");
is($err, '', 'COPY is not warned of');
is(one("SELECT client_secret IS NOT NULL FROM wfm_tokens WHERE connection = 'copied'"), 't', 'and is sealed');
($code, $out, $err) = $node->psql('postgres', "\\copy wfm_connections (name, api, client_id, client_secret) FROM '$copy'");
like($err, qr/connection "copied" exists already/, 'COPY of an existing connection fails');
unlike($err, qr/$canary/, 'without the line in the message');
my $bad = file('bad', join("\t", 'copied2', 'nothing', 'app', "$canary-copy") . "\n");
($code, $out, $err) = $node->psql('postgres', "\\copy wfm_connections (name, api, client_id, client_secret) FROM '$bad'");
like($err, qr/unknown API/, 'COPY of a bad row fails');
unlike($err, qr/$canary/, 'without the line in the message, too');

# wfm_import_credentials
my $import = file('import.json', <<"END");
[{"name": "imported", "api": "practicemanager/3.1", "client_id": "app", "client_secret": "$canary-import", "calls_per_minute": 40},
 {"name": "copied", "tenant_id": "1f1d0a58-0000-0000-0000-000000000000"}]
END
($code, $out, $err) = $node->psql('postgres', "SELECT wfm_import_credentials('$import')");
is($out, "imported\ncopied", 'import returns the names');
is($err, '', 'and warns of nothing');
is(one("SELECT calls_per_minute FROM wfm_connections WHERE name = 'imported'"), 40, 'numbers arrive');
is(one("SELECT tenant_id FROM wfm_connections WHERE name = 'copied'"), '1f1d0a58-0000-0000-0000-000000000000', 'existing connections are changed');
is(one("SELECT client_secret IS NOT NULL FROM wfm_tokens WHERE connection = 'imported'"), 't', 'secrets are sealed');
fails("SELECT wfm_import_credentials('$import')", '42501', qr/pg_read_server_files/, 'import by an ordinary role', extra_params => [ '-U', 'clerk' ])
  ;
fails("SELECT wfm_import_credentials('" . file('twice.json', '[{"name": "twin", "api": "practicemanager/3.1", "client_id": "a"}, {"name": "other", "api": "practicemanager/3.1", "client_id": "a"}, {"name": "twin", "api": "practicemanager/3.1", "client_id": "b"}]') . "')",
	'23505', qr/has connection "twin" twice.*Elements 1 and 3 have this name/s, 'import of one name twice');
my $again = file('again.json', '{"name": "again", "api": "practicemanager/3.1", "client_id": "a", "calls_per_minute": 30}');
is(one("SELECT wfm_import_credentials('$again'), wfm_import_credentials('$again')"), 'again|again', 'import of one file twice in a statement');
fails("SELECT wfm_import_credentials('/nonexistent')", '58P01', qr/No such file/, 'import of no file');

foreach my $case (
	[ "{\"name\": \"x\", \"client_secret\": \"$canary", qr/not valid JSON at line 1/ ],
	[ "{\"name\": \"x\", \"client_secrett\": \"$canary\"}", qr/unknown field "client_secrett"/ ],
	[ "{\"name\": \"x\", \"client_secret\": [\"$canary\"]}", qr/field "client_secret" of element 1 is neither/ ],
	[ "{\"client_secret\": \"$canary\"}", qr/has no name/ ],
	[ "[\"$canary\"]", qr/element 1 is not an object/ ],
	[ "{\"name\": \"x\", \"api\": \"practicemanager/3.1\", \"client_id\": \"a\", \"client_secret\": \"$canary \"}", qr/not a usable secret/ ])
{
	my $path = file('faulty.json', $case->[0]);
	($code, $out, $err) = $node->psql('postgres', "SELECT wfm_import_credentials('$path')");
	like($err, $case->[1], 'faulty file: ' . $case->[1]);
	unlike($err, qr/$canary/, 'its error names no value');
}

# What cannot be changed, and what drops the grant
fails("UPDATE wfm_connections SET name = 'b' WHERE name = 'acme'", '0A000', qr/column "name" of connection "acme" cannot be changed/, 'rename');
fails("UPDATE wfm_connections SET api = 'workflowmax/3.0' WHERE name = 'acme'", '0A000', qr/column "api".* cannot be changed/, 'another API');
fails('TRUNCATE wfm_connections', '0A000', qr/Use DELETE/, 'TRUNCATE');
fails("BEGIN; UPDATE wfm_connections SET client_id = 'z' WHERE name = 'acme'; PREPARE TRANSACTION 'p'", '0A000|55000', qr/PREPARE|prepared transactions/, 'two-phase commit');
($code, $out, $err) = $node->psql('postgres', "UPDATE wfm_connections SET token_url = '$nowhere/other' WHERE name = 'acme'");
like($err, qr/^psql:\S+ NOTICE:  the secrets of connection "acme" are forgotten\n.*SELECT wfm_authorize_url\('acme'\)/s, 'another URL: what is forgotten is told');
is(one("SELECT state, client_secret IS NULL, refresh_token IS NULL FROM wfm_tokens WHERE connection = 'acme'"), 'needs_authorization|t|t', 'another URL drops the grant');
one("UPDATE wfm_connections SET client_id = 'app2', refresh_token = 'third-token' WHERE name = 'acme'");
is(one("SELECT refresh_token IS NULL FROM wfm_tokens WHERE connection = 'acme'"), 'f', 'unless a new one comes with it');
fails("UPDATE wfm_connections SET client_id = 'app2', refresh_token = 'third-token' WHERE name = 'imported'", '23505',
	qr/belongs to connection "acme" already/, 'one refresh token for two connections');
fails("BEGIN; INSERT INTO wfm_connections (name, api, client_id, refresh_token) VALUES ('x', $good, 'fourth-token'); INSERT INTO wfm_connections (name, api, client_id, refresh_token) VALUES ('y', $good, 'fourth-token')", '23505',
	qr/belongs to connection "x" already/, 'nor in one transaction');
one("BEGIN; DELETE FROM wfm_connections WHERE name = 'acme'; ROLLBACK");
is(one("SELECT count(*) FROM wfm_tokens WHERE connection = 'acme'"), 1, 'a rolled back DELETE keeps the grant');
one("DELETE FROM wfm_connections WHERE name = 'acme'");
is(one("SELECT count(*) FROM wfm_tokens WHERE connection = 'acme'"), 0, 'DELETE takes the grant with it');

# A publication of all tables and replicated sessions
one('CREATE PUBLICATION everything FOR ALL TABLES');
one("UPDATE wfm_connections SET client_secret = 'other' WHERE name = 'imported'");
is(one("SELECT client_secret IS NULL FROM wfm_connections WHERE name = 'imported'"), 't', 'UPDATE works under FOR ALL TABLES');
one("SET session_replication_role = replica; INSERT INTO wfm_connections (name, api, client_id, client_secret) VALUES ('replica', $good, '$canary')");
is(one("SELECT client_secret IS NULL FROM wfm_connections WHERE name = 'replica'"), 't', 'the triggers fire for a subscription, too');

# A dump holds settings and no secret, sealed or not; restored rows need a consent
my $dump = $node->basedir . '/dump.sql';
$node->command_ok([ 'pg_dump', '-f', $dump, $node->connstr('postgres') ], 'pg_dump');
my $text = slurp_file($dump);
like($text, qr/COPY public\.wfm_connections .*\nimported\t|\nimported\t/s, 'it holds the connections');
unlike($text, qr/wfm1:|$canary|COPY public\.wfm_tokens/, 'and no secret');
one('CREATE DATABASE restored');
$node->command_ok([ 'psql', '-X', '-q', '-v', 'ON_ERROR_STOP=1', '-d', $node->connstr('restored'), '-f', $dump ], 'restore');
is($node->safe_psql('restored', "SELECT state FROM wfm_tokens WHERE connection = 'imported'"), 'needs_authorization', 'restored connections need a consent');

# The key file is not made anew while something is sealed under it
rename $key_file, "$key_file.away" or die;
fails("$row, client_secret) VALUES ('b', $good, 'secret')", '58P01', qr/cannot be sealed or opened: the key file cannot be opened/, 'missing key file');
ok(!-e $key_file, 'none was made');
rename "$key_file.away", $key_file or die;
chmod 0644, $key_file;
fails("$row, client_secret) VALUES ('b', $good, 'secret')", 'F0000', qr/may be read by others/, 'open key file');
chmod 0600, $key_file;

# Nothing of it in the log but what the statements themselves brought
$node->stop;
my @lines = grep { /$canary/ } grep { !/STATEMENT:|^\t/ } split /\n/, slurp_file($node->logfile);
is("@lines", '', 'no message in the log shows a secret');

done_testing();
