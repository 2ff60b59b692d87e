# Foreign tables that nobody imported: columns of other types than the
# catalogue's, and what a scan leaves behind when it fails half-way.

use strict;
use warnings;

use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;

use WfmTest;

my $sim = WfmTest::Simulator->new('--clients', 20, '--jobs', 60, '--time', 100, '--costs', 60,
	'--today', '2026-06-30', '--minute-limit', 100000, '--day-limit', 1000000, '--concurrent-limit', 50);
my $node = WfmTest::start_node('odd_tables');
WfmTest::connect_tables($node, $sim, calls_per_minute => 600,
	server => "connection 'acme', history_from '2022-01-01'");
$node->safe_psql('postgres', 'ALTER DATABASE postgres SET search_path = acme, public');

sub one { return $node->safe_psql('postgres', $_[0]); }

sub complaint
{
	my ($sql) = @_;
	my (undef, undef, $stderr) = $node->psql('postgres', $sql);

	return $stderr;
}

# A portal that failed in a savepoint keeps the memory of its scan, and what was
# on the stack is overwritten when that goes.
one(q{CREATE FOREIGN TABLE document (job_id text, title text) SERVER acme
	OPTIONS (resource 'job_document', walk_parents 'true');
	CREATE FUNCTION deep(n int) RETURNS int LANGUAGE plpgsql AS
	$$ BEGIN IF n = 0 THEN RETURN 0; END IF; RETURN deep(n - 1); END $$});
$sim->fault({ match => { path => '*job.api/list' }, action => { error_text => 'not now' } });
foreach my $between ('deep(1)', 'deep(50)', q{'x' ~ '(a|b|c)*d(e|f){2,5}'}, 'count(*) FROM pg_stat_activity',
	'-(-(' x 150 . '1' . '))' x 150)
{
	my ($status, $stdout, $stderr) = $node->psql('postgres', qq{BEGIN;
		DECLARE c CURSOR FOR SELECT * FROM document;
		SAVEPOINT s;
		FETCH c;
		ROLLBACK TO s;
		SELECT $between;
		COMMIT;
		SELECT 'alive'}, on_error_stop => 0);
	like($stderr, qr/not now/, 'the keys of the parents could not be read');
	like($stdout, qr/^alive$/m, 'and the session goes on after ' . substr($between, 0, 30));
}
$sim->no_faults;
is(one('SELECT count(*) > 0 FROM document'), 't', 'a later scan reads them');

done_testing();
