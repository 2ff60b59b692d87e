# Every command of doc/monitoring.md: its statements, its \watch, the queries of
# the Prometheus collector with the columns it names, and the alerts' metrics.

use strict;
use warnings;

use CPAN::Meta::YAML;
use IPC::Run;
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;
use Time::HiRes qw(sleep time);

use WfmTest;

my $page = slurp_file("$ENV{WFM_SOURCE}/doc/monitoring.md");
my $sim = WfmTest::Simulator->new('--clients', 10, '--jobs', 10, '--time', 200,
	'--minute-limit', 100000, '--day-limit', 1000000);
my $node = WfmTest::start_node('monitoring', settings => "wfm_fdw.stall_timeout = '1h'\n");
my (@yaml, %languages);

WfmTest::connect_tables($node, $sim, calls_per_minute => 600, concurrent_calls => 1, calls_per_day => 5000);
$node->safe_psql('postgres', 'SELECT count(name) FROM acme.staff; SELECT count(uuid) FROM acme.client');

# A scan that waits, for the views to have something to show
$sim->fault({ match => { path => '*time.api/list' }, skip => 4, action => { delay => 600 } });
my $scan = IPC::Run::start([ 'psql', '-XAtq', '-d', $node->connstr('postgres'), '-c', 'SELECT count(uuid) FROM acme.time_entry' ],
	'<', \undef, '>', \my $rows, '2>', \my $errors);
$node->poll_query_until('postgres', "SELECT count(*) = 1 FROM wfm_stat_scans WHERE pages = 4 AND waits_for = 'network'")
  or die 'no scan waits';

# Rows of a query, as hashes; asked for by the role that the page makes.
sub rows
{
	my ($sql) = @_;
	my ($code, $out, $err) = $node->psql('postgres', "SELECT row_to_json(q) FROM ($sql) q", extra_params => [ '-U', 'monitoring' ]);

	is($err, '', 'the role for monitoring may') or return;
	return map { JSON::PP->new->decode($_) } split /\n/, $out;
}

while ($page =~ /^```(\w+)\n(.*?)^```$/msg)
{
	my ($language, $text) = ($1, $2);

	$languages{$language}++;
	if ($language eq 'yaml')
	{
		push @yaml, CPAN::Meta::YAML->read_string($text)->[0];
	}
	elsif ($language eq 'conf')
	{
		foreach my $setting ($text =~ /^(wfm_fdw\.\w+) = /mg)
		{
			is($node->safe_psql('postgres', "SELECT context FROM pg_settings WHERE name = '$setting'"), 'postmaster', "conf: $setting takes a restart");
		}
		$node->append_conf('postgresql.conf', $text);
	}
	elsif ($language eq 'psql')
	{
		my ($out, $err) = ('', '');
		my $run = IPC::Run::start([ 'psql', '-X', '-d', $node->connstr('postgres'), '-U', 'monitoring' ],
			'<', \($text =~ s/\\watch \d+/\\watch 0.2/r), '>', \$out, '2>', \$err);
		my $deadline = time() + 60;

		$run->pump_nb, sleep 0.05 until ($out =~ /\(every.*\(every/s && $out =~ /1 row/) || time() > $deadline;
		$run->kill_kill(grace => 1);
		is($err, '', 'psql: the statement runs');
		like($out, qr/\(every 0\.2s\).*acme\.time_entry.*network.*\(every 0\.2s\)/s, 'psql: and is repeated');

		# What the page shows has the columns that come
		my ($header) = $out =~ /^(\s*pid .*)$/m;
		my ($shown) = $page =~ /^(\s*pid .*)$/m;
		is(join('', map { s/\s+//gr } $shown), join('', map { s/\s+//gr } $header), 'psql: the output shown has the same columns');
		note($out);
	}
	else
	{
		is($language, 'sql', "a block in $language is SQL") or next;
		foreach my $statement (grep { /\S/ } split /;[^\n]*\n/, $text)
		{
			my ($first) = $statement =~ /(.*)/;
			my ($code, $out, $err) = $node->psql('postgres', $statement, on_error_stop => 1);

			ok($code == 0 && $err eq '', "sql: $first") or diag("$statement\n$err");
		}
	}
}
is(join(' ', sort keys %languages), 'conf psql sql yaml', 'the page has all kinds of commands');

# --- what the words of waits_for mean ---
my $source = join '', map { slurp_file("$ENV{WFM_SOURCE}/src/$_") } 'fetch/progress.c', 'stats/scan_stat.c', 'limit/limiter.c';
my ($table) = $page =~ /^\| it waits for .*?\n\|[-|]+\n((?:\|.*\n)+)/m;
foreach my $word (map { /^\| (.*?) \|/ ? $1 =~ /`([^`]+)`/g : () } split /\n/, $table)
{
	like($source, qr/"\Q$word\E"/, "the code says \"$word\"");
}

# --- the collector ---
my ($collector, $rules) = @yaml;
my %queries = map { $_->{query_name} => [ rows($_->{query}) ] } @{ $collector->{queries} };
my %labels;

$node->safe_psql('postgres', 'SELECT pg_cancel_backend(pid) FROM wfm_stat_scans');
eval { $scan->finish; };
$sim->no_faults;
$node->safe_psql('postgres', 'SELECT count(name) FROM acme.staff');

# The page resets the figures of tables on its way
$queries{wfm_tables} = [ rows((grep { $_->{query_name} eq 'wfm_tables' } @{ $collector->{queries} })[0]{query}) ];
foreach my $metric (@{ $collector->{metrics} })
{
	my $name = $metric->{metric_name};
	my ($row) = @{ $queries{ $metric->{query_ref} } || [] };

	ok($row, "$name: its query has rows") or next;
	ok(exists $row->{$_}, "$name: label $_") foreach @{ $metric->{key_labels} };
	is(scalar @{ $metric->{values} }, 1, "$name: one value");
	like($row->{ $metric->{values}[0] }, qr/^-?\d+(\.\d+)?$/, "$name: a number");
	like($name, $metric->{type} eq 'counter' ? qr/^wfm_\w+_total$/ : qr/^wfm_\w+(?<!_total)$/, "$name: named for a $metric->{type}");
	ok(length $metric->{help}, "$name: described");
	$labels{$name} = { map { $_ => 1 } @{ $metric->{key_labels} } };
}
is(scalar(grep { $_->{waits_for} eq 'network' } @{ $queries{wfm_scans} }), 1, 'the collector sees the scan');
is((map { $_->{ready} } @{ $queries{wfm_connections} })[0], 1, 'and that the connection is well');

# --- the alerts ---
foreach my $rule (map { @{ $_->{rules} } } @{ $rules->{groups} })
{
	my @metrics = $rule->{expr} =~ /\b(wfm_\w+)/g;

	ok(@metrics > 0, "$rule->{alert}: looks at a metric");
	ok($labels{$_}, "$rule->{alert}: $_ is one of the collector") foreach @metrics;
	foreach my $label ($rule->{annotations}{summary} =~ /\$labels\.(\w+)/g)
	{
		ok($labels{ $metrics[0] }{$label}, "$rule->{alert}: $label is one of its labels");
	}
}

# The two that need a person: do their metrics tell?
$sim->control('POST', 'tokens', { revoke => JSON::PP::true });
$node->psql('postgres', "SELECT wfm_refresh('acme')");
my ($connection) = rows((grep { $_->{query_name} eq 'wfm_connections' } @{ $collector->{queries} })[0]{query});
is("$connection->{state} $connection->{ready}", 'needs_authorization 0', 'a consent that was revoked: wfm_connection_ready is 0');
my ($last) = $page =~ /^(SELECT 'connection '.*?);/ms;
like($node->safe_psql('postgres', $last), qr/^connection acme is needs_authorization$/m, 'and the statement for schedulers says so');
$node->safe_psql('postgres', "UPDATE wfm_connections SET calls_per_day = 12");
my ($tight) = rows('SELECT day_left, day_limit FROM wfm_stat_limits');
cmp_ok($tight->{day_limit}, '>', $tight->{day_left}, 'the day\'s budget is told');

$node->restart;
is($node->safe_psql('postgres', 'SELECT max_scans, max_tables FROM wfm_stat_info'), '512|5000', 'conf: the settings of the page are in force');

done_testing();
