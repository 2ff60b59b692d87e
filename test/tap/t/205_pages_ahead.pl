# While the rows of a page are used the next page is on its way: how far ahead,
# in which order, at what price in calls, and what ends it.

use strict;
use warnings;

use IPC::Run;
use List::Util qw(max);
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;
use Time::HiRes qw(sleep time);

use WfmTest;

my $costs = 60;
my $sim = WfmTest::Simulator->new('--clients', 40, '--jobs', 20, '--time', 40, '--costs', $costs,
	'--no-limits');
my $node = WfmTest::start_node('ahead');

foreach ([ 'br1', 'bluerock/1' ], [ 'x31', 'practicemanager/3.1' ])
{
	my ($name, $api) = @$_;

	$sim->control('POST', 'tokens', { new_client => { client_id => $name, secret => 's' } });
	my $grant = $sim->control('POST', 'tokens', { new_grant => { client_id => $name,
		vendor => $api =~ /^bluerock/ ? 'bluerock' : 'xero' } });
	WfmTest::connect_tables($node, $sim, name => $name, api => $api, client_id => $name,
		client_secret => 's', refresh_token => $grant->{refresh_token},
		calls_per_minute => 600, calls_per_day => 1000000);
}
my $contacts = $node->safe_psql('postgres', 'SELECT count(*) FROM x31.contact');
cmp_ok($contacts, '>', 12, 'there are contacts for several pages');

# The answers to a query, oldest first.
sub calls
{
	my ($mark) = @_;

	return sort { $a->{time} <=> $b->{time} } $sim->calls_since($mark);
}

# Wait until so many requests have arrived since; did they?
sub arrived
{
	my ($before, $number) = @_;
	my $deadline = time + 60;

	while (time < $deadline)
	{
		return 1 if $sim->state->{http}{requests} - $before >= $number;
		sleep 0.01;
	}
	return 0;
}

# Read a table whose pages have so many rows.  Each row takes a while to be used,
# the last one of a page until a file of the page's number is there.
$node->safe_psql('postgres', q{CREATE FUNCTION use_row(n bigint, size int, folder text) RETURNS void LANGUAGE plpgsql AS $$
BEGIN
	PERFORM pg_sleep(0.02);
	WHILE n % size = 0 AND pg_stat_file(folder || '/' || n / size, true) IS NULL LOOP
		PERFORM pg_sleep(0.01);
	END LOOP;
END $$});
my $readings = 0;
sub start_reading
{
	my ($table, $size) = @_;
	my $folder = $node->basedir . '/reading_' . ++$readings;
	my $self = { folder => $folder, out => '', err => '' };

	mkdir $folder or die "$folder: $!";
	$self->{run} = IPC::Run::start([ 'psql', '-XAtq', '-d', $node->connstr('postgres'), '-c',
			"SELECT use_row(row_number() OVER (), $size, '$folder') FROM (SELECT uuid FROM $table) t" ],
		'<', \undef, '>', \$self->{out}, '2>', \$self->{err});
	return $self;
}

sub go_on { append_to_file("$_[0]->{folder}/$_[1]", ''); }

# --- the rows are the same and in the same order, however they come ---
my %lists = ('br1.client' => 'client.api/list', 'x31.contact' => 'client.api/contacts',
	'x31.cost' => 'cost.api/list');
foreach my $table (sort keys %lists)
{
	my $keys = "SELECT string_agg(uuid::text, ' ') FROM $table";

	$sim->switches(most_a_page => 0);
	my $expected = $node->safe_psql('postgres', $keys);
	$sim->switches(most_a_page => 4);
	foreach my $paging ($table eq 'br1.client' ? ('reported', 'silent') : 'reported')
	{
		$sim->switches(paging => $paging);
		is($node->safe_psql('postgres', $keys), $expected, "$table: order of rows, $paging");
		# every third answer is late, so that later ones overtake it
		$sim->fault({ match => { path => "*$lists{$table}" }, every => 3, skip => 1,
				action => { delay => 0.15 } });
		is($node->safe_psql('postgres', $keys), $expected, "$table: late answers, $paging");
		$sim->no_faults;
		# and some fail at first
		$sim->fault({ match => { path => "*$lists{$table}" }, every => 4, count => 2,
				action => { status => 503 } });
		is($node->safe_psql('postgres', $keys), $expected, "$table: retries, $paging");
		$sim->no_faults;
	}
}
$sim->switches(paging => 'reported');

# --- the number of pages is unknown: what is asked for beyond the end ---
foreach ([ 20, 3 ], [ 25, 3 ], [ 15, 4 ], [ 10, 6 ], [ 5, 12 ], [ 3, 20 ])
{
	my ($size, $pages) = @$_;

	$sim->switches(most_a_page => $size);
	# long enough for requests that are sent together to meet
	$sim->fault({ match => { path => '*cost.api' }, action => { delay => $pages >= 10 ? 0.4 : 0.03 } });
	my $mark = $sim->mark;
	is($node->safe_psql('postgres', 'SELECT count(*), count(DISTINCT uuid) FROM x31.cost'),
		"$costs|$costs", "$pages pages: all rows");
	my @calls = calls($mark);
	my $wasted = @calls - $pages - 1;
	my $allowed = max(0, int($pages / 2) - 1);
	$allowed = 4 if $allowed > 4;
	cmp_ok($wasted, '>=', 0, "$pages pages: all of them and the empty one are asked for");
	cmp_ok($wasted, '<=', $allowed, "$pages pages: at most $allowed calls too many ($wasted)");
	cmp_ok(max(map { $_->{concurrent} } @calls), '>=', $pages >= 10 ? 3 : 1, "$pages pages: side by side");
	cmp_ok((sort { $b <=> $a } map { $_->{concurrent} } @calls[ 0 .. 3 ])[0], '<=', 1,
		"$pages pages: the first four one by one");
	$sim->no_faults;
}

# --- each next page is asked for before the rows of this one are used ---
foreach (
	# table, fault's path, rows a page, whether the number of pages is told
	[ 'x31.contact', '*client.api/contacts', 4, 0 ],
	[ 'x31.cost', '*cost.api', 12, 0 ],
	[ 'br1.client', '*client.api/list', 8, 1 ])
{
	my ($table, $path, $size, $told) = @$_;

	$sim->switches(most_a_page => $size);
	$sim->fault({ match => { path => $path }, action => { delay => 0.05 } });
	my $rows = $node->safe_psql('postgres', "SELECT count(uuid) FROM $table");
	my $pages = int(($rows + $size - 1) / $size);
	my $mark = $sim->mark;
	my $before = $sim->state->{http}{requests};
	my $reading = start_reading($table, $size);

	ok(arrived($before, !$told ? 2 : $pages < 7 ? $pages : 7),
		"$table: " . ($told ? 'the others side by side' : 'at least one ahead'));
	my $first_page_used = time;
	go_on($reading, 1);
	my @late;
	foreach my $page (2 .. $pages)
	{
		# the next page's request arrives before this page's last row is used
		push @late, $page if !@late && $page < $pages && !arrived($before, $page + 1);
		go_on($reading, $page);
	}
	$reading->{run}->finish;
	$sim->no_faults;
	is($reading->{err}, '', "$table: it is read to its end");
	is("@late", '', "$table: every next page was asked for in time");
	my @calls = calls($mark);
	cmp_ok(scalar(@calls), '>=', $pages, "$table: as many calls as pages");
	is(scalar(@calls), $pages, "$table: and none more") if $table ne 'x31.cost';
	cmp_ok(scalar(grep { $_->{time} < $first_page_used } @calls), '<=', 7, "$table: no more than seven answers are kept ready");
}

# --- under a LIMIT nothing is fetched ahead ---
$sim->switches(most_a_page => 5);
foreach ([ 'x31.cost', 5, 1 ], [ 'x31.cost', 7, 2 ], [ 'x31.contact', 5, 1 ],
	[ 'x31.contact', 11, 3 ], [ 'br1.client', 5, 1 ], [ 'br1.client', 6, 2 ])
{
	my ($table, $limit, $expected) = @$_;
	my $mark = $sim->mark;

	is($node->safe_psql('postgres', "SELECT count(*) FROM (SELECT uuid FROM $table LIMIT $limit) l"),
		$limit, "$table LIMIT $limit");
	is(scalar(() = calls($mark)), $expected, "$table LIMIT $limit: $expected calls");
}

# --- a portal that is left open keeps no slot, and goes on where it was ---
$sim->switches(most_a_page => 4);
my $all = $node->safe_psql('postgres', "SELECT string_agg(uuid::text, E'\\n') FROM x31.contact");
is( $node->safe_psql('postgres', 'BEGIN; DECLARE c CURSOR FOR SELECT uuid FROM x31.contact;
		FETCH 3 FROM c; FETCH 2 FROM c; FETCH 1 FROM c; FETCH ALL FROM c; COMMIT'),
	$all, 'a cursor gets all rows, once');
is( $node->safe_psql('postgres', 'BEGIN; DECLARE c CURSOR FOR SELECT uuid FROM x31.contact;
		FETCH 1 FROM c; SELECT sum(in_flight) FROM wfm_stat_limits; COMMIT') =~ s/.*\n//r,
	0, 'and between two fetches it holds no slot');

# Answers that take longer than a portal waits at least: what is under way when
# a loop's rows run out is not given up and asked for again at each FETCH.
$sim->switches(most_a_page => 4);
$node->safe_psql('postgres', "ALTER SERVER x31 OPTIONS (ADD history_from '2018-06-01')");
my $jobs = $node->safe_psql('postgres', 'SELECT count(*) FROM x31.job');
my $loop = "DO \$\$ DECLARE r record; n int := 0; BEGIN
	FOR r IN SELECT FROM x31.job j, generate_series(1, 200 + 0 * length(j.id)) LOOP n := n + 1; END LOOP;
	RAISE NOTICE 'rows: %', n; END \$\$";
foreach ([ 'all slow', 0, 1 ], [ 'slow but for the first', 1, 6 ])
{
	my ($name, $skip, $most) = @$_;
	my $mark = $sim->mark;

	$sim->fault({ match => { path => '*job.api/list' }, skip => $skip, action => { delay => 2.3 } });
	my ($ret, $out, $err) = $node->psql('postgres', $loop);
	$sim->no_faults;
	like($err, qr/rows: @{[ 200 * $jobs ]}$/m, "a loop over answers, $name: all rows");
	my %asked;
	$asked{ $_->{target} }++ foreach calls($mark);
	my $calls = 0;
	$calls += $_ foreach values %asked;
	cmp_ok(scalar(keys %asked), '>=', 9, "a loop over answers, $name: more windows than are asked for at once");
	cmp_ok($calls - keys %asked, '<', $most, "a loop over answers, $name: no call is in vain")
	  or diag("$calls calls for " . keys(%asked) . ' windows');
}

# Under a LIMIT rows are handed out while the answer comes: the slot is not kept
# for as long as a client thinks.
$sim->switches(most_a_page => 0);
$sim->fault({ match => { path => '*client.api/contacts' }, action => { drip => { bytes => 300, interval => 0.2 } } });
is( $node->safe_psql('postgres', 'BEGIN; DECLARE c CURSOR FOR SELECT uuid FROM x31.contact LIMIT 1000;
		MOVE 1 FROM c; SELECT sum(in_flight) FROM wfm_stat_limits; COMMIT'),
	0, 'a cursor under a LIMIT holds no slot between two fetches');
$sim->no_faults;
$sim->switches(most_a_page => 4);

# --- lists whose pages do not fit together ---

# An answer of contacts with these keys and a link to page N.
sub page_of_contacts
{
	my ($link, @keys) = @_;

	return '<Response api-method="Contacts"><Status>OK</Status><Contacts>'
	  . join('', map { "<Contact><UUID>00000000-0000-0000-0000-0000000000$_</UUID></Contact>" } @keys)
	  . '</Contacts><Pagination><Links>' . ($link eq '' ? '' : "<Next>/x?pageSize=500&amp;t=$link</Next>")
	  . '</Links></Pagination></Response>';
}

sub contacts_page
{
	my ($token, $link, @keys) = @_;
	my $query = $token eq '' ? {} : { t => $token };

	return { match => { path => '/practicemanager/3.1/client.api/contacts', query => $query },
		action => { status => 200, body => page_of_contacts($link, @keys) } };
}

# What a query said, or its rows.
sub answer
{
	my ($query) = @_;
	my ($ret, $out, $err) = $node->psql('postgres', "SET statement_timeout = '180s'; $query");

	return $err eq '' ? $out : $err;
}

# Rules are tried in their order, so the first page's comes last.
foreach (
	[ 'a circle of three links',
		[ [ 'a', 'b', 12 ], [ 'b', 'c', 13 ], [ 'c', 'a', 14 ], [ '', 'a', 11 ] ], qr/lead in a circle/ ],
	[ 'a link to the page itself', [ [ 'a', 'a', 12 ], [ '', 'a', 11 ] ], qr/leads to the same page/ ],
	[ 'other links, but the same page',
		[ [ 'a', 'b', 11 ], [ 'b', '', 12 ], [ '', 'a', 11 ] ], qr/same page came again/ ],
	[ 'a link without parameters', [ [ '', '', 11 ] ], qr/^1$/ ],
	[ 'an empty page in between', [ [ 'a', 'b' ], [ 'b', '', 12 ], [ '', 'a', 11 ] ], qr/^2$/ ],
	[ 'a hundred empty pages, but not in a row',
		[ (map { [ "$_", $_ + 1, $_ == 51 ? 12 : () ] } 1 .. 103), [ '104', '', 13 ], [ '', 1, 11 ] ], qr/^3$/ ],
	[ 'empty pages without end', [ (map { [ "$_", $_ + 1 ] } 1 .. 150), [ '', 1, 11 ] ], qr/Too many of them are empty/ ])
{
	my ($name, $pages, $expected) = @$_;

	$sim->fault([ map { contacts_page(@$_) } @$pages ]);
	like(answer('SELECT count(*) FROM x31.contact'), $expected, $name);
	is(answer('SELECT count(*) FROM (SELECT uuid FROM x31.contact LIMIT 1) l'), 1,
		"$name: a LIMIT that ends before it");
	$sim->no_faults;
}

# Numbered pages: each answer names the keys it holds.
sub client_page
{
	my ($page, $total, @keys) = @_;

	return { match => { path => '/bluerock/1/client.api/list', query => { page => "$page" } },
		action => { status => 200, body => '<Response api-method="List"><Status>OK</Status><Clients>'
		  . join('', map { "<Client><UUID>00000000-0000-0000-0000-0000000000$_</UUID></Client>" } @keys)
		  . '</Clients>' . (defined $total ? "<TotalRecords>$total</TotalRecords>" : '') . '</Response>' } };
}

foreach (
	[ 'the last page again and again', [ [ 1, undef, 11, 12 ], [ 2, undef, 13, 14 ], [ 3, undef, 13, 14 ] ], qr/^4$/ ],
	[ 'the first page again after the last', [ [ 1, undef, 11, 12 ], [ 2, undef, 13, 14 ], [ 3, undef, 11, 12 ] ], qr/^4$/ ],
	[ 'pages in a circle', [ [ 1, undef, 11 ], map { [ $_, undef, 12 + $_ % 3 ] } 2 .. 12 ], qr/in a circle/ ],
	[ 'an empty page in between', [ [ 1, 6, 11, 12 ], [ 2, 6 ], [ 3, 6, 13, 14 ] ], qr/was empty or came twice/ ],
	[ 'a page twice', [ [ 1, 6, 11, 12 ], [ 2, 6, 11, 12 ], [ 3, 6, 13, 14 ] ], qr/was empty or came twice/ ],
	[ 'always the first page, of more', [ map { [ $_, 6, 11, 12 ] } 1 .. 4 ], qr/before all records had come/ ],
	[ 'a total that is too high', [ [ 1, 9, 11, 12 ], [ 2, 9, 13, 14 ], map { [ $_, 9 ] } 3 .. 9 ], qr/^4$/ ],
	[ 'a total that is far too high', [ [ 1, 999999999999, 11, 12 ], map { [ $_, 999999999999 ] } 2 .. 20 ], qr/^2$/ ],
	[ 'a total that is too low', [ [ 1, 1, 11, 12 ], [ 2, 1, 13, 14 ], [ 3, 1 ] ], qr/^4$/ ],
	[ 'a total of nothing', [ [ 1, 0, 11, 12 ], [ 2, 0, 13, 14 ], [ 3, 0 ] ], qr/^4$/ ],
	[ 'a total that falls too low', [ (map { [ $_, $_ == 1 ? 12 : 3, 10 + $_, 20 + $_ ] } 1 .. 6), [ 7, 3 ] ], qr/^12$/ ],
	[ 'pages that get smaller', [ [ 1, 5, 11, 12 ], [ 2, 5, 13 ], [ 3, 5, 14 ], [ 4, 5, 15 ], [ 5, 5 ] ], qr/^5$/ ],
	[ 'a page of nothing new, and another later', [ [ 1, undef, 11, 12, 13 ], [ 2, undef, 12, 13 ],
			[ 3, undef, 14, 15 ], [ 4, undef, 15 ], [ 5, undef, 16 ], map { [ $_, undef ] } 6 .. 9 ], qr/^6$/ ],
	[ 'everything each time, in any order',
		[ [ 1, undef, 11, 12, 13, 14 ], [ 2, undef, 12, 11, 14, 13 ], [ 3, undef, 13, 14, 11, 12 ],
			map { [ $_, undef, $_ % 2 ? (14, 11, 12, 13) : (12, 13, 14, 11) ] } 4 .. 9 ], qr/^4$/ ],
	[ 'the same in any order, of more',
		[ [ 1, 40, 11, 12, 13, 14 ], [ 2, 40, 12, 11, 14, 13 ], [ 3, 40, 13, 14, 11, 12 ],
			map { [ $_, 40, $_ % 2 ? (14, 11, 12, 13) : (12, 13, 14, 11) ] } 4 .. 12 ], qr/before all records had come|came twice|in a circle/ ])
{
	my ($name, $pages, $expected) = @$_;
	my @rules = map { client_page(@$_) } @$pages;

	$sim->fault(\@rules);
	# of a column, since count(*) alone would take the server's word for it
	like(answer('SELECT count(uuid) FROM br1.client'), $expected, $name);
	# the second time one row at a time, as under a LIMIT
	like(answer('SELECT count(*) FROM (SELECT uuid FROM br1.client LIMIT 1000) l'), $expected,
		"$name: one by one");
	$sim->no_faults;
}

# A record has moved to the second page while that is read for the second time,
# after its beginning had come and was cut.
{
	my $second = client_page(2, 5, 12, 13);

	$sim->fault([ client_page(1, 4, 11, 12),
		{ %$second, count => 1, action => { %{ $second->{action} }, stall_after => 60, stall_seconds => 0.3,
				cut_after => 80, how => 'close' } },
		$second, client_page(3, 5, 14) ]);
	is(answer('SELECT count(*), count(DISTINCT uuid) FROM (SELECT uuid FROM br1.client LIMIT 1000) l'),
		'4|4', 'a page that is read anew: no row comes twice');
	$sim->no_faults;
}

is($node->safe_psql('postgres', 'SELECT sum(in_flight) + sum(waiting) FROM wfm_stat_limits'), 0,
	'no slot is left behind');

done_testing();
