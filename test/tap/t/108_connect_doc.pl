# Every command of doc/connect.md, in its order, against the simulator.
#
# The statements run as they stand there, but for what differs from reader to
# reader: client ids, the secret, tenants, the folder, and the address a consent
# ends at.  The simulator's addresses are given to each connection besides.

use strict;
use warnings;

use HTTP::Tiny;
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;

use WfmTest;

my $page = slurp_file("$ENV{WFM_SOURCE}/doc/connect.md");
my $sim = WfmTest::Simulator->new('--clients', 5, '--jobs', 5, '--time', 5, '--auto-consent',
	'--minute-limit', 100000, '--day-limit', 1000000);
my $node = WfmTest::start_node('doc', extension => 0, settings => "log_statement = 'none'\n");
my $http = HTTP::Tiny->new(proxy => undef, max_redirect => 0);
my ($address, %seen);
my $url = $sim->url;

my %urls = (
	api_url => "$url/practicemanager/3.1/", token_url => "$url/connect/token",
	authorize_url => "$url/identity/connect/authorize", connections_url => "$url/connections",
	revocation_url => "$url/connect/revocation");

sub point_at_simulator
{
	my ($name) = @_;

	$node->safe_psql('postgres', 'UPDATE wfm_connections SET '
		  . join(', ', map { "$_ = '$urls{$_}'" } sort keys %urls) . " WHERE name = '$name'");
}

sub in_place
{
	my ($text) = @_;
	my @tenants = map { $sim->tenant_id('PRACTICEMANAGER', $_) } 0, 1;
	my $more = join '', map { qq("$_": "$urls{$_}",\n) } sort keys %urls;
	my $folder = $node->basedir;

	$text =~ s/0123456789ABCDEF0123456789ABCDEF/sim-pkce/g;
	$text =~ s/FEDCBA9876543210FEDCBA9876543210/sim-client/g;
	$text =~ s/the secret of the app/sim-secret/g;
	$text =~ s{http://127\.0\.0\.1:8000}{$url}g;
	$text =~ s{/var/lib/postgresql/}{$folder/}g;
	$text =~ s/6b6f4b34-0000-4000-8000-00000000000([01])/$tenants[$1]/g;
	$text =~ s/^(\s*)("redirect_uri":)/$1$more$1$2/m;
	$text =~ s{'http://localhost/wfm\?code=\.\.\.&state=\.\.\.'}{WfmTest::literal($address)}ge;
	return $text;
}

my @blocks;
push @blocks, [ $1, $2 ] while $page =~ /^```(\w+)\n(.*?)^```$/msg;
cmp_ok(scalar @blocks, '>', 5, 'the page has commands');
like($page, qr{^test/simulator/wfm-simulator --port \d+ --auto-consent$}m, 'the simulator is started as it is here');

foreach my $block (@blocks)
{
	my ($language, $text) = @$block;

	if ($language eq 'sh')
	{
		# What an administrator types in a shell; the words in front make it another user's
		my $command = in_place($text) =~ s/^sudo -u postgres //mgr;
		my ($first) = $text =~ /(.*)/;

		is(system('sh', '-ec', $command), 0, "sh: $first");
		next;
	}
	if ($language eq 'conf')
	{
		ok($node->safe_psql('postgres', 'SHOW shared_preload_libraries') =~ /wfm_fdw/ && $text =~ /^shared_preload_libraries = 'wfm_fdw'/m,
			'conf: this server has the setting');
		next;
	}
	is($language, 'sql', "a block in $language is SQL") or next;
	foreach my $statement (grep { /\S/ } split /;[^\n]*\n/, $text)
	{
		my $sql = in_place($statement);
		my ($first) = $statement =~ /^(?:\s*--[^\n]*\n)*\s*([^\n]*)/;
		my ($code, $out, $err) = $node->psql('postgres', $sql, on_error_stop => 1);

		# What the page tells to be an error is one
		if ($statement =~ /^\s*-- ERROR:\s*(.*)$/m)
		{
			like($err, qr/ERROR: .*\Q$1\E/, "sql: $first: is refused as the page says");
			next;
		}
		ok($code == 0 && $err !~ /WARNING|ERROR/, "sql: $first") or diag("$sql\n$err");
		$seen{$1}++ if $statement =~ /\b(wfm_\w+)/;
		point_at_simulator($1) if $statement =~ /INSERT INTO wfm_connections.*?VALUES \('(\w+)'/s;
		$address = $http->get($out)->{headers}{location} if $statement =~ /wfm_authorize_url/;
		unlike($out, qr/\|f\|/, 'wfm_check: nothing to mend') if $statement =~ /FROM wfm_check/;
	}
}

ok($seen{$_}, "the page shows $_")
  foreach qw(wfm_connections wfm_authorize_url wfm_authorize wfm_check wfm_tenants wfm_identity wfm_refresh wfm_disconnect wfm_stat_connections);

done_testing();
