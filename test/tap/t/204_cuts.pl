# A good answer of 2 KiB that ends after each of its bytes, by RST, by FIN or
# by silence, with a length or in chunks: never taken for a whole one.
#
# Silence is tried at every 41st byte; WFM_TEST_LONG=1 tries all of them.
# wfm-test: module:http_probe

use strict;
use warnings;

use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;

use WfmHostile;

my $hostile = WfmHostile->new;
my $node = WfmHostile::start_probe_node('main');
my %whole = map { $_ => $hostile->asked("cut_length/$_") } qw(length chunked);

cmp_ok($whole{length}, '>', 2000, 'the answer has about 2 KiB');

# Without its very last line feed a chunked answer has told its end: the last
# chunk, of no length, and the beginning of the empty line behind it.  No byte of
# its content is missing, and libcurl 7.88 is content with that, 8.22 is not.
# What comes of this one cut is looked at below.
my %cuts = (length => $whole{length}, chunked => $whole{chunked} - 1);

# Silence is what ends only those answers that are silent, however slow the
# machine is.
sub patience { return "SET wfm_fdw.stall_timeout = '" . ($_[0] eq 'stall' ? 1 : 600) . "s';\n"; }

# outcomes(HOW, WHERE, STEP): how many transfers ended in which way, for all
# cuts before the end.
sub outcomes
{
	my ($how, $where, $step) = @_;

	return $node->safe_psql('postgres', patience($how) . <<"END");
SELECT string_agg(outcome || ' ' || n, ', ' ORDER BY outcome)
FROM (SELECT outcome, count(*) AS n
      FROM (SELECT unnest(http_probe_side_by_side(array_agg(url ORDER BY cut))) AS outcome
            FROM (SELECT cut, '${\ $hostile->url("/cut/$how/$where/")}' || cut AS url
                  FROM generate_series(0, $cuts{$where} - 1, $step) AS cut) u
            GROUP BY cut / (32 * $step)) o
      GROUP BY outcome) c
END
}

foreach my $where ('length', 'chunked')
{
	my %failure = (reset => 'receive', close => 'partial, receive', stall => 'too_slow');

	foreach my $how ('reset', 'close', 'stall')
	{
		my $step = $how eq 'stall' && !$ENV{WFM_TEST_LONG} ? 41 : 1;
		my $tries = int(($cuts{$where} + $step - 1) / $step);
		my $got = outcomes($how, $where, $step);
		my $sum = 0;

		$sum += $_ foreach $got =~ /(\d+)/g;
		is($sum, $tries, "$where, $how: $tries cuts");
		# A server that is quick to close may do so while the request is sent.
		is($got =~ s/ \d+//gr =~ s/, send$//r, $failure{$how}, "$where, $how: all of them noticed");
		note("$where, $how: $got");
	}
	is($node->safe_psql('postgres',
		"SELECT failure FROM http_probe('" . $hostile->url("/cut/close/$where/$whole{$where}") . "')"),
		'ok', "$where: the whole answer is one");
}

# Whatever libcurl makes of the last line feed: all of the content, or a fault.
my $md5 = $node->safe_psql('postgres',
	"SELECT md5 FROM http_probe('" . $hostile->url("/cut/close/chunked/$whole{chunked}") . "')");
foreach my $how ('close', 'reset', 'stall')
{
	my ($failure, $got) = split /\|/, $node->safe_psql('postgres',
		patience($how) . "SELECT failure, md5 FROM http_probe('"
		  . $hostile->url("/cut/$how/chunked/" . ($whole{chunked} - 1)) . "')");

	note("last line feed, $how: $failure");
	like($failure, qr/^(?:ok|partial|receive|too_slow)$/, "last line feed, $how: how it ends");
	is($failure eq 'ok' ? $got : $md5, $md5, "last line feed, $how: nothing of the content is missing");
}

done_testing();
