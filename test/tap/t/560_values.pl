# Values that become requests: of domains, of databases without an encoding,
# long lists, and keys of parents that the server does not take in a path.

use strict;
use warnings;

use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;

use WfmTest;

my $sim = WfmTest::Simulator->new('--clients', 20, '--jobs', 200, '--time', 200, '--costs', 200,
	'--today', '2026-06-30', '--minute-limit', 100000, '--day-limit', 1000000, '--concurrent-limit', 50);
my $node = WfmTest::start_node('values', settings => "autovacuum = off\n");
WfmTest::connect_tables($node, $sim, calls_per_minute => 600,
	server => "connection 'acme', history_from '2022-01-01'");
$node->safe_psql('postgres', 'ALTER DATABASE postgres SET search_path = acme, public');

sub one { return $node->safe_psql('postgres', $_[0]); }

sub requests
{
	my ($sql, $database) = @_;
	my $mark = $sim->mark;

	$node->safe_psql($database || 'postgres', $sql);
	my @requests = sort map { $_->{target} =~ s{^/practicemanager/3\.1/}{}r } $sim->calls_since($mark);
	return @requests;
}

# Columns whose type is a domain are pushed as what it is over.
one(q{CREATE DOMAIN job_number AS text CHECK (value <> 'never'); CREATE DOMAIN workday AS date; CREATE DOMAIN guid AS uuid;
	CREATE EXTENSION IF NOT EXISTS citext; CREATE DOMAIN careless AS citext;
	CREATE FOREIGN TABLE typed_job (id job_number, uuid guid, name text) SERVER acme OPTIONS (resource 'job');
	CREATE FOREIGN TABLE careless_job (id careless, name text) SERVER acme OPTIONS (resource 'job');
	CREATE FOREIGN TABLE typed_entry (uuid guid, date workday, minutes int) SERVER acme OPTIONS (resource 'time_entry')});
is_deeply([ requests(q{SELECT name FROM typed_job WHERE id = 'J000100'}) ], ['job.api/get/J000100'], 'a domain over text');
is_deeply([ requests(q{SELECT name FROM typed_job WHERE id IN ('J000100', 'J000101')}) ],
	[ 'job.api/get/J000100', 'job.api/get/J000101' ], 'a list of its values');
is_deeply([ requests(q{SELECT minutes FROM typed_entry WHERE date = '2026-03-02'}) ],
	['time.api/list?from=20260301&to=20260304'], 'a domain over date');
is_deeply([ requests(q{SELECT minutes FROM typed_entry WHERE date BETWEEN '2026-03-02' AND '2026-03-04'}) ],
	['time.api/list?from=20260301&to=20260306'], 'a range of it');
is_deeply([ requests(q{SELECT minutes FROM typed_entry WHERE uuid = '00000000-0000-0000-0000-000000000001'}) ],
	['time.api/get/00000000-0000-0000-0000-000000000001'], 'a domain over uuid');
is(one(q{SELECT count(*) FROM typed_job t JOIN job j ON j.id = t.id AND j.uuid = t.uuid}), one('SELECT count(*) FROM job'), 'the same rows');
is(one(q{SELECT count(*) FROM careless_job WHERE id = 'j000100'}), 1, 'a domain over citext is compared here');
cmp_ok(scalar(() = requests(q{SELECT name FROM careless_job WHERE id = 'j000100'})), '>', 1, 'since more numbers are equal there');

# A database without an encoding: bytes that are no UTF-8 match nothing.
$node->safe_psql('postgres', q{CREATE DATABASE bytes TEMPLATE template0 ENCODING 'SQL_ASCII' LC_COLLATE 'C' LC_CTYPE 'C'});
$node->safe_psql('bytes', 'CREATE EXTENSION wfm_fdw');
$sim->control('POST', 'tokens', { new_client => { client_id => 'other', secret => 's' } });
my $grant = $sim->control('POST', 'tokens', { new_grant => { client_id => 'other' } });
WfmTest::connect_tables($node, $sim, database => 'bytes', name => 'bytes', client_id => 'other', client_secret => 's',
	refresh_token => $grant->{refresh_token}, calls_per_minute => 600,
	server => "connection 'bytes', history_from '2022-01-01'");
is($node->safe_psql('bytes', q{SELECT count(*) FROM bytes.job WHERE id = E'J\351'}), 0, 'a byte of another encoding is no error');
is_deeply([ requests(q{SELECT name FROM bytes.job WHERE id = E'J\351'}, 'bytes') ], [], 'and nothing is asked');
is_deeply([ requests(q{SELECT name FROM bytes.job WHERE id = E'J\303\251'}, 'bytes') ]->[0], 'job.api/get/J%C3%A9', 'UTF-8 is sent as it is');

# Doubles in a long list are found without comparing each with each.
{
	my $start = time;

	one(q{ALTER FOREIGN TABLE job OPTIONS (ADD history_from '2000-01-01')});
	my @sent = requests(q{SET plan_cache_mode = force_generic_plan;
		SELECT count(*) FROM job WHERE id = ANY (ARRAY(SELECT 'J' || g % 100000 FROM generate_series(1, 200000) g))
			AND id = ANY (ARRAY(SELECT 'J' || g FROM generate_series(99999, 200000) g))});

	is_deeply(\@sent, ['job.api/get/J99999'], 'two long lists have one value in common');
	cmp_ok(time - $start, '<', 60, 'in a reasonable time');
	one('ALTER FOREIGN TABLE job OPTIONS (DROP history_from)');
}

# All parents: a number that the server answers 404 to is skipped, and said.
{
	$node->safe_psql('postgres', q{CREATE SCHEMA rare; IMPORT FOREIGN SCHEMA wfm LIMIT TO (job_cost) FROM SERVER acme INTO rare OPTIONS ("all" 'true');
		ALTER FOREIGN TABLE rare.job_cost OPTIONS (ADD walk_parents 'true')});
	my $plain = q{id ~ '^[A-Za-z0-9_-]+$'};
	my $odd = one("SELECT count(*) FROM job WHERE NOT $plain");

	cmp_ok($odd, '>', 0, 'there are odd numbers');
	my ($ret, $out, $err) = $node->psql('postgres', 'SELECT count(*), count(DISTINCT job_id) FROM rare.job_cost');
	is($ret, 0, 'the others are read');
	like($err, qr/WARNING:  rows of foreign table "job_cost" are missing for $odd keys/, 'with a warning that counts them');
	is($out, one("SELECT count(*), count(DISTINCT job_id) FROM rare.job_cost WHERE job_id = ANY (ARRAY(SELECT id FROM job WHERE $plain))"), 'their rows are all there');
	($ret, $out, $err) = $node->psql('postgres', "SELECT * FROM rare.job_cost WHERE job_id = (SELECT id FROM job WHERE NOT $plain AND id !~ '^[.]+\$' ORDER BY id LIMIT 1)");
	isnt($ret, 0, 'one that is asked for by name is an error');
	my ($expected) = one(q{EXPLAIN SELECT * FROM rare.job_cost}) =~ /Expected Calls: (\d+)/;
	is($expected, one('SELECT count(*) FROM job'), 'the price of all parents is what was seen, not a guess');
}

done_testing();
