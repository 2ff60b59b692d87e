# A table added as doc/contributing.md says, by the catalogue and the simulator
# alone: it is imported, described, read as a list and by its key, in both forms.
#
# wfm-test: walkthrough

use strict;
use warnings;

use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;

use WfmTest;

my $sim = WfmTest::Simulator->new('--clients', 10, '--jobs', 5, '--time', 5);
my $node = WfmTest::start_node('main');
my $other = $sim->control('POST', 'tokens', { new_grant => { client_id => 'sim-client' } });
WfmTest::connect_tables($node, $sim);
WfmTest::connect_tables($node, $sim, name => 'json', refresh_token => $other->{refresh_token},
	server => "connection 'json', format 'json'");

my ($csv) = $sim->csv_file('asset');
$node->safe_psql('postgres', "CREATE TABLE dump (uuid uuid, name text, purchased date, client_uuid uuid, client_name text);
	COPY dump FROM '$csv' (FORMAT csv, HEADER)");
is($node->safe_psql('postgres', 'SELECT count(*) FROM dump'), 7, 'the simulator has records');
foreach my $schema ('acme', 'json')
{
	is( $node->safe_psql('postgres', "SELECT (SELECT count(*) FROM (TABLE $schema.asset EXCEPT ALL TABLE dump) a),
			(SELECT count(*) FROM (TABLE dump EXCEPT ALL TABLE $schema.asset) b)"),
		'0|0', "$schema.asset equals its dump");
}
my $mark = $sim->mark;
is( $node->safe_psql('postgres', 'SELECT count(*) FROM acme.asset WHERE uuid = (SELECT uuid FROM dump LIMIT 1)'),
	1, 'one by its key');
like(($sim->calls_since($mark))[0]{path}, qr{/asset\.api/get/}, 'by a get');
is( $node->safe_psql('postgres', "SELECT key_columns, joins_to, calls_of_full_read FROM wfm_tables
		WHERE server = 'acme' AND resource = 'asset'"),
	'{uuid}|{"client_uuid = client.uuid"}|1', 'wfm_tables knows it');

done_testing();
