# A database made by CREATE DATABASE ... TEMPLATE: what the copy says of its
# connections before and after anybody uses them, and that the original keeps
# its consent whichever of the two is looked at first.

use strict;
use warnings;

use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;

use WfmTest;

my $sim = WfmTest::Simulator->new('--clients', 3, '--jobs', 3, '--time', 3);
my $node = WfmTest::start_node('copies', settings => "log_statement = none\n", extension => 0);

sub one { return $node->safe_psql($_[0], $_[1]); }

sub wait_for_no_worker
{
	ok($node->poll_query_until('postgres', "SELECT count(*) = 0 FROM pg_stat_activity WHERE backend_type = 'wfm_fdw token worker'"), 'the token worker leaves');
}

one('postgres', 'CREATE DATABASE acme');
one('acme', 'CREATE EXTENSION wfm_fdw');
WfmTest::connect_tables($node, $sim, database => 'acme', calls_per_minute => 600);
one('acme', "SELECT wfm_refresh('acme')");
wait_for_no_worker();
one('postgres', 'CREATE DATABASE copy TEMPLATE acme');

my $why = 'Its tokens belong to the database that this one was copied from.';
my $as_copy = "acme|needs_authorization||||$why";
my $status = 'SELECT name, state, expires_at, refresh_token_days_left, consented_at, last_error_detail FROM wfm_stat_connections';

# Nobody has used the copy yet
is(one('copy', $status), $as_copy, 'the copy says at once that it needs a consent');
is(one('copy', q{SELECT detail, mend FROM wfm_check('acme') WHERE step = 'token'}),
	"connection \"acme\" is not authorized. $why|Somebody with access to the account has to consent. Run: SELECT wfm_authorize_url('acme');",
	'and so does wfm_check');
is(one('acme', 'SELECT name, state, last_error_detail FROM wfm_stat_connections'), 'acme|ready|', 'the original is as it was');
wait_for_no_worker();

# After a restart the original is not visited, because it is a template, and
# somebody asks in the copy; its rows must not count as the owner of the consent
one('postgres', 'ALTER DATABASE acme IS_TEMPLATE true');
$node->restart;
my ($code, $out, $err) = $node->psql('copy', "\\set VERBOSITY verbose\nSELECT wfm_refresh('acme')");
like($err, qr/ERROR:  28000: connection "acme" is not authorized\nDETAIL:  \Q$why\E/, 'the copy is looked at first');
wait_for_no_worker();
one('postgres', 'ALTER DATABASE acme IS_TEMPLATE false');
is(one('copy', $status), $as_copy, 'the copy says what it said');
is(one('acme', 'SELECT count(*) FROM acme.client'), 3, 'the original reads');
one('acme', "SELECT wfm_refresh('acme')");
is(one('acme', 'SELECT name, state, last_error_detail FROM wfm_stat_connections'), 'acme|ready|', 'and renews its tokens');

# Settings that come later do not bring what was copied back
one('copy', "UPDATE wfm_connections SET calls_per_day = 4000, client_secret = 'sim-secret'");
is(one('copy', $status), $as_copy, 'changed settings are no consent');
ok($node->poll_query_until('copy', "SELECT count(*) = 0 FROM wfm_tokens WHERE refresh_token IS NOT NULL"), 'of the tokens of the original nothing is left then');

# A consent of its own
my $grant = $sim->control('POST', 'tokens', { new_grant => { client_id => 'sim-client' } });
one('copy', "UPDATE wfm_connections SET refresh_token = '$grant->{refresh_token}'");
is(one('copy', 'SELECT count(*) FROM acme.client'), 3, 'with a consent of its own the copy reads');
one($_, "SELECT wfm_refresh('acme')") foreach 'copy', 'acme';
is(one($_, 'SELECT name, state, last_error_detail FROM wfm_stat_connections'), 'acme|ready|', "$_ renews its own") foreach 'copy', 'acme';

# The copy of a copy, and a key that is rotated there
wait_for_no_worker();
one('postgres', 'CREATE DATABASE again TEMPLATE copy');
is(one('again', "SELECT count(*) > 0 FROM wfm_rotate_key()"), 't', 'another key, from a copy');
is(one('again', $status), $as_copy, 'which has nothing to seal anew');
one($_, "SELECT wfm_refresh('acme')") foreach 'copy', 'acme';
pass('the others open theirs');

done_testing();
