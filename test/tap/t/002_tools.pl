# The tests' own tools: the simulator starts, its log counts what went to the
# API, faults reach it, and it ends.

use strict;
use warnings;

use HTTP::Tiny;
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;

use WfmTest;

my $sim = WfmTest::Simulator->new('--clients', 5, '--jobs', 10, '--time', 20);
my $http = HTTP::Tiny->new(proxy => undef);
my $row = $sim->connection('practicemanager/3.1');
my $mark = $sim->mark;

# The very requests that the extension makes, by hand.
my $answer = $http->post_form(
	$row->{token_url},
	{
		grant_type => 'refresh_token',
		refresh_token => $row->{refresh_token},
	},
	{ headers => { authorization => 'Basic c2ltLWNsaWVudDpzaW0tc2VjcmV0' } });
is($answer->{status}, 200, 'a token is to be had');
my ($token) = $answer->{content} =~ /"access_token"\s*:\s*"([^"]+)"/;

my %headers = (authorization => "Bearer $token", 'Xero-Tenant-Id' => $row->{tenant_id});
$answer = $http->get("$row->{api_url}staff.api/list", { headers => \%headers });
is($answer->{status}, 200, 'the staff list is to be had');
like($answer->{content}, qr/<StaffList>/, 'and it is one');
is(scalar(() = $sim->calls_since($mark)), 1, 'one call of the API is counted');
is(scalar(() = $sim->token_requests_since($mark)), 1, 'and one for a token');

$sim->fault({ match => { path => '/practicemanager/3.1/staff.api' },
		count => 1, action => { status => 503 } });
is($http->get("$row->{api_url}staff.api/list", { headers => \%headers })->{status},
	503, 'a fault reaches the API');
is($http->get("$row->{api_url}staff.api/list", { headers => \%headers })->{status},
	200, 'once');
like($sim->csv('staff'), qr/^uuid,/, 'its own dump is to be had');

$sim->stop;
is($http->get($sim->url)->{status}, 599, 'it ends');

done_testing();
