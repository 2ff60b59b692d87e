# A query that waits for the network ends when it is told to: by
# statement_timeout, pg_cancel_backend, pg_terminate_backend and the end of the
# postmaster, in each phase of a request, and it leaves no descriptor behind.
#
# WFM_TEST_LONG=1 tries 200 times in each phase, and 1,000 times in one session
# through all of them by turns.
# wfm-test: alone module:http_probe

use strict;
use warnings;

use IO::Socket::INET;
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;
use Time::HiRes qw(sleep time);

use WfmHostile;

my $tries = $ENV{WFM_TEST_LONG} ? 200 : 10;
my $after_ms = 50;				# statement_timeout
my $bound_ms = 200;				# and how much later the query may end

# A resolver that hangs.
my $shim = "$PostgreSQL::Test::Utils::tmp_check/slow_resolver.so";
system_or_bail($ENV{CC} || 'cc', '-shared', '-fPIC', '-o', $shim,
	"$ENV{WFM_SOURCE}/test/hostile/slow_resolver.c", '-ldl');

my $hostile = WfmHostile->new;
my $node;
{
	local $ENV{LD_PRELOAD} = $shim;
	# What is freed counts as freed: glibc otherwise keeps up to seven pieces of
	# each size at hand, which mallinfo2() takes for used.
	local $ENV{GLIBC_TUNABLES} = 'glibc.malloc.tcache_count=0';
	$node = WfmHostile::start_probe_node('main');
}

# A port that takes no connection: its queue is full.
my $full = IO::Socket::INET->new(LocalAddr => '127.0.0.1', Listen => 1)
  or die "could not listen: $!";
my @waiting = map {
	IO::Socket::INET->new(PeerAddr => '127.0.0.1', PeerPort => $full->sockport, Blocking => 0)
} 1 .. 4;

# What each phase asks for.
sub request
{
	my ($url, $headers) = @_;

	return "SELECT failure FROM http_probe('$url', " . ($headers || "'{}'") . ')';
}

my %phases = (
	'name resolution' => request('https://api.slow.invalid/'),
	'connect' => request('http://127.0.0.1:' . $full->sockport . '/'),
	'TLS handshake' => request('https://127.0.0.1:' . $hostile->port . '/'),
	'headers' => request($hostile->url('/x'), $hostile->headers('stall_before_answer')),
	'body' => request($hostile->url('/x'), $hostile->headers('stall_in_body')),
	'gzip body' => request($hostile->url('/x'), $hostile->headers('stall_in_gzip')),
	'endless body' => request($hostile->url('/x'), $hostile->headers('body_without_end')),
	'endless gzip body' => request($hostile->url('/x'), $hostile->headers('gzip_without_end')),
	'side by side' => 'SELECT http_probe_side_by_side(ARRAY['
	  . join(', ', map { "'https://127.0.0.1:" . $hostile->port . "/$_'" } 1 .. 5) . '])',
);

# The endless ones must not end by their size.
$node->append_conf('postgresql.conf', "wfm_fdw.max_response_size = '2000GB'");
$node->reload;

# Sockets, epoll and timer descriptors of the backend; the files that the
# server itself keeps open come and go.
my $count_fds = "SELECT pg_backend_pid() AS pid \\gset\n\\setenv BACKEND :pid\n"
  . "\\! echo fds \$(ls -l /proc/\$BACKEND/fd | grep -c -e socket: -e anon_inode:)\n"
  . "SELECT 'alive ' || http_probe_counters()::text;\n";

# A resolver's thread and its pair of descriptors go when the resolver gives up,
# here after eight seconds.
my $wait_for_threads = <<'END';
SET statement_timeout = 0;
DO $$
BEGIN
	FOR i IN 1 .. 200 LOOP
		EXIT WHEN (SELECT count(*) FROM pg_ls_dir('/proc/self/task')) = 1;
		PERFORM pg_sleep(0.1);
	END LOOP;
END $$;
END

foreach my $phase (sort keys %phases)
{
	my $query = "$phases{$phase};\n";

	# One session; the first try loads what is loaded once in a process.
	my $script = "\\set VERBOSITY sqlstate\n"
	  . "SET statement_timeout = '${after_ms}ms';\n"
	  . $query . ($phase eq 'name resolution' ? $wait_for_threads : '') . $count_fds
	  . "SET statement_timeout = '${after_ms}ms';\n\\timing on\n" . $query x $tries . "\\timing off\n"
	  . ($phase eq 'name resolution' ? $wait_for_threads : '') . $count_fds
	  . "SET statement_timeout = 0;\n"
	  . request($hostile->url('/x'), $hostile->headers('good_with_length')) . ";\n";
	my ($code, $out, $errors) = $node->psql('postgres', $script, on_error_stop => 0,
		timeout => 300);

	is(scalar(() = $errors =~ /ERROR:  57014/g), $tries + 1, "$phase: cancelled each time")
	  or diag($errors);
	my @times = sort { $a <=> $b } $out =~ /^Time: ([\d.]+) ms/mg;
	is(scalar(@times), $tries, "$phase: every try was timed");
	my $p99 = $times[ int(0.99 * $#times) ];
	cmp_ok($p99, '<', $after_ms + $bound_ms, "$phase: ends within $bound_ms ms");
	note(sprintf '%s: median %.1f ms, 99 %% %.1f ms after the timeout',
		$phase, $times[ $#times / 2 ] - $after_ms, $p99 - $after_ms);

	my @fds = $out =~ /^fds (\d+)$/mg;
	is($fds[1], $fds[0], "$phase: no descriptor is left behind");
	is(($out =~ /^alive (\S+)$/mg)[-1], '{0,0,0}', "$phase: no channel, no transfer");
	like($out, qr/^ok$/m, "$phase: the session is as good as new");
}

# One session goes through all phases again and again: no descriptor and no
# memory is left behind.
{
	my $rounds = int(($ENV{WFM_TEST_LONG} ? 1000 : 54) / 2 / keys %phases);
	my $all = join '', map { "$phases{$_};\n" } sort keys %phases;
	my $count = "SET statement_timeout = 0;\n$wait_for_threads$count_fds"
	  . "SELECT 'bytes ' || http_probe_malloced();\n";
	# the first ones fill what is kept: caches, pools, what psql's script needs
	my $script = "\\set VERBOSITY sqlstate\n";
	foreach my $part ($rounds, $rounds)
	{
		$script .= "SET statement_timeout = '${after_ms}ms';\n" . $all x $part . $count x 2;
	}
	my ($code, $out, $errors) = $node->psql('postgres', $script, on_error_stop => 0,
		timeout => 600);
	my $cancels = () = $errors =~ /ERROR:  57014/g;
	is($cancels, 2 * $rounds * keys %phases, "$cancels cancels in one session");
	my @fds = $out =~ /^fds (\d+)$/mg;
	is($fds[-1], $fds[1], 'no descriptor is left behind');
	is(($out =~ /^alive (\S+)$/mg)[-1], '{0,0,0}', 'no channel, no transfer');
	my @bytes = $out =~ /^bytes (\d+)$/mg;
	note("bytes allocated: @bytes");
	# a few rounds do not fill all that is kept
	cmp_ok($bytes[-1] - $bytes[1], '<=', $ENV{WFM_TEST_LONG} ? 0 : 16384,
		'the second half leaves no memory behind') or diag("@bytes");
}

# By another session, and by ending the session.
foreach my $phase ('name resolution', 'headers', 'endless gzip body')
{
	foreach my $how ('pg_cancel_backend', 'pg_terminate_backend')
	{
		my ($out, $errors) = ('', '');
		my $run = IPC::Run::start(
			[ 'psql', '-X', '-q', '-d', $node->connstr('postgres'), '-c', $phases{$phase} ],
			'<', \undef, '>', \$out, '2>', \$errors);
		$node->poll_query_until('postgres',
			"SELECT count(*) = 1 FROM pg_stat_activity WHERE query LIKE '%http_probe(%' AND state = 'active' AND pid <> pg_backend_pid()"
		) or die 'the query did not start';
		sleep 0.1;

		# The time that the other session needs to connect does not count.
		my $ms = $node->safe_psql('postgres', <<"END");
DO \$\$
DECLARE
	victim integer;
	start timestamptz;
BEGIN
	SELECT pid INTO victim FROM pg_stat_activity
	WHERE query LIKE '%http_probe(%' AND state = 'active' AND pid <> pg_backend_pid();
	start := clock_timestamp();
	PERFORM $how(victim);
	LOOP
		PERFORM pg_stat_clear_snapshot();
		EXIT WHEN NOT EXISTS (SELECT FROM pg_stat_activity WHERE pid = victim AND state = 'active');
		PERFORM pg_sleep(0.005);
	END LOOP;
	CREATE TEMP TABLE took AS SELECT extract(epoch FROM clock_timestamp() - start) * 1000 AS ms;
END \$\$;
SELECT round(ms) FROM took;
END
		$run->finish;
		cmp_ok($ms, '<', $bound_ms, "$phase: $how ends it within $bound_ms ms ($ms)");
		like($errors, $how =~ /cancel/ ? qr/canceling statement/ : qr/terminating connection/,
			"$phase: by $how");
	}
}

# And nobody goes on when the postmaster is gone.
{
	my ($out, $errors) = ('', '');
	my $run = IPC::Run::start(
		[ 'psql', '-X', '-q', '-d', $node->connstr('postgres'), '-c', $phases{headers} ],
		'<', \undef, '>', \$out, '2>', \$errors);
	$node->poll_query_until('postgres',
		"SELECT count(*) = 1 FROM pg_stat_activity WHERE query LIKE '%http_probe(%' AND state = 'active' AND pid <> pg_backend_pid()"
	) or die 'the query did not start';
	$node->kill9;
	my $start = time;
	$run->finish;
	cmp_ok(time() - $start, '<', 1, 'the session ends with the postmaster');
}

done_testing();
