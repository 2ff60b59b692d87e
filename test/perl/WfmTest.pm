# WfmTest: a PostgreSQL server with wfm_fdw and a simulator beside it.
#
#   use WfmTest;
#   my $sim  = WfmTest::Simulator->new('--clients', 30);
#   my $node = WfmTest::start_node('main');
#   WfmTest::connect_tables($node, $sim);           # schema acme
#   my $mark = $sim->mark;
#   is($node->safe_psql('postgres', 'SELECT count(*) FROM acme.client'), 30);
#   is(scalar(() = $sim->calls_since($mark)), 1);
#
# The driver (test/run) sets WFM_SOURCE, the folder that holds test/, and
# WFM_PYTHON.  Both servers end with the test, however it ends.

package WfmTest;

use strict;
use warnings;

use Carp;
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Time::HiRes qw(sleep time);

# So many seconds hold a request up until it is released: longer than any test
# takes.
use constant HELD => 3600;

# A signal must run the END blocks, which stop the servers.
$SIG{TERM} = $SIG{INT} = $SIG{HUP} = sub { exit 1 };

# The settings every server of the tests has.  The key file stands beside the
# data directory, where a backup of it does not reach.
sub settings
{
	my ($node) = @_;
	my $key_file = $node->basedir . '/wfm_fdw.key';

	return <<"END";
shared_preload_libraries = 'wfm_fdw'
wfm_fdw.allow_insecure_loopback = on
wfm_fdw.key_file = '$key_file'
END
}

# start_node(NAME, settings => TEXT, database => NAME, extension => 0,
# init => [...]): a started cluster in which the extension is created.
sub start_node
{
	my ($name, %options) = @_;
	my $node = PostgreSQL::Test::Cluster->new($name);

	$node->init(@{ $options{init} || [] });
	$node->append_conf('postgresql.conf', settings($node));
	$node->append_conf('postgresql.conf', $options{settings})
	  if defined $options{settings};
	$node->start;
	$node->safe_psql($options{database} || 'postgres', 'CREATE EXTENSION wfm_fdw')
	  unless exists $options{extension} && !$options{extension};
	return $node;
}

# insert_connection(NODE, ROW, DATABASE): a row of wfm_connections; columns that
# are not defined are left out.
sub insert_connection
{
	my ($node, $row, $database) = @_;
	my @columns = sort grep { defined $row->{$_} } keys %$row;

	$node->safe_psql($database || 'postgres', sprintf 'INSERT INTO wfm_connections (%s) VALUES (%s)',
		join(', ', @columns), join(', ', map { literal($row->{$_}) } @columns));
	return;
}

# connect_server(NODE, SIMULATOR, name => 'acme', api => DIALECT, …): a row of
# wfm_connections that points at the simulator, and a foreign server.
# server => TEXT are its options instead of "connection 'acme'"; what else is
# given are columns of wfm_connections.
sub connect_server
{
	my ($node, $sim, %options) = @_;
	my $database = delete $options{database} || 'postgres';
	my $name = delete $options{name} || 'acme';
	my $server = delete $options{server} || "connection '$name'";
	my %row = (%{ $sim->connection($options{api}) }, %options, name => $name);

	insert_connection($node, \%row, $database);
	$node->safe_psql($database,
		"CREATE SERVER $name FOREIGN DATA WRAPPER wfm_fdw OPTIONS ($server)");
	return $name;
}

# connect_tables(NODE, SIMULATOR, …): connect_server and every table of the
# dialect in a schema of the server's name.
sub connect_tables
{
	my ($node, $sim, %options) = @_;
	my $database = $options{database} || 'postgres';
	my $name = connect_server($node, $sim, %options);

	$node->safe_psql($database,
		"CREATE SCHEMA $name; IMPORT FOREIGN SCHEMA wfm FROM SERVER $name INTO $name");
	return $name;
}

# wait_until(CODE, WHAT): until CODE returns something true; dies where that
# never comes.  The time is PostgreSQL's own for its tests.
sub wait_until
{
	my ($code, $what) = @_;
	my $deadline = time() + $PostgreSQL::Test::Utils::timeout_default;

	while (time() < $deadline)
	{
		my $result = $code->();

		return $result if $result;
		sleep 0.02;
	}
	croak "waited in vain: $what";
}

# wait_for_token(NODE, NAME, DATABASE): until the connection has an access token
# that sessions can use.  One that was given a refresh token gets it without
# being asked; before that a test cannot tell which request was whose.
sub wait_for_token
{
	my ($node, $name, $database) = @_;

	$node->poll_query_until($database || 'postgres',
		"SELECT state = 'ready' AND expires_at > now() FROM wfm_stat_connections WHERE name = " . literal($name))
	  or croak "no token for $name";
	return;
}

# wait_for_worker(NODE): until every token worker waits for the network or for
# what comes next: what the rows and the log of a simulator say by now has been
# told to all, and the next thing it hears of is dealt with from the beginning.
sub wait_for_worker
{
	my ($node) = @_;

	$node->poll_query_until('postgres', <<'END') or croak 'the token worker does not come to rest';
SELECT NOT EXISTS (SELECT FROM pg_stat_activity
	WHERE backend_type = 'wfm_fdw token worker' AND wait_event_type IS DISTINCT FROM 'Extension')
END
	return;
}

# wait_for_sessions(NODE, PATTERN, NUMBER): until so many sessions with such a
# statement wait for a token, an answer, or their turn.
sub wait_for_sessions
{
	my ($node, $pattern, $number) = @_;

	$node->poll_query_until('postgres', sprintf <<'END', $number, literal($pattern)) or croak "$number sessions do not wait: $pattern";
SELECT count(*) = %d FROM pg_stat_activity
WHERE query LIKE %s AND backend_type = 'client backend' AND wait_event_type = 'Extension'
END
	return;
}

# A text as an SQL literal.
sub literal
{
	my ($text) = @_;

	$text =~ s/'/''/g;
	return "'$text'";
}

package WfmTest::Simulator;

use strict;
use warnings;

use Carp;
use HTTP::Tiny;
use IPC::Run;
use JSON::PP;
use Time::HiRes qw(sleep time);

my $count = 0;
my @running;

# new(OPTION, …): a started simulator; the options are its command line's.
sub new
{
	my ($class, @options) = @_;
	my $number = ++$count;
	my $self = bless {
		port_file => "$PostgreSQL::Test::Utils::tmp_check/simulator_$number.port",
		log => "$PostgreSQL::Test::Utils::log_path/simulator_$number.log",
		http => HTTP::Tiny->new(timeout => $PostgreSQL::Test::Utils::timeout_default, proxy => undef),
	}, $class;
	my @command = (
		$ENV{WFM_PYTHON} || 'python3',
		"$ENV{WFM_SOURCE}/test/simulator/wfm-simulator",
		'--port', 0, '--port-file', $self->{port_file}, @options);

	unlink $self->{port_file};
	$self->{run} = IPC::Run::start(\@command, '<', \undef, '>', $self->{log}, '2>&1');
	push @running, $self;
	$self->{port} = $self->_wait_for_port;
	return $self;
}

sub _wait_for_port
{
	my ($self) = @_;
	my $deadline = time() + $PostgreSQL::Test::Utils::timeout_default;

	while (time() < $deadline)
	{
		if (-s $self->{port_file})
		{
			my $port = PostgreSQL::Test::Utils::slurp_file($self->{port_file});
			return $1 if $port =~ /^(\d+)\s/;
		}
		last unless $self->{run}->pumpable;
		sleep 0.02;
	}
	$self->stop;
	croak "the simulator did not start: "
	  . (-e $self->{log} ? PostgreSQL::Test::Utils::slurp_file($self->{log}) : '');
}

sub port { return $_[0]->{port}; }
sub url { return "http://127.0.0.1:$_[0]->{port}"; }

# control(METHOD, PATH, BODY): a request to /_control/PATH; the decoded answer.
sub control
{
	my ($self, $method, $path, $body) = @_;
	my $answer = $self->_request($method, $path, $body);

	return JSON::PP->new->decode($answer);
}

sub _request
{
	my ($self, $method, $path, $body) = @_;
	my %content = defined $body ? (content => JSON::PP->new->encode($body)) : ();
	my $answer = $self->{http}->request($method, $self->url . "/_control/$path", \%content);

	croak "$method /_control/$path: $answer->{status} $answer->{content}"
	  unless $answer->{success};
	return $answer->{content};
}

sub state { return $_[0]->control('GET', 'state'); }

# fault(RULE): adds a rule (test/simulator/README.md); its number.
sub fault
{
	my ($self, $rule) = @_;

	return $self->control('POST', 'faults', $rule)->{ids}[0];
}

sub no_faults { return $_[0]->control('DELETE', 'faults'); }

# release: no more rules, and what one of them holds up goes on at once.
sub release { return $_[0]->control('POST', 'release', {}); }

# wait_for_request(PATTERN): until a request for such a path is under way, as
# one does that a rule holds up: { delay => WfmTest::HELD }.
sub wait_for_request
{
	my ($self, $pattern) = @_;

	WfmTest::wait_until(sub { return grep { $_->{path} =~ $pattern } @{ $self->state->{http}{active} } },
		"a request for $pattern");
	return;
}

# switches(to => 'exclusive', …): sets what the vendor leaves open.
sub switches
{
	my ($self, %switches) = @_;

	return $self->control('POST', 'switches', \%switches);
}

# mark: a point in the request log, for requests_since() and its kin.
sub mark { return $_[0]->settled_state->{last_seq}; }

# The state once no request is under way: an answer that is spoilt, or whose
# reader has left, is logged when that is done.
sub settled_state
{
	my ($self) = @_;
	my $state;

	WfmTest::wait_until(sub { $state = $self->state; return !@{ $state->{http}{active} }; },
		'no request is under way');
	return $state;
}

# Every request since a mark, as the hashes of the request log.
sub requests_since
{
	my ($self, $mark) = @_;

	$self->settled_state;
	return map { JSON::PP->new->decode($_) }
	  grep { /\S/ } split /\n/, $self->_request('GET', "log?since=$mark");
}

# Those of them that went to the API itself.
sub calls_since
{
	my ($self, $mark) = @_;

	return grep { defined $_->{dialect} } $self->requests_since($mark);
}

# And those for tokens.
sub token_requests_since
{
	my ($self, $mark) = @_;

	return grep { $_->{path} =~ m{/token$} } $self->requests_since($mark);
}

# csv(TABLE, DIALECT): the simulator's own dump of a table, a text.
sub csv
{
	my ($self, $table, $dialect) = @_;

	return $self->_request('GET', "csv/$table?dialect=" . ($dialect || 'practicemanager/3.1'));
}

# csv_file(TABLE, DIALECT): the same in a file that COPY reads; its path, and
# the names of its columns.
sub csv_file
{
	my ($self, $table, $dialect) = @_;
	my $name = join '-', 'dump', $self->{port}, $dialect || (), $table;
	my $path = "$PostgreSQL::Test::Utils::tmp_check/" . ($name =~ tr{/}{_}r) . '.csv';
	my $text = $self->csv($table, $dialect);
	my ($header) = $text =~ /^([^\r\n]*)/;

	open my $file, '>', $path or croak "$path: $!";
	binmode $file;
	print $file $text;
	close $file;
	return ($path, split /,/, $header);
}

# tenant_id(TYPE, N): the N-th tenant (from 0) of PRACTICEMANAGER or WORKFLOWMAX.
sub tenant_id
{
	my ($self, $type, $n) = @_;
	my @tenants = grep { $_->{type} eq $type } @{ $self->state->{tenants} };

	return $tenants[ $n || 0 ]{tenant_id};
}

# connection(DIALECT): the columns of a wfm_connections row for this simulator.
sub connection
{
	my ($self, $api) = @_;
	$api = 'practicemanager/3.1' unless defined $api;
	my $type = $api =~ /^practicemanager/ ? 'PRACTICEMANAGER' : 'WORKFLOWMAX';
	my $bluerock = $api =~ /^bluerock/;
	my $url = $self->url;

	return {
		api => $api,
		client_id => 'sim-client',
		client_secret => 'sim-secret',
		refresh_token => 'sim-refresh-token',
		tenant_id => $self->tenant_id($type),
		api_url => "$url/$api/",
		token_url => $bluerock ? "$url/oauth/token" : "$url/connect/token",
		authorize_url => $bluerock ? "$url/oauth/authorize" : "$url/identity/connect/authorize",
		connections_url => $bluerock ? undef : "$url/connections",
	};
}

sub stop
{
	my ($self) = @_;
	my $run = delete $self->{run} or return;

	$run->kill_kill(grace => 5);
	@running = grep { $_ != $self } @running;
	return;
}

END
{
	my $exit_code = $?;

	$_->stop foreach @running;
	$? = $exit_code;
}

1;
