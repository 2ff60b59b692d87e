# What nobody would import or write by hand: columns of other types than the
# catalogue's, input columns in joins of every kind, and what a scan leaves
# behind when it fails half-way.

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

# Columns declared with other types than the catalogue's.
one(q{CREATE FOREIGN TABLE note_text (ordinal text) SERVER acme OPTIONS (resource 'client_note');
	CREATE FOREIGN TABLE note_short (ordinal varchar(1)) SERVER acme OPTIONS (resource 'client_note');
	CREATE DOMAIN place AS int CHECK (value > 0);
	CREATE FOREIGN TABLE note_place (ordinal place) SERVER acme OPTIONS (resource 'client_note')});
my $ordinals = one('SELECT ordinal FROM client_note ORDER BY 1');
is(one('SELECT ordinal FROM note_text ORDER BY ordinal::int'), $ordinals, 'a position as text');
is(one('SELECT ordinal FROM note_short ORDER BY ordinal::int'), $ordinals, 'as text of one character');
is(one('SELECT ordinal FROM note_place ORDER BY 1'), $ordinals, 'as a domain');

my $start = one('SELECT left(name, 5) FROM client ORDER BY uuid LIMIT 1');
is(one("SELECT DISTINCT _search FROM client WHERE _search = " . WfmTest::literal($start) . '::name'),
	$start, 'a name as the value of a column of type text');

# Moments are read as UTC whatever more the type asks for.
sub connect_dialect
{
	my ($name, $api) = @_;

	$sim->control('POST', 'tokens', { new_client => { client_id => "client-$name", secret => 's' } });
	my $grant = $sim->control('POST', 'tokens', { new_grant => { client_id => "client-$name", vendor => 'bluerock' } });
	WfmTest::connect_server($node, $sim, name => $name, api => $api, client_id => "client-$name",
		client_secret => 's', refresh_token => $grant->{refresh_token}, calls_per_minute => 600,
		server => "connection '$name', history_from '2022-01-01'");
	return;
}
connect_dialect('blue', 'bluerock/1');
one(q{CREATE DOMAIN moment AS timestamptz; CREATE DOMAIN late AS timestamptz(0) CHECK (value > '2000-01-01');
	CREATE DOMAIN flag AS boolean;
	CREATE FOREIGN TABLE plain_job (id text, date_modified_utc timestamptz) SERVER blue OPTIONS (resource 'job');
	CREATE FOREIGN TABLE whole_job (id text, date_modified_utc timestamptz(0)) SERVER blue OPTIONS (resource 'job');
	CREATE FOREIGN TABLE domain_job (id text, date_modified_utc moment) SERVER blue OPTIONS (resource 'job');
	CREATE FOREIGN TABLE late_job (id text, date_modified_utc late) SERVER blue OPTIONS (resource 'job');
	CREATE FOREIGN TABLE flagged (uuid uuid, is_archived flag NOT NULL) SERVER acme OPTIONS (resource 'client')});
my $moments = one('SELECT id, date_modified_utc FROM plain_job ORDER BY 1');
foreach my $table (qw(plain_job whole_job domain_job late_job))
{
	is(one("SET timezone = 'Pacific/Auckland'; CREATE TEMP TABLE t AS SELECT * FROM $table;
		SET timezone = 'UTC'; SELECT id, date_modified_utc FROM t ORDER BY 1"), $moments, "moments of $table");
}
is(one('SELECT uuid, is_archived FROM flagged ORDER BY 1'), one('SELECT uuid, is_archived FROM client ORDER BY 1'), 'a domain over boolean');

# What is missing is no value of a domain that wants one, nor is the API's date
# for "no date" one of a column that is NOT NULL.
one(q{CREATE DOMAIN needed AS text NOT NULL;
	CREATE FOREIGN TABLE reachable (uuid uuid, fax needed) SERVER acme OPTIONS (resource 'client');
	CREATE FOREIGN TABLE due_job (id text, due_date date NOT NULL) SERVER acme OPTIONS (resource 'job')});
like(complaint('SELECT * FROM reachable'),
	qr/domain needed does not allow null values.*column "fax" of foreign table "reachable", record \d+ of client/s, 'a domain that is NOT NULL');
like(one('SELECT count(uuid) FROM reachable'), qr/^\d+$/, 'which is not looked at where the column is not used');
$sim->fault({ match => { path => '*job.api/get/X1' }, action => { headers => { 'Content-Type' => 'text/xml' }, status => 200,
	body => '<Response><Status>OK</Status><Job><ID>X1</ID><DueDate>0001-01-01T00:00:00</DueDate></Job></Response>' } });
like(complaint(q{SELECT * FROM due_job WHERE id = 'X1'}), qr/no value for column "due_date" of foreign table "due_job", which is NOT NULL/, 'no date');
is(one(q{SELECT id, due_date IS NULL FROM job WHERE id = 'X1'}), 'X1|t', 'is NULL elsewhere');
$sim->no_faults;

# A column with the name of a filter's, mapped by hand to something else.
one(q{CREATE FOREIGN TABLE misnamed_job (id text OPTIONS (field 'Name'), number text OPTIONS (field 'ID')) SERVER acme
	OPTIONS (resource 'job')});
my $title = WfmTest::literal(one('SELECT name FROM job ORDER BY id LIMIT 1'));
my $numbers = one("SELECT string_agg(id, ',' ORDER BY id) FROM job WHERE name = $title");
isnt($numbers, '', 'jobs of one name');
is(one("SELECT string_agg(number, ',' ORDER BY number) FROM misnamed_job WHERE id = $title"), $numbers,
	'are found by it in a column called id');

# A stored column is computed on writing; its values would have to come from here.
one(q{CREATE FOREIGN TABLE entry_hours (minutes int, hours numeric GENERATED ALWAYS AS (minutes / 60.0) STORED)
	SERVER acme OPTIONS (resource 'time_entry')});
like(complaint('SELECT minutes FROM entry_hours'),
	qr/column "hours" of foreign table "entry_hours" is generated and stored.*view/s, 'a generated column');

# An EXISTS that is no join has two plans: for many outer rows the planner would
# rather list all values that the column has, and an input column has none.
one(q{CREATE TABLE word AS SELECT DISTINCT left(name, 5) AS text FROM client;
	INSERT INTO word SELECT 'no such client ' || n FROM generate_series(1, 300) n;
	ANALYZE word});
my $words = one(q{SELECT count(DISTINCT w.text) FROM word w JOIN client c ON c._search = w.text WHERE w.text NOT LIKE 'no such %'});
cmp_ok($words, '>', 5, 'words that find clients');
is(one(q{SELECT count(*) FILTER (WHERE found) FROM (SELECT EXISTS (SELECT FROM client c WHERE c._search = w.text) AS found
	FROM (SELECT * FROM word ORDER BY text LIKE 'no such %' LIMIT 40) w OFFSET 0) s}), $words, 'EXISTS on an input column');
like(one('EXPLAIN SELECT EXISTS (SELECT FROM client c WHERE c._search = w.text) FROM word w'),
	qr/Pushed Filters: _search = w.text/, 'asks for each word');
one(q{CREATE FOREIGN TABLE dear_document (job_id text, title text) SERVER acme OPTIONS (resource 'job_document')});
is(one('SELECT count(*) FROM job j WHERE EXISTS (SELECT FROM dear_document d WHERE d.job_id = j.id) OR j.id IS NULL'),
	one('SELECT count(DISTINCT job_id) FROM document'), 'EXISTS on the key of a table that is one call for each job');
like(complaint('SELECT count(*) FROM job j FULL JOIN dear_document d ON d.job_id = j.id'),
	qr/foreign table "dear_document" needs a value for column "job_id"/, 'which a full join does not give');

# Values of two input columns from two tables; and none from anywhere.
one(q{CREATE TABLE since AS SELECT date '2025-01-01' AS day; CREATE TABLE till AS SELECT date '2025-06-30' AS day});
is(one('SELECT count(*) FROM job j, since s, till t WHERE j._listed_from = s.day AND j._listed_to = t.day'),
	one(q{SELECT count(*) FROM job WHERE _listed_from = '2025-01-01' AND _listed_to = '2025-06-30'}), 'two input columns joined with two tables');
cmp_ok(one(q{SELECT count(*) FROM job WHERE _listed_from = '2025-01-01' AND _listed_to = '2025-06-30'}), '>', 0, 'of which there are some');
like(complaint('SELECT count(*) FROM client c JOIN client d ON c._search = d._search'),
	qr/cannot use column "_search" of foreign table "client" in this join.*LATERAL/s, 'two tables that would have to be read first');
like(complaint('EXPLAIN SELECT count(*) FROM client c JOIN client d ON c._search = d._search'),
	qr/cannot use column "_search"/, 'EXPLAIN says so too');

done_testing();
