# The SQL of README's sections Install, Connect, Query and Ten useful queries, in
# its order, against the simulator.
#
# The statements run as they stand there, but for what differs from reader to
# reader: the app, its secret and token, the folder, and the address a consent
# ends at.  The simulator's addresses are given to the connection besides.

use strict;
use warnings;

use HTTP::Tiny;
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;

use WfmTest;

my $readme = slurp_file("$ENV{WFM_SOURCE}/README.md");
my $sim = WfmTest::Simulator->new('--clients', 60, '--jobs', 130, '--time', 400, '--auto-consent',
	'--minute-limit', 100000, '--day-limit', 1000000, '--concurrent-limit', 50);
my $node = WfmTest::start_node('readme', extension => 0);
my $http = HTTP::Tiny->new(proxy => undef, max_redirect => 0);
my $vendor = $sim->connection('practicemanager/3.1');
my $urls = join ', ', map { "$_ = '$vendor->{$_}'" } (grep { /_url$/ } sort keys %$vendor);
$urls .= ', calls_per_minute = 600';
my ($address, %rows);

sub one { return $node->safe_psql('postgres', $_[0]); }

sub in_place
{
	my ($text) = @_;
	my $folder = $node->basedir;

	$text =~ s/('practicemanager\/3\.1', )'\.\.\.'/$1'sim-pkce'/;
	$text =~ s/("client_id"): "\.\.\."/$1: "sim-client"/;
	$text =~ s/("client_secret"): "\.\.\."/$1: "sim-secret"/;
	$text =~ s/("refresh_token"): "\.\.\."/$1: "sim-refresh-token"/;
	$text =~ s{/var/lib/postgresql/}{$folder/}g;
	$text =~ s{'http://localhost/wfm\?code=\.\.\.&state=\.\.\.'}{WfmTest::literal($address)}ge;
	return $text;
}

sub run_statement
{
	my ($statement) = @_;
	my ($first) = $statement =~ /^(?:\s*--[^\n]*\n)*\s*([^\n]*)/;
	my $sql = in_place($statement);
	my ($code, $out, $err) = $node->psql('postgres', $sql, on_error_stop => 1);

	ok($code == 0 && $err !~ /WARNING|ERROR/, $first) or diag("$sql\n$err");
	$rows{$first} = $out;
	$address = $http->get($out)->{headers}{location} if $statement =~ /wfm_authorize_url/;
	one("UPDATE wfm_connections SET $urls WHERE name = 'acme'") if $statement =~ /^\s*INSERT INTO wfm_connections/;
	# "If the consent reaches several accounts"
	one("UPDATE wfm_connections SET tenant_id = '$vendor->{tenant_id}' WHERE name = 'acme'") if $statement =~ /wfm_authorize\(/;
	unlike($out, qr/\|f\|/, 'nothing to mend') if $statement =~ /FROM wfm_check/;
	return;
}

foreach my $section ('Install', 'Connect', 'Query', 'Ten useful queries')
{
	my ($text) = $readme =~ /^## $section\n(.*?)^## /ms or die "no section $section";

	while ($text =~ /^```(\w*)\n(.*?)^```$/msg)
	{
		my ($language, $block) = ($1, $2);

		if ($language eq 'sql')
		{
			run_statement($_) foreach grep { /\S/ } split /;[^\n]*\n/, $block;
		}
		elsif ($block =~ /^\$ sudo -u postgres (sh -c .*)/ms)
		{
			is(system('sh', '-ec', in_place($1)), 0, 'the file of credentials');
		}
	}
}

is(one('SELECT count(*) FROM acme.client'), 60, 'the tables have rows');
is($rows{q{SELECT * FROM acme.job WHERE id = 'J000123'}} =~ tr/\n//, 0, 'one job');
like($rows{q{SELECT * FROM acme.job WHERE id = 'J000123'}}, qr/^J000123\|/, 'which is the right one');
is(one('SELECT count(*) FROM hours'), 400, 'the copy has all of it');


# Each of the ten finds something in the simulator's data, for no more than this
# many calls with nothing known of the tables.
{
	my ($text) = $readme =~ /^## Ten useful queries\n.*?^```sql\n(.*?)^```$/ms;
	my @queries = grep { /\S/ } split /;\n/, $text;

	is(scalar(@queries), 10, 'there are ten');
	# Jobs are asked for one by one, or as a list after nearly as many calls
	my $jobs = one(q{SELECT calls_of_full_read FROM wfm_tables WHERE table_name = 'acme.job'::regclass});
	foreach my $query (@queries)
	{
		my ($what) = $query =~ /--\s*(.*)/;
		my $mark = $sim->mark;
		my $rows = one("SELECT count(*) FROM ($query) q");
		my $calls = $sim->calls_since($mark);

		note("$what: $rows rows, $calls calls");
		cmp_ok($rows, '>', 0, "$what: rows");
		cmp_ok($calls, '<=', $what =~ /two calls/ ? 2 : $what =~ /not invoiced/ ? 1 + 2 * $jobs : 12, "$what: calls");
	}
}

# A value that does not fit its column: what README and the page it names give
{
	my ($create) = $readme =~ /^\| invalid value for column .*`(CREATE FOREIGN TABLE [^`]*)`/m;
	my ($change) = slurp_file("$ENV{WFM_SOURCE}/doc/operations.md") =~ /^## A column that does not fit\n.*?^```sql\n(BEGIN;\n.*?)^```$/ms;
	my $key = one('SELECT min(uuid::text) FROM acme.client');
	my $odd = "<Response api-method=\"List\"><Status>OK</Status><Clients><Client><UUID>$key</UUID><Name>A</Name><DateOfBirth>spring</DateOfBirth></Client></Clients></Response>";
	my $read = 'SELECT date_of_birth FROM %s';

	one("CREATE SCHEMA live; SELECT wfm_create_views('acme', 'live')");
	$sim->fault({ match => { path => '*client.api' }, action => { status => 200, headers => { 'Content-Type' => 'text/xml' },
		body => $odd } });
	my ($code, $out, $err) = $node->psql('postgres', sprintf $read, 'live.client');
	like($err, qr/ERROR:  invalid value for column "date_of_birth" of foreign table "client": "spring"/, 'a value that does not fit');
	is(one('SELECT name FROM live.client'), 'A', 'is in the way of queries that use it alone');
	one($create);
	is(one(sprintf $read, 'look'), 'spring', 'a table made by hand shows it');
	($code, $out, $err) = $node->psql('postgres', 'ALTER FOREIGN TABLE acme.client ALTER COLUMN date_of_birth TYPE text');
	like($err, qr/ERROR:  cannot alter type of a column used by a view or rule/, 'a view is in the way of another type');
	one($change);
	is(one(sprintf $read, $_), 'spring', "and is made anew with it: $_") foreach 'acme.client', 'live.client';
	$sim->no_faults;
	is(one('SELECT count(*) FROM live.client'), 60, 'and reads on');
}

done_testing();
