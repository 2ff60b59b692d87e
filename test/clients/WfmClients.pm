# WfmClients: what the tests with real clients share: a server that listens on
# 127.0.0.1, the account "acme" three times (foreign tables in the schema acme,
# plain views of them in bi, copies in copy), and a role that may read all of
# it and own nothing, as a BI tool has.

package WfmClients;

use strict;
use warnings;

use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;

use WfmTest;

our ($node, $sim);
my %words;

sub one { return $node->safe_psql('postgres', $_[0]); }

# start(): the server and the simulator, in $node and $sim.
sub start
{
	$sim = WfmTest::Simulator->new('--clients', 30, '--jobs', 90, '--staff', 8, '--time', 700, '--today', '2026-06-30',
		'--minute-limit', 100000, '--day-limit', 1000000, '--concurrent-limit', 50);
	$node = WfmTest::start_node('clients', init => [ extra => [ '--encoding=UTF8', '--locale=C.UTF-8' ] ],
		settings => "listen_addresses = '127.0.0.1'\n");
	WfmTest::connect_tables($node, $sim, calls_per_minute => 600, server => "connection 'acme', history_from '2024-01-01'");
	one(q{
CREATE SCHEMA bi;
CREATE SCHEMA copy;
SELECT wfm_comment_schema('acme');
SELECT wfm_create_views('acme', 'bi');
CREATE MATERIALIZED VIEW copy.client AS SELECT * FROM bi.client;
CREATE UNIQUE INDEX ON copy.client (uuid);
CREATE MATERIALIZED VIEW copy.time_entry AS SELECT * FROM bi.time_entry;
CREATE UNIQUE INDEX ON copy.time_entry (uuid);
CREATE ROLE tool LOGIN;
GRANT USAGE ON SCHEMA acme, bi, copy TO tool;
GRANT SELECT ON ALL TABLES IN SCHEMA acme, bi, copy TO tool;
CREATE SCHEMA workshop AUTHORIZATION tool;
SELECT count(*) FROM acme.job;
SELECT count(*) FROM acme.staff;
});
	find_words();
	return;
}

# What stands in braces in the texts of tests, and in the environment of
# programs: keys that exist, and how many calls a whole list takes.
sub find_words
{
	%words = (
		client => one('SELECT uuid FROM copy.client ORDER BY uuid LIMIT 1'),
		client_name => one('SELECT name FROM copy.client ORDER BY uuid LIMIT 1'),
		job => one(q{SELECT job_id FROM copy.time_entry WHERE job_id ~ '^J\d+$' ORDER BY job_id LIMIT 1}),
		T => one(q{SELECT calls_of_full_read FROM wfm_tables WHERE resource = 'time_entry'}),
		J => one(q{SELECT calls_of_full_read FROM wfm_tables WHERE resource = 'job'}),
		tables => one(q{SELECT count(*) FROM wfm_tables}),
		rows => one('SELECT count(*) FROM copy.time_entry'));

	return;
}

# probes(TOOL): the file tools/TOOL with its words filled in.
sub probes
{
	my ($tool) = @_;
	my $text = slurp_file("$ENV{WFM_SOURCE}/test/clients/tools/$tool");
	my $file = "$PostgreSQL::Test::Utils::tmp_check/$tool";

	$text =~ s/^#.*\n//mg;
	$text =~ s/\{(\w+)\}/$words{$1} \/\/ die "no word $1"/ge;
	$text =~ s/^([^\n:]+): ([TJ]): /$1: $words{$2}: /mg;
	open my $out, '>', $file or die "$file: $!";
	print $out $text;
	close $out;
	return $file;
}

# run(NAME, COMMAND …): runs a program that prints TAP; its tests become ours.
sub run
{
	my ($name, @command) = @_;
	my $output = '';
	local %ENV = (
		%ENV,
		PGHOST => '127.0.0.1', PGPORT => $node->port, PGUSER => 'tool', PGDATABASE => 'postgres',
		WFM_SIM_URL => $sim->url,
		map { ('WFM_' . uc $_ => $words{$_}) } keys %words);
	my $run = IPC::Run::start(\@command, '<', \undef, '>', \$output, '2>&1', IPC::Run::timeout(800));
	my $ended = eval { $run->finish; 1 };
	my ($tests, $plan) = (0, undef);

	$run->kill_kill unless $ended;
	foreach my $line (split /\n/, $output)
	{
		if ($line =~ /^(not )?ok \d+ - (.*)/)
		{
			my ($failed, $what) = ($1, $2);

			ok(!$failed, "$name: $what");
			$tests++;
		}
		elsif ($line =~ /^1\.\.(\d+)$/)
		{
			$plan = $1;
		}
		else
		{
			diag("$name: $line") unless $line =~ /^\s*$/;
		}
	}
	ok(defined $plan && $plan == $tests && $tests > 0, "$name: all of its tests ran");
	is($ended ? $? : 'no end', 0, "$name: exit code");
	return;
}

# leaves_nothing(): no call is under way and the server never went down.
sub leaves_nothing
{
	is(one('SELECT coalesce(sum(in_flight), 0), coalesce(sum(waiting), 0) FROM wfm_stat_limits'), '0|0', 'no call is left behind');
	unlike(slurp_file($node->logfile), qr/PANIC|terminated by signal|server process .* was terminated/, 'the server never went down');
	return;
}

1;
