# Every row and column equals the simulator's own dump of its data, on both
# dialects, whatever the API does where the vendor does not say.
#
# WFM_TEST_LONG=1 takes 300 clients, 2,000 jobs and 50,000 time entries.

use strict;
use warnings;

use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;

use WfmTest;

my @tables = qw(client job job_current staff time_entry);
my @switches = (
	{},
	{ to => 'exclusive' },
	{ window_zone => 13 },
	{ window_zone => -11, to => 'exclusive' },
	{ job_window => 'start', to => 'exclusive' },
	{ odd_job_numbers => 'ok', shuffle => \1 },
	{ pretty => \1, declaration => \1 });
my $neutral = {
	to => 'inclusive', window_zone => 0, job_window => 'created',
	odd_job_numbers => '404', shuffle => \0, pretty => \0, declaration => \0
};

my @size = $ENV{WFM_TEST_LONG} ? (300, 2000, 50000) : (60, 400, 3000);
my $sim = WfmTest::Simulator->new('--clients', $size[0], '--jobs', $size[1],
	'--time', $size[2], '--minute-limit', 100000, '--day-limit', 1000000, '--concurrent-limit', 50);
my $node = WfmTest::start_node('equals');
my $other = $sim->control('POST', 'tokens', { new_grant => { client_id => 'sim-client' } });

# few windows: the limit of 600 calls a minute holds for tests too
WfmTest::connect_tables($node, $sim, name => 'xpm', calls_per_minute => 600,
	server => "connection 'xpm', history_from '2022-01-01'");
WfmTest::connect_tables($node, $sim, name => 'wfm', api => 'workflowmax/3.0',
	calls_per_minute => 600, server => "connection 'wfm', history_from '2022-01-01'",
	refresh_token => $other->{refresh_token});

# Load the dump of a table into SCHEMA_TABLE_csv; its columns.
sub load_dump
{
	my ($schema, $dialect, $table) = @_;
	my ($file, @columns) = $sim->csv_file($table, $dialect);
	my $columns = join ', ', map { "\"$_\"" } @columns;
	my $missing = $node->safe_psql('postgres', "SELECT attname FROM pg_attribute
		WHERE attrelid = '$schema.$table'::regclass AND attnum > 0
		AND attname !~ '^_'
		-- Practice Manager dropped it from its answers, not from its specification
		AND attname <> 'is_prospect' AND attname NOT IN ('" . join("', '", @columns) . "')");

	is($missing, '', "the dump has all columns of $schema.$table");

	$node->safe_psql('postgres', "CREATE TABLE ${schema}_${table} AS
		SELECT $columns FROM $schema.$table WHERE false;
		COPY ${schema}_${table} FROM '$file' (FORMAT csv, HEADER)");
	return $columns;
}

sub describe
{
	my ($set) = @_;

	return join(' ', map { "$_=" . (ref $set->{$_} ? 'on' : $set->{$_}) } sort keys %$set)
	  || 'as documented';
}

my %columns;
foreach my $schema (qw(xpm wfm))
{
	my $dialect = $schema eq 'xpm' ? 'practicemanager/3.1' : 'workflowmax/3.0';

	$columns{"$schema.$_"} = load_dump($schema, $dialect, $_) foreach @tables;
}

foreach my $set (@switches)
{
	$sim->switches(%$neutral, %$set);
	foreach my $table (sort keys %columns)
	{
		(my $local = $table) =~ s/\./_/;
		my $differences = $node->safe_psql('postgres', "
			CREATE TEMP TABLE fetched AS SELECT $columns{$table} FROM $table;
			SELECT (SELECT count(*) FROM (TABLE fetched EXCEPT ALL TABLE $local) a),
			       (SELECT count(*) FROM (TABLE $local EXCEPT ALL TABLE fetched) b),
			       (SELECT count(*) FROM $table) - (SELECT count(*) FROM $local)");

		is($differences, '0|0|0', "$table, " . describe($set));
	}
}

# Sums are exact, and a filter gives what it gives locally.
$sim->switches(%$neutral, to => 'exclusive', window_zone => -11);
foreach my $query (
	'SELECT count(*), sum(minutes), count(note), min(date), max(date) FROM %s',
	"SELECT count(*), sum(minutes) FROM %s WHERE date = '2026-02-28'",
	"SELECT count(*), sum(minutes) FROM %s WHERE date BETWEEN '2025-01-01' AND '2025-12-31'",
	"SELECT count(*) FROM %s WHERE date >= '2025-12-31' AND date < '2026-01-02'",
	"SELECT count(*) FROM %s WHERE date > timestamptz '2025-06-30 23:30+00' AND date <= timestamp '2025-09-01 00:00'",
	"SELECT count(*) FROM %s WHERE staff_uuid = (SELECT uuid FROM xpm_staff ORDER BY uuid LIMIT 1) AND date > '2025-03-01'",
	'SELECT count(*), sum(minutes) FROM %s WHERE job_id = (SELECT id FROM xpm_job ORDER BY id COLLATE "C" DESC LIMIT 1)')
{
	foreach my $zone ('UTC', 'Pacific/Auckland', 'America/Los_Angeles')
	{
		my ($remote, $local) = map {
			$node->safe_psql('postgres', "SET timezone = '$zone'; " . sprintf $query, $_)
		} 'xpm.time_entry', 'xpm_time_entry';

		is($remote, $local, sprintf "$query ($zone)", 'time_entry');
	}
}

# Every job by its number: odd ones cannot stand in a path.
foreach my $odd ('404', 'ok')
{
	$sim->switches(%$neutral, odd_job_numbers => $odd);
	is( $node->safe_psql('postgres', q{
		SELECT count(*), count(DISTINCT id) FROM xpm.job WHERE id = ANY
			(ARRAY(SELECT id FROM xpm_job WHERE id ~ '[^A-Za-z0-9_-]'))}),
		$node->safe_psql('postgres', q{
		SELECT count(*), count(DISTINCT id) FROM xpm_job WHERE id ~ '[^A-Za-z0-9_-]'}),
		"jobs with odd numbers, $odd");
}

done_testing();
