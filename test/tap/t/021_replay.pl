# Answers recorded from the live API: every record becomes a row.

use strict;
use warnings;

use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;

use WfmTest;

plan skip_all => 'no recorded answers beside the source tree'
  unless $ENV{WFM_SAMPLES};

my $folder = "$ENV{WFM_SAMPLES}/xpm30-ignitionapp-xpm_ruby";
my $sim = WfmTest::Simulator->new('--replay', $folder);
my $node = WfmTest::start_node('main');
my $other = $sim->control('POST', 'tokens', { new_grant => { client_id => 'sim-client' } });

WfmTest::connect_tables($node, $sim);
WfmTest::connect_tables($node, $sim, name => 'recorded', api => 'practicemanager/3.0',
	refresh_token => $other->{refresh_token});

# table, the file that is replayed for its list, what a record begins with
foreach my $case (
	[ 'client', 'client__list.xml', qr/<Client>/ ],
	[ 'staff', 'staff__list__access_token_accepted.xml', qr/<Staff>/ ],
	[ 'job_current', 'job__current.xml', qr/<Job>/ ],
	[ 'category', 'category__list.xml', qr/<Category>/ ],
	[ 'template', 'template__list.xml', qr/<Template>/ ])
{
	my ($table, $file, $record) = @$case;
	my $recorded = () = slurp_file("$folder/$file") =~ /$record/g;

	cmp_ok($recorded, '>', 1, "$file holds records");
	is($node->safe_psql('postgres', "SELECT count(*) FROM acme.$table"),
		$recorded, "$table has as many rows");

	my ($code, $out, $err) = $node->psql('postgres',
		"SELECT count(t::text) FROM (SELECT * FROM acme.$table) t");
	is("$code $out $err", "0 $recorded ", "no column of $table errs");

	# the answers are practicemanager/3.0's own, whose keys are integers
	my $key = $table eq 'job_current' ? 'id' : 'legacy_id';
	is( $node->safe_psql('postgres', "SELECT count(*), count(DISTINCT $key), count(t::text)
			FROM (SELECT * FROM recorded.$table) t"),
		"$recorded|$recorded|$recorded", "$table of the API that was recorded");
}

done_testing();
