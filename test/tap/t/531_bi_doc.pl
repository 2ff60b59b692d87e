# Every command of doc/bi.md, in its order, against the simulator, and what the
# page says of calls.
#
# The name of the database and the dates at which data begins differ from
# reader to reader; the rest runs as it stands there.

use strict;
use warnings;

use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;

use WfmTest;

my $page = slurp_file("$ENV{WFM_SOURCE}/doc/bi.md");
my $share = `pg_config --sharedir`;
chomp $share;
my $cron = -e "$share/extension/pg_cron.control";
my $sim = WfmTest::Simulator->new('--clients', 10, '--jobs', 20, '--staff', 4, '--time', 200, '--today', '2026-06-30',
	'--minute-limit', 100000, '--day-limit', 1000000, '--concurrent-limit', 50);
my ($settings) = $page =~ /^```conf\n(.*?)^```$/ms;
my $node = WfmTest::start_node('bi', settings => $cron ? $settings : '');

WfmTest::connect_tables($node, $sim, calls_per_minute => 600, server => "connection 'acme', history_from '2024-01-01'");

sub one { return $node->safe_psql($_[1] || 'postgres', $_[0]); }

# The calls of a query, in a session of a role.
sub calls_of
{
	my ($sql, $role) = @_;
	my $mark = $sim->mark;

	$node->safe_psql('postgres', $sql, extra_params => [ '-U', $role ]);
	return scalar(() = $sim->calls_since($mark));
}

my (@blocks, %runs);
push @blocks, [ $1, $2 ] while $page =~ /^```(\w+)\n(.*?)^```$/msg;
cmp_ok(scalar @blocks, '>', 10, 'the page has commands');

foreach my $block (@blocks)
{
	my ($language, $text) = @$block;
	my $database = 'postgres';

	$runs{$language}++;
	$text =~ s/(\bDATABASE |')practice\b/$1postgres/g;
	if ($language eq 'sh')
	{
		my $folder = $node->basedir;
		local %ENV = (%ENV, PGHOST => $node->host, PGPORT => $node->port, PGUSER => 'postgres');
		my $mark = $sim->mark;

		$text =~ s/(-f practice\.dump) practice$/$1 postgres/m or die 'no pg_dump';
		is(system('sh', '-ec', "cd '$folder'\n$text"), 0, 'sh: dump and restore');
		is(scalar(() = $sim->calls_since($mark)), 0, 'sh: without the network');
		is(one(q{SELECT count(*) FROM pg_matviews WHERE schemaname = 'bi' AND NOT ispopulated}, 'restored'), 3, 'sh: the copies are there, empty');
		next;
	}
	if ($language eq 'conf')
	{
		is($text, $settings, 'conf: as this server has it');
		next;
	}
	next if $language eq 'yaml';
	is($language, 'sql', "a block in $language is SQL") or next;
  SKIP:
	{
		skip 'pg_cron is not installed', 1 if !$cron && $text =~ /pg_cron/;
		# A dump has no secrets: the restored database cannot read, and says so
		if ($text =~ /in the restored database/)
		{
			my ($code, $out, $err) = $node->psql('restored', $text, on_error_stop => 1);

			like($err, qr/ERROR: +not refreshed: bi\.client: .*; bi\.job: .*; bi\.time_entry: /s, 'sql: a refresh before the consent says what was not refreshed');
			is(one(q{SELECT count(*) FROM pg_matviews WHERE ispopulated}, 'restored'), 0, 'sql: and leaves the copies empty');
			next;
		}
		# Statements end with a semicolon at the end of a line, procedures after $$
		foreach my $statement ($text =~ /(\S(?:[^;\$]|;(?!\n)|\$\$.*?\$\$)*;)\n/sg)
		{
			my ($first) = $statement =~ /^(?:--[^\n]*\n)*([^\n]*)/;
			my ($code, $out, $err) = $node->psql($database, $statement, on_error_stop => 1);

			ok($code == 0 && $err !~ /WARNING|ERROR/, "sql: $first") or diag("$statement\n$err");
			$runs{statements}++;
		}
	}
}
is($runs{sh}, 1, 'one block is for the shell');
cmp_ok($runs{statements}, '>=', $cron ? 33 : 29, 'the statements of the page ran');

# --- what the page says ---
is(one(q{SELECT string_agg(matviewname, ' ' ORDER BY matviewname) FROM pg_matviews WHERE schemaname = 'bi' AND ispopulated}), 'client job time_entry', 'the copies are filled');
is(one('SELECT count(*) FROM bi.client'), 10, 'with all rows');
is(calls_of('SELECT count(*) FROM client', 'bi_tool'), 0, 'reading copies sends nothing');
is(calls_of('SELECT sum(hours) FROM hours_by_day', 'bi_tool'), 0, 'nor do views of copies');
my ($code, $out, $err) = $node->psql('postgres', 'SELECT count(*) FROM live.client', extra_params => [ '-U', 'bi_tool' ]);
like($err, qr/permission denied for schema live/, 'the tool cannot read live tables');
($code, $out, $err) = $node->psql('postgres', 'CREATE TEMPORARY TABLE t ()', extra_params => [ '-U', 'bi_tool' ]);
is($err, '', 'temporary tables are allowed, as some tools need');
($code, $out, $err) = $node->psql('postgres', 'CREATE TABLE bi.t ()', extra_params => [ '-U', 'bi_tool' ]);
like($err, qr/permission denied for schema bi/, 'others are not');
is(calls_of('SELECT count(*) FROM live.client', 'live_tool'), 1, 'the other tool reads live tables');

my $windows = one(q{SELECT calls_of_full_read FROM wfm_tables WHERE table_name = 'acme.time_entry'::regclass});
cmp_ok($windows, '>', 1, 'time entries are read in windows');
foreach my $case (
	[ 0, 'SELECT * FROM live.client LIMIT 0' ], [ 0, 'SELECT * FROM live.time_entry WHERE 1=0' ], [ 0, 'EXPLAIN (FORMAT JSON) SELECT * FROM live.client' ],
	[ 1, 'SELECT * FROM live.client LIMIT 1000' ], [ $windows, 'SELECT * FROM live.time_entry LIMIT 10000' ],
	[ 1, 'SELECT city FROM live.client GROUP BY city ORDER BY city LIMIT 1000' ], [ $windows, 'SELECT staff_name FROM live.time_entry GROUP BY 1 ORDER BY 1 LIMIT 1000' ],
	[ 1, q{SELECT sum(minutes) FROM live.time_entry WHERE date BETWEEN '2026-03-01' AND '2026-03-31'} ],
	[ 1, q{SELECT name FROM live.client WHERE uuid = '00000000-0000-0000-0000-000000000001'} ])
{
	my ($calls, $sql) = @$case;

	is(calls_of($sql, 'postgres'), $calls, "$calls calls: $sql");
}
is(one(q{SELECT t.calls_of_full_read * count(*) FROM wfm_tables t JOIN pg_attribute a ON a.attrelid = t.table_name AND attnum > 0 AND NOT attisdropped
	WHERE t.table_name = 'acme.client'::regclass GROUP BY t.calls_of_full_read}),
	one(q{SELECT count(*) FROM pg_attribute WHERE attrelid = 'acme.client'::regclass AND attnum > 0}), 'a scan of field values: a call for each column of a list');

# A copy that fails keeps its rows and does not hold up the others.  One
# call at a time: of several, those that an error leaves behind might reach the
# simulator when the next are counted.
one("UPDATE wfm_connections SET concurrent_calls = 1");
my $staff = one('SELECT min(uuid::text) FROM bi.client');
$sim->control('POST', 'data', { op => 'change', table => 'client', key => { uuid => $staff }, set => { phone => '555-0100' } });
$sim->fault({ match => { path => '*job.api' }, action => { error_text => 'Closed for repairs' } });
($code, $out, $err) = $node->psql('postgres', 'CALL bi.refresh()');
like($err, qr/ERROR: +not refreshed: bi\.job: [^;]*$/m, 'a copy that cannot be read is named');
$sim->no_faults;
is(one("SELECT phone FROM bi.client WHERE uuid = '$staff'"), '555-0100', 'the others are new');
is(one('SELECT count(*) > 0 FROM bi.job'), 't', 'and it keeps its rows');
my $mark = $sim->mark;
one('CALL bi.refresh()');
is(scalar(() = $sim->calls_since($mark)),
	one(q{SELECT 1 + calls_of_full_read FROM wfm_tables WHERE table_name = 'acme.job'::regclass}) + $windows, 'a refresh reads each list once');
is(one('SHOW timezone'), 'Pacific/Auckland', 'new sessions have the zone of the office');
SKIP:
{
	skip 'pg_cron is not installed', 1 unless $cron;
	is(one('SELECT schedule, command, database FROM cron.job'), '10 18-23,0-8 * * 0-5|CALL bi.refresh()|postgres', 'the refresh is scheduled');
	# the same command, at once
	one(q{SELECT cron.schedule('now', '@reboot', 'CALL bi.refresh()')});
	$node->restart;
	ok($node->poll_query_until('postgres', q{SELECT count(*) = 1 FROM cron.job_run_details WHERE status IN ('succeeded', 'failed')}), 'pg_cron runs it');
	is(one('SELECT status FROM cron.job_run_details'), 'succeeded', 'with success') or diag(one('SELECT return_message FROM cron.job_run_details'));
}

done_testing();
