# DROP EXTENSION and DROP DATABASE: what shared memory knows of tokens goes with
# the commit, whether a token worker is there or not; and not with a rollback.

use strict;
use warnings;

use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;

use WfmTest;

my $sim = WfmTest::Simulator->new('--clients', 3, '--jobs', 3, '--time', 3);
my $node = WfmTest::start_node('dropped', settings => "wfm_fdw.max_grants = 1\nmax_prepared_transactions = 2\nlog_statement = none\n");

sub one { return $node->safe_psql($_[0], $_[1]); }

# Another consent of the same app.
sub grant { return $sim->control('POST', 'tokens', { new_grant => { client_id => 'sim-client' } }); }

sub wait_for_no_worker
{
	ok($node->poll_query_until('postgres', "SELECT count(*) = 0 FROM pg_stat_activity WHERE backend_type = 'wfm_fdw token worker'"), 'the worker leaves');
}

# A connection with tokens in memory; its access token, which the API is told.
sub connected
{
	my ($database) = @_;

	one('postgres', "CREATE DATABASE $database") unless one('postgres', "SELECT count(*) FROM pg_database WHERE datname = '$database'");
	one($database, 'CREATE EXTENSION wfm_fdw');
	WfmTest::connect_server($node, $sim, database => $database, name => 'first', refresh_token => grant()->{refresh_token});
	one($database, "CREATE FOREIGN TABLE client (uuid uuid) SERVER first OPTIONS (resource 'client'); SELECT wfm_refresh('first')");
	is(one($database, 'SELECT count(*) FROM client'), 3, "$database has tokens");
	return;
}

# How many access tokens are in the server's shared memory, as the kernel shows
# it to who owns the process; nothing where it does not.
sub tokens_in_memory
{
	my ($pid) = slurp_file($node->data_dir . '/postmaster.pid') =~ /^(\d+)/;
	my %found;
	no warnings 'portable';

	open my $memory, '<:raw', "/proc/$pid/mem" or return;
	foreach my $line (split /\n/, slurp_file("/proc/$pid/maps"))
	{
		my ($at, $end) = map { hex } $line =~ m{^([0-9a-f]+)-([0-9a-f]+) rw-s .* /dev/zero} or next;

		while ($at < $end)
		{
			my $size = $end - $at < 1 << 24 ? $end - $at : 1 << 24;

			sysseek $memory, $at, 0 or last;
			sysread $memory, my $bytes, $size or last;
			$found{$1}++ while $bytes =~ /(eyJ[\w-]{10,}\.eyJ[\w-]{20,}\.[\w-]+)/g;
			$at += $size;
		}
	}
	return scalar keys %found;
}

sub in_memory
{
	my ($expected, $name) = @_;
	my $found = tokens_in_memory();

  SKIP:
	{
		skip "$name: the kernel shows no memory of other processes", 1 unless defined $found;
		is($found, $expected, $name);
	}
	return;
}

in_memory(0, 'at first no access token is in shared memory');

# The only place is had at once: it was given back with the commit
sub place_is_free
{
	my ($name) = @_;
	my $other = $name =~ tr/a-z//cdr;

	in_memory(0, "$name: no access token is in shared memory");
	WfmTest::connect_server($node, $sim, name => $other, refresh_token => grant()->{refresh_token});
	is(one('postgres', "SELECT wfm_refresh('$other')"), '', "$name: another database has its place");
	in_memory(1, "$name: and its token there");
	one('postgres', "DROP SERVER $other; DELETE FROM wfm_connections");

	# The worker hears of that in its own time, and one may have to come first.
	WfmTest::wait_until(sub { return !tokens_in_memory() }, 'a deleted connection is forgotten');
	wait_for_no_worker();
	in_memory(0, "$name: until the connection is deleted");
	return;
}

connected('other');
wait_for_no_worker();
in_memory(1, 'an access token is in shared memory');
my ($code, $out, $err) = $node->psql('postgres', q{INSERT INTO wfm_connections (name, api, client_id, client_secret, refresh_token) VALUES ('x', 'practicemanager/3.1', 'x', 'x', 'x')});
($code, $out, $err) = $node->psql('postgres', "SELECT wfm_refresh('x')");
like($err, qr/no room for the tokens of connection "x"/, 'and its place is taken');
one('postgres', 'DELETE FROM wfm_connections');
wait_for_no_worker();

# What is rolled back has dropped nothing
one('other', 'BEGIN; DROP EXTENSION wfm_fdw CASCADE; ROLLBACK');
one('other', 'BEGIN; SAVEPOINT s; DROP EXTENSION wfm_fdw CASCADE; ROLLBACK TO s; COMMIT');
one('other', 'CREATE EXTENSION citext; DROP EXTENSION citext') if one('other', "SELECT count(*) FROM pg_available_extensions WHERE name = 'citext'");
($code, $out, $err) = $node->psql('other', "BEGIN; DROP EXTENSION wfm_fdw CASCADE; PREPARE TRANSACTION 'p'");
like($err, qr/ERROR:  cannot PREPARE a transaction that has dropped the extension wfm_fdw\nHINT:  Commit it instead\./, 'PREPARE TRANSACTION');
in_memory(1, 'a rollback drops nothing');
my $mark = $sim->mark;
is(one('other', 'SELECT count(*) FROM client'), 3, 'the token serves on');
is(scalar(() = $sim->token_requests_since($mark)), 0, 'and is not asked for again');

# No worker is there
wait_for_no_worker();
one('other', 'DROP EXTENSION wfm_fdw CASCADE');
place_is_free('dropped');

# A worker is there that has just been at work
connected('other');
one('other', "SELECT wfm_refresh('first'); DROP EXTENSION wfm_fdw CASCADE");
in_memory(0, 'with a worker: no access token is in shared memory');
wait_for_no_worker();
place_is_free('watched');

# Dropped and made anew at once
connected('other');
wait_for_no_worker();
one('other', 'BEGIN; DROP EXTENSION wfm_fdw CASCADE; CREATE EXTENSION wfm_fdw; COMMIT');
in_memory(0, 'made anew at once: the token has gone');
is(one('other', 'SELECT count(*) FROM wfm_stat_connections'), 0, 'and the tables are empty');
one('other', 'DROP EXTENSION wfm_fdw CASCADE');
place_is_free('again');

# While a token is being asked for, in vain
one('other', 'CREATE EXTENSION wfm_fdw');
$sim->fault({ match => { path => '/connect/token' }, action => { unavailable => JSON::PP::true() } });
my $failing = grant();
WfmTest::connect_server($node, $sim, database => 'other', name => 'first', refresh_token => $failing->{refresh_token});
ok($node->poll_query_until('other', 'SELECT token_requests >= 2 FROM wfm_stat_connections'), 'a token is asked for, in vain');
wait_for_no_worker();
one('other', 'DROP EXTENSION wfm_fdw CASCADE');
$sim->no_faults;
$mark = $sim->mark;
place_is_free('failing');
is(scalar(() = grep { $_->{grant} == $failing->{grant} } $sim->token_requests_since($mark)), 0, 'and nothing more was sent for what is gone');

# The whole database
connected('other');
wait_for_no_worker();
one('postgres', 'DROP DATABASE other');
place_is_free('database');
connected('other');
one('postgres', 'DROP DATABASE other WITH (FORCE)');
place_is_free('forced');

done_testing();
