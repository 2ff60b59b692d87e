# WfmWatched: servers of a watched run (test/coverage, test/sanitize) are shut
# down in order at the end of a test.
#
# Otherwise they end at once, and a process that ends at once neither counts
# the lines it ran nor says what it leaked.  test/driver loads it into each
# Perl test of such a run.

package WfmWatched;

use strict;
use warnings;

use PostgreSQL::Test::Cluster;

{
	no warnings 'redefine';

	*PostgreSQL::Test::Cluster::teardown_node = sub {
		my ($node) = @_;

		$node->stop('fast', fail_ok => 1) || $node->stop('immediate', fail_ok => 1);
		return;
	};
}

1;
