# The README's way from integer ids to UUIDs, run as it stands there.

use strict;
use warnings;

use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;

use WfmTest;

my ($section) = slurp_file("$ENV{WFM_SOURCE}/README.md") =~ /^## From integer ids to UUIDs\n(.*?)^## /ms;
my ($statements) = $section =~ /^```sql\n(.*?)^```/ms;
like($statements, qr/wfm_id_map\('acme30'\).*UPDATE my_client/s, 'the README has the statements');

my $sim = WfmTest::Simulator->new('--clients', 25, '--jobs', 15, '--time', 30,
	'--minute-limit', 100000, '--day-limit', 1000000, '--concurrent-limit', 50);
my $node = WfmTest::start_node('main');
WfmTest::connect_tables($node, $sim, name => 'acme30', api => 'practicemanager/3.0',
	calls_per_minute => 600, server => "connection 'acme30', history_from '2022-01-01'");

# Nothing to read is an error, not an empty map.
$node->safe_psql('postgres', q{CREATE SERVER bare FOREIGN DATA WRAPPER wfm_fdw OPTIONS (connection 'acme30')});
foreach my $server ('bare', 'nowhere')
{
	my ($code, $out, $err) = $node->psql('postgres', "SELECT * FROM wfm_id_map('$server')");

	like($err, qr/server "$server" has no foreign tables with both.*HINT: .*practicemanager\/3\.0/s, "a map of $server");
}

# Some integers of clients, one of a client that is gone, and rows without any.
$node->safe_psql('postgres', 'CREATE TABLE my_client (client_id integer, note text);
	INSERT INTO my_client SELECT legacy_id, name FROM acme30.client;
	INSERT INTO my_client VALUES (-1, \'gone\'), (NULL, \'none\')');
my $without = $node->safe_psql('postgres', 'SELECT count(*) FROM acme30.client WHERE uuid IS NULL');
is($node->safe_psql('postgres', $statements), $without + 1, 'they run, and count what has no UUID');
is( $node->safe_psql('postgres', q{SELECT count(*) FROM my_client m JOIN acme30.client c
		ON c.legacy_id = m.client_id AND c.uuid = m.client_uuid AND c.name = m.note}),
	25 - $without, 'every other row has the right one');
is( $node->safe_psql('postgres', q{SELECT count(*) FROM (SELECT FROM id_map
		GROUP BY resource, legacy_id HAVING count(*) > 1) d}), 0, 'one UUID for each integer');
is( $node->safe_psql('postgres', q{SELECT string_agg(DISTINCT resource, ' ') FROM id_map
		WHERE resource IN ('client', 'time_entry')}), 'client time_entry', 'of more than one table');

done_testing();
