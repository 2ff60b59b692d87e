# doc/reference.md says what the code says, and the messages that README and
# doc/ quote are those of the code.

use strict;
use warnings;

use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;

use WfmTest;

my $node = WfmTest::start_node('reference');

# The page
my ($code, $out, $err) = $node->psql('postgres', "\\i $ENV{WFM_SOURCE}/doc/generate_reference.sql");
is($err, '', 'the reference is generated');
ok("$out\n" eq slurp_file("$ENV{WFM_SOURCE}/doc/reference.md"), 'doc/reference.md is what "make docs" writes')
  or diag('run "make docs"');
unlike($out, qr/\|\s+\|\s*$|: \.$/m, 'and everything in it is described');

# Every option the reference lists is one the validator takes, and no other.
my %lists = (server => 'CREATE SERVER s FOREIGN DATA WRAPPER wfm_fdw OPTIONS (connection \'x\', zzzzzzzzzz \'1\')',
	'foreign table' => 'CREATE FOREIGN TABLE t (a text) SERVER w OPTIONS (resource \'client\', zzzzzzzzzz \'1\')',
	'column' => 'CREATE FOREIGN TABLE t (a text OPTIONS (zzzzzzzzzz \'1\')) SERVER w OPTIONS (resource \'client\')',
	'IMPORT FOREIGN SCHEMA' => 'IMPORT FOREIGN SCHEMA wfm FROM SERVER w INTO public OPTIONS (zzzzzzzzzz \'1\')');
$node->safe_psql('postgres', q{INSERT INTO wfm_connections (name, api, client_id) VALUES ('x', 'practicemanager/3.1', 'a');
	CREATE SERVER w FOREIGN DATA WRAPPER wfm_fdw OPTIONS (connection 'x')});
foreach my $object (sort keys %lists)
{
	($code, $out, $err) = $node->psql('postgres', $lists{$object});
	my ($valid) = $err =~ /HINT:  Valid options are: (.*)\.$/m;
	is($valid, $node->safe_psql('postgres', "SELECT string_agg(option, ', ') FROM wfm_options() WHERE object = '$object'"),
		"options of a $object");
}

# Defaults told are those in force: a server without options costs as one that names them.
my $explain = q{EXPLAIN SELECT * FROM t};
$node->safe_psql('postgres', q{CREATE FOREIGN TABLE t (uuid uuid) SERVER w OPTIONS (resource 'job')});
my $plan = $node->safe_psql('postgres', $explain);
foreach my $option (split /\n/, $node->safe_psql('postgres',
		q{SELECT format('%I %L', option, default_value) FROM wfm_options() WHERE object = 'server' AND default_value IS NOT NULL}))
{
	my ($name) = split / /, $option;

	$node->safe_psql('postgres', "ALTER SERVER w OPTIONS (ADD $option)");
	is($node->safe_psql('postgres', $explain), $plan, "the default of $option is the one told");
	$node->safe_psql('postgres', "ALTER SERVER w OPTIONS (DROP $name)");
}

# Settings
is($node->safe_psql('postgres', q{SELECT string_agg(name, ', ') FROM pg_settings WHERE name LIKE 'wfm\_fdw.%' AND short_desc IS NULL}),
	'', 'every setting is described');

# Messages quoted in tables of README and doc/, and after "-- ERROR:"
my $source = join '', map { slurp_file($_) } glob("$ENV{WFM_SOURCE}/src/*/*.c"), glob("$ENV{WFM_SOURCE}/wfm_fdw--*.sql");
$source =~ s/"\s*\n\s*"//g;      # a literal over several lines
$source =~ s/\\"/"/g;

foreach my $page ("$ENV{WFM_SOURCE}/README.md", glob("$ENV{WFM_SOURCE}/doc/*.md"))
{
	my ($name) = $page =~ m{([^/]+)$};
	my $text = slurp_file($page);
	my @messages;

	while ($text =~ /^\| message \|.*?\n\|[-|]+\n((?:\|.*\n)+)/mg)
	{
		push @messages, map { /^\| (.*?) \|/ } split /\n/, $1;
	}
	push @messages, $1 while $text =~ /^-- ERROR: (.*)$/mg;
	foreach my $message (@messages)
	{
		# What stands for a name may be any conversion, and "…" any text
		my $pattern = join '.*', map { quotemeta } split /"…"|"[^"]*"|…|\d+/, $message;
		like($source, qr/$pattern/, "$name: $message");
	}
}

done_testing();
