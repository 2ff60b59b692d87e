# wfm_history() says how far back the lists go, and its statements spare calls
# without losing rows.

use strict;
use warnings;

use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;

use WfmTest;

my $sim = WfmTest::Simulator->new('--clients', 20, '--jobs', 60, '--time', 500,
	'--minute-limit', 100000, '--day-limit', 1000000, '--concurrent-limit', 50);
my $node = WfmTest::start_node('history');
WfmTest::connect_tables($node, $sim, calls_per_minute => 600,
	server => "connection 'acme', history_from '2015-01-01'");
# dates written as somebody else writes them
$node->safe_psql('postgres', q{ALTER DATABASE postgres SET search_path = acme, public;
	ALTER DATABASE postgres SET datestyle = 'SQL, DMY'});

my ($ret, $out, $err) = $node->psql('postgres', q{SELECT wfm_history('nowhere')});
like($err, qr/server "nowhere" does not exist/, 'a server that is none');
$node->safe_psql('postgres', q{CREATE SERVER bare FOREIGN DATA WRAPPER wfm_fdw OPTIONS (connection 'acme')});
($ret, $out, $err) = $node->psql('postgres', q{SELECT wfm_history('bare')});
like($err, qr/server "bare" has no foreign tables\nHINT: .*IMPORT FOREIGN SCHEMA/, 'a server without tables');

my $mark = $sim->mark;
$node->safe_psql('postgres', q{CREATE TABLE advice AS SELECT * FROM wfm_history('acme')});
my $calls = () = $sim->calls_since($mark);
cmp_ok($calls, '<=', $node->safe_psql('postgres', 'SELECT sum(calls_of_full_read) + 4 FROM advice'),
	'each list is read once at most');

is($node->safe_psql('postgres', q{SELECT table_name FROM advice WHERE table_name IS NOT NULL
		ORDER BY table_name::text}), "invoice\njob\nquote\ntime_entry",
	'tables whose lists come in windows');
is($node->safe_psql('postgres', q{SELECT count(*) FROM advice WHERE table_name IS NOT NULL
		AND (calls_then >= calls_of_full_read OR earliest < '2016-01-01' OR statement IS NULL)}), 0,
	'all are younger than the servers history_from');
is($node->safe_psql('postgres', q{SELECT earliest = (SELECT min(date) FROM time_entry)
		FROM advice WHERE table_name = 'time_entry'::regclass}), 't', 'the first time entry');
is($node->safe_psql('postgres', q{SELECT earliest = (SELECT min(earliest) FROM advice)
		FROM advice WHERE table_name IS NULL}), 't', 'the server needs the earliest of all');
like($node->safe_psql('postgres', q{SELECT statement FROM advice WHERE table_name IS NULL}),
	qr/^ALTER SERVER acme OPTIONS \(SET history_from '20\d\d-\d\d-\d\d'\)$/, 'its statement');

my $count = q{SELECT (SELECT count(*) FROM job), (SELECT count(*) FROM time_entry),
	(SELECT count(*) FROM invoice), (SELECT count(*) FROM quote)};
my $before = $node->safe_psql('postgres', $count);
$mark = $sim->mark;
$node->safe_psql('postgres', $count);
my $calls_before = () = $sim->calls_since($mark);
$node->safe_psql('postgres', q{DO $$
	DECLARE
		one text;
	BEGIN
		FOR one IN SELECT statement FROM advice LOOP
			EXECUTE one;
		END LOOP;
	END $$});
$mark = $sim->mark;
is($node->safe_psql('postgres', $count), $before, 'with all statements run, all rows are there');
cmp_ok(scalar(() = $sim->calls_since($mark)), '<', $calls_before, 'for fewer calls');
is($node->safe_psql('postgres', q{SELECT count(statement) FROM wfm_history('acme')
		WHERE table_name IN ('time_entry'::regclass, 'invoice'::regclass) OR table_name IS NULL}), 0,
	'then there is nothing left to say');

done_testing();
