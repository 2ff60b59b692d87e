# Servers that do otherwise than ours where the vendor says nothing, and
# conditions that look like a key but mean more.

use strict;
use warnings;

use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;

use WfmTest;

my $sim = WfmTest::Simulator->new('--clients', 20, '--jobs', 60, '--time', 300,
	'--today', '2026-11-20',
	'--minute-limit', 100000, '--day-limit', 1000000, '--concurrent-limit', 50);
my $node = WfmTest::start_node('other');
WfmTest::connect_tables($node, $sim, calls_per_minute => 600,
	server => "connection 'acme', history_from '2022-01-01'");
$node->safe_psql('postgres', 'ALTER DATABASE postgres SET search_path = acme, public');
$node->safe_psql('postgres', 'CREATE TABLE local_job AS SELECT * FROM job;
	CREATE TABLE local_client AS SELECT * FROM client');

# --- a column seen as another type: more values are equal than one text ---
foreach my $condition (
	"id::bpchar = (SELECT id || '   ' FROM local_job ORDER BY uuid LIMIT 1)::bpchar",
	"id::bpchar IN ((SELECT id FROM local_job ORDER BY uuid LIMIT 1)::char(20))",
	"id::varchar = (SELECT id FROM local_job ORDER BY uuid LIMIT 1)",
	"id::varchar(3) = (SELECT id::varchar(3) FROM local_job ORDER BY uuid LIMIT 1)")
{
	my ($remote, $local) = map {
		$node->safe_psql('postgres', "SELECT count(*) FROM $_ WHERE $condition")
	} 'job', 'local_job';

	is($remote, $local, $condition);
	cmp_ok($local, '>', 0, 'which some rows fulfil');
}

# --- a key that is not there is a 404 on some servers: the list tells ---
my $nobody = '00000000-0000-0000-0000-000000000001';
my ($client) = $node->safe_psql('postgres', 'SELECT min(uuid::text) FROM local_client');
foreach my $body ('', '{"Title":"NotFound","Status":404}',
	'<Response><Status>ERROR</Status><ErrorDescription>Invalid client identifier</ErrorDescription></Response>')
{
	$sim->fault({ match => { path => "*client.api/get/$nobody" },
			action => { status => 404, body => $body } });
	is($node->safe_psql('postgres', "SELECT count(*) FROM client WHERE uuid = '$nobody'"),
		0, "404 with body '$body': no row");
	is( $node->safe_psql('postgres',
			"SELECT count(*) FROM client WHERE uuid IN ('$nobody', '$client')"),
		1, 'the other key is found, once');
	$sim->no_faults;
}

# ... and a key that is there is found in the list, however it is spelt.
$sim->fault({ match => { path => '*client.api/get/' }, action => { status => 404 } });
is($node->safe_psql('postgres', "SELECT count(*) FROM client WHERE uuid = '$client'"),
	1, '404 for every get: the row comes from the list');
$sim->fault({ match => { path => '*client.api/list' }, action => { status => 200,
		body => '<Response><Status>OK</Status><Clients><Client><UUID>' . uc($client)
		  . '</UUID><Name>x</Name><IsArchived>No</IsArchived><IsDeleted>No</IsDeleted></Client></Clients></Response>' } });
is($node->safe_psql('postgres', "SELECT count(*) FROM client WHERE uuid = '$client'"),
	1, 'a UUID in capitals is the same');
$sim->no_faults;

# --- windows far away ---
my ($ret, $out, $err) = $node->psql('postgres',
	"\\set VERBOSITY verbose\nSELECT count(*) FROM job WHERE _listed_to = '200000-01-01'");
like($err, qr/ERROR:  22008: the API takes no date such as 200000-01-01.*HINT:/s,
	'a year that the API cannot take');
is( $node->safe_psql('postgres',
		"SELECT count(*) > 0 FROM client WHERE _modified_since >= '4713-01-01 BC'"),
	't', 'modified since before time began');

# --- a database that cannot hold all characters ---
foreach my $encoding ('LATIN1', 'EUC_JP')
{
	my $database = lc $encoding;
	my $grant = $sim->control('POST', 'tokens', { new_grant => { client_id => 'sim-client' } });

	$node->safe_psql('postgres',
		"CREATE DATABASE $database ENCODING '$encoding' LOCALE 'C' TEMPLATE template0");
	$node->safe_psql($database, 'CREATE EXTENSION wfm_fdw');
	WfmTest::connect_server($node, $sim, database => $database, calls_per_minute => 600,
		refresh_token => $grant->{refresh_token});
	$node->safe_psql($database, "CREATE FOREIGN TABLE c (uuid uuid, name text) SERVER acme OPTIONS (resource 'client');
		CREATE FOREIGN TABLE n (uuid uuid, name integer) SERVER acme OPTIONS (resource 'client')");
	$sim->fault({ match => { path => '*client.api/list' }, action => { status => 200, body =>
			"<Response><Status>OK</Status><Clients><Client><UUID>$client</UUID><Name>A\x{e2}\x{98}\x{83}</Name></Client></Clients></Response>" } });
	foreach my $table ('c', 'n')
	{
		($ret, $out, $err) = $node->psql($database, "\\set VERBOSITY verbose\nTABLE $table");
		like($err, qr/ERROR:  22P05: .*CONTEXT:  column "name" of foreign table "$table", record 1 of client\.api\/list/s,
			"$encoding: the message says where the character stands");
	}
	$sim->no_faults;
	$sim->fault({ match => { path => '*client.api/list' }, action => { status => 400, body =>
			'{"status":"ERROR","errorDescription":"caf\u00e9 \u2603 closed"}' } });
	($ret, $out, $err) = $node->psql($database, 'TABLE c');
	like($err, qr/The API says: "caf\S* \S+ closed"/, "$encoding: what the API says is told");
	$sim->no_faults;
}

# --- the API fails until it is left alone: the error says what it did ---
$sim->fault({ match => { path => '*time.api/' }, action => { status => 500, body => 'boom' } });
($ret, $out, $err) = $node->psql('postgres',
	"\\set VERBOSITY verbose\nSELECT count(*) FROM time_entry");
like($err, qr/ERROR:  HV00N: .*HTTP status 500\. The API says: "boom"/s,
	'the fault itself, not only that calls are held back');

done_testing();
