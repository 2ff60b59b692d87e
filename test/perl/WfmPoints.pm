# WfmPoints: the crash points of the token protocol, each in a world of its own.
#
#   # wfm-test: crashpoints
#   use WfmPoints;
#   my $world = WfmPoints->new('crash');
#   $world->mode('strict');
#   my $mark = $world->{sim}->mark;
#   $world->refresh_at('K08', 'kill');      # returns when the point was hit
#
# A mode is how the provider takes a refresh token that was used: within its
# grace by Xero's ways, without grace by BlueRock's, each with the connection
# made for it.  Between the token worker and the simulator stands a relay, so
# that a request can be stopped on its way.
#
# synchronous_commit is off in the server: what the token worker calls durable
# must be so all the same.  The log tells when a worker is started.

package WfmPoints;

use strict;
use warnings;

use IO::Select;
use IO::Socket::INET;
use IPC::Run;
use POSIX ();
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;
use WfmTest;

our @POINTS = map { sprintf 'K%02d', $_ } 1 .. 17;
our @MODES = qw(grace-same grace-new-both grace-new-kill nograce strict);

# How many bytes of a held request pass the relay.
use constant PASSED => 40;

my @relays;

sub new
{
	my ($class, $name) = @_;
	my $sim = WfmTest::Simulator->new('--clients', 1, '--jobs', 1, '--time', 1);
	my $node = WfmTest::start_node($name, settings => "restart_after_crash = on\nsynchronous_commit = off\nlog_min_messages = debug1\n");
	my $self = bless { sim => $sim, node => $node, order => $node->data_dir . '/wfm_crashpoint' }, $class;

	$self->{relay} = $self->_start_relay;
	foreach my $connection ([ 'xero', 'practicemanager/3.1' ], [ 'blue', 'bluerock/1', 'sim-bluerock-refresh-token' ])
	{
		my ($row, $api, $token) = @$connection;
		my %columns = %{ $sim->connection($api) };
		my $url = $columns{token_url} =~ s/:\d+/:$self->{relay}/r;

		WfmTest::connect_server($node, $sim, name => $row, api => $api, token_url => $url,
			defined $token ? (refresh_token => $token) : ());
		$self->wait_for("state = 'ready' AND generation > 1", $row);
	}
	$self->mode('grace-same');
	return $self;
}

# ---- the relay: passes everything on, unless it is told to hold a request ----

sub _start_relay
{
	my ($self) = @_;
	my $listener = IO::Socket::INET->new(Listen => 64, LocalAddr => '127.0.0.1', LocalPort => 0)
	  or die "no relay: $@";
	my $pid = fork // die "no relay: $!";

	if ($pid == 0)
	{
		$SIG{TERM} = 'DEFAULT';
		$SIG{CHLD} = 'IGNORE';
		while (1)
		{
			my $client = $listener->accept or next;
			next if fork;
			$self->_relay($client);
			POSIX::_exit(0);
		}
	}
	push @relays, $pid;
	return $listener->sockport;
}

sub _relay
{
	my ($self, $client) = @_;
	my $server = IO::Socket::INET->new(PeerAddr => '127.0.0.1', PeerPort => $self->{sim}->port) or return;
	my $hold = unlink $self->_file('hold');
	my $select = IO::Select->new($client, $server);
	my ($held, $holding) = ('', 0);

	while (1)
	{
		foreach my $from ($select->can_read(0.05))
		{
			sysread($from, my $bytes, 65536) or return;
			if ($hold && $from == $client)
			{
				$held = substr $bytes, PASSED, length $bytes, '';
				$holding = 1;
				append_to_file($self->_file('held'), '');
				$hold = 0;
			}
			syswrite($from == $client ? $server : $client, $bytes);
		}
		next unless $holding && unlink $self->_file('release');
		syswrite $server, $held;
		$holding = 0;
	}
}

sub _file { return $_[0]->{node}->basedir . "/relay_$_[1]"; }

# ---- what the tests ask ----

# mode(MODE): how the provider takes a used refresh token from now on.
sub mode
{
	my ($self, $mode) = @_;

	$self->{sim}->control('POST', 'tokens', { rotation => $mode });
	$self->{connection} = $mode =~ /^grace/ ? 'xero' : 'blue';
	return;
}

# one(SQL): the one value of a query.
sub one { return $_[0]->{node}->safe_psql('postgres', $_[1]); }

# row(COLUMNS): of wfm_tokens, of the mode's connection.
sub row
{
	my ($self, $columns) = @_;

	return $self->one("SELECT $columns FROM wfm_tokens WHERE connection = '$self->{connection}'");
}

# wait_for(CONDITION, CONNECTION): until a row of wfm_tokens is so, and the token
# worker has nothing more to do about it.
sub wait_for
{
	my ($self, $condition, $connection) = @_;
	my $result = $self->{node}->poll_query_until('postgres',
		"SELECT $condition FROM wfm_tokens WHERE connection = '" . ($connection || $self->{connection}) . "'");

	WfmTest::wait_for_worker($self->{node});
	return $result;
}

# seed(): another consent, if the last one is lost.
sub seed
{
	my ($self) = @_;

	return if $self->row('state') eq 'ready';
	my $blue = $self->{connection} eq 'blue';
	my $grant = $self->{sim}->control('POST', 'tokens',
		{ new_grant => { client_id => 'sim-client', vendor => $blue ? 'bluerock' : 'xero' } });
	$self->one("UPDATE wfm_connections SET refresh_token = '$grant->{refresh_token}' WHERE name = '$self->{connection}'");
	$self->wait_for("state = 'ready' AND access_token IS NOT NULL") or die 'no token from a fresh consent';
	return;
}

# posts(MARK): the token requests of the mode's connection that arrived whole.
sub posts
{
	my ($self, $mark) = @_;
	my $path = $self->{connection} eq 'blue' ? '/oauth/token' : '/connect/token';

	return scalar grep { $_->{path} eq $path && $_->{outcome} ne 'bad request' } $self->{sim}->token_requests_since($mark);
}

# order(TEXT): the next process that comes to the point obeys.
sub order
{
	my ($self, $text) = @_;

	unlink "$self->{order}.hit";
	append_to_file("$self->{order}.new", "$text\n");
	rename "$self->{order}.new", $self->{order} or die "$self->{order}: $!";
	return;
}

sub was_hit
{
	my ($self) = @_;

	return -e "$self->{order}.hit" ? slurp_file("$self->{order}.hit") : '';
}

# Does the server answer?  psql may end before it has read its statement.
sub answers
{
	my ($self, $sql) = @_;
	my $code = eval { ($self->{node}->psql('postgres', $sql))[0] };

	return defined $code && $code == 0;
}

# Places where a request stops on its way until it is released: how it is
# stopped, and how one sees that it is there.
sub _way_stops
{
	my ($self) = @_;
	my $sim = $self->{sim};
	my $path = $self->{connection} eq 'blue' ? '/oauth/token' : '/connect/token';
	my $stop = sub { $sim->fault({ match => { path => $path }, count => 1, action => { delay => WfmTest::HELD, @_ } }) };
	my $is_there = sub { $sim->wait_for_request(qr/^$path$/) };

	return {
		# a part of it is with the provider
		K06 => [
			sub { append_to_file($self->_file('hold'), '') },
			sub { WfmTest::wait_until(sub { return unlink $self->_file('held') }, 'the request of K06') } ],

		# it is with the provider, who loses it
		K07 => [ sub { $stop->(status => 503) }, $is_there ],

		# it was granted; the answer is not on its way yet
		K08 => [ $stop, $is_there ],
	};
}

# refresh_at(POINT, ACTION): a refresh (K16: a use) that comes to the point.
# Returns what the session that asked was told, when it has ended and the
# server answers again.
sub refresh_at
{
	my ($self, $point, $action) = @_;
	my $stop = $self->_way_stops->{$point};
	my $sql = $point eq 'K16' ? "SELECT wfm_identity('$self->{connection}')" : "SELECT wfm_refresh('$self->{connection}')";
	my $said = '';

	unlink $self->_file('release');
	WfmTest::wait_for_worker($self->{node});
	$stop->[0]->() if $stop;
	$self->order("$point $action") unless $stop;
	my $session = IPC::Run::start([ 'psql', '-X', '-q', '-d', $self->{node}->connstr('postgres'), '-c', $sql ],
		'<', \undef, '>', \$said, '2>', \$said);
	if ($stop)
	{
		$stop->[1]->();
		$self->order("$point $action");

		# The worker goes round its loop.
		$self->answers('SELECT pg_reload_conf()');
	}
	WfmTest::wait_until(sub { return $self->was_hit =~ /\n/ }, $point);

	# Once the process is gone, whoever gets an answer gets it after the crash.
	my ($pid) = $self->was_hit =~ /^$point kill (\d+)$/m;
	WfmTest::wait_until(sub { return !kill 0, $pid }, 'the end of a killed process') if $pid;

	# A request that the relay holds up for a dead process never goes on.
	append_to_file($self->_file('release'), '') if $point eq 'K06' && !$pid;
	$self->{sim}->release if $stop;
	$session->finish;
	WfmTest::wait_until(sub { return $self->answers('SELECT 1') }, 'the server answers');
	unlink $self->{order};
	return $said;
}

END
{
	my $exit_code = $?;

	foreach my $pid (@relays)
	{
		kill 'TERM', $pid;
		waitpid $pid, 0;
	}
	$? = $exit_code;
}

1;
