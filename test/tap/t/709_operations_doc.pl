# Every command of doc/operations.md, in its order.
#
# The statements run as they stand there; what differs from reader to reader is
# the address a consent ends at.  After CREATE EXTENSION the connection of the
# page is made, which is what doc/connect.md is about.

use strict;
use warnings;

use HTTP::Tiny;
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;

use WfmTest;

my $page = slurp_file("$ENV{WFM_SOURCE}/doc/operations.md");
my $sim = WfmTest::Simulator->new('--clients', 5, '--jobs', 5, '--time', 50, '--auto-consent',
	'--minute-limit', 100000, '--day-limit', 1000000, '--concurrent-limit', 50);
my $node = WfmTest::start_node('doc', extension => 0, init => [ allows_streaming => 'logical' ], settings => "log_statement = 'none'\n");
my $http = HTTP::Tiny->new(proxy => undef, max_redirect => 0);
my ($address, %seen);
my $folder = $node->basedir . '/work';

mkdir $folder;
chdir $folder or die;
$ENV{PGHOST} = $node->host;
$ENV{PGPORT} = $node->port;
$node->safe_psql('postgres', 'CREATE DATABASE acme');

# What stands before the page: a connection, its tables, and a copy of some
sub connect_account
{
	WfmTest::connect_tables($node, $sim, database => 'acme', client_id => 'sim-pkce', client_secret => undef,
		refresh_token => 'sim-pkce-refresh-token', redirect_uri => 'http://localhost/wfm', calls_per_minute => 600,
		revocation_url => $sim->url . '/connect/revocation', server => "connection 'acme', history_from '2025-01-01'");
	$node->safe_psql('acme', "CREATE MATERIALIZED VIEW hours AS SELECT uuid, minutes FROM acme.time_entry;
		CREATE SCHEMA live; SELECT wfm_create_views('acme', 'live')");
}

# A copy of the whole server that has the key file, as the page has it started
my $copy;

sub copy_of_server
{
	return $copy if defined $copy;
	$node->backup('copied');
	$copy = PostgreSQL::Test::Cluster->new('copy');
	$copy->init_from_backup($node, 'copied');
	$copy->append_conf('postgresql.conf', "wfm_fdw.refresh_tokens = off\n");
	$copy->start;
	is($copy->safe_psql('acme', 'SELECT state FROM wfm_stat_connections'), 'ready', 'a copy holds the consent of its original');
	return $copy;
}

sub run_sh
{
	my ($text) = @_;

	foreach my $command (split /\n/, $text)
	{
		is(system('bash', '-o', 'pipefail', '-ec', $command), 0, "sh: $command");
		$seen{$1}++ if $command =~ /(\w+)/;
	}
}

sub run_conf
{
	my ($text) = @_;

	foreach my $name ($text =~ /^([\w.]+)\s*=/mg)
	{
		is($node->safe_psql('postgres', "SELECT count(*) FROM pg_settings WHERE name = '$name'"), 1, "conf: $name is a setting");
	}
}

sub run_sql
{
	my ($text) = @_;
	my $copied = $text =~ s/^-- on the copy\n//;
	my $database = $text =~ s/^-- in (\w+)\n// ? $1 : 'acme';
	my $at = $copied ? copy_of_server() : $node;
	my @statements = grep { /\S/ } split /;[ \t]*\n/, $text;

	# A transaction is one session's
	@statements = ($text) if $text =~ /^BEGIN;/;
	foreach my $statement (@statements)
	{
		my ($first) = $statement =~ /^\s*([^\n]*)/;
		my $sql = $statement =~ s{'http://localhost/wfm\?code=\.\.\.&state=\.\.\.'}{WfmTest::literal($address)}er;
		my ($code, $out, $err) = $at->psql($database, $sql, on_error_stop => 1);

		ok($code == 0 && $err !~ /WARNING|ERROR/, "sql: $first") or diag("$sql\n$err");
		$seen{$1}++ while $statement =~ /\b(wfm_\w+|[A-Z]+ (?:EXTENSION|DATABASE|PUBLICATION))/g;
		$address = $http->get($out)->{headers}{location} if $statement =~ /wfm_authorize_url/;
		connect_account() if $statement =~ /^CREATE EXTENSION/;
		is($out, 'acme|needs_authorization', 'a restored or copied connection needs a consent')
		  if ($copied || $database eq 'restored') && $statement =~ /FROM wfm_stat_connections/;
		ok($at->poll_query_until($database, "SELECT current_setting('wfm_fdw.refresh_tokens') = 'on'"), 'the setting is there')
		  if $statement =~ /pg_reload_conf/;
	}
}

my %run = (sh => \&run_sh, conf => \&run_conf, sql => \&run_sql);
while ($page =~ /^```(\w+)\n(.*?)^```$/msg)
{
	my ($language, $text) = ($1, $2);

	ok($run{$language}, "a block in $language") or next;
	$run{$language}->($text);
}
ok($seen{$_}, "the page shows $_")
  foreach qw(pg_dump pg_restore createdb cp), 'CREATE EXTENSION', 'ALTER EXTENSION', 'DROP EXTENSION', 'CREATE DATABASE',
  qw(wfm_authorize_url wfm_authorize wfm_stat_connections wfm_stat_limits wfm_disconnect);
is((stat "$folder/wfm_fdw.key.copy")[2] & 07777, 0600, 'the copy of the key is private');
is($node->safe_psql('acme', "SELECT count(*) FROM pg_proc WHERE proname LIKE 'wfm%'"), 0, 'at the end nothing is left');

# The tests it names are there
foreach my $number ($page =~ /`(7[01]\d)`/g)
{
	my @found = glob("$ENV{WFM_SOURCE}/test/tap/t/${number}_*.pl");

	is(scalar @found, 1, "test $number");
}

# Links within doc/
foreach my $link ($page =~ /\]\((\w[\w.-]*\.md)\)/g)
{
	ok(-e "$ENV{WFM_SOURCE}/doc/$link", "link to $link");
}
chdir $node->basedir;

done_testing();
