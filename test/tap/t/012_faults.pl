# Faults of the network and the API: what passes is tried again, what does not
# is an error with SQLSTATE, the request, the API's own words and a hint; no
# row is ever lost or doubled.

use strict;
use warnings;

use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;

use WfmTest;

my $sim = WfmTest::Simulator->new('--clients', 30, '--jobs', 100, '--time', 2000, '--minute-limit', 100000, '--day-limit', 1000000, '--concurrent-limit', 50);
my $node = WfmTest::start_node('faults');
WfmTest::connect_tables($node, $sim, calls_per_minute => 600, server => "connection 'acme', history_from '2022-01-01'");
$node->safe_psql('postgres', 'ALTER DATABASE postgres SET search_path = acme, public');
my $staff = $node->safe_psql('postgres', 'SELECT count(*) FROM staff');
my $time = $node->safe_psql('postgres', 'SELECT count(*), sum(minutes) FROM time_entry');

# Run with a fault in force; (stdout, SQLSTATE or '', stderr, calls).
sub with_fault
{
	my ($rule, $sql) = @_;
	my $mark = $sim->mark;

	$sim->no_faults;
	$sim->fault($rule) if $rule;
	my ($ret, $out, $err) = $node->psql('postgres', "\\set VERBOSITY verbose\n$sql");
	$sim->no_faults;
	my ($state) = $err =~ /ERROR:\s+(\w{5}):/;
	my @calls = grep { $_->{path} =~ /\.api\// } $sim->requests_since($mark);
	return ($out, $state || '', $err, scalar @calls);
}

# --- faults that pass ---
foreach my $case (
	[ 'status 503', { status => 503 } ],
	[ 'status 500', { status => 500, body => 'boom' } ],
	[ 'status 502', { status => 502 } ],
	[ 'status 408', { status => 408 } ],
	[ 'reset before the answer', { drop => 'rst' } ],
	[ 'closed before the answer', { drop => 'close' } ],
	[ 'reset in the body', { cut_after => 300, how => 'rst' } ],
	[ 'closed in the body', { cut_after => 300, how => 'close' } ],
	[ '429 for a second', { retry_after => 1 } ])
{
	my ($name, $action) = @$case;
	my ($out, $state, $err, $calls) = with_fault(
		{ match => { path => '*staff.api' }, count => 1, action => $action },
		'SELECT count(*) FROM staff');

	is($out, $staff, "$name once: all rows") or diag($err);
	is($calls, 2, "$name once: two calls");
}

# One window of several fails in different ways: same sums.
foreach my $case (
	[ 'status 503', { status => 503 } ],
	[ 'closed in the body', { cut_after => 2000, how => 'close' } ])
{
	my ($name, $action) = @$case;
	my ($out, $state, $err) = with_fault(
		{ match => { path => '*time.api/list' }, skip => 2, count => 3, action => $action },
		'SELECT count(*), sum(minutes) FROM time_entry');

	is($out, $time, "$name in three windows: same rows") or diag($err);
}

# A window that the API cannot answer is asked for in halves, and its year in
# windows of that width from then on.
sub windows_of
{
	my ($sql, $rule) = @_;
	my $mark = $sim->mark;

	$sim->no_faults;
	$sim->fault($rule) if $rule;
	my ($ret, $out, $err) = $node->psql('postgres', "\\set VERBOSITY sqlstate\n$sql");
	$sim->no_faults;
	return ($out, $err, sort { $a->{from} cmp $b->{from} } map { $_->{query} }
		grep { $_->{path} =~ /time\.api\/list/ } $sim->requests_since($mark));
}

sub as_text
{
	return join ' ', map { "$_->{from}-$_->{to}" } @_;
}

# The checksum at the end of a state file (src/base/state_file.c).
sub crc32c
{
	my ($bytes) = @_;
	my @table = map {
		my $rest = $_;
		$rest = $rest & 1 ? $rest >> 1 ^ 0x82f63b78 : $rest >> 1 for 1 .. 8;
		$rest;
	} 0 .. 255;
	my $crc = 0xffffffff;

	$crc = $table[ ($crc ^ $_) & 0xff ] ^ $crc >> 8 foreach unpack 'C*', $bytes;
	return $crc ^ 0xffffffff;
}

# Change each width that was learnt: the hour in which it was is the upper half of
# its number, the days are the lower (fetch/window_facts.c).  Returns how many.
sub change_widths
{
	my ($change) = @_;
	my $file = $node->data_dir . '/pg_stat/wfm_fdw_learnt.stat';
	my $changed = 0;

	$node->stop;
	my $content = slurp_file($file);
	my $checksum = unpack 'L', substr $content, -4, 4, '';
	is($checksum, crc32c($content), 'the file of what was learnt, as it is written');
	my ($magic, @words) = unpack 'Q*', $content;
	foreach my $word (@words)
	{
		my ($hour, $days) = ($word >> 16 & 0xffff, $word & 0xffff);

		next if !$hour;
		($hour, $days) = $change->($hour, $days);
		$word = $word >> 32 << 32 | $hour << 16 | $days;
		$changed++;
	}
	open my $handle, '>:raw', $file or die "$file: $!";
	$content = pack 'Q*', $magic, @words;
	print $handle $content, pack 'L', crc32c($content);
	close $handle or die "$file: $!";
	my $log = -s $node->logfile;
	$node->start;
	unlike(slurp_file($node->logfile, $log), qr/ignoring invalid data/, 'and as it is read');
	return $changed;
}

my $entries = 'SELECT count(*), sum(minutes) FROM time_entry';
my ($plain, undef, @wide) = windows_of($entries);
my $refused = $wide[2];
foreach my $case (
	# what the API does about that window, how often it is asked for it
	[ 'status 504', { status => 504 }, 2, '' ],
	[ 'no end', { stall_after => 100, stall_seconds => 20 }, 1, "SET wfm_fdw.stall_timeout = '1s';" ])
{
	my ($name, $action, $times, $set) = @$case;
	my $rule = { match => { path => '*time.api/list', query => { %$refused{qw(from to)} } },
		action => $action };

	$node->restart;				# forgets what calls that fail say of the API
	my ($out, $err, @asked) = windows_of("$set$entries", $rule);
	is($out, $time, "$name: a window in halves, same rows") or diag($err);
	my %asked;
	$asked{"$_->{from}-$_->{to}"}++ foreach @asked;
	is(delete $asked{"$refused->{from}-$refused->{to}"}, $times, "$name: it is asked for so often");
	delete $asked{"$_->{from}-$_->{to}"} foreach @wide;
	is(join(' ', values %asked), '1 1', "$name: then for two halves") or diag(as_text(@asked));
	is(scalar(grep { /^$refused->{from}-/ || /-$refused->{to}$/ } keys %asked), 2,
		"$name: which begin and end as it did") or diag(as_text(@asked));

	($out, $err, @asked) = windows_of($entries, $rule);
	is($out, $time, "$name, next time: same rows") or diag($err);
	is(scalar(@asked), @wide + 1, "$name, next time: one call more than windows") or diag(as_text(@asked));
	ok(!(grep { "$_->{from}-$_->{to}" eq "$refused->{from}-$refused->{to}" } @asked),
		"$name, next time: not that window");

	# a day later the widest window is tried again
	cmp_ok(change_widths(sub { return ($_[0] - 24 & 0xffff, $_[1]); }), '>=', 1, "$name: kept over a restart");
	($out, $err, @asked) = windows_of($entries);
	is(as_text(@asked), as_text(@wide), "$name: a day later the windows are as wide as ever");
}

# What is read in a half has all of its attempts, whatever the whole window had.
{
	my ($out, $err, @asked) = windows_of($entries, [
		{ match => { path => '*time.api/list', query => { %$refused{qw(from to)} } }, action => { status => 504 } },
		{ match => { path => '*time.api/list', query => { to => $refused->{to} } }, count => 3,
			action => { cut_after => 300, how => 'close' } } ]);
	is($out, $time, 'a half that arrives the fourth time: same rows') or diag($err);
	is(scalar(grep { $_->{to} eq $refused->{to} } @asked), 2 + 4, 'a half that arrives the fourth time: twice the window, four times the half')
	  or diag(as_text(@asked));

	# a width of nothing, as another number in its place may say, is none
	cmp_ok(change_widths(sub { return ($_[0], 0); }), '>=', 1, 'a width of no days: in place of one that was learnt');
	($out, $err, @asked) = windows_of("SET statement_timeout = '20s'; $entries");
	is(as_text(@asked), as_text(@wide), 'a width of no days: the windows are as wide as ever') or diag($err);
}

# All windows are too wide, and several of them are asked for at once: that is
# no reason to take the API for broken.
{
	my ($out, $err, @asked) = windows_of($entries, [ map {
		{ match => { path => '*time.api/list', query => { from => $_->{from}, to => $_->{to} } },
			action => { status => 504, delay => 0.05 } }
	} @wide ]);

	cmp_ok(scalar(@asked), '>=', 4 * @wide, 'every window is too wide: each is asked for twice, and its halves');
	is($out, $time, 'every window is too wide: same rows') or diag("$err " . as_text(@asked));
	is($node->safe_psql('postgres', 'SELECT circuit FROM wfm_stat_limits'), 'closed',
		'every window is too wide: the circuit stays closed');
	# an API that is merely ill is not asked for long
	($out, $err, @asked) = windows_of($entries,
		{ match => { path => '*time.api/list' }, action => { status => 502 } });
	like($err, qr/HV00N/, 'every window fails: an error');
	cmp_ok(scalar(@asked), '<=', 20, 'every window fails: the calls end');
	$node->restart;
	$node->safe_psql('postgres', 'SELECT count(*) FROM staff');
}

# One that passes the size cap, as often as it takes.
{
	my $cap = "SET wfm_fdw.max_response_size = '128kB';";
	my ($out, $err, @asked) = windows_of("$cap$entries");
	is($out, $time, 'too large an answer: same rows in smaller windows') or diag($err);
	my $first = @asked;
	cmp_ok($first, '>', @wide + 2, 'too large an answer: more than once') or diag(as_text(@asked));
	($out, $err, @asked) = windows_of("$cap$entries");
	is($out, $time, 'too large an answer, next time: same rows');
	cmp_ok(scalar(@asked), '<', $first, 'too large an answer, next time: fewer calls')
	  or diag(as_text(@asked));

	# that is said of one tenant
	my ($one, $other) = map { $sim->tenant_id('PRACTICEMANAGER', $_) } 0, 1;
	$node->safe_psql('postgres', "CREATE SERVER two FOREIGN DATA WRAPPER wfm_fdw
		OPTIONS (connection 'acme', tenants '$one=one, $other=other', history_from '2022-01-01');
		CREATE SCHEMA two; IMPORT FOREIGN SCHEMA wfm LIMIT TO (time_entry) FROM SERVER two INTO two");
	(undef, $err, @asked) = windows_of("SELECT sum(minutes) FROM two.time_entry WHERE tenant_name = 'one'");
	cmp_ok(scalar(@asked), '>', scalar(@wide), 'too large an answer: narrow windows for the tenant') or diag($err);
	(undef, $err, @asked) = windows_of("SELECT sum(minutes) FROM two.time_entry WHERE tenant_name = 'other'");
	is(as_text(@asked), as_text(@wide), 'too large an answer: and wide ones for another') or diag($err);

	# and when a day is too much, the setting is named
	($out, $err, @asked) = windows_of("\\set VERBOSITY default\nSET wfm_fdw.max_response_size = '64kB'; $entries",
		{ match => { path => '*time.api/list' }, action => { pad => 100000 } });
	is($out, '', 'a day too large: no rows');
	like($err, qr/too large.*time\.api\/list\?from=(\d{8})&to=.*HINT:.*wfm_fdw\.max_response_size/s,
		'a day too large: the request and the setting');
	cmp_ok(scalar(@asked), '<', 100, 'a day too large: and an end') or diag(as_text(@asked));
}

# A window of one day has no halves.
{
	my ($out, $err, @asked) = windows_of(
		"SET wfm_fdw.max_response_size = '64kB'; SELECT count(uuid) FROM time_entry WHERE date = '2026-03-05'",
		{ match => { path => '*time.api/list' }, action => { pad => 100000 } });
	like($err, qr/ERROR/, 'one day is too large: an error');
	is(scalar(@asked), 1, 'one day is too large: one call') or diag(as_text(@asked));
}

# A status that will stay is not asked about with ever smaller windows.
{
	my ($out, $state, $err, $calls) = with_fault(
		{ match => { path => '*time.api/list' }, action => { status => 501, body => 'not here' } },
		"SELECT count(*) FROM time_entry WHERE date BETWEEN '2024-02-01' AND '2024-02-10'");
	is($state, 'HV00N', 'not implemented: SQLSTATE');
	like($err, qr/HTTP status 501\. The API says: "not here"/, 'not implemented: what the API said');
	is($calls, 1, 'not implemented: one call');
	# the circuit breaker counts failures in a row
	$node->safe_psql('postgres', 'SELECT count(*) FROM staff');
}

# --- faults that stay ---
sub refused
{
	my ($name, $action, $wanted, $detail, $hint) = @_;
	my ($out, $state, $err) = with_fault(
		{ match => { path => '*staff.api' }, action => $action }, 'SELECT count(*) FROM staff');

	is($out, '', "$name: no rows");
	is($state, $wanted, "$name: SQLSTATE") or diag($err);
	like($err, $detail, "$name: detail");
	like($err, qr/DETAIL:.*Foreign table "staff", connection "acme", tenant .*request: GET practicemanager\/3\.1 staff\.api\/list/,
		"$name: what was asked");
	like($err, qr/HINT:.*$hint/s, "$name: hint") if defined $hint;
	# calls that failed may have opened the circuit breaker
	$node->restart if $state eq 'HV00N' || $state eq '08006';
}

refused(@$_) foreach (
	[ 'server error', { status => 500, body => 'boom' }, 'HV00N', qr/The API says: "boom"/, qr/Try again later/ ],
	[ 'no such path', { status => 404 }, 'HV000', qr/HTTP status 404/, qr/api_url/ ],
	[ 'bad request', { status => 400, body => '{"status":"ERROR","errorDescription":"no good"}' },
		'HV000', qr/The API says: "no good"/, undef ],
	[ 'ERROR in a 200', { error_text => 'The date range must be less than one year' },
		'HV000', qr/The API says: "The date range must be less than one year"/, undef ],
	[ 'unknown identifier of a list', { error_text => 'Invalid staff identifier' }, 'HV000',
		qr/Invalid staff identifier/, undef ],
	[ 'web page', { html => \1 }, 'HV000', qr/HTML/, qr/api_url/ ],
	[ 'redirect', { redirect => 'http://example.com/' }, 'HV000', qr/example\.com/, qr/not followed/ ],
	[ 'cut for ever', { cut_after => 300, how => 'close' }, '08006', qr/Tried 4 times/, undef ],
	[ 'forbidden', { status => 403, body => '{"Title":"Forbidden","Status":403,"Detail":"AuthenticationUnsuccessful"}' },
		'28000', qr/AuthenticationUnsuccessful/,
		qr/Authorise 3rd Party Full Access.*scope.*disconnected/s ]);

my $url;

# Who may not ask is not told that there is no such record.
foreach my $status (400, 403)
{
	my ($out, $state, $err) = with_fault(
		{ match => { path => '*job.api/get' }, action => { status => $status,
				body => '<Response><Status>ERROR</Status><ErrorDescription>Invalid job identifier</ErrorDescription></Response>' } },
		"SELECT count(name) FROM job WHERE id = 'J000100'");

	is("$out$state", $status == 400 ? '0' : '28000', "an unknown key said with status $status") or diag($err);
}

# Records beside an ERROR are none, also when a LIMIT needs only the first.
{
	my $body = '<Response api-method="List"><Status>ERROR</Status><ErrorDescription>half done</ErrorDescription>'
	  . '<StaffList><Staff><UUID>00000000-0000-0000-0000-000000000001</UUID><Name>x</Name></Staff></StaffList></Response>';
	my ($out, $state, $err) = with_fault(
		{ match => { path => '*staff.api' }, action => { status => 200, body => $body } },
		'SELECT name FROM staff LIMIT 1');
	is("$out$state", 'HV000', 'records beside an ERROR: no row') or diag($err);
}

# 429 after 429, each of which takes a second at least: no longer than max_wait in
# all.
{
	my ($out, $state, $err, $calls) = with_fault(
		{ match => { path => '*staff.api' }, action => { status => 429, body => '',
				headers => { 'Retry-After' => '0', 'X-Rate-Limit-Problem' => 'concurrent' } } },
		"SET wfm_fdw.max_wait = '3s'; SELECT count(*) FROM staff");
	is($state, '53400', '429 for ever: SQLSTATE') or diag($err);
	cmp_ok($calls, '<=', 5, '429 for ever: the calls end');
	$node->restart;
}

# --- server down ---
{
	$url = $node->safe_psql('postgres', 'SELECT api_url FROM wfm_connections');
	# another URL would drop the grant: the old secrets come with it
	$node->safe_psql('postgres', "UPDATE wfm_connections SET client_secret = 'sim-secret',
		refresh_token = 'sim-refresh-token', api_url = 'http://127.0.0.1:1/practicemanager/3.1/'");
	my ($out, $state, $err) = with_fault(undef, 'SELECT count(*) FROM staff');
	ok($state =~ /^(08001|28000|55000)$/, 'nobody listens: SQLSTATE') or diag($err);
	like($err, qr/HINT:/, 'nobody listens: hint');
}

$node->safe_psql('postgres', "UPDATE wfm_connections SET client_secret = 'sim-secret',
	refresh_token = '" . $sim->control('POST', 'tokens', { new_grant => { client_id => 'sim-client' } })->{refresh_token} . "', api_url = '$url'");
$node->restart;

# --- a limit that asks for an hour: for all backends from now on ---
refused('429 for an hour', { retry_after => 3600 }, '53400', qr/possible at/, qr/max_wait/);

done_testing();
