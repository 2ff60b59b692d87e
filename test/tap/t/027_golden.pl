# Answers written by hand from the vendors' pages become the rows written beside
# them (test/golden): on every API, every table of it at least once.
#
# A file holds blocks: "@" names APIs (":json" for the JSON form), ">" a request
# and, on the lines that follow, its answer, "=" a table, perhaps with a WHERE
# clause, and its rows as JSON, in which columns that are NULL are left out.
# Words that begin with "@" at the end of such a line keep it to those APIs.

use strict;
use warnings;

use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;

use WfmTest;

# The quirks of the APIs are numbered 11.1 to 11.25; a file names those that its
# answers show.  These are shown by no answer of one table: gates, tokens, sizes,
# paging that is ignored.  They have tests of their own.
my @elsewhere = (2, 10, 11, 13, 15, 20, 21, 23, 24);

my $sim = WfmTest::Simulator->new('--clients', 1, '--jobs', 1, '--time', 1, '--staff', 1,
	'--costs', 1, '--no-limits');
my $node = WfmTest::start_node('golden', init => [ extra => [ '--encoding=UTF8', '--locale=C' ] ],
	settings => "timezone = 'UTC'\n");
my %apis = (
	'workflowmax/3.0' => 'wfm', 'practicemanager/3.0' => 'x30', 'practicemanager/3.1' => 'x31',
	'practicemanager/3.1:json' => 'x31_json', 'bluerock/1' => 'br1', 'bluerock/2' => 'br2');

foreach my $name (sort keys %apis)
{
	my $schema = $apis{$name};
	my ($api, $json) = split /:/, $name;

	$sim->control('POST', 'tokens', { new_client => { client_id => $schema, secret => 's' } });
	my $grant = $sim->control('POST', 'tokens', { new_grant => { client_id => $schema,
		vendor => $api =~ /^bluerock/ ? 'bluerock' : 'xero' } });
	WfmTest::connect_server($node, $sim, name => $schema, api => $api, client_id => $schema,
		client_secret => 's', refresh_token => $grant->{refresh_token}, calls_per_minute => 600,
		server => "connection '$schema'" . ($json ? ", format 'json'" : ''));
	$node->safe_psql('postgres', "CREATE SCHEMA $schema;
		IMPORT FOREIGN SCHEMA wfm FROM SERVER $schema INTO $schema OPTIONS (\"all\" 'true')");
}

# Words like @practicemanager/3.1 at the end of a line, taken off it.
sub take_tags
{
	my ($line) = @_;
	my %tags;

	$tags{$1} = 1 while $$line =~ s/\s+@(\S+)\s*\z//;
	return %tags ? \%tags : undef;
}

# The blocks of a file: { apis, answers => [{ target, tags, text }],
# tables => [{ name, where, tags, text }] }.
sub read_blocks
{
	my ($file) = @_;
	my (@blocks, $into);

	foreach my $line (split /^/m, slurp_file($file))
	{
		if ($line =~ /^\@ (.*)/)
		{
			push @blocks, { apis => [ split ' ', $1 ], answers => [], tables => [] };
			undef $into;
		}
		elsif ($line =~ s/^> //)
		{
			my $tags = take_tags(\$line);

			$into = { target => $line =~ s/\s+\z//r, tags => $tags, text => '' };
			push @{ $blocks[-1]{answers} }, $into;
		}
		elsif ($line =~ s/^= //)
		{
			my $tags = take_tags(\$line);
			my ($name, $where) = $line =~ /^(\w+)\s*(.*?)\s*\z/;

			$into = { name => $name, where => $where, tags => $tags, text => '' };
			push @{ $blocks[-1]{tables} }, $into;
		}
		elsif ($line !~ /^#/ && defined $into)
		{
			$into->{text} .= $line;
		}
	}
	return @blocks;
}

# Have the simulator answer just these requests.
sub serve
{
	my ($api, $json, @answers) = @_;
	my @rules;

	# of two that begin alike the longer one first
	foreach my $answer (sort { length $b->{target} <=> length $a->{target} } @answers)
	{
		my ($path, $query) = split /\?/, $answer->{target}, 2;
		my %query = map { split /=/, $_, 2 } split /&/, $query // '';

		s/%([0-9A-F]{2})/chr hex $1/ge foreach $path, values %query;
		push @rules, {
			match => { path => "/$api/$path", query => \%query },
			action => { status => 200, body => $answer->{text},
				$json ? (content_type => 'application/json') : () }
		};
	}
	push @rules, { match => { path => "/$api/" }, action => { status => 400, body => 'no golden answer' } };
	$sim->no_faults;
	$sim->control('POST', 'faults', \@rules);
	return;
}

# The rows of all blocks in the spelling of jsonb, one a line; one query for all.
sub spell_rows
{
	my @tables = @_;
	my @rows;

	foreach my $i (0 .. $#tables)
	{
		push @rows, "($i, " . WfmTest::literal($_) . '::jsonb)'
		  foreach grep { /\S/ } split /^(?=\{)/m, $tables[$i]{text};
		$tables[$i]{rows} = [];
	}
	foreach my $line (split /\n/, $node->safe_psql('postgres', 'VALUES ' . join ', ', @rows))
	{
		my ($i, $row) = $line =~ /^(\d+)\|(.*)$/;

		push @{ $tables[$i]{rows} }, $row;
	}
	return;
}

sub rows_fetched
{
	my ($schema, $table) = @_;
	my ($code, $out, $err) = $node->psql('postgres', "
		SELECT (SELECT jsonb_object_agg(key, value) FROM jsonb_each(to_jsonb(t))
			WHERE key !~ '^_' AND value <> 'null')
		FROM (SELECT * FROM $schema.$table->{name} $table->{where}) t");

	return $code == 0 ? $out : $err;
}

my (%blocks, %seen, %quirks);
foreach my $file (sort glob "$ENV{WFM_SOURCE}/test/golden/*.golden")
{
	my ($short) = $file =~ m{([^/]+)\.golden$};
	my $text = slurp_file($file);

	$quirks{$1} = 1 while $text =~ /\b11\.(\d+)\b/g;
	$blocks{$short} = [ read_blocks($file) ];
}
spell_rows(map { @{ $_->{tables} } } map { @$_ } values %blocks);
foreach my $short (sort keys %blocks)
{
	foreach my $block (@{ $blocks{$short} })
	{
		foreach my $name (@{ $block->{apis} })
		{
			my ($api, $json) = split /:/, $name;
			my $schema = $apis{$name};
			my @answers = grep { !$_->{tags} || $_->{tags}{$name} } @{ $block->{answers} };

			serve($api, $json || $api eq 'bluerock/2', @answers);
			foreach my $table (@{ $block->{tables} })
			{
				next if $table->{tags} && !$table->{tags}{$name};
				$seen{"$schema.$table->{name}"} = 1;
				is(rows_fetched($schema, $table), join("\n", @{ $table->{rows} }),
					"$short, $name: $table->{name} $table->{where}");
			}
			my @unused = map { $_->{rule}{match}{path} }
			  grep { $_->{used} == 0 && $_->{rule}{action}{status} == 200 } @{ $sim->control('GET', 'faults') };
			is("@unused", '', "$short, $name: every answer was asked for");
		}
	}
}

my @tables = split /\n/, $node->safe_psql('postgres', "SELECT foreign_table_schema || '.' || foreign_table_name
	FROM information_schema.foreign_tables ORDER BY 1");
is_deeply([ grep { !$seen{$_} } @tables ], [], 'every table of every API has an answer');
delete $quirks{$_} foreach @elsewhere;
is(join(' ', sort { $a <=> $b } keys %quirks),
	join(' ', grep { my $n = $_; !grep { $_ == $n } @elsewhere } 1 .. 25), 'so has every quirk');

done_testing();
