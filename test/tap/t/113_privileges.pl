# Who may do what: every kind of role against everything the extension makes,
# other people's connections, and attempts to have their code run by others.

use strict;
use warnings;

use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;

use WfmTest;

my $sim = WfmTest::Simulator->new('--clients', 5, '--jobs', 2, '--time', 2,
	'--minute-limit', 100000, '--day-limit', 1000000, '--concurrent-limit', 50);
my $node = WfmTest::start_node('privileges');

sub one { return $node->safe_psql('postgres', $_[0]); }

# The SQLSTATE of what a role is told, or '' for no error.
sub state_for
{
	my ($role, $sql, $database) = @_;
	my ($code, $out, $err) = $node->psql($database || 'postgres', "\\set VERBOSITY verbose\nSET ROLE $role;\n$sql");

	return $err =~ /ERROR:  (\w{5}):/ ? $1 : '';
}

one(<<'END');
CREATE ROLE owner; CREATE ROLE member IN ROLE owner; CREATE ROLE analyst; CREATE ROLE builder; CREATE ROLE stranger;
CREATE ROLE reader IN ROLE pg_read_server_files; CREATE ROLE observer IN ROLE pg_read_all_stats;
CREATE ROLE connector; GRANT INSERT, SELECT, UPDATE, DELETE ON wfm_connections TO connector;
END
my @roles = qw(postgres owner member analyst builder stranger reader observer);

WfmTest::connect_server($node, $sim, name => 'acme', owner => 'owner', redirect_uri => 'http://localhost/wfm');
one('ALTER SERVER acme OWNER TO owner; GRANT USAGE ON FOREIGN DATA WRAPPER wfm_fdw TO builder;
	GRANT USAGE ON FOREIGN SERVER acme TO builder;
	CREATE SCHEMA acme; IMPORT FOREIGN SCHEMA wfm FROM SERVER acme INTO acme;
	GRANT USAGE ON SCHEMA acme TO PUBLIC; GRANT SELECT ON acme.client TO analyst; GRANT CREATE ON SCHEMA public TO builder, stranger');

# Objects: the roles besides the superuser that have the privilege
my @nobody = ();
my @all = @roles[ 1 .. $#roles ];
my %expected = (
	'table wfm_connections' => \@nobody,
	'table wfm_tokens' => \@nobody,
	'view wfm_stat_connections' => \@all,
	'view wfm_stat_limits' => ['observer'],
	'function wfm_connections_seal()' => \@nobody,
	'function wfm_connections_store()' => \@nobody,
	'function wfm_connections_no_truncate()' => \@nobody,
	'function wfm_stat_limits()' => ['observer'],
	'function wfm_rotate_key(boolean)' => \@nobody,
	'function wfm_stat_reset(regclass)' => \@nobody,
	# What is others' is NULL in the first; the rest are figures.
	(map { ("view $_" => \@all, "function $_()" => \@all) } qw(wfm_stat_scans wfm_stat_tables wfm_stat_info)),
	# These look at the connection, the role, or nothing that is secret.
	map { ("function $_" => \@all) } 'wfm_fdw_handler()', 'wfm_fdw_validator(text[],oid)', 'wfm_import_credentials(text)',
	  'wfm_refresh(text)', 'wfm_authorize_url(text)', 'wfm_authorize(text,text)', 'wfm_tenants(text)', 'wfm_identity(text)',
	  'wfm_check(text)', 'wfm_disconnect(text,boolean)', 'wfm_connection_status()');
my %found = map { my ($object, @who) = split /\|/; ($object => [@who]) } split /\n/, one(<<"END");
SELECT object || coalesce('|' || string_agg(role, '|' ORDER BY n) FILTER (WHERE may), '')
FROM (
	SELECT 'function ' || p.oid::regprocedure AS object, role, n, has_function_privilege(role, p.oid, 'EXECUTE') AS may
	FROM pg_proc p JOIN pg_depend d ON (classid, objid, deptype) = ('pg_proc'::regclass, p.oid, 'e')
	JOIN pg_extension e ON e.oid = refobjid AND extname = 'wfm_fdw',
	unnest('{@{[ join ',', @all ]}}'::text[]) WITH ORDINALITY AS r (role, n)
	UNION ALL
	SELECT CASE relkind WHEN 'v' THEN 'view ' ELSE 'table ' END || c.oid::regclass, role, n,
		CASE relkind WHEN 'v' THEN has_table_privilege(role, c.oid, 'SELECT')
		ELSE has_table_privilege(role, c.oid, 'SELECT, INSERT, UPDATE, DELETE, TRUNCATE, REFERENCES, TRIGGER')
			OR has_any_column_privilege(role, c.oid, 'SELECT, INSERT, UPDATE, REFERENCES') END
	FROM pg_class c JOIN pg_depend d ON (classid, objid, deptype) = ('pg_class'::regclass, c.oid, 'e')
	JOIN pg_extension e ON e.oid = refobjid AND extname = 'wfm_fdw',
	unnest('{@{[ join ',', @all ]}}'::text[]) WITH ORDINALITY AS r (role, n)
) AS privileges GROUP BY object
END
foreach my $object (sort keys %expected)
{
	is(join(' ', @{ $found{$object} || ['(no such object)'] }), join(' ', @{ $expected{$object} }), "$object: who may");
}
foreach my $object (grep { !$expected{$_} } sort keys %found)
{
	note("not in the list: $object: @{ $found{$object} }");
	is(join(' ', @{ $found{$object} }), '', "$object: a table that is not in the list is nobody's") if $object =~ /^table/;
}
is(one("SELECT count(*) FROM pg_class c JOIN pg_depend d ON (classid, objid, deptype) = ('pg_class'::regclass, c.oid, 'e')
	JOIN pg_extension e ON e.oid = refobjid AND extname = 'wfm_fdw', pg_attribute a, aclexplode(attacl)
	WHERE attrelid = c.oid"), 0, 'no column has privileges of its own');
is(one("SELECT count(*) FROM pg_proc p JOIN pg_depend d ON (classid, objid, deptype) = ('pg_proc'::regclass, p.oid, 'e')
	JOIN pg_extension e ON e.oid = refobjid AND extname = 'wfm_fdw' WHERE prosecdef"), 0, 'no function is SECURITY DEFINER');
is(one("SELECT superuser, trusted, relocatable FROM pg_available_extension_versions WHERE name = 'wfm_fdw'"), 't|f|f', 'the extension is for superusers to create');
is(one("SELECT has_foreign_data_wrapper_privilege('stranger', 'wfm_fdw', 'USAGE')"), 'f', 'nor may everybody make servers');

# Functions on another role's connection
my @calls = ("SELECT * FROM wfm_identity('acme')", "SELECT * FROM wfm_tenants('acme')", "SELECT * FROM wfm_check('acme')",
	"SELECT wfm_authorize_url('acme')", "SELECT wfm_refresh('acme')",
	"SELECT * FROM wfm_authorize('acme', 'http://localhost/wfm?code=c&state=s')", "SELECT wfm_disconnect('acme')");
my $mark;

WfmTest::wait_for_token($node, 'acme');
foreach my $call (@calls)
{
	my ($function) = $call =~ /(wfm_\w+)/;

	$mark = $sim->mark;
	is(join(' ', map { state_for($_, $call) } qw(analyst builder stranger reader observer)), '42501 42501 42501 42501 42501', "$function: not for others");
	is(scalar(() = $sim->requests_since($mark)), 0, "$function: and sends nothing for them");
	next if $function eq 'wfm_disconnect';
	is(join(' ', map { state_for($_, $call) } qw(postgres owner member)), $function eq 'wfm_authorize' ? '28000 28000 28000' : '  ',
		"$function: for the owner and members");
}
is(join(' ', map { state_for($_, "SELECT wfm_refresh('nothing')") } qw(stranger owner)), '08003 08003', 'a connection that does not exist');

# What the views show
is(join(' ', map { one("SET ROLE $_; SELECT count(*) FROM wfm_stat_connections") } @roles), '1 1 1 0 0 0 0 1', 'wfm_stat_connections shows one\'s own connections');

# Tables and servers
my $query = 'SELECT count(*) FROM acme.client';
is(join(' ', map { state_for($_, $query) } @roles), ' 42501 42501  42501 42501 42501 42501', 'a query needs SELECT, and nothing else');
is(state_for('owner', "GRANT analyst TO stranger"), '42501', 'which others cannot give themselves');
is(state_for('builder', "CREATE FOREIGN TABLE public.mine (uuid text, name text) SERVER acme OPTIONS (resource 'client'); SELECT count(*) FROM public.mine"), '',
	'who may use the server may read through it');
is(state_for('stranger', "CREATE FOREIGN TABLE public.theirs (uuid text) SERVER acme OPTIONS (resource 'client')"), '42501', 'others may not');

# A server of somebody who is no member: whatever its options say, no query
$mark = $sim->mark;
is(state_for('builder', "CREATE SERVER thief FOREIGN DATA WRAPPER wfm_fdw OPTIONS (connection 'acme')"), '', 'anybody with USAGE may make a server');
foreach my $sql ("CREATE FOREIGN TABLE public.stolen (uuid text, name text) SERVER thief OPTIONS (resource 'client'); SELECT * FROM public.stolen",
	'EXPLAIN ANALYZE SELECT * FROM public.stolen', 'ANALYZE public.stolen',
	'CREATE SCHEMA stolen; IMPORT FOREIGN SCHEMA wfm FROM SERVER thief INTO stolen')
{
	my $state = state_for('builder', $sql);

	next if $sql =~ /^ANALYZE/;
	is($state, '42501', "but not read with it: $sql");
}
is(state_for('postgres', 'SELECT * FROM public.stolen'), '42501', 'not even a superuser reads through such a server');
is(scalar(() = $sim->requests_since($mark)), 0, 'nothing was sent');
one('GRANT owner TO builder');
is(state_for('builder', 'SELECT * FROM public.stolen'), '', 'a member reads');
one('REVOKE owner FROM builder');
is(state_for('builder', 'SELECT * FROM public.stolen'), '42501', 'and no longer when it is none');

# Rows: with the right to the table one may write, but neither for others nor hosts
my $row = "INSERT INTO wfm_connections (name, api, client_id";
is(state_for('connector', "$row) VALUES ('own', 'practicemanager/3.1', 'a')"), '', 'who may write the table makes connections');
is(state_for('connector', "$row, owner) VALUES ('others', 'practicemanager/3.1', 'a', 'owner')"), '42501', 'but not in the name of others');
is(state_for('connector', "UPDATE wfm_connections SET owner = 'postgres' WHERE name = 'own'"), '42501', 'nor gives them away');
foreach my $column (qw(api_url token_url authorize_url connections_url revocation_url))
{
	is(state_for('connector', "UPDATE wfm_connections SET $column = 'https://thief.example/'"), '42501', "$column is for superusers");
}
is(state_for('connector', "SELECT wfm_import_credentials('/etc/hostname')"), '42501', 'files are for pg_read_server_files');
is(state_for('reader', "SELECT wfm_import_credentials('" . $node->basedir . "/none')"), '58P01', 'whose members may name them');
my $file = $node->basedir . '/acme.json';
append_to_file($file, '{"name": "acme", "client_id": "thief"}');
chmod 0600, $file;
chown +(stat $node->data_dir)[4, 5], $file;
is(state_for('reader', "SELECT wfm_import_credentials('$file')"), '42501', 'but need the right to the table');
is(one("SELECT client_id FROM wfm_connections WHERE name = 'acme'"), 'sim-client', 'the connection is as it was');

# Settings that decide where tokens go
foreach my $setting (qw(key_file proxy ca_file allow_insecure_loopback refresh_tokens))
{
	is(state_for('stranger', "SET wfm_fdw.$setting = 'off'"), '55P02', "wfm_fdw.$setting cannot be set in a session");
	is(state_for('stranger', "ALTER SYSTEM SET wfm_fdw.$setting = 'off'"), '42501', "nor for all by others");
}
foreach my $setting (qw(key_file proxy ca_file))
{
	is(state_for('stranger', "SHOW wfm_fdw.$setting"), '42501', "wfm_fdw.$setting is not shown");
}

# Names that are found first: in the session of a superuser, and in the worker
one(<<'END');
CREATE SCHEMA evil AUTHORIZATION stranger;
SET ROLE stranger;
CREATE TABLE evil.ran (what text);
CREATE FUNCTION evil.trap(text, text) RETURNS boolean LANGUAGE plpgsql AS $$ BEGIN INSERT INTO evil.ran VALUES ('='); RETURN true; END $$;
CREATE OPERATOR evil.= (LEFTARG = text, RIGHTARG = text, FUNCTION = evil.trap);
CREATE FUNCTION evil.wfm_connection_status() RETURNS SETOF record LANGUAGE plpgsql AS $$ BEGIN INSERT INTO evil.ran VALUES ('status'); END $$;
CREATE DOMAIN evil.text AS pg_catalog.text; CREATE DOMAIN evil.int4 AS pg_catalog.int4;
RESET ROLE;
CREATE TABLE evil.wfm_connections (LIKE public.wfm_connections); CREATE TABLE evil.wfm_tokens (LIKE public.wfm_tokens);
ALTER DATABASE postgres SET search_path = evil, pg_catalog, public;
ALTER DATABASE postgres SET default_transaction_read_only = on;
ALTER DATABASE postgres SET statement_timeout = '1ms';
ALTER DATABASE postgres SET lock_timeout = '1ms';
ALTER DATABASE postgres SET synchronous_commit = off;
END
# a SET of the sessions here would itself be under the 1 ms
$ENV{PGOPTIONS} = '-c statement_timeout=0';
my $path = "SET lock_timeout = 0; SET default_transaction_read_only = off; SET search_path = evil, pg_catalog, pg_temp, public;";
my $own = "$path CREATE TEMP TABLE wfm_connections (LIKE public.wfm_connections);";
my $before = one('SELECT generation FROM public.wfm_tokens WHERE connection OPERATOR(pg_catalog.=) \'acme\'');
is(state_for('postgres', "$own SELECT public.wfm_refresh('acme'); SELECT * FROM public.wfm_stat_connections; SELECT * FROM public.wfm_check('acme');
	SELECT * FROM public.wfm_tenants('acme'); SELECT count(*) FROM acme.client; SELECT * FROM public.wfm_rotate_key()"), '', 'everything works with a hostile search_path');
one("$path UPDATE public.wfm_connections SET tenant_id = tenant_id");
unlink $file;
append_to_file($file, '{"name": "imported", "api": "practicemanager/3.1", "client_id": "x", "client_secret": "secret", "calls_per_minute": 30}');
chmod 0600, $file;
chown +(stat $node->data_dir)[4, 5], $file;
is(state_for('postgres', "$own SELECT public.wfm_import_credentials('$file'); SELECT public.wfm_import_credentials('$file')"), '', 'so does wfm_import_credentials');
is(one("SELECT count(*) FROM evil.ran"), 0, 'nothing of the stranger ran');
is(one("SELECT (SELECT count(*) FROM evil.wfm_connections) + (SELECT count(*) FROM evil.wfm_tokens)"), 0, 'nor was anything written there');
is(one("SELECT calls_per_minute FROM public.wfm_connections WHERE name OPERATOR(pg_catalog.=) 'imported'"), 30, 'but where it belongs');
cmp_ok(one("SELECT generation FROM public.wfm_tokens WHERE connection OPERATOR(pg_catalog.=) 'acme'"), '>', $before,
	'the worker heeds no setting of the database');

# Triggers and rules that somebody hangs on the tables of tokens
is(state_for('stranger', "$path " . 'CREATE TRIGGER t BEFORE UPDATE ON public.wfm_tokens FOR EACH ROW EXECUTE FUNCTION pg_catalog.suppress_redundant_updates_trigger()'), '42501', 'others cannot');
one("$path CREATE FUNCTION public.spy() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN INSERT INTO evil.ran VALUES (''trigger''); RETURN NULL; END';
	CREATE TRIGGER spy BEFORE INSERT OR UPDATE OR DELETE ON public.wfm_tokens FOR EACH ROW EXECUTE FUNCTION public.spy();
	ALTER TABLE public.wfm_tokens ENABLE ALWAYS TRIGGER spy;
	CREATE RULE nothing AS ON UPDATE TO public.wfm_tokens DO INSTEAD NOTHING");
is(state_for('postgres', "$path SELECT public.wfm_refresh('acme')"), '', 'a trigger and a rule on wfm_tokens do not stop the worker');
is(one('SELECT count(*) FROM evil.ran'), 0, 'nor does it run them');

one('SET default_transaction_read_only = off; ALTER DATABASE postgres RESET ALL');
delete $ENV{PGOPTIONS};

# CREATE EXTENSION where somebody has been before
one('SET default_transaction_read_only = off; CREATE DATABASE prepared');
foreach my $object ('CREATE FUNCTION public.wfm_connection_status() RETURNS SETOF record LANGUAGE sql AS \'SELECT 1, 2\'',
	'CREATE TABLE public.wfm_tokens (connection text)', 'CREATE VIEW public.wfm_stat_connections AS SELECT 1 AS name')
{
	$node->safe_psql('prepared', "GRANT CREATE ON SCHEMA public TO stranger; SET ROLE stranger; $object");
	my $state = state_for('postgres', 'CREATE EXTENSION wfm_fdw', 'prepared');
	like($state, qr/^42(723|P07)$/, "CREATE EXTENSION does not take over: $object");
	$node->safe_psql('prepared', 'DROP OWNED BY stranger');
}
is(state_for('postgres', 'CREATE EXTENSION wfm_fdw; SELECT * FROM wfm_stat_connections', 'prepared'), '', 'without, it works');

# The end of a connection is the owner's to choose
is(state_for('member', "SELECT wfm_disconnect('acme')"), '', 'wfm_disconnect: for members');

done_testing();
