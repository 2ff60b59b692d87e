# Calls used by the queries of test/bench/calls/queries, beside the least that
# each can be answered with: at most twice that when nothing is known of the
# tables, just that once they were read.

use strict;
use warnings;

use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;

use WfmTest;

my $sim = WfmTest::Simulator->new('--clients', 30, '--jobs', 90, '--staff', 8, '--time', 700,
	'--today', '2026-06-30', '--minute-limit', 100000, '--day-limit', 1000000,
	'--concurrent-limit', 50);
my $node = WfmTest::start_node('calls');
WfmTest::connect_tables($node, $sim, calls_per_minute => 600,
	server => "connection 'acme', history_from '2022-01-01'");
# The keys come from the dump: reading the tables would teach their sizes.
foreach my $table (qw(client job staff))
{
	my ($file, @columns) = $sim->csv_file($table);

	$node->safe_psql('postgres', "CREATE TABLE keys_$table ("
		  . join(', ', map { "\"$_\" text" } @columns)
		  . "); COPY keys_$table FROM '$file' (FORMAT csv, HEADER)");
}
$node->safe_psql('postgres', q{ALTER TABLE keys_client ALTER uuid TYPE uuid USING uuid::uuid;
	ALTER DATABASE postgres SET search_path = acme, public});

sub one { return $node->safe_psql('postgres', $_[0]); }

my @jobs = split /\n/, one(q{SELECT id FROM keys_job WHERE id ~ '^J0' ORDER BY id LIMIT 2});
my %keys = (
	client => one('SELECT uuid FROM keys_client ORDER BY uuid LIMIT 1'),
	staff => one('SELECT uuid FROM keys_staff ORDER BY uuid LIMIT 1'),
	job => $jobs[0],
	jobs => "'$jobs[0]', '$jobs[1]'",
	ored => "id = '$jobs[0]' OR id = '$jobs[1]'");
my %windows = (
	T => one(q{SELECT calls_of_full_read FROM wfm_tables WHERE resource = 'time_entry'}),
	J => one(q{SELECT calls_of_full_read FROM wfm_tables WHERE resource = 'job'}));

my @queries;
my $text = PostgreSQL::Test::Utils::slurp_file("$ENV{WFM_SOURCE}/test/bench/calls/queries");
$text =~ s/^#.*\n//mg;
foreach my $part (grep { /\S/ } split /\n\n+/, $text)
{
	my ($name, $least, $why, $sql) = $part =~ /^\s*([^:]+): (\w+): ([^\n]+)\n(.*)$/s
	  or die "cannot read: $part";

	$least = $windows{$least} if exists $windows{$least};
	$sql =~ s/\{(\w+)\}/$keys{$1}/g;
	push @queries, { name => $name, least => $least, why => $why, sql => $sql };
}
is(scalar(@queries), 30, 'thirty queries');

sub used
{
	my ($sql) = @_;
	my $mark = $sim->mark;

	$node->safe_psql('postgres', $sql);
	return scalar(() = $sim->calls_since($mark));
}

# New tables, of which nothing is known.
sub forget
{
	$node->safe_psql('postgres', 'SET client_min_messages = error;
		DROP SCHEMA acme CASCADE; CREATE SCHEMA acme;
		IMPORT FOREIGN SCHEMA wfm LIMIT TO (client, job, job_current, staff, time_entry)
		FROM SERVER acme INTO acme');
	return;
}

my %first;
foreach my $query (@queries)
{
	forget();
	$first{ $query->{name} } = used($query->{sql});
}
one("SELECT count(*) FROM $_") foreach qw(client job job_current staff time_entry);
foreach my $query (@queries)
{
	my $used = used($query->{sql});
	my $first = $first{ $query->{name} };

	note(sprintf '%-40s %2d / %2d  (at first %d): %s', $query->{name}, $used,
		$query->{least}, $first, $query->{why});
	cmp_ok($first, '<=', 2 * $query->{least}, "$query->{name}: at most twice the least");
	is($used, $query->{least}, "$query->{name}: the least");
}

# Planning sends nothing and takes little beside the same of local tables: the
# least of many times, since other tests run beside this one.  "make bench" has
# the figure.
one('CREATE SCHEMA local');
one("CREATE TABLE local.$_ (LIKE acme.$_)") foreach qw(client job time_entry);
{
	my $mark = $sim->mark;
	my ($foreign, $local) = map {
		my $sql = qq{EXPLAIN (SUMMARY) SELECT c.uuid, c.name, round(sum(t.minutes) / 60.0, 2)
			FROM $_.time_entry t JOIN $_.job j ON j.id = t.job_id JOIN $_.client c ON c.uuid = j.client_uuid
			WHERE t.date >= date_trunc('month', current_date)::date GROUP BY 1, 2};
		[ sort { $a <=> $b } one(join '; ', ($sql) x 50) =~ /Planning Time: ([\d.]+) ms/g ];
	} 'acme', 'local';

	note("a join of three tables is planned in $foreign->[0] to $foreign->[-1] ms, of local ones in $local->[0] to $local->[-1] ms");
	is(scalar(() = $sim->calls_since($mark)), 0, 'planning sends nothing');
	cmp_ok($foreign->[0], '<=', 10 * $local->[0], 'a join of three tables is planned nearly as soon as of local ones');
}

done_testing();
