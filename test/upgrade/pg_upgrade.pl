# pg_upgrade from another version of PostgreSQL, as doc/operations.md tells: the
# same objects afterwards, and queries that run on the consents there are.
#
# WFM_OLD_ROOT is that PostgreSQL with wfm_fdw, the folder that holds its bin/.

use strict;
use warnings;

use File::Copy;
use HTTP::Tiny;
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;

use WfmTest;

my $sim = WfmTest::Simulator->new('--clients', 12, '--jobs', 40, '--time', 300, '--today', '2026-06-30', '--auto-consent',
	'--minute-limit', 100000, '--day-limit', 1000000, '--concurrent-limit', 50);
my $old = PostgreSQL::Test::Cluster->new('old', install_path => $ENV{WFM_OLD_ROOT});
my $new = PostgreSQL::Test::Cluster->new('new');
my $http = HTTP::Tiny->new(proxy => undef, max_redirect => 0);

note('from ' . $old->pg_version . ' to ' . $new->pg_version);
$old->init;
# The old version may have been built with a compiler that is not here.
$old->append_conf('postgresql.conf', WfmTest::settings($old) . "log_statement = none\njit = off\n");
$old->start;

# --- what people have: accounts, tables, views, copies, roles, settings ---
sub on_old { return $old->safe_psql($_[1] || 'acme', $_[0]); }
sub on_new { return $new->safe_psql($_[1] || 'acme', $_[0]); }

on_old($_, 'postgres') foreach 'CREATE ROLE partner', 'CREATE ROLE analyst LOGIN', 'CREATE DATABASE acme', 'CREATE DATABASE other';
on_old('CREATE EXTENSION wfm_fdw');
on_old('CREATE SCHEMA "Odd Place"; CREATE EXTENSION wfm_fdw SCHEMA "Odd Place"; ALTER DATABASE other SET search_path = "Odd Place", public', 'other');

# A refresh token and a secret that were given
WfmTest::connect_tables($old, $sim, database => 'acme', owner => 'partner', calls_per_minute => 600, calls_per_day => 4000,
	server => "connection 'acme', history_from '2022-01-01', latency_ms '80'");

# A consent, of an app without a secret, and several accounts in one table
WfmTest::insert_connection($old, { %{ $sim->connection }, name => 'consented', client_id => 'sim-pkce', client_secret => undef,
	refresh_token => undef, tenant_id => undef, redirect_uri => 'http://localhost/wfm' }, 'acme');
my $back = $http->get(on_old("SELECT wfm_authorize_url('consented')"))->{headers}{location};
is(on_old("SELECT count(*) > 0 FROM wfm_authorize('consented', " . WfmTest::literal($back) . ')'), 't', 'a consent');
on_old(q{CREATE SERVER several FOREIGN DATA WRAPPER wfm_fdw OPTIONS (connection 'consented', tenants '*', history_from '2022-01-01');
	CREATE SCHEMA several; IMPORT FOREIGN SCHEMA wfm LIMIT TO (client, staff) FROM SERVER several INTO several});

# Another database, another vendor
WfmTest::connect_tables($old, $sim, database => 'other', name => 'rock', api => 'bluerock/2', refresh_token => 'sim-bluerock-refresh-token',
	calls_per_minute => 600, server => "connection 'rock', history_from '2022-01-01'");

on_old(q{
CREATE SCHEMA live;
SELECT wfm_comment_schema('acme');
SELECT wfm_create_views('acme', 'live', 'acme');
CREATE FOREIGN TABLE short (uuid uuid, label text OPTIONS (field 'Name')) SERVER acme OPTIONS (resource 'client');
CREATE MATERIALIZED VIEW hours AS SELECT uuid, staff_name, minutes FROM acme.time_entry;
CREATE UNIQUE INDEX ON hours (uuid);
CREATE MATERIALIZED VIEW unfilled AS SELECT uuid FROM acme.client WITH NO DATA;
GRANT USAGE ON SCHEMA acme, live TO analyst;
GRANT SELECT ON ALL TABLES IN SCHEMA acme, live TO analyst;
GRANT SELECT ON hours TO analyst;
GRANT EXECUTE ON FUNCTION wfm_stat_reset(regclass) TO analyst;
ALTER ROLE analyst SET wfm_fdw.priority = 'batch';
ALTER DATABASE acme SET wfm_fdw.max_wait = '7min';
});

my %ask = (
	acme => [ 'SELECT count(*), sum(minutes), min(date) FROM acme.time_entry', 'SELECT count(*), max(name) FROM live.client',
		'SELECT count(*), max(label) FROM short', 'SELECT count(*), count(DISTINCT tenant_name) FROM several.client',
		'SELECT count(*), sum(minutes) FROM hours', 'SELECT * FROM wfm_connections ORDER BY name',
		"SELECT s.srvname, o.* FROM pg_foreign_server s, pg_options_to_table(srvoptions) o ORDER BY 1, 2",
		"SELECT name, state, generation, expires_at, last_refresh, consented_by, consented_at FROM wfm_stat_connections ORDER BY name" ],
	other => [ 'SELECT count(*), sum(minutes) FROM rock.time_entry', 'SELECT name, state, generation FROM wfm_stat_connections' ]);
my %answer;
foreach my $database (sort keys %ask)
{
	$answer{$_} = on_old($_, $database) foreach @{ $ask{$database} };
}

# Both in the words of the new version's pg_dump: a file
sub schema_of
{
	my ($node, $database) = @_;
	my $file = $node->basedir . "/$database.sql";
	my $text;

	$new->command_ok([ 'pg_dump', '--schema-only', '-f', $file, $node->connstr($database) ], "pg_dump $database of " . $node->name);
	# A random key, the server's version, and a view's columns, before which
	# servers up to 15 put the table's name
	$text = slurp_file($file) =~ s/^(\\(un)?restrict|-- Dumped ).*\n//mgr =~ s/^( +(?:SELECT )?)\w+\.("?\w+"?,?)$/$1$2/mgr;
	unlink $file;
	append_to_file($file, $text);
	return $file;
}
my %schema = map { $_ => schema_of($old, $_) } sort keys %ask;
like(slurp_file($schema{acme}), qr/CREATE VIEW live\.client .*FROM acme\.client/s, 'which has what it should');
$old->stop;

# --- the upgrade, as the page tells ---
# From 18 on a new cluster has checksums unless it is told not to
$new->init(extra => $new->pg_version >= 18 ? ['--no-data-checksums'] : []);
$new->append_conf('postgresql.conf', WfmTest::settings($new) . "log_statement = none\n");
chdir $new->basedir;
my $mark = $sim->mark;
my @upgrade = ('pg_upgrade', '--no-sync', '-d', $old->data_dir, '-D', $new->data_dir, '-b', "$ENV{WFM_OLD_ROOT}/bin",
	'-B', $new->config_data('--bindir'), '-s', $new->host, '-p', $old->port, '-P', $new->port);
command_ok([ @upgrade, '--check' ], 'pg_upgrade --check');
command_ok([ @upgrade ], 'pg_upgrade');

# Somebody starts it before the key file is there
$new->start;
my ($code, $out, $err) = $new->psql('acme', 'SELECT count(*) FROM acme.client');
like($err, qr/the tokens of connection "acme" cannot be unsealed.*HINT:  Restore the file named by wfm_fdw\.key_file/s, 'without the key file nothing opens');
ok(!-e $new->basedir . '/wfm_fdw.key', 'and no other is made');
is(scalar(() = $sim->requests_since($mark)), 0, 'nothing was sent until then');
is(on_new($ask{acme}[4]), $answer{ $ask{acme}[4] }, 'materialized views kept their rows');
$new->stop;
copy($old->basedir . '/wfm_fdw.key', $new->basedir . '/wfm_fdw.key') or die;
chmod 0600, $new->basedir . '/wfm_fdw.key';
$new->start;

# --- afterwards ---
foreach my $database (sort keys %ask)
{
	is(on_new($_, $database), $answer{$_}, "$database: $_") foreach @{ $ask{$database} };
	my ($difference) = run_command([ 'diff', $schema{$database}, schema_of($new, $database) ]);
	is($difference, '', "$database: the same objects");
}
is(scalar(() = $sim->token_requests_since($mark)), 0, 'all with the tokens there were');
is(on_new("SHOW wfm_fdw.max_wait"), '7min', 'settings of a database');
is(on_new("SELECT rolconfig FROM pg_roles WHERE rolname = 'analyst'"), '{wfm_fdw.priority=batch}', 'and of a role');
is($new->safe_psql('acme', 'SELECT count(*) FROM live.client', extra_params => [ '-U', 'analyst' ]), 12, 'and its privileges');
is(on_new("SELECT count(*) FROM wfm_check('acme') WHERE NOT ok"), 0, 'wfm_check has nothing to mend');
on_new("SELECT wfm_refresh('$_')") foreach 'acme', 'consented';
on_new("SELECT wfm_refresh('rock')", 'other');
is(scalar(() = grep { $_->{status} == 200 } $sim->token_requests_since($mark)), 3, 'each consent is renewed');
on_new('REFRESH MATERIALIZED VIEW CONCURRENTLY hours; REFRESH MATERIALIZED VIEW unfilled');
is(on_new('SELECT count(*) FROM unfilled'), 12, 'materialized views are refreshed');
on_new("SELECT wfm_create_views('acme', 'live', 'acme')");
on_new("INSERT INTO wfm_connections (name, api, client_id, client_secret) VALUES ('another', 'practicemanager/3.1', 'x', 'y')");
on_new('ALTER EXTENSION wfm_fdw UPDATE');
$mark = $sim->mark;
$new->command_ok([ 'vacuumdb', '--all', '--analyze-in-stages' ], 'the statistics that pg_upgrade asks for');
is(scalar(() = $sim->requests_since($mark)), 0, 'which cost no call');
unlike(slurp_file($new->logfile), qr/PANIC|FATAL:  (?!terminating|the database system is)|background worker "wfm_fdw[^"]*" .* exited with exit code [^01]/, 'and no process fell');

done_testing();
