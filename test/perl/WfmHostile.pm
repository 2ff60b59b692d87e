# WfmHostile: the hostile API server (test/hostile) and the transport's test
# library (test/modules/http_probe) for the Perl tests.
#
#   # wfm-test: module:http_probe
#   use WfmHostile;
#   my $hostile = WfmHostile->new;
#   my $node = WfmHostile::start_probe_node('main');
#   my $url = $hostile->url('/x');
#   $node->safe_psql('postgres', "SELECT failure FROM http_probe('$url', $headers)");

package WfmHostile;

use strict;
use warnings;

use Carp;
use HTTP::Tiny;
use IPC::Run;
use JSON::PP;
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Time::HiRes qw(sleep time);

$SIG{TERM} = $SIG{INT} = $SIG{HUP} = sub { exit 1 };

my $count = 0;
my @running;

# start(PROGRAM, ARGUMENT, ...): runs a server of test/hostile that writes
# what it listens on to the file named behind --port-file.
sub start
{
	my ($program, @arguments) = @_;
	my $number = ++$count;
	my $port_file = "$PostgreSQL::Test::Utils::tmp_check/hostile_$number.port";
	my $log = "$PostgreSQL::Test::Utils::log_path/hostile_$number.log";
	my @command = (
		$ENV{WFM_PYTHON} || 'python3',
		"$ENV{WFM_SOURCE}/test/hostile/$program",
		'--port-file', $port_file, @arguments);
	my $deadline = time() + $PostgreSQL::Test::Utils::timeout_default;

	unlink $port_file;
	my $run = IPC::Run::start(\@command, '<', \undef, '>', $log, '2>&1');
	push @running, $run;
	while (time() < $deadline && $run->pumpable)
	{
		if (-s $port_file)
		{
			my $text = PostgreSQL::Test::Utils::slurp_file($port_file);
			return $text if $text =~ /\n\z/;
		}
		sleep 0.02;
	}
	croak "$program did not start: "
	  . (-e $log ? PostgreSQL::Test::Utils::slurp_file($log) : '');
}

# new: a started hostile-server.
sub new
{
	my ($class) = @_;

	return bless { port => start('hostile-server') + 0, http => HTTP::Tiny->new(timeout => $PostgreSQL::Test::Utils::timeout_default, proxy => undef) },
	  $class;
}

sub port { return $_[0]->{port}; }
sub url { return "http://127.0.0.1:$_[0]->{port}" . ($_[1] || ''); }

# cases: the list, as test/hostile/hostile-server --list prints it.
sub cases
{
	my $python = $ENV{WFM_PYTHON} || 'python3';
	my $list = qx{$python "$ENV{WFM_SOURCE}/test/hostile/hostile-server" --list};

	croak 'hostile-server --list failed' if $?;
	return @{ JSON::PP->new->decode($list) };
}

# headers(NAME): an SQL array of the request headers that choose a case.
sub headers
{
	my ($self, $name) = @_;
	my ($case) = grep { $_->{name} eq $name } $self->cases;

	croak "no case $name" unless $case;
	return "ARRAY['xero-tenant-id: $case->{tenant}']";
}

# asked(WHAT): the answer of GET /_hostile/WHAT.
sub asked
{
	my ($self, $what) = @_;

	return JSON::PP->new->allow_nonref->decode(
		$self->{http}->get($self->url("/_hostile/$what"))->{content});
}

# start_probe_node(NAME, TEXT): a started cluster, without wfm_fdw, in which
# the functions of http_probe exist; TEXT are further settings.
sub start_probe_node
{
	my ($name, $settings) = @_;
	my $node = PostgreSQL::Test::Cluster->new($name);

	$node->init;
	$node->append_conf('postgresql.conf', <<"END");
session_preload_libraries = '$ENV{WFM_MODULES}/http_probe'
wfm_fdw.allow_insecure_loopback = on
END
	$node->append_conf('postgresql.conf', $settings) if defined $settings;
	$node->start;
	$node->safe_psql('postgres', PostgreSQL::Test::Utils::slurp_file(
			"$ENV{WFM_SOURCE}/test/modules/http_probe/http_probe.sql")
		  =~ s/:'library'/'$ENV{WFM_MODULES}\/http_probe'/gr);
	return $node;
}

END
{
	my $exit_code = $?;

	$_->kill_kill(grace => 5) foreach @running;
	$? = $exit_code;
}

1;
