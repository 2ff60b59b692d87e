# Views made by wfm_create_views cost what their tables cost, on the columns
# and conditions that they pass through; they go into a dump and come back
# without the network.

use strict;
use warnings;

use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;

use WfmTest;

my $sim = WfmTest::Simulator->new('--clients', 30, '--jobs', 90, '--staff', 8, '--time', 700, '--today', '2026-06-30',
	'--minute-limit', 100000, '--day-limit', 1000000, '--concurrent-limit', 50);
my $node = WfmTest::start_node('views');

WfmTest::connect_tables($node, $sim, calls_per_minute => 600, server => "connection 'acme', history_from '2022-01-01'");

sub one { return $node->safe_psql($_[1] || 'postgres', $_[0]); }

# The requests that a statement sends, in an order that does not depend on
# which of them was quicker, and what it answers.
sub requests_of
{
	my ($sql) = @_;
	my $mark = $sim->mark;
	my $rows = one($sql);

	return ($rows, join "\n", sort map { my $r = $_; join ' ', $r->{path}, map { "$_=$r->{query}{$_}" } sort keys %{ $r->{query} } }
		  $sim->calls_since($mark));
}

# --- what they cost ---
my $mark = $sim->mark;
one("CREATE SCHEMA bi; SELECT wfm_create_views('acme', 'bi')");
is(scalar(() = $sim->calls_since($mark)), 0, 'making views sends nothing');

my ($job) = one(q{SELECT id FROM acme.job WHERE id ~ '^J\d+$' ORDER BY id LIMIT 1});
my $client = one('SELECT client_uuid FROM acme.job ORDER BY id LIMIT 1');
my @queries = (
	[ 1, 'a key', "SELECT name FROM X.client WHERE uuid = '$client'" ],
	[ 1, 'a job number', "SELECT name FROM X.job WHERE id = '$job'" ],
	[ 1, 'the jobs of a client', "SELECT count(*) FROM X.job WHERE client_uuid = '$client'" ],
	[ 2, 'a range of days', q{SELECT count(*), sum(minutes) FROM X.time_entry WHERE date BETWEEN '2026-01-01' AND '2026-01-31'} ],
	[ 1, 'count(*)', 'SELECT count(*) FROM X.client' ],
	[ 1, 'LIMIT', 'SELECT name IS NOT NULL FROM X.client LIMIT 3' ],
	[ 2, 'LIMIT on windows', q{SELECT minutes IS NOT NULL FROM X.time_entry WHERE date <= '2026-06-30' LIMIT 1} ],
	[ 0, 'LIMIT 0', 'SELECT * FROM X.client LIMIT 0' ],
	[ 0, 'WHERE false', 'SELECT * FROM X.client WHERE 1 = 0' ],
	[ 2, 'a join', q{SELECT c.name, count(*) FROM X.client c JOIN X.job_current j ON j.client_uuid = c.uuid GROUP BY c.uuid, c.name ORDER BY 1, 2} ],
	[ 1, 'a generic plan', "SET plan_cache_mode = force_generic_plan; PREPARE p(uuid) AS SELECT name FROM X.client WHERE uuid = \$1; EXECUTE p('$client')" ],
	[ 1, 'one column of each group', 'SELECT name FROM X.staff GROUP BY name ORDER BY name LIMIT 1000' ]);
# Lists are read once, so that both sides know as much of their sizes.
one("SELECT count(*) FROM acme.$_") foreach qw(client job job_current staff time_entry);
foreach my $query (@queries)
{
	my ($most, $name, $sql) = @$query;
	my ($table_rows, $table_requests) = requests_of($sql =~ s/\bX\./acme./gr);
	my ($view_rows, $view_requests) = requests_of($sql =~ s/\bX\./bi./gr);

	is($view_rows, $table_rows, "$name: the same rows");
	is($view_requests, $table_requests, "$name: the same requests");
	cmp_ok(scalar(() = $view_requests =~ /.+/g), '<=', $most, "$name: at most $most");
}
foreach my $sql ("SELECT name FROM X.client WHERE uuid = '$client'", 'SELECT * FROM X.job LIMIT 1000',
	q{SELECT staff_name, sum(minutes) FROM X.time_entry WHERE date >= '2026-01-01' GROUP BY 1})
{
	my ($table, $view) = map { join "\n", one('EXPLAIN (COSTS OFF) ' . $sql =~ s/\bX\./$_./r) =~ /^ *((?:Request|Pushed Filters|Expected Calls): .*)/mg } 'acme', 'bi';

	like($table, qr/^Request: GET .*^Expected Calls: \d/ms, "EXPLAIN of $sql: requests");
	is($view, $table, "EXPLAIN of $sql: the same on the view");
}

# --- a barrier keeps conditions that cannot leak ---
one('CREATE SCHEMA walled; SELECT wfm_create_views($$acme$$, $$walled$$)');
one("ALTER VIEW walled.$_ SET (security_barrier = true)") foreach qw(client time_entry);
foreach my $sql ("SELECT name FROM X.client WHERE uuid = '$client'", q{SELECT count(*) FROM X.time_entry WHERE date = '2026-01-06'})
{
	is((requests_of($sql =~ s/\bX\./walled./r))[1], (requests_of($sql =~ s/\bX\./acme./r))[1], "$sql: the same behind a barrier");
}

# --- dump and restore ---
one('CREATE ROLE tool; GRANT USAGE ON SCHEMA bi TO tool; GRANT SELECT ON bi.client TO tool; ALTER VIEW bi.client SET (security_invoker = false)');
one(q{COMMENT ON FOREIGN TABLE acme.staff IS 'people'; SELECT wfm_create_views('acme', 'bi')});
my $dump = $node->basedir . '/bi.dump';
my $state = q{SELECT c.relname, c.relacl, c.reloptions, obj_description(c.oid), pg_get_viewdef(c.oid),
	(SELECT string_agg(attname || ' ' || format_type(atttypid, atttypmod) || ' ' || coalesce(col_description(c.oid, attnum), '-'), ',' ORDER BY attnum)
	 FROM pg_attribute a WHERE a.attrelid = c.oid AND attnum > 0)
	FROM pg_class c WHERE relnamespace = 'bi'::regnamespace ORDER BY 1};
$mark = $sim->mark;
$node->command_ok([ 'pg_dump', '-Fc', '-f', $dump, '-d', $node->connstr('postgres') ], 'pg_dump');
one('CREATE DATABASE restored');
$node->command_ok([ 'pg_restore', '-e', '-d', $node->connstr('restored'), $dump ], 'pg_restore');
is(one($state, 'restored'), one($state), 'the views come back with rights, options and comments');
is(one(q{SELECT count(*) FROM wfm_create_views('acme', 'bi')}, 'restored'), one(q{SELECT count(*) FROM pg_class WHERE relnamespace = 'bi'::regnamespace}),
	'and are still known as ours');
is(one($state, 'restored'), one($state), 'which changes nothing');
is(scalar(() = $sim->calls_since($mark)), 0, 'all of it without the network');

# --- tables made anew ---
one('DROP SCHEMA acme CASCADE; CREATE SCHEMA acme; IMPORT FOREIGN SCHEMA wfm FROM SERVER acme INTO acme OPTIONS (nested $$true$$)');
is(one(q{SELECT count(*) FROM pg_class WHERE relnamespace = 'bi'::regnamespace}), 0, 'views go with their tables');
one(q{ALTER DEFAULT PRIVILEGES IN SCHEMA bi GRANT SELECT ON TABLES TO tool; SELECT wfm_create_views('acme', 'bi')});
is(one(q{SET ROLE tool; SELECT count(*) FROM bi.client}), 30, 'and come back with the rights that are the default of their schema');
is(one(q{SELECT count(*) FROM pg_attribute WHERE attrelid = 'bi.client'::regclass AND attname = 'contacts'}), 1, 'with the new columns');

# --- accounts that look alike are not mixed up ---
WfmTest::connect_tables($node, $sim, name => 'beta', client_id => 'sim-pkce', client_secret => undef, refresh_token => 'sim-refresh-token-pkce');
my ($code, $out, $err) = $node->psql('postgres', q{SELECT wfm_create_views('beta', 'bi')});
like($err, qr/ERROR:  bi\.\w+ exists and is not a plain view of beta\.\w+/, 'views of another server are not taken over');

done_testing();
