# A query that waits for the network ends when it is told to: by
# statement_timeout, pg_cancel_backend, pg_terminate_backend and the end of the
# postmaster, in each phase of a request, and it leaves no descriptor behind.
#
# How long an end takes is compared with that of pg_sleep in the same session,
# and the middle or the least of several tries counts: a machine that is busy
# with other things delays some.  "make bench" has the figures.
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
my $bound_ms = 200;				# and how much later than pg_sleep the query may end
my $alone_ms = 7000;			# before the shortest phase would end by itself

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
DO $$
BEGIN
	FOR i IN 1 .. 600 LOOP
		EXIT WHEN (SELECT count(*) FROM pg_ls_dir('/proc/self/task')) = 1;
		PERFORM pg_sleep(0.1);
	END LOOP;
END $$;
END

# The timeout is for one statement alone: on a slow machine others might run
# into it, too.
sub cut_short
{
	my ($query) = @_;

	return "BEGIN;\nSET LOCAL statement_timeout = '${after_ms}ms';\n\\timing on\n$query;\n\\timing off\nROLLBACK;\n";
}

sub middle { return (sort { $a <=> $b } @_)[ $#_ / 2 ]; }

foreach my $phase (sort keys %phases)
{
	my $query = cut_short($phases{$phase});
	my $sleep = cut_short('SELECT pg_sleep(600)');

	# One session; the first try loads what is loaded once in a process.
	my $script = "\\set VERBOSITY sqlstate\n"
	  . $query . ($phase eq 'name resolution' ? $wait_for_threads : '') . $count_fds
	  . ($sleep . $query) x $tries
	  . ($phase eq 'name resolution' ? $wait_for_threads : '') . $count_fds
	  . request($hostile->url('/x'), $hostile->headers('good_with_length')) . ";\n";
	my ($code, $out, $errors) = $node->psql('postgres', $script, on_error_stop => 0,
		timeout => 300);

	is(scalar(() = $errors =~ /ERROR:  57014/g), 2 * $tries + 1, "$phase: cancelled each time")
	  or diag($errors);
	my (undef, @times) = $out =~ /^Time: ([\d.]+) ms/mg;
	is(scalar(@times), 2 * $tries, "$phase: every try was timed");
	my @sleeps = @times[ grep { $_ % 2 == 0 } 0 .. $#times ];
	my @ends = @times[ grep { $_ % 2 } 0 .. $#times ];
	my ($worst) = sort { $b <=> $a } @ends;
	cmp_ok(middle(@ends), '<', middle(@sleeps) + $bound_ms, "$phase: ends within $bound_ms ms of what a sleep takes");
	cmp_ok($worst, '<', $alone_ms, "$phase: and never by itself");
	note(sprintf '%s: median %.1f ms, worst %.1f ms after the timeout; a sleep %.1f ms',
		$phase, middle(@ends) - $after_ms, $worst - $after_ms, middle(@sleeps) - $after_ms);

	my @fds = $out =~ /^fds (\d+)$/mg;
	is($fds[1], $fds[0], "$phase: no descriptor is left behind");
	is(($out =~ /^alive (\S+)$/mg)[-1], '{0,0,0}', "$phase: no channel, no transfer");
	like($out, qr/^ok$/m, "$phase: the session is as good as new");
}

# One session goes through all phases again and again: no descriptor and no
# memory is left behind.
{
	my $rounds = int(($ENV{WFM_TEST_LONG} ? 1000 : 54) / 2 / keys %phases);
	my $all = join '', map { cut_short($phases{$_}) } sort keys %phases;
	my $count = "$wait_for_threads$count_fds"
	  . "SELECT 'bytes ' || http_probe_malloced();\n";
	# the first ones fill what is kept: caches, pools, what psql's script needs
	my $script = "\\set VERBOSITY sqlstate\n";
	foreach my $part ($rounds, $rounds)
	{
		$script .= $all x $part . $count x 2;
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

# A session that runs a phase's query, once it does.
sub session
{
	my ($phase) = @_;
	my $self = { out => '', err => '' };

	$self->{run} = IPC::Run::start(
		[ 'psql', '-X', '-q', '-d', $node->connstr('postgres'), '-c', $phases{$phase} ],
		'<', \undef, '>', \$self->{out}, '2>', \$self->{err});
	$node->poll_query_until('postgres',
		"SELECT count(*) = 1 FROM pg_stat_activity WHERE query LIKE '%http_probe(%' AND state = 'active' AND pid <> pg_backend_pid()"
	) or die 'the query did not start';
	sleep 0.1;
	return $self;
}

# Ends a phase's query; the milliseconds until it has ended, and what it said.
# The time that the other session needs to connect does not count.
sub ends_by
{
	my ($how, $phase) = @_;
	my $session = session($phase);
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
	$session->{run}->finish;
	return ($ms, $session->{err});
}

foreach my $phase ('name resolution', 'headers', 'endless gzip body')
{
	foreach my $how ('pg_cancel_backend', 'pg_terminate_backend')
	{
		my ($least, $errors) = ends_by($how, $phase);

		for (1 .. 4)
		{
			last if $least < $bound_ms;
			my ($ms) = ends_by($how, $phase);
			$least = $ms if $ms < $least;
		}
		cmp_ok($least, '<', $bound_ms, "$phase: $how ends it within $bound_ms ms ($least)");
		like($errors, $how =~ /cancel/ ? qr/canceling statement/ : qr/terminating connection/,
			"$phase: by $how");
	}
}

# And nobody goes on when the postmaster is gone: the API is silent for a
# minute, which a session takes for half of it.
{
	my $session = session('headers');

	$node->kill9;
	my $start = time;
	$session->{run}->finish;
	cmp_ok(time() - $start, '<', 15, 'the session ends with the postmaster');
}

done_testing();
