# wfm-test: old-version
#
# ALTER EXTENSION ... UPDATE: from an earlier version to what a fresh CREATE
# EXTENSION makes, object by object, with connections, tokens and foreign
# tables kept.
#
# A difference told here for an object that was just added or changed in
# wfm_fdw--1.0.sql: tables, triggers and changed signatures are to be written
# into test/update/wfm_fdw--0.9--1.0.sql, the rest is taken over by itself.

use strict;
use warnings;

use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;

use WfmTest;

my $sim = WfmTest::Simulator->new('--clients', 10, '--jobs', 10, '--time', 20,
	'--minute-limit', 100000, '--day-limit', 1000000, '--concurrent-limit', 50);
my $node = WfmTest::start_node('update', settings => "log_statement = none\n");

sub one
{
	my ($sql, $database) = @_;

	return $node->safe_psql($database || 'postgres', $sql);
}

sub fails
{
	my ($sql, $pattern, $name) = @_;
	my ($code, $out, $err) = $node->psql('postgres', "\\set VERBOSITY verbose\n$sql");

	like($err, $pattern, $name);
}

# Rows as the earlier version would have left them: those of a connection that
# was made with the present one, less the columns it did not have.
WfmTest::connect_server($node, $sim, calls_per_minute => 600);
one("SELECT wfm_refresh('acme')");
one('CREATE TABLE old_connections AS SELECT * FROM wfm_connections; CREATE TABLE old_tokens AS SELECT * FROM wfm_tokens');
my $generation = one('SELECT generation FROM wfm_tokens');
one('DROP EXTENSION wfm_fdw CASCADE');
is(one("SELECT count(*) FROM pg_foreign_server"), 0, 'DROP EXTENSION CASCADE takes the servers along');
is(one("SELECT count(*) FROM pg_class WHERE relname LIKE 'wfm%'") . one("SELECT count(*) FROM pg_proc WHERE proname LIKE 'wfm%'"), '00', 'and leaves nothing');

one("CREATE EXTENSION wfm_fdw VERSION '0.9'");
is(one("SELECT extversion FROM pg_extension WHERE extname = 'wfm_fdw'"), '0.9', 'an earlier version');
is(one("SELECT path FROM pg_extension_update_paths('wfm_fdw') WHERE source = '0.9' AND target = '1.0'"), '0.9--1.0', 'from which a path leads on');
my $columns = one(q{SELECT string_agg(quote_ident(attname), ', ' ORDER BY attnum) FROM pg_attribute WHERE attrelid = 'wfm_tokens'::regclass AND attnum > 0});
one("INSERT INTO wfm_tokens SELECT $columns FROM old_tokens");
$columns = one(q{SELECT string_agg(quote_ident(attname), ', ' ORDER BY attnum) FROM pg_attribute WHERE attrelid = 'wfm_connections'::regclass AND attnum > 0});
one("ALTER TABLE wfm_connections DISABLE TRIGGER USER;
	INSERT INTO wfm_connections SELECT $columns FROM old_connections;
	ALTER TABLE wfm_connections ENABLE TRIGGER wfm_store, ENABLE ALWAYS TRIGGER wfm_seal");
one(q{CREATE SERVER acme FOREIGN DATA WRAPPER wfm_fdw OPTIONS (connection 'acme');
	CREATE FOREIGN TABLE client (uuid uuid, name text) SERVER acme OPTIONS (resource 'client');
	CREATE VIEW names AS SELECT name FROM client;
	CREATE ROLE watcher;
	GRANT SELECT ON wfm_connections TO watcher});

# The new library over the old tables: an error that says what to do, no more.
# It comes with a restart.
$node->restart;
my $mark = $sim->mark;
foreach my $sql ('SELECT count(*) FROM client', "SELECT wfm_refresh('acme')",
	"UPDATE wfm_connections SET calls_per_minute = 60", 'SELECT * FROM wfm_stat_connections')
{
	fails($sql, qr/ERROR:  XX001: table "wfm_(connections|tokens)" does not have the columns of this version of wfm_fdw.*HINT:  Run ALTER EXTENSION wfm_fdw UPDATE/s,
		"before the update: $sql");
}
is(scalar(() = $sim->requests_since($mark)), 0, 'and nothing is sent');

one('ALTER EXTENSION wfm_fdw UPDATE');
is(one("SELECT extversion FROM pg_extension WHERE extname = 'wfm_fdw'"), '1.0', 'the update');
is(one('SELECT generation FROM wfm_tokens'), $generation, 'keeps the tokens');
is(one('SELECT count(*) FROM names'), one('SELECT count(*) FROM client'), 'and what stands on them');
one("SELECT wfm_refresh('acme')");
is(one('SELECT state, generation FROM wfm_stat_connections'), 'ready|' . ($generation + 1), 'the refresh token serves on, without a new consent');
is(one('SELECT owner = current_user FROM wfm_connections'), 't', 'a new column has its default');
fails('TRUNCATE wfm_connections', qr/Use DELETE/, 'a new trigger fires');
is(one("SELECT has_table_privilege('watcher', 'wfm_connections', 'SELECT')"), 't', 'privileges given stay');
one('REVOKE SELECT ON wfm_connections FROM watcher');

# Object by object the same as a fresh 1.0
one('CREATE DATABASE fresh');
one('CREATE EXTENSION wfm_fdw', 'fresh');

my $members = q{SELECT d.classid, d.objid FROM pg_depend d JOIN pg_extension e ON e.oid = d.refobjid
	WHERE d.refclassid = 'pg_extension'::regclass AND d.deptype = 'e' AND e.extname = 'wfm_fdw'};
my @aspects = (
	[ 'objects' => "SELECT pg_describe_object(classid, objid, 0) FROM ($members) m" ],
	[ 'functions' => "SELECT p.oid::regprocedure, prosrc, probin, l.lanname, provolatile, proparallel, proisstrict, prosecdef,
		proleakproof, proretset, prorettype::regtype, procost, prorows, proargnames, proargmodes, proallargtypes::regtype[],
		pg_get_expr(proargdefaults, 0), proconfig, proacl
		FROM ($members) m JOIN pg_proc p ON p.oid = m.objid JOIN pg_language l ON l.oid = p.prolang WHERE classid = 'pg_proc'::regclass" ],
	[ 'columns' => "SELECT objid::regclass, attnum, attname, atttypid::regtype, atttypmod, attcollation::regcollation, attnotnull,
		attisdropped, attacl, pg_get_expr(adbin, adrelid)
		FROM ($members) m JOIN pg_attribute a ON attrelid = objid LEFT JOIN pg_attrdef d ON adrelid = attrelid AND adnum = attnum
		WHERE classid = 'pg_class'::regclass AND attnum > 0" ],
	[ 'relations' => "SELECT objid::regclass, relkind, relpersistence, relreplident, relacl, reloptions
		FROM ($members) m JOIN pg_class c ON c.oid = objid WHERE classid = 'pg_class'::regclass" ],
	[ 'views' => "SELECT objid::regclass, pg_get_viewdef(objid) FROM ($members) m JOIN pg_class c ON c.oid = objid
		WHERE classid = 'pg_class'::regclass AND relkind = 'v'" ],
	[ 'constraints' => "SELECT conrelid::regclass, conname, pg_get_constraintdef(c.oid) FROM ($members) m JOIN pg_constraint c ON conrelid = objid
		WHERE classid = 'pg_class'::regclass" ],
	[ 'indexes' => "SELECT pg_get_indexdef(indexrelid) FROM ($members) m JOIN pg_index i ON indrelid = objid WHERE classid = 'pg_class'::regclass" ],
	[ 'triggers' => "SELECT pg_get_triggerdef(t.oid), tgenabled FROM ($members) m JOIN pg_trigger t ON tgrelid = objid
		WHERE classid = 'pg_class'::regclass AND NOT tgisinternal" ],
	[ 'wrapper' => "SELECT fdwname, fdwhandler::regproc, fdwvalidator::regproc, fdwacl, fdwoptions FROM pg_foreign_data_wrapper" ],
	[ 'comments' => "SELECT pg_describe_object(d.classoid, d.objoid, d.objsubid), description FROM pg_description d
		WHERE pg_describe_object(d.classoid, d.objoid, d.objsubid) LIKE '%wfm\\_%'
		AND pg_describe_object(d.classoid, d.objoid, d.objsubid) NOT LIKE 'extension %'" ],
	[ 'what a dump takes' => "SELECT unnest(extconfig)::regclass, unnest(extcondition) FROM pg_extension WHERE extname = 'wfm_fdw'" ],
	[ 'initial privileges' => "SELECT pg_describe_object(i.classoid, i.objoid, 0), initprivs FROM ($members) m
		JOIN pg_init_privs i ON i.classoid = m.classid AND i.objoid = m.objid AND i.objsubid = 0" ]);

foreach my $aspect (@aspects)
{
	my ($name, $sql) = @$aspect;
	my @updated = sort split /\n/, one($sql);
	my @fresh = sort split /\n/, one($sql, 'fresh');
	my (%updated, %fresh);

	@updated{@updated} = @fresh{@fresh} = ();
	cmp_ok(scalar @fresh, '>', 0, "$name: there are some");
	is(join("\n", grep { !exists $updated{$_} } @fresh), '', "$name: nothing of 1.0 is missing after the update");
	is(join("\n", grep { !exists $fresh{$_} } @updated), '', "$name: and nothing is there that 1.0 has not");
}

# Another update changes nothing, a later dump restores
$node->command_checks_all([ 'psql', '-X', '-d', $node->connstr('postgres'), '-c', 'ALTER EXTENSION wfm_fdw UPDATE' ], 0,
	[ qr/ALTER EXTENSION/ ], [ qr/NOTICE:  version "1.0" of extension "wfm_fdw" is already installed/ ], 'a second update has nothing to do');
one('DROP VIEW names; DROP TABLE old_connections, old_tokens; CREATE DATABASE restored');
my $dump = $node->basedir . '/dump';
$node->command_ok([ 'pg_dump', '-Fc', '-f', $dump, $node->connstr('postgres') ], 'pg_dump of an updated database');
$node->command_ok([ 'pg_restore', '--exit-on-error', '-d', $node->connstr('restored'), $dump ], 'pg_restore');
is(one('SELECT name, state FROM wfm_stat_connections', 'restored'), 'acme|needs_authorization', 'has the connection');

# Columns changed by hand are an error, not a crash
foreach my $change ('wfm_connections ADD COLUMN mine text', 'wfm_connections DROP COLUMN scopes',
	'wfm_tokens ADD COLUMN mine text', 'wfm_tokens DROP COLUMN state')
{
	my ($table) = $change =~ /(\w+)/;

	one("ALTER TABLE $change", 'restored');
	foreach my $sql ('SELECT * FROM wfm_stat_connections', "UPDATE wfm_connections SET refresh_token = 'b'",
		"INSERT INTO wfm_connections (name, api, client_id) VALUES ('y', 'practicemanager/3.1', 'a')")
	{
		my ($code, $out, $err) = $node->psql('restored', "\\set VERBOSITY verbose\n$sql");

		like($err, qr/ERROR:  XX001: table "$table" does not have the columns/, "ALTER TABLE $change: $sql");
	}
	one('DROP EXTENSION wfm_fdw CASCADE; CREATE EXTENSION wfm_fdw', 'restored');
	one("INSERT INTO wfm_connections (name, api, client_id) VALUES ('x', 'practicemanager/3.1', 'a')", 'restored');
}
one("CREATE TABLE alike (LIKE wfm_connections); CREATE TRIGGER seal BEFORE INSERT ON alike FOR EACH ROW EXECUTE FUNCTION wfm_connections_seal()", 'restored');
my ($code, $out, $err) = $node->psql('restored', "\\set VERBOSITY verbose\nINSERT INTO alike SELECT * FROM wfm_connections");
like($err, qr/ERROR:  39P01: the triggers of wfm_connections cannot be used on another table/, 'the triggers are for one table');
is(one('SELECT name FROM wfm_stat_connections', 'restored'), 'x', 'made anew, the extension works');

done_testing();
