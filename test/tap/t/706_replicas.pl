# Failover, pg_upgrade, logical replication of all tables, and a server that
# stops at once in the middle of things.

use strict;
use warnings;

use File::Copy;
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;
use Time::HiRes qw(sleep time);

use WfmTest;

my $sim = WfmTest::Simulator->new('--clients', 10, '--jobs', 30, '--time', 300, '--today', '2026-06-30',
	'--minute-limit', 100000, '--day-limit', 1000000, '--concurrent-limit', 50);
my $primary = WfmTest::start_node('first', init => [ allows_streaming => 'logical' ],
	settings => "log_statement = none\nwal_log_hints = on\nwal_keep_size = 256MB\n");
my $key_file = $primary->basedir . '/wfm_fdw.key';

sub tokens_since { return scalar(() = $sim->token_requests_since($_[0])); }

sub give_key
{
	my ($node) = @_;
	my $path = $node->basedir . '/wfm_fdw.key';

	copy($key_file, $path) or die "$path: $!";
	chmod 0600, $path;
	$node->append_conf('postgresql.conf', "wfm_fdw.key_file = '$path'\n");
}

WfmTest::connect_tables($primary, $sim, calls_per_minute => 600, server => "connection 'acme', history_from '2022-01-01'");
my $query = 'SELECT count(*), sum(minutes) FROM acme.time_entry';
my $answer = $primary->safe_psql('postgres', $query);

# --- failover: the standby takes over, the old primary comes back as standby ---
$primary->backup('base');
my $second = PostgreSQL::Test::Cluster->new('second');
$second->init_from_backup($primary, 'base', has_streaming => 1);
give_key($second);
$second->start;
$primary->safe_psql('postgres', "SELECT wfm_refresh('acme')");
$primary->wait_for_catchup($second);
is($second->safe_psql('postgres', $query), $answer, 'the standby reads');
$primary->stop('immediate');
$second->promote;
my $mark = $sim->mark;
is($second->safe_psql('postgres', $query), $answer, 'promoted, it reads on');
# The launcher has to notice that recovery is over; until then a refresh is an
# error that sends nothing.
my $deadline = time + 120;
until (($second->psql('postgres', "SELECT wfm_refresh('acme')"))[0] == 0 || time > $deadline)
{
	sleep 0.1;
}
is(tokens_since($mark), 1, 'and refreshes once the launcher knows of it');
# A new token that never served is not asked for again when it is refused
$second->safe_psql('postgres', $query);
$sim->control('POST', 'tokens', { expire_access => JSON::PP::true() });
is($second->safe_psql('postgres', $query), $answer, 'and gets a token by itself when one has ended');
$second->safe_psql('postgres', "SELECT wfm_refresh('acme')") foreach 1 .. 3;
is(tokens_since($mark), 5, 'with as many requests as needed');

command_ok([ 'pg_rewind', '--target-pgdata', $primary->data_dir, '--source-server', $second->connstr('postgres'), '--no-sync' ],
	'pg_rewind of the old primary');
$primary->append_conf('postgresql.conf', 'port = ' . $primary->port . "\nwfm_fdw.key_file = '$key_file'\n");
$primary->enable_streaming($second);
$primary->set_standby_mode;
$primary->start;
$mark = $sim->mark;
is($primary->safe_psql('postgres', $query), $answer, 'the old primary reads as the new standby');
is(tokens_since($mark), 0, 'and asks for no token');
$second->safe_psql('postgres', "SELECT wfm_refresh('acme')");
$second->wait_for_catchup($primary);
is($primary->safe_psql('postgres', $query), $answer, 'also after the next refresh of the new primary');
$primary->stop;

# --- immediate shutdown in the middle of a scan and of a refresh ---
sub in_the_background
{
	my ($sql) = @_;

	return IPC::Run::start([ 'psql', '-XAtq', '-d', $second->connstr('postgres'), '-c', $sql ], '<', \undef, '>', \my $out, '2>', \my $err);
}

foreach my $mode ('immediate', 'fast')
{
	$mark = $sim->mark;
	$sim->fault({ match => { path => '*time.api' }, action => { delay => 600 } });
	$sim->fault({ match => { path => '/connect/token' }, count => 1, action => { delay => 8 } });
	my @sessions = map { in_the_background($_) } $query, "SELECT wfm_refresh('acme')";
	ok($second->poll_query_until('postgres', q{SELECT EXISTS (SELECT FROM wfm_tokens WHERE first_use IS NOT NULL)
		AND EXISTS (SELECT FROM wfm_stat_limits WHERE in_flight > 0)}), "$mode shutdown: a scan and a refresh are under way");
	my $begun = time;
	$second->stop($mode);
	cmp_ok(time - $begun, '<', 25, "$mode shutdown: waits for the token request, not for the scan");
	eval { $_->finish } foreach @sessions;
	$sim->no_faults;
	$second->start;
	is($second->safe_psql('postgres', $query), $answer, "$mode shutdown: afterwards it reads");
	$second->safe_psql('postgres', "SELECT wfm_refresh('acme')");
	is($second->safe_psql('postgres', 'SELECT state FROM wfm_stat_connections'), 'ready', "$mode shutdown: the consent lives");
	is($second->safe_psql('postgres', 'SELECT count(*) FROM pg_ls_tmpdir()'), 0, "$mode shutdown: no temporary file");
	cmp_ok(tokens_since($mark), '<=', 3, "$mode shutdown: no storm of token requests");
}

# --- logical replication of all tables: connections arrive, tokens do not ---
my $subscriber = WfmTest::start_node('subscriber', settings => "log_statement = none\n", init => [ allows_streaming => 'logical' ]);
my $source = WfmTest::literal($second->connstr('postgres'));

sub there { return $subscriber->safe_psql('postgres', $_[0]); }

$second->safe_psql('postgres', 'CREATE TABLE own (id integer PRIMARY KEY); INSERT INTO own VALUES (1); CREATE PUBLICATION everything FOR ALL TABLES');
there('CREATE TABLE own (id integer PRIMARY KEY)');
foreach my $copy ('true', 'false')
{
	$mark = $sim->mark;
	there("CREATE SUBSCRIPTION copy CONNECTION $source PUBLICATION everything WITH (copy_data = $copy)");
	$subscriber->wait_for_subscription_sync($second, 'copy');
	is(there('SELECT count(*) FROM own'), $second->safe_psql('postgres', 'SELECT count(*) FROM own'), "copy_data = $copy: other tables");
	is(there("SELECT name, client_secret, refresh_token FROM wfm_connections WHERE name = 'acme'"), 'acme||', "copy_data = $copy: connections without their secrets");
	is(there("SELECT state, coalesce(client_secret, refresh_token, access_token) FROM wfm_tokens WHERE connection = 'acme'"),
		'needs_authorization|', "copy_data = $copy: no tokens, sealed or not");

	# What changes later
	my $grant = $sim->control('POST', 'tokens', { new_grant => { client_id => 'sim-client' } });
	WfmTest::connect_server($second, $sim, name => "new_$copy", refresh_token => $grant->{refresh_token});
	$second->safe_psql('postgres', "SELECT wfm_refresh('$_')") foreach 'acme', "new_$copy";
	$second->safe_psql('postgres', "UPDATE wfm_connections SET calls_per_day = 4000; INSERT INTO own SELECT max(id) + 1 FROM own");
	$second->wait_for_catchup('copy');
	is(there("SELECT calls_per_day, state FROM wfm_connections JOIN wfm_tokens ON connection = name WHERE name = 'new_$copy'"),
		'4000|needs_authorization', "copy_data = $copy: a connection made later arrives without tokens");
	is(there('SELECT count(*) FROM own'), $second->safe_psql('postgres', 'SELECT count(*) FROM own'), "copy_data = $copy: and replication goes on");
	is(scalar(grep { $_->{status} != 200 } $sim->token_requests_since($mark)), 0, "copy_data = $copy: the copy presented no token");
	there('DROP SUBSCRIPTION copy');
}
unlike(slurp_file($subscriber->logfile), qr/ERROR:/, 'without an error on the way');

# A consent of its own stays the subscriber's
my $grant = $sim->control('POST', 'tokens', { new_grant => { client_id => 'sim-client' } });
there("CREATE SERVER acme FOREIGN DATA WRAPPER wfm_fdw OPTIONS (connection 'acme'); CREATE FOREIGN TABLE c (uuid uuid) SERVER acme OPTIONS (resource 'client')");
my ($code, $out, $err) = $subscriber->psql('postgres', 'SELECT count(*) FROM c');
like($err, qr/ERROR:  connection "acme" is not authorized\n.*HINT: .*wfm_authorize_url\('acme'\)/s, 'the copy needs a consent of its own');
there("UPDATE wfm_connections SET client_secret = 'sim-secret', refresh_token = '$grant->{refresh_token}' WHERE name = 'acme'");
there("CREATE SUBSCRIPTION copy CONNECTION $source PUBLICATION everything WITH (copy_data = false)");
$subscriber->wait_for_subscription_sync($second, 'copy');
$second->safe_psql('postgres', "SELECT wfm_refresh('acme'); UPDATE wfm_connections SET calls_per_day = 3000");
$second->wait_for_catchup('copy');
there("SELECT wfm_refresh('acme')");
is(there('SELECT count(*) FROM c'), 10, 'which changes on the publisher leave alone');
is(there("SELECT calls_per_day FROM wfm_connections WHERE name = 'acme'"), 3000, 'while its settings follow');
there('DROP SUBSCRIPTION copy');
$subscriber->stop;
$second->safe_psql('postgres', "DROP SERVER new_true; DROP SERVER new_false; DELETE FROM wfm_connections WHERE name LIKE 'new%'");

# --- pg_upgrade: to a new cluster of the same version, which goes through all its steps ---
$second->safe_psql('postgres', 'DROP PUBLICATION everything');
$second->safe_psql('postgres', "SELECT pg_drop_replication_slot(slot_name) FROM pg_replication_slots WHERE NOT active");
$second->safe_psql('postgres', "CREATE MATERIALIZED VIEW copy AS SELECT uuid, name FROM acme.staff");
my $staff = $second->safe_psql('postgres', 'SELECT count(*) FROM copy');
my $generation = $second->safe_psql('postgres', 'SELECT generation FROM wfm_tokens');
$second->stop;
my $new = PostgreSQL::Test::Cluster->new('new');
$new->init;
$new->append_conf('postgresql.conf', WfmTest::settings($new));
my $bin = `pg_config --bindir`;
chomp $bin;
chdir $new->basedir;
$mark = $sim->mark;
command_ok([ 'pg_upgrade', '--no-sync', '-d', $second->data_dir, '-D', $new->data_dir, '-b', $bin, '-B', $bin,
		'-s', $new->host, '-p', $second->port, '-P', $new->port ], 'pg_upgrade');
is(scalar(() = $sim->requests_since($mark)), 0, 'sends nothing');
$new->start;
is($new->safe_psql('postgres', 'SELECT count(*) FROM copy'), $staff, 'materialized views keep their rows');
($code, $out, $err) = $new->psql('postgres', "SELECT wfm_refresh('acme')");
like($err, qr/cannot be unsealed.*HINT:  Restore the file named by wfm_fdw\.key_file/s, 'without the key file nothing opens');
ok(!-e $new->basedir . '/wfm_fdw.key', 'and no other is made');
copy($second->basedir . '/wfm_fdw.key', $new->basedir . '/wfm_fdw.key');
chmod 0600, $new->basedir . '/wfm_fdw.key';
$new->safe_psql('postgres', "SELECT wfm_refresh('acme')");
is($new->safe_psql('postgres', 'SELECT generation FROM wfm_tokens'), $generation + 1, 'with it the tokens serve on');
is($new->safe_psql('postgres', $query), $answer, 'and all rows are read');
$new->safe_psql('postgres', 'REFRESH MATERIALIZED VIEW copy');
$new->command_ok([ 'vacuumdb', '--all', '--analyze-in-stages' ], 'the statistics that pg_upgrade asks for');

done_testing();
