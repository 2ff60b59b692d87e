# A materialized view that pg_cron refreshes, in its background workers.
#
# Jobs are scheduled for @reboot, so that nobody waits for the next minute.

use strict;
use warnings;

use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;

use WfmTest;

my $share = `pg_config --sharedir`;
chomp $share;
plan skip_all => 'pg_cron is not installed' unless -e "$share/extension/pg_cron.control";

my $sim = WfmTest::Simulator->new('--clients', 10, '--jobs', 10, '--time', 10);
my $node = WfmTest::start_node('cron', settings => <<'END');
shared_preload_libraries = 'wfm_fdw, pg_cron'
cron.database_name = 'postgres'
cron.use_background_workers = on
END

sub one { return $node->safe_psql('postgres', $_[0]); }

WfmTest::connect_tables($node, $sim);
one(q{
CREATE EXTENSION pg_cron;
CREATE MATERIALIZED VIEW copy AS SELECT uuid, name, phone FROM acme.staff;
CREATE UNIQUE INDEX ON copy (uuid);
});
my $uuid = one('SELECT uuid FROM copy ORDER BY uuid LIMIT 1');
my $job = one(q{SELECT cron.schedule('refresh', '@reboot', 'REFRESH MATERIALIZED VIEW CONCURRENTLY copy')});
my $runs = 0;

# Restart, wait for one more run, and see what it brought.
sub refreshes
{
	my ($name, $phone) = @_;

	$sim->control('POST', 'data', { op => 'change', table => 'staff', key => { uuid => $uuid }, set => { phone => $phone } });
	isnt(one("SELECT phone FROM copy WHERE uuid = '$uuid'"), $phone, "$name: the copy is old");
	my $mark = $sim->mark;
	$node->restart;
	$runs++;
	ok($node->poll_query_until('postgres',
			"SELECT count(*) = $runs FROM cron.job_run_details WHERE jobid = $job AND status NOT IN ('starting', 'running', 'sending', 'connecting')"),
		"$name: the job ran");
	is(one("SELECT status FROM cron.job_run_details WHERE jobid = $job ORDER BY runid DESC LIMIT 1"), 'succeeded', "$name: and succeeded")
	  or diag(one('SELECT return_message FROM cron.job_run_details'));
	is(one("SELECT phone FROM copy WHERE uuid = '$uuid'"), $phone, "$name: the copy is new");
	is(scalar(() = $sim->calls_since($mark)), 1, "$name: for one call");
	is(scalar(() = $sim->token_requests_since($mark)), 0, "$name: and no new token");
}

refreshes('once', '555-0101');
refreshes('again', '555-0102');

# A refresh that fails says why where one looks for it.
$sim->fault({ match => { path => '*staff.api' }, action => { error_text => 'Closed for repairs' } });
$node->restart;
$runs++;
ok($node->poll_query_until('postgres', "SELECT count(*) = $runs FROM cron.job_run_details WHERE status IN ('succeeded', 'failed')"), 'a run that fails');
like(one("SELECT status, return_message FROM cron.job_run_details ORDER BY runid DESC LIMIT 1"),
	qr/^failed\|.*the API of connection "acme" reported an error/s, 'is recorded with its error');
is(one("SELECT phone FROM copy WHERE uuid = '$uuid'"), '555-0102', 'and leaves the old rows');

done_testing();
