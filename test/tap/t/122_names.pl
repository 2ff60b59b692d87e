# Names of people and organisations in databases of other encodings than the
# vendor's UTF-8: they are shown as far as they can be, and never in the way.

use strict;
use warnings;

use HTTP::Tiny;
use JSON::PP;
use MIME::Base64 qw(encode_base64url);
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;

use WfmTest;

my $sim = WfmTest::Simulator->new('--clients', 3, '--jobs', 3, '--time', 3, '--auto-consent',
	'--minute-limit', 100000, '--day-limit', 1000000);
my $node = WfmTest::start_node('names');
my $http = HTTP::Tiny->new(proxy => undef, max_redirect => 0);
my $ascii = JSON::PP->new->ascii->canonical;

# e acute, hiragana a, a snowman, which is in none of them
my $name = "caf\x{e9} \x{3042} \x{2603} Ltd";
my %shown = (
	UTF8 => $name, SQL_ASCII => $name, LATIN1 => "caf\x{e9} ? ? Ltd", EUC_JP => "caf\x{e9} \x{3042} ? Ltd",
	WIN1252 => "caf\x{e9} ? ? Ltd");

sub tenants_are
{
	my (@names) = @_;
	my $n = 0;
	my @list = map { { id => "link$n", tenantId => sprintf('11111111-0000-4000-8000-%012d', $n++), tenantType => 'PRACTICEMANAGER', tenantName => $_ } } @names;

	$sim->no_faults;
	$sim->fault({ match => { path => '/connections' }, action => { status => 200, body => $ascii->encode(\@list) } });
	return;
}

foreach my $encoding (sort keys %shown)
{
	my $database = lc $encoding;
	my $expected = $shown{$encoding};
	my $psql = sub
	{
		my ($code, $out, $err) = $node->psql($database, ($encoding eq 'SQL_ASCII' ? '' : "SET client_encoding = 'UTF8'; ") . $_[0]);

		return $out . $err;
	};
	my $tenant = '11111111-0000-4000-8000-000000000000';

	utf8::encode($expected);
	$node->safe_psql('postgres', "CREATE DATABASE $database ENCODING '$encoding' LOCALE 'C' TEMPLATE template0");
	$node->safe_psql($database, 'CREATE EXTENSION wfm_fdw');
	WfmTest::connect_server($node, $sim, database => $database, name => $database, tenant_id => undef, refresh_token => undef,
		redirect_uri => 'http://localhost/wfm', calls_per_minute => 600);

	# A consent: who gave it, and the tenant it reaches
	my $back = $http->get($node->safe_psql($database, "SELECT wfm_authorize_url('$database')"))->{headers}{location};
	my $grant = $sim->control('POST', 'tokens', { new_grant => { client_id => 'sim-client' } });
	my $person = join '.', map { encode_base64url($_) } '{}', $ascii->encode({ name => $name, email => 'a@example.com' }), 's';

	tenants_are($name);
	$sim->fault({ match => { path => '/connect/token' }, count => 1, action => { status => 200, body =>
			$ascii->encode({ access_token => 'opaque', id_token => $person, refresh_token => $grant->{refresh_token}, expires_in => 1800, scope => $name }) } });
	is($psql->("SELECT tenant_id, tenant_name, consented_by FROM wfm_authorize('$database', " . WfmTest::literal($back) . ')'),
		"$tenant|$expected|$expected <a\@example.com>", "$encoding: wfm_authorize");
	is($psql->('SELECT tenant_name, consented_by FROM wfm_stat_connections'), "$expected|$expected <a\@example.com>", "$encoding: wfm_stat_connections");
	is($psql->("SELECT consented_by, scopes FROM wfm_identity('$database')"), "$expected <a\@example.com>|$expected", "$encoding: wfm_identity");
	is($psql->("SELECT tenant_name FROM wfm_tenants('$database')"), $expected, "$encoding: wfm_tenants");

	# Several: the error names them, and so does a table of all
	my $second = substr($tenant, 0, 35) . '1';
	tenants_are($name, "Second $name");
	$psql->("SELECT wfm_refresh('$database')");
	$node->safe_psql($database, "UPDATE wfm_connections SET tenant_id = '$second'; UPDATE wfm_connections SET tenant_id = NULL;
		IMPORT FOREIGN SCHEMA wfm LIMIT TO (client) FROM SERVER $database INTO public");
	like($psql->('SELECT count(*) FROM client'), qr/connection "$database" reaches several tenants\nDETAIL:  $tenant \Q$expected\E\n$second Second \Q$expected\E\nHINT/, "$encoding: several tenants");
	$node->safe_psql($database, "CREATE SERVER every FOREIGN DATA WRAPPER wfm_fdw OPTIONS (connection '$database', tenants '*');
		CREATE FOREIGN TABLE clients (tenant_name text, uuid uuid) SERVER every OPTIONS (resource 'client')");
	$sim->fault({ match => { path => '*client.api/list' }, action => { status => 200, body =>
			'<Response><Status>OK</Status><Clients><Client><UUID>11111111-0000-4000-8000-000000000009</UUID></Client></Clients></Response>' } });
	is($psql->('SELECT tenant_name FROM clients ORDER BY length(tenant_name)'), "$expected\nSecond $expected", "$encoding: tenant_name of a table");
	$sim->no_faults;
}

done_testing();
