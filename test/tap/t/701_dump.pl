# Dumps: what is in them, that every form of them restores, that a restore
# sends nothing, and how a materialized view comes back.

use strict;
use warnings;

use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;

use WfmTest;

my $sim = WfmTest::Simulator->new('--clients', 10, '--jobs', 20, '--time', 50,
	'--minute-limit', 100000, '--day-limit', 1000000, '--concurrent-limit', 50);
my $node = WfmTest::start_node('dump', settings => "log_statement = none\n");
my $folder = $node->basedir;

sub one
{
	my ($sql, $database) = @_;

	return $node->safe_psql($database || 'postgres', $sql);
}

sub sends_nothing_since
{
	my ($mark, $name) = @_;

	is(scalar(() = $sim->requests_since($mark)), 0, "$name: nothing was sent");
}

one('CREATE ROLE analyst; CREATE ROLE partner');
WfmTest::connect_tables($node, $sim, owner => 'partner', calls_per_minute => 600,
	server => "connection 'acme', history_from '2022-01-01', latency_ms '80'");
one(q{
GRANT partner TO CURRENT_USER;
GRANT USAGE ON SCHEMA acme TO analyst;
GRANT SELECT ON ALL TABLES IN SCHEMA acme TO analyst;
GRANT SELECT ON wfm_connections TO analyst;
GRANT EXECUTE ON FUNCTION wfm_rotate_key(boolean) TO analyst;
CREATE FOREIGN TABLE short (uuid uuid, label text OPTIONS (field 'Name')) SERVER acme
    OPTIONS (resource 'client');
COMMENT ON FOREIGN TABLE short IS 'by hand';
CREATE VIEW names AS SELECT name FROM acme.client;
CREATE MATERIALIZED VIEW copy AS SELECT uuid, name FROM acme.staff;
CREATE UNIQUE INDEX ON copy (uuid);
CREATE MATERIALIZED VIEW empty AS SELECT uuid FROM acme.client WITH NO DATA;
CREATE TABLE own (id integer PRIMARY KEY);
INSERT INTO own VALUES (1);
ALTER ROLE analyst SET wfm_fdw.max_wait = '5s';
});
my $staff = one('SELECT count(*) FROM copy');
cmp_ok($staff, '>', 0, 'there is something to dump');

# What a restored database must have like the first.
my @alike = (
	[ 'servers' => 'SELECT srvname, srvowner::regrole, srvoptions, srvacl FROM pg_foreign_server' ],
	[ 'foreign tables' => 'SELECT ftrelid::regclass::text, ftoptions FROM pg_foreign_table ORDER BY 1' ],
	[ 'columns' => 'SELECT attrelid::regclass::text, attnum, attname, atttypid::regtype, attnotnull, attfdwoptions
		FROM pg_attribute WHERE attrelid IN (SELECT ftrelid FROM pg_foreign_table) AND attnum > 0 ORDER BY 1, 2' ],
	[ 'privileges' => "SELECT c.oid::regclass::text, relacl::text[] FROM pg_class c JOIN pg_namespace n ON n.oid = relnamespace
		WHERE nspname IN ('acme', 'public') AND relkind <> 'i' ORDER BY 1" ],
	[ 'privileges on functions' => "SELECT oid::regprocedure::text, proacl::text[] FROM pg_proc WHERE proname LIKE 'wfm%' ORDER BY 1" ],
	[ 'connections' => 'SELECT * FROM wfm_connections ORDER BY name' ],
	[ 'comments' => "SELECT objoid::regclass::text, description FROM pg_description
		WHERE classoid = 'pg_class'::regclass AND objoid IN (SELECT ftrelid FROM pg_foreign_table) ORDER BY 1, 2" ]);

sub is_alike
{
	my ($database, $name) = @_;

	is(one($_->[1], $database), one($_->[1]), "$name: $_->[0]") foreach @alike;
	is(one('SELECT state, generation FROM wfm_stat_connections', $database), 'needs_authorization|0', "$name: the connection needs a consent");
	is(one('SELECT count(*) FROM own', $database), 1, "$name: other tables");
}

# A plain dump holds the foreign tables but not their rows, and no secret.
my $mark = $sim->mark;
$node->command_ok([ 'pg_dump', '-f', "$folder/plain.sql", $node->connstr('postgres') ], 'pg_dump');
sends_nothing_since($mark, 'pg_dump');
my $text = slurp_file("$folder/plain.sql");
like($text, qr/^COPY public\.wfm_connections \(name, api, /m, 'it holds the connections');
like($text, qr/^CREATE FOREIGN TABLE acme\.client /m, 'and the foreign tables');
unlike($text, qr/^COPY acme\./m, 'not their rows');
unlike($text, qr/wfm1:|sim-secret|sim-refresh-token|wfm_tokens/, 'no secret, sealed or not');
like($text, qr/^REFRESH MATERIALIZED VIEW public\.copy;/m, 'it refreshes what was filled');
unlike($text, qr/^REFRESH MATERIALIZED VIEW public\.empty;/m, 'and nothing else');

# Restored as it is, the refresh is what fails: there is no consent yet.
one('CREATE DATABASE plain');
$mark = $sim->mark;
$node->command_checks_all(
	[ 'psql', '-X', '-q', '-d', $node->connstr('plain'), '-f', "$folder/plain.sql" ], 0,
	[], [ qr/ERROR:  connection "acme" is not authorized\n.*HINT: .*wfm_authorize_url\('acme'\)/s ], 'psql restores the plain dump');
sends_nothing_since($mark, 'psql');
is_alike('plain', 'plain dump');
is(one("SELECT relispopulated FROM pg_class WHERE relname = 'copy'", 'plain'), 'f', 'plain dump: the view waits for its rows');

# Left out of the dump, everything restores without a word.
$node->command_ok([ 'pg_dump', '-f', "$folder/quiet.sql", '--exclude-table-data=public.copy', $node->connstr('postgres') ],
	'pg_dump without the rows of a materialized view');
one('CREATE DATABASE quiet');
$node->command_checks_all(
	[ 'psql', '-X', '-q', '-v', 'ON_ERROR_STOP=1', '-d', $node->connstr('quiet'), '-f', "$folder/quiet.sql" ], 0,
	[], [ qr/^$/ ], 'restores without an error');
is_alike('quiet', 'dump without refresh');

# Left out when it is restored, from a custom and from a parallel dump.
foreach my $form ([ 'custom', '-Fc' ], [ 'directory', '-Fd', '-j', 2 ])
{
	my ($name, @options) = @$form;
	my $path = "$folder/$name";

	$node->command_ok([ 'pg_dump', @options, '-f', $path, $node->connstr('postgres') ], "pg_dump $name");
	my ($list) = run_command([ 'pg_restore', '-l', $path ]);
	like($list, qr/MATERIALIZED VIEW DATA public copy/, "$name: the refresh has a line of its own");
	append_to_file("$path.list", join "\n", (grep { !/MATERIALIZED VIEW DATA/ } split /\n/, $list), '');
	one("CREATE DATABASE $name");
	$mark = $sim->mark;
	$node->command_checks_all(
		[ 'pg_restore', '--exit-on-error', '-j', 2, '-L', "$path.list", '-d', $node->connstr($name), $path ], 0,
		[], [ qr/^$/ ], "$name: pg_restore without that line");
	sends_nothing_since($mark, $name);
	is_alike($name, $name);
}

# After the consent (here: another refresh token) it is filled as ever.
my $grant = $sim->control('POST', 'tokens', { new_grant => { client_id => 'sim-client' } });
one("UPDATE wfm_connections SET client_secret = 'sim-secret', refresh_token = '$grant->{refresh_token}'", 'custom');
one('REFRESH MATERIALIZED VIEW copy', 'custom');
is(one('SELECT count(*) FROM copy', 'custom'), $staff, 'with a consent the view is filled');
one('REFRESH MATERIALIZED VIEW CONCURRENTLY copy', 'custom');
is(one('SELECT count(*) FROM acme.client', 'custom'), one('SELECT count(*) FROM acme.client'), 'and both databases read on, each with its own grant');

# Rows of foreign tables are dumped when that is asked for.
$mark = $sim->mark;
$node->command_ok([ 'pg_dump', '--include-foreign-data=acme', '--data-only', '-t', 'acme.staff',
		'-f', "$folder/rows.sql", $node->connstr('postgres') ], 'pg_dump --include-foreign-data');
like(slurp_file("$folder/rows.sql"), qr/^COPY acme\.staff \(uuid, .*\n[0-9a-f]{8}-/m, 'writes the rows');
is(scalar(() = $sim->calls_since($mark)), 1, 'for the call they cost');

# A role that the new cluster lacks
one('CREATE DATABASE ownerless');
my $other = slurp_file("$folder/quiet.sql") =~ s/\tpartner\n/\tdeparted\n/r;
append_to_file("$folder/ownerless.sql", $other);
$node->command_checks_all(
	[ 'psql', '-X', '-q', '-d', $node->connstr('ownerless'), '-f', "$folder/ownerless.sql" ], 0,
	[], [ qr/ERROR:  column "owner" of connection "acme" names role "departed", which does not exist/ ], 'an owner that is not there is named');

# The whole cluster, into one that does not load the library yet.
one("DROP DATABASE $_") foreach qw(plain quiet directory ownerless);
$mark = $sim->mark;
$node->command_ok([ 'pg_dumpall', '-f', "$folder/all.sql", '--exclude-database=template1', '-d', $node->connstr('postgres') ], 'pg_dumpall');
sends_nothing_since($mark, 'pg_dumpall');
$text = slurp_file("$folder/all.sql");
unlike($text, qr/wfm1:|sim-secret|sim-refresh-token|wfm_tokens/, 'no secret in it');

my $bare = PostgreSQL::Test::Cluster->new('bare');
$bare->init;
$bare->append_conf('postgresql.conf', "wfm_fdw.allow_insecure_loopback = on\n");
$bare->start;
$node->command_checks_all([ 'psql', '-X', '-q', '-d', $bare->connstr('postgres'), '-f', "$folder/all.sql" ], 0,
	[], [ qr/ERROR:  wfm_fdw must be loaded when the server starts.*HINT: .*shared_preload_libraries/s ], 'restored into a cluster without the library');
unlike($bare->safe_psql('postgres', 'SELECT count(*) FROM wfm_connections'), qr/^0/, 'the connections are there');
my ($code, $out, $err) = $bare->psql('postgres', 'SELECT * FROM acme.staff');
like($err, qr/ERROR:  wfm_fdw must be loaded when the server starts\nDETAIL: .*\nHINT:  Add wfm_fdw to shared_preload_libraries/, 'a query says what is missing');
my $key_file = $bare->basedir . '/wfm_fdw.key';
$bare->append_conf('postgresql.conf', "shared_preload_libraries = 'wfm_fdw'\nwfm_fdw.key_file = '$key_file'\n");
$bare->restart;
is($bare->safe_psql('postgres', "SELECT setconfig FROM pg_db_role_setting WHERE setrole = 'analyst'::regrole"),
	'{wfm_fdw.max_wait=5s}', 'settings of roles came with it');
$grant = $sim->control('POST', 'tokens', { new_grant => { client_id => 'sim-client' } });
$bare->safe_psql('postgres', "UPDATE wfm_connections SET client_secret = 'sim-secret', refresh_token = '$grant->{refresh_token}'");
is($bare->safe_psql('postgres', 'SELECT count(*) FROM acme.staff'), $staff, 'loaded and with a consent it reads');

done_testing();
