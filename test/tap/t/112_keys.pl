# The key file and what is sealed under it: rotation, and a row that was
# tampered with.

use strict;
use warnings;

use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;

use WfmTest;

my $sim = WfmTest::Simulator->new('--clients', 1, '--jobs', 1, '--time', 1);
my $node = WfmTest::start_node('keys');
my $key_file = $node->basedir . '/wfm_fdw.key';

sub one { return $node->safe_psql('postgres', $_[0]); }

sub fails
{
	my ($sql, $state, $pattern, $name, %options) = @_;
	my ($code, $out, $err) = $node->psql('postgres', "\\set VERBOSITY verbose\n$sql", %options);

	like($err, qr/ERROR:  $state: .*$pattern/s, $name);
	return;
}

sub write_keys
{
	my ($text) = @_;

	open my $file, '>', $key_file or die "$key_file: $!";
	print $file $text;
	close $file;
	chmod 0600, $key_file;
	chown +(stat $node->data_dir)[4, 5], $key_file;
	return;
}

sub key_ids { return map { /^([^#:]+):/ ? $1 : () } split /\n/, slurp_file($key_file); }

my $used = "SELECT string_agg(DISTINCT split_part(value, ':', 2), ' ') FROM wfm_tokens t, jsonb_each_text(to_jsonb(t)) WHERE value LIKE 'wfm1:%'";

one("INSERT INTO wfm_connections (name, api, client_id) VALUES ('first', 'practicemanager/3.1', 'x')");
my $step = "SELECT ok, detail, mend FROM wfm_check('first') WHERE step = 'key file'";
is(one($step), 't|there is none yet: the first secret stored makes it|', 'wfm_check: before the first secret no key file is no fault');
WfmTest::connect_server($node, $sim, name => 'secret');
is(one($step), 't||', 'then there is one');
one("DELETE FROM wfm_connections WHERE name = 'first'");
$step =~ s/first/secret/;
WfmTest::connect_server($node, $sim, name => 'pkce', client_id => 'sim-pkce', client_secret => undef,
	refresh_token => 'sim-pkce-refresh-token');
WfmTest::wait_for_token($node, $_) foreach qw(secret pkce);
one("SELECT wfm_refresh('secret'), wfm_refresh('pkce')");
my ($first) = key_ids();
is(one($used), $first, 'everything is sealed under the first key');

# Rotation
one('CREATE ROLE clerk LOGIN; GRANT pg_read_server_files, pg_write_server_files TO clerk');
fails('SELECT * FROM wfm_rotate_key()', '42501', qr/permission denied for function/, 'rotation is for superusers', extra_params => [ '-U', 'clerk' ]);
one('GRANT EXECUTE ON FUNCTION wfm_rotate_key(boolean) TO clerk');
fails('SELECT * FROM wfm_rotate_key()', '42501', qr/must be superuser/, 'also with EXECUTE', extra_params => [ '-U', 'clerk' ]);
is(scalar(key_ids()), 1, 'which leaves the file alone');

write_keys("# kept elsewhere, too\n" . slurp_file($key_file));
my $mark = $sim->mark;
my $rows = one('SELECT connection, key_id, resealed, why_not IS NULL FROM wfm_rotate_key() ORDER BY 1');
my (undef, $second) = key_ids();
is($rows, "pkce|$second|t|t\nsecret|$second|t|t", 'rotation reseals every grant');
is(one($used), $second, 'nothing is under the old key');
is((stat $key_file)[2] & 07777, 0600, 'the file is still private');
like(slurp_file($key_file), qr/^# kept elsewhere, too\n$first:.*\n$second:.*\n$/, 'its lines are kept, the new key is the last');
is(join(' ', glob "$key_file.*"), '', 'no other file is left');
is(one('SELECT count(*) FROM wfm_rotate_key(new_key => false) WHERE NOT resealed AND why_not IS NULL'), 2, 'nothing is left to do');
is(scalar(() = $sim->requests_since($mark)), 0, 'none of which sends anything');

my $text = slurp_file($key_file);
$text =~ s/^$first:.*\n//m;
write_keys($text);
$node->restart;
one("SELECT wfm_refresh('secret'), wfm_refresh('pkce')");
pass('the old key can be dropped');

# A transaction that is rolled back
one('BEGIN; SELECT wfm_rotate_key(); ROLLBACK');
is(scalar(key_ids()), 2, 'ROLLBACK keeps the new key');
is(one($used), $second, 'and what is sealed under the old one');
one("SELECT wfm_refresh('secret')");
fails("BEGIN; SELECT wfm_rotate_key(); PREPARE TRANSACTION 'p'", '0A000|55000', qr/PREPARE|prepared transactions/, 'no two-phase commit');

# While a token is being refreshed
$sim->fault({ match => { path => '/connect/token' }, count => 1, action => { delay_before => WfmTest::HELD } });
my ($in, $out, $err) = ('', '', '');
my $session = IPC::Run::start([ 'psql', '-X', '-q', '-d', $node->connstr('postgres'), '-c', "SELECT wfm_refresh('secret')" ], '<', \$in, '>', \$out, '2>', \$err);
$sim->wait_for_request(qr{^/connect/token$});
is(one('SELECT connection, resealed, why_not FROM wfm_rotate_key() ORDER BY 1'), "pkce|t|\nsecret|f|its token is being refreshed", 'a refresh under way is left alone');
$sim->release;
IPC::Run::finish($session);
is($err, '', 'and ends well');
is(one('SELECT count(*) FROM wfm_rotate_key(false) WHERE why_not IS NULL'), 2, 'afterwards all is under the newest key');
is(one($used), (key_ids())[-1], 'indeed');

# Rotation under load: nothing is lost
my $before = one("SELECT generation FROM wfm_tokens WHERE connection = 'secret'");
$mark = $sim->mark;
$out = $err = '';
$session = IPC::Run::start([ 'psql', '-X', '-q', '-d', $node->connstr('postgres'), map { ('-c', "SELECT wfm_refresh('secret')") } 1 .. 20 ], '<', \$in, '>', \$out, '2>', \$err);
one('SELECT wfm_rotate_key()') for 1 .. 20;
IPC::Run::finish($session);
is($err, '', '20 refreshes during 20 rotations succeed');
is(one("SELECT generation FROM wfm_tokens WHERE connection = 'secret'"), $before + 20, 'none is lost');
is(scalar(() = $sim->token_requests_since($mark)), 20, 'nor sent twice');

# More keys than fit
my @lines = grep { !/^#/ } split /\n/, slurp_file($key_file);
my $newest = $lines[-1];
write_keys(join("\n", (map { "old$_:" . ('A' x 43) . '=' } 1 .. 63 - @lines), @lines, ''));
one('SELECT wfm_rotate_key()');
is(scalar(key_ids()), 64, '64 keys fit');
fails('SELECT wfm_rotate_key()', '54000', qr/may hold 64 keys.*Remove the lines/s, 'and no more');
is(scalar(key_ids()), 64, 'the file is left as it was');
write_keys((split /\n/, slurp_file($key_file))[-1]);
one("SELECT wfm_rotate_key(); SELECT wfm_refresh('secret')");
is(scalar(key_ids()), 2, 'a last line without its end is no obstacle');

# A file that is not the server's to replace
rename $key_file, "$key_file.real" or die;
symlink "$key_file.real", $key_file or die;
fails('SELECT wfm_rotate_key()', '55000', qr/symbolic link.*HINT:  Append a line.*new_key => false/s, 'a symbolic link is not replaced');
unlink $key_file;
rename "$key_file.real", $key_file or die;

# Missing, open, damaged
my $good = slurp_file($key_file);
write_keys($good);
foreach my $case ([ 'open to others', '58|F0000', qr/may be read by others/, sub { chmod 0640, $key_file } ],
	[ 'damaged', 'F0000', qr/damaged/, sub { write_keys("x:abc\n") } ],
	[ 'missing', '58P01', qr/cannot be opened/, sub { unlink $key_file } ])
{
	my ($name, $state, $pattern, $spoil) = @$case;

	write_keys($good);
	$spoil->();
	fails('SELECT * FROM wfm_rotate_key()', $state, $pattern, "rotation, key file $name") unless $name eq 'damaged';
	$mark = $sim->mark;
	fails("SELECT wfm_refresh('secret')", 'F0000', qr/cannot be unsealed.*HINT: .*wfm_fdw\.key_file/s, "refresh, key file $name");
	is(one("SELECT state FROM wfm_stat_connections WHERE name = 'secret'"), 'config_error', "the state, key file $name");
	is(scalar(() = $sim->requests_since($mark)), 0, "nothing is sent, key file $name");
	like(one($step), qr/^f\|the key file .*\|Restore the file named by wfm_fdw\.key_file/, "wfm_check, key file $name");
	ok($name ne 'missing' || !-e $key_file, "none is made, key file $name");
	write_keys($good);
	one("SELECT wfm_refresh('secret')");
	is(one("SELECT state FROM wfm_stat_connections WHERE name = 'secret'"), 'ready', "mended, key file $name");
}

# A changed byte anywhere, a cut value, one of an older generation, of another
# column: it does not open, and nothing is sent
my $old = one("SELECT refresh_token FROM wfm_tokens WHERE connection = 'secret'");
one("SELECT wfm_refresh('secret')");
my %stored = map { $_ => one("SELECT $_ FROM wfm_tokens WHERE connection = 'secret'") } qw(refresh_token client_secret access_token);
my @wrong = ([ 'refresh_token', 'of an older generation', $old ], [ 'refresh_token', 'of another column', $stored{client_secret} ],
	[ 'client_secret', 'of another column', $stored{refresh_token} ], [ 'refresh_token', 'not sealed', 'sim-refresh-token' ],
	[ 'refresh_token', 'under an unknown key', $stored{refresh_token} =~ s/^wfm1:[^:]+/wfm1:unknown/r ]);

foreach my $column (sort keys %stored)
{
	my $length = length $stored{$column};

	# Each position of a byte in the base64 text is as good as another.
	for (my $at = 0; $at < $length - 2; $at += int($length / 12) + 1)
	{
		my $changed = $stored{$column};

		substr($changed, $at, 1) = substr($changed, $at, 1) eq 'q' ? 'r' : 'q';
		push @wrong, [ $column, "changed at $at", $changed ];
	}
	push @wrong, [ $column, 'cut', substr $stored{$column}, 0, $length - 4 ];
}
my (@opened, %reasons);
$mark = $sim->mark;
foreach my $case (@wrong)
{
	my ($column, $what, $value) = @$case;

	one("UPDATE wfm_tokens SET $column = " . WfmTest::literal($value) . " WHERE connection = 'secret'");
	($out, $out, $err) = $node->psql('postgres', "\\set VERBOSITY verbose\nSELECT wfm_refresh('secret')");
	push @opened, "$column $what: $err"
	  unless $err =~ /ERROR:  F0000: .*cannot be unsealed\nDETAIL:  column $column of wfm_tokens: (?:changed, or copied from another place|not a sealed value|sealed under a key that is not in the key file)\nHINT:/;
	$reasons{ $err =~ /wfm_tokens: (\w+)/ ? $1 : '' }++;
	one("UPDATE wfm_tokens SET $column = " . WfmTest::literal($stored{$column}) . " WHERE connection = 'secret'");
}
cmp_ok(scalar(@wrong), '>=', 40, 'many values that are wrong');
is("@opened", '', 'none of them opens');
is(join(' ', sort keys %reasons), 'changed not sealed', 'and it is told why');
is(scalar(() = $sim->requests_since($mark)), 0, 'and nothing is sent');
one("SELECT wfm_refresh('secret')");
is(one("SELECT state FROM wfm_stat_connections WHERE name = 'secret'"), 'ready', 'the right one opens');
is(one("SELECT key_id IS NOT NULL FROM wfm_rotate_key() WHERE connection = 'secret'"), 't', 'and is resealed');

# What cannot be opened is said to be, and left
one("UPDATE wfm_tokens SET refresh_token = '$old' WHERE connection = 'secret'");
like(one("SELECT key_id IS NULL, resealed, why_not FROM wfm_rotate_key() WHERE connection = 'secret'"), qr/^t\|f\|column refresh_token: /, 'rotation says what does not open');

# The database is part of the seal: a copy of it opens nothing, even when the
# original is gone and somebody makes the rows the copy's own
$node->poll_query_until('postgres', "SELECT count(*) = 0 FROM pg_stat_activity WHERE backend_type = 'wfm_fdw token worker'");
$node->safe_psql('template1', 'CREATE DATABASE copy TEMPLATE postgres');
$node->safe_psql('copy', 'UPDATE wfm_tokens SET database = (SELECT oid FROM pg_database WHERE datname = current_database())');
one("DELETE FROM wfm_connections");
$node->stop;
$mark = $sim->mark;
$node->start;
foreach my $name (qw(secret pkce))
{
	my ($code, undef, $copied) = $node->psql('copy', "\\set VERBOSITY verbose\nSELECT wfm_refresh('$name')");
	like($copied, qr/ERROR:  F0000: .*cannot be unsealed/s, "$name: a copy of the database does not open it");
}
is(scalar(() = $sim->requests_since($mark)), 0, 'and sends nothing');

done_testing();
