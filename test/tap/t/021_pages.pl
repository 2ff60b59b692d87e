# Lists in pages: every record once, whatever the server makes of the page
# parameters; links lead to no other host; tenants side by side.

use strict;
use warnings;

use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;

use WfmTest;

my $sim = WfmTest::Simulator->new('--clients', 23, '--jobs', 20, '--time', 40,
	'--no-limits');
my $node = WfmTest::start_node('pages');

sub connect_as
{
	my ($name, $api, %more) = @_;

	$sim->control('POST', 'tokens', { new_client => { client_id => $name, secret => 's' } });
	my $grant = $sim->control('POST', 'tokens', { new_grant => { client_id => $name,
		vendor => $api =~ /^bluerock/ ? 'bluerock' : 'xero' } });
	WfmTest::connect_tables($node, $sim, name => $name, api => $api, client_id => $name,
		client_secret => 's', refresh_token => $grant->{refresh_token},
		calls_per_minute => 600, calls_per_day => 1000000, %more);
	return;
}

connect_as('br1', 'bluerock/1');
connect_as('x31', 'practicemanager/3.1');

# The server gives fewer than asked, tells no total, or ignores the parameters.
foreach my $paging ('reported', 'capped', 'silent', 'ignored')
{
	my $mark = $sim->mark;

	$sim->switches(paging => $paging);
	is( $node->safe_psql('postgres', 'SELECT count(*), count(DISTINCT uuid) FROM br1.client'),
		'23|23', "clients, page parameters are $paging");
	my $calls = () = $sim->calls_since($mark);
	is($calls, { reported => 1, capped => 5, silent => 2, ignored => 2 }->{$paging},
		"requests for them");
	is( $node->safe_psql('postgres',
			'SELECT count(*), count(DISTINCT (client_uuid, ordinal)) FROM br1.client_contact'),
		$node->safe_psql('postgres', 'SELECT count(*), count(*) FROM x31.client_contact'),
		"contacts of clients, page parameters are $paging");
}
$sim->switches(paging => 'reported');

# A page that is empty although others follow is an error, not a gap.
$sim->switches(paging => 'capped');
$sim->fault({ match => { path => '/bluerock/1/client.api/list', query => { page => '3' } },
	action => { body => '<Response api-method="List"><Status>OK</Status><Clients />'
		. '<Page>3</Page><PageSize>5</PageSize><TotalRecords>23</TotalRecords></Response>',
		status => 200 } });
my ($ret, $out, $err) = $node->psql('postgres', 'SELECT count(uuid) FROM br1.client');
like($err, qr/do not fit together.*A page before this one was empty/s, 'an empty page in between');
$sim->no_faults;
$sim->switches(paging => 'reported');

# The same page each time, of records without the key they should have: it is
# known by the other key, or by its bytes.
connect_as('keyless', 'practicemanager/3.0');
foreach my $case (
	[ 'UUIDs in place of integer ids', '<UUID>00000000-0000-0000-0000-00000000000a</UUID>' ],
	[ 'no key at all', '' ])
{
	my ($what, $key) = @$case;
	my $before = $sim->mark;

	$sim->fault({ match => { path => '/practicemanager/3.0/cost.api/list' },
		action => { status => 200, body => '<Response><Status>OK</Status><Costs>'
			. "<Cost>$key<Description>Widget</Description></Cost></Costs>"
			. '<Records>1</Records></Response>' } });
	is($node->safe_psql('postgres', "SET statement_timeout = '60s'; SELECT description FROM keyless.cost"),
		'Widget', "the same page for ever, $what: its rows once");
	cmp_ok(scalar($sim->requests_since($before)), '<=', 3, "the same page for ever, $what: few requests");
	$sim->no_faults;
}

# practicemanager/3.1 follows links; only their parameters count.
is( $node->safe_psql('postgres', 'SELECT count(*) > 0 AND count(*) = count(DISTINCT uuid)
	FROM x31.contact'), 't', 'contacts by links');
$sim->fault({ match => { path => '/practicemanager/3.1/client.api/contacts',
		query => { pageSize => '500' } }, count => 1,
	action => { status => 200, body => '<Response api-method="Contacts"><Status>OK</Status>'
		. '<Contacts><Contact><UUID>00000000-0000-0000-0000-00000000000a</UUID></Contact></Contacts>'
		. '<Pagination><Links><Next>http://192.0.2.1/elsewhere?pageSize=499&amp;x=1</Next>'
		. '</Links></Pagination></Response>' } });
my $mark = $sim->mark;
is( $node->safe_psql('postgres', q{SELECT count(*) FROM x31.contact
	WHERE uuid = ANY (ARRAY['00000000-0000-0000-0000-00000000000a']::uuid[]) OR name IS NOT NULL})
	> 1, 1, 'a link to another host is followed on this one');
is_deeply([ map { $_->{target} } $sim->calls_since($mark) ],
	['/practicemanager/3.1/client.api/contacts?pageSize=499&x=1'],
	'by its parameters (what the rule answered is not logged as a call)');
$sim->no_faults;
$sim->fault({ match => { path => '/practicemanager/3.1/client.api/contacts' },
	action => { status => 200, body => '<Response><Status>OK</Status><Contacts />'
		. '<Pagination><Links><Next>/x?pageSize=500&amp;t=1</Next></Links></Pagination></Response>' } });
($ret, $out, $err) = $node->psql('postgres', 'SELECT * FROM x31.contact');
like($err, qr/do not fit together.*leads to the same page/s, 'links in a circle');
$sim->no_faults;

# Links that lead nowhere end the query, and name the request.
foreach my $case (
	[ 'no parameters', '/x', 'has no parameters' ],
	[ 'nothing behind the question mark', '/x?', 'is unusable' ],
	[ 'only a fragment behind it', '/x?#a=1', 'is unusable' ],
	[ 'a blank', '/x?pageSize=5 00', 'is unusable' ],
	[ 'a line break', "/x?a=1&#13;&#10;X: y", 'is unusable' ],
	[ 'what is not ASCII', '/x?a=%C3%A9&amp;b=é', 'is unusable' ],
	[ 'a quote', '/x?a="', 'is unusable' ],
	[ 'no end', '/x?a=' . 'b' x 20000, 'is unusable' ])
{
	my ($what, $link, $says) = @$case;

	$mark = $sim->mark;
	$sim->fault({ match => { path => '/practicemanager/3.1/client.api/contacts' },
		action => { status => 200, body => '<Response><Status>OK</Status><Contacts />'
			. "<Pagination><Links><Next>$link</Next></Links></Pagination></Response>" } });
	($ret, $out, $err) = $node->psql('postgres', "\\set VERBOSITY verbose\nSELECT * FROM x31.contact");
	is($out, '', "link with $what: no rows");
	like($err, qr/ERROR:  HV000: .*do not fit together.*contacts.*The link to the next page $says\./s, "link with $what: an error");
	is(scalar($sim->requests_since($mark)), 1, "link with $what: one request");
	$sim->no_faults;
}

# Two tenants in one table.
my ($one, $other) = map { $sim->tenant_id('PRACTICEMANAGER', $_) } 0, 1;
$node->safe_psql('postgres', "CREATE SERVER two FOREIGN DATA WRAPPER wfm_fdw
	OPTIONS (connection 'x31', tenants '$one=First, $other=Kauri & Sons');
	CREATE SCHEMA two; IMPORT FOREIGN SCHEMA wfm FROM SERVER two INTO two OPTIONS (\"all\" 'true')");
is( $node->safe_psql('postgres', "SELECT count(DISTINCT tenant_id), count(*) FILTER
		(WHERE tenant_name = 'First') FROM two.client"), '2|23', 'clients of two tenants');
$mark = $sim->mark;
is( $node->safe_psql('postgres', "SELECT count(DISTINCT tenant_id) FROM two.client
		WHERE tenant_name = 'Kauri & Sons'"), 1, 'one of them by its label');
is_deeply([ map { $_->{tenant} } $sim->calls_since($mark) ], [$other], 'and only that is asked');
$mark = $sim->mark;
is( $node->safe_psql('postgres', "SELECT count(*) FROM two.client WHERE tenant_id = '$one'"),
	23, 'one by its id');
is_deeply([ map { $_->{tenant} } $sim->calls_since($mark) ], [$one], 'and only that is asked');
foreach my $case (
	[ "tenant_id IN ('$one', '00000000-0000-0000-0000-000000000000', NULL)", 'a list of ids', $one ],
	[ "tenant_name = ANY (ARRAY['First', 'Kauri & Sons'])", 'a list of labels', $one, $other ],
	[ "tenant_id = ANY (ARRAY(SELECT '$other'::uuid))", 'a list found when the query runs', $other ],
	[ "tenant_id = (SELECT '$other'::uuid)", 'a value found when the query runs', $other ],
	[ "tenant_id = (SELECT NULL::uuid)", 'no value found when the query runs' ],
	[ "tenant_id = ANY (NULL::uuid[])", 'no list' ])
{
	my ($condition, $what, @asked) = @$case;

	$mark = $sim->mark;
	is( $node->safe_psql('postgres', "SELECT DISTINCT tenant_id FROM two.client WHERE $condition ORDER BY 1"),
		join("\n", sort @asked), "tenants: $what");
	is_deeply([ sort map { $_->{tenant} } $sim->calls_since($mark) ], [ sort @asked ], "tenants: $what: only those are asked");
}
$mark = $sim->mark;
is( $node->safe_psql('postgres', "SELECT count(*) FROM two.client WHERE tenant_name = 'None'"),
	0, 'a tenant that is not there');
is(scalar($sim->calls_since($mark)), 0, 'nothing is asked');
$sim->switches(odd_job_numbers => 'ok');
$node->safe_psql('postgres', "ALTER FOREIGN TABLE two.job_document OPTIONS (ADD walk_parents 'true')");
is( $node->safe_psql('postgres', "SELECT count(*) FROM two.job_document WHERE tenant_name = 'First'"),
	$node->safe_psql('postgres', "SELECT count(*) FROM two.job_document d WHERE tenant_id = '$one'"),
	'walking along the parents of one tenant');

# All connected tenants of the API's type; the vendor names them, or does not.
$mark = $sim->mark;
$node->safe_psql('postgres', "CREATE SERVER every FOREIGN DATA WRAPPER wfm_fdw
	OPTIONS (connection 'x31', tenants '*');
	CREATE SCHEMA every; IMPORT FOREIGN SCHEMA wfm FROM SERVER every INTO every OPTIONS (\"all\" 'true');
	EXPLAIN SELECT * FROM every.client");
is(scalar(() = $sim->requests_since($mark)), 0, 'making the server, importing and EXPLAIN send nothing');
my @types = map { $_->{type} } @{ $sim->state->{tenants} };
cmp_ok(scalar(grep { $_ ne 'PRACTICEMANAGER' } @types), '>', 0, 'there are tenants of other types');
is( $node->safe_psql('postgres', 'SELECT tenant_id, count(*) FROM every.client GROUP BY 1 ORDER BY 1'),
	$node->safe_psql('postgres', 'SELECT tenant_id, count(*) FROM two.client GROUP BY 1 ORDER BY 1'),
	'all tenants of the type, and none of another');
is_deeply([ sort map { $_->{tenant} } $sim->calls_since($mark) ],
	[ sort $one, $one, $other, $other ], 'one call for each');
is(scalar(grep { $_->{path} eq '/connections' } $sim->requests_since($mark)), 1, 'and one for their list');
is( $node->safe_psql('postgres', "SELECT DISTINCT tenant_name AS name FROM every.staff
		WHERE tenant_id = '$other' \\gset
		SELECT count(DISTINCT tenant_id), :'name' LIKE 'Kauri & %' FROM every.staff WHERE tenant_name = :'name'"),
	'1|t', 'the name is the vendor\'s');
is($node->safe_psql('postgres', "SELECT count(tenant_name) FROM every.client WHERE tenant_id = '$one'"),
	0, 'and NULL where the vendor tells none');
$mark = $sim->mark;
is( $node->safe_psql('postgres', "BEGIN; SELECT count(*) FROM every.client WHERE tenant_id = '$one';
		SELECT count(*) FROM every.client WHERE tenant_id = '$one'; COMMIT"), "23\n23", 'one of all');
is_deeply([ map { $_->{tenant} } $sim->calls_since($mark) ], [ $one, $one ], 'only that is asked');
is(scalar(grep { $_->{path} eq '/connections' } $sim->requests_since($mark)), 1, 'a session asks for the list once');
$sim->control('POST', 'tenants', { disconnect => $other });
is($node->safe_psql('postgres', 'SELECT DISTINCT tenant_id FROM every.client'), $one,
	'a tenant that was disconnected is no longer there');
$sim->control('POST', 'tenants', { disconnect => $one });
($ret, $out, $err) = $node->psql('postgres', 'SELECT * FROM every.client');
like($err, qr/reaches no tenant for the API practicemanager\/3\.1.*wfm_tenants\('x31'\)/s, 'none at all');
$sim->control('POST', 'tenants', { reconnect => \1 });

# Side by side: two slow tenants take no longer than one.
$sim->fault({ match => { path => '/practicemanager/3.1/staff.api/list' }, action => { delay => 1 } });
$mark = $sim->mark;
is($node->safe_psql('postgres', 'SELECT count(DISTINCT tenant_id) FROM every.staff'), 2, 'both');
$sim->no_faults;
my ($first, $second) = sort { $a->{time} <=> $b->{time} }
  grep { $_->{path} =~ /staff\.api/ } $sim->requests_since($mark);
cmp_ok($second->{time} - $first->{time}, '<', $first->{duration}, 'the second before the first was answered');

# The metadata.
is( $node->safe_psql('postgres', "SELECT key_columns, calls_of_full_read, one_call_for_each
		FROM wfm_tables WHERE server = 'two' AND resource = 'job_cost'"),
	'{tenant_id,job_id,ordinal}||job', 'wfm_tables');
is( $node->safe_psql('postgres', "SELECT key_columns, calls_of_full_read
		FROM wfm_tables WHERE server IN ('two', 'x31') AND resource = 'staff' ORDER BY server"),
	"{tenant_id,uuid}|2\n{uuid}|1", 'the tenant is part of the key, and each costs its calls');
is($node->safe_psql('postgres', "SELECT wfm_comment_schema('x31') > 20"), 't', 'comments are made');
is( $node->safe_psql('postgres', "SELECT obj_description('x31.client'::regclass), col_description('x31.time_entry'::regclass, 3)"),
	'clients, with archived and deleted ones; key: uuid|name of the job', 'comments');
connect_as('x30', 'practicemanager/3.0');
is( $node->safe_psql('postgres', "SELECT count(*) FROM wfm_id_map('x30') WHERE resource = 'client'"),
	23, 'integers and the UUIDs that replace them');

done_testing();
