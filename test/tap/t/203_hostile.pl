# Each case of the hostile server (test/hostile) ends as it must: with the rows
# it holds, or with the right SQLSTATE and no row as a result; in bounded time
# and memory; and nothing is requested that a redirect or an entity names.
#
# WFM_HOSTILE=REGEX runs only the cases whose names match.

use strict;
use warnings;

use JSON::PP;
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;
use Time::HiRes qw(sleep time);

use WfmHostile;
use WfmTest;

my $workers = 12;				# sessions at once
my $memory_kb = 40 * 1024;		# how much one query may add to its backend

my $hostile = WfmHostile->new;
my @cases = grep { !$ENV{WFM_HOSTILE} || $_->{name} =~ /$ENV{WFM_HOSTILE}/ } $hostile->cases;
my $url = $hostile->url;

my $node = WfmTest::start_node('main', settings => <<'END');
wfm_fdw.max_tenants = 1000
wfm_fdw.stall_timeout = '600s'
wfm_fdw.connect_timeout = '60s'
wfm_fdw.max_wait = '3s'
wfm_fdw.max_response_size = '4MB'
wfm_fdw.max_record_size = '2MB'
wfm_fdw.wait_notice = -1
log_min_messages = debug1
END

$node->safe_psql('postgres', <<"END");
INSERT INTO wfm_connections (name, api, client_id, client_secret, refresh_token, tenant_id,
                             api_url, token_url, authorize_url, connections_url, calls_per_minute)
VALUES ('hostile', 'practicemanager/3.1', 'hostile-client', 'hostile-client-secret',
        'hostile-refresh-token-first', '$cases[0]{tenant}', '$url/api/', '$url/connect/token',
        '$url/authorize', '$url/connections', 600);
END
$node->safe_psql('postgres', join "\n", map { <<"END" } @cases);
CREATE SERVER h$_->{number} FOREIGN DATA WRAPPER wfm_fdw
    OPTIONS (connection 'hostile', tenant_id '$_->{tenant}'@{[ $_->{json} ? ", format 'json'" : '' ]});
CREATE SCHEMA h$_->{number};
IMPORT FOREIGN SCHEMA wfm LIMIT TO (staff) FROM SERVER h$_->{number} INTO h$_->{number};
END

# Runs the query of a case and tells how it went: SQLSTATE, rows, milliseconds,
# growth of the backend's peak memory, message with detail.
$node->safe_psql('postgres', <<'END');
CREATE FUNCTION memory(what text) RETURNS bigint LANGUAGE sql
AS $$ SELECT substring(pg_read_file('/proc/self/status') FROM what || ':\s+(\d+)')::bigint $$;

CREATE FUNCTION run_case(number integer) RETURNS jsonb LANGUAGE plpgsql AS $$
DECLARE
	state text := '00000';
	said text := '';
	detail text := '';
	n bigint;
	start timestamptz := clock_timestamp();
	before bigint;
BEGIN
	-- The peak counts from here.
	EXECUTE 'COPY (SELECT 5) TO ''/proc/self/clear_refs''';
	before := memory('VmRSS');
	BEGIN
		EXECUTE format('SELECT count(s) FROM (SELECT uuid, name, email, phone, address FROM h%s.staff) s', number)
		INTO n;
	EXCEPTION WHEN OTHERS THEN
		GET STACKED DIAGNOSTICS state = RETURNED_SQLSTATE, said = MESSAGE_TEXT,
			detail = PG_EXCEPTION_DETAIL;
	END;
	RETURN jsonb_build_object('state', state, 'rows', n,
		'ms', extract(epoch FROM clock_timestamp() - start) * 1000,
		'kb', memory('VmHWM') - before, 'said', said || E'\n' || detail);
END $$;
END

# The token first, so that no case waits for it.
is($node->safe_psql('postgres', "SELECT run_case(number)->>'rows' FROM (VALUES ("
	  . (grep { $_->{name} eq 'first_of_all' } $hostile->cases)[0]{number} . ')) v (number)'),
	3, 'the hostile server can behave')
  unless $ENV{WFM_HOSTILE};

# ---- several sessions, each with its share of the cases ----

# The slow ones first, so that they run side by side.
my @queue = sort { $b->{stalls} <=> $a->{stalls} } @cases;
my %result;
my @pending = map { [] } 1 .. $workers;
push @{ $pending[ $_ % $workers ] }, $queue[$_] foreach 0 .. $#queue;

my @runs;
foreach my $number (0 .. $#pending)
{
	my $file = "$PostgreSQL::Test::Utils::tmp_check/worker_$number";
	my $script = "\\pset tuples_only on\n\\pset format unaligned\n";

	# A new session for each case: its memory starts from nothing.
	foreach my $case (@{ $pending[$number] })
	{
		my $call = "SELECT 'case $case->{number} ' || run_case($case->{number})::text;\n";
		$script .= "\\connect\n" . ($case->{stalls} ? "SET wfm_fdw.stall_timeout = '1s';\n" : '') . $call x ($case->{twice} ? 2 : 1);
	}
	append_to_file("$file.sql", $script);
	# Files and no pipes, so that all go on while one is waited for.
	push @runs, {
		file => $file,
		run => IPC::Run::start(
			[ 'psql', '-X', '-q', '-d', $node->connstr('postgres'), '-f', "$file.sql" ],
			'<', \undef, '>', "$file.out", '2>', "$file.err", IPC::Run::timeout(600)) };
}
foreach my $run (@runs)
{
	$run->{run}->finish;
	is(slurp_file("$run->{file}.err"), '', 'no session was lost');
	my $out = slurp_file("$run->{file}.out");
	push @{ $result{$1} }, JSON::PP->new->decode($2) while $out =~ /^case (\d+) (\{.*\})$/mg;
}

my $seen = $hostile->asked('seen');
foreach my $case (@cases)
{
	my @got = @{ $result{ $case->{number} } || [] };
	my @wrong;

	push @wrong, 'it did not end' unless @got == ($case->{twice} ? 2 : 1);
	foreach my $got (@got)
	{
		my $rows = defined $got->{rows} ? $got->{rows} : 'no';
		if (defined $case->{rows})
		{
			push @wrong, "expected $case->{rows} rows"
			  unless $got->{state} eq '00000' && $rows eq $case->{rows};
		}
		else
		{
			push @wrong, 'expected ' . join(' or ', @{ $case->{sqlstates} })
			  unless grep { $_ eq $got->{state} } @{ $case->{sqlstates} };
			push @wrong, 'rows beside an error' if $rows ne 'no';
		}
		push @wrong, "expected at most $case->{seconds} s" if $got->{ms} > 1000 * $case->{seconds};
		push @wrong, "expected at most $memory_kb kB" if $got->{kb} > $memory_kb;
		push @wrong, "expected \"$case->{says}\""
		  if defined $case->{says} && index($got->{said}, $case->{says}) < 0;
		push @wrong, 'a secret is shown' if $got->{said} =~ /hostile-(?:access|refresh|client-secret)/;
		push @wrong, 'a control byte is shown' if $got->{said} =~ /[\x00-\x09\x0b-\x1f\x7f]/;
	}
	push @wrong, "expected $case->{requests} requests"
	  if defined $case->{requests} && ($seen->{ $case->{name} } || 0) != $case->{requests};

	note(sprintf '%s: %d ms, %d kB', $case->{name}, $got[0]{ms}, $got[0]{kb}) if @got;
	ok(!@wrong, $case->{name}) or diag(join "\n", @wrong,
		map { sprintf "%s, %s rows, %d ms, %d kB, %d requests\n%s", $_->{state},
			defined $_->{rows} ? $_->{rows} : 'no', $_->{ms}, $_->{kb},
			$seen->{ $case->{name} } || 0, $_->{said} } @got);
}

is($hostile->asked('strangers'), 0, 'nothing was requested elsewhere');

my $log = slurp_file($node->logfile);
unlike($log, qr/hostile-(?:access|refresh)-token-\d/, 'the log holds no token');
unlike($log, qr/PANIC|terminated by signal|TRAP:/, 'and no crash');
ok($node->poll_query_until('postgres', 'SELECT count(*) = 1 FROM pg_stat_activity WHERE backend_type = \'client backend\''),
	'every session has ended');

done_testing();
