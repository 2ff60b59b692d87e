# WfmBrowser: headless Chromium, driven through ChromeDriver (W3C WebDriver).
#
#   my $browser = WfmBrowser->new(trust => FINGERPRINT);
#   $browser->open($url);
#   $browser->fill('input[name=login]', 'manager');
#   $browser->click('button[type=submit]');
#   my $address = $browser->wait_for_address(qr{^http://localhost/});
#
# trust is the SHA-256 of a public key, base64: its certificates are accepted,
# no others.  Both programs end with the test, by their own process ids.

package WfmBrowser;

use strict;
use warnings;

use Carp;
use File::Temp;
use HTTP::Tiny;
use IPC::Run;
use JSON::PP;
use PostgreSQL::Test::Utils;
use Time::HiRes qw(sleep time);

# The name under which WebDriver hands out elements.
my $element_key = 'element-6066-11e4-a52e-4f735466cecf';
my @running;

sub new
{
	my ($class, %options) = @_;
	my $log = "$PostgreSQL::Test::Utils::log_path/chromedriver.log";
	my $home = File::Temp->newdir('browserXXXX', TMPDIR => 1);
	my $self = bless { http => HTTP::Tiny->new(timeout => 120, proxy => undef), home => $home }, $class;

	{
		local $ENV{HOME} = "$home";
		delete local @ENV{qw(http_proxy https_proxy HTTP_PROXY HTTPS_PROXY ALL_PROXY all_proxy)};
		$self->{run} = IPC::Run::start(
			[ $ENV{WFM_CHROMEDRIVER} || 'chromedriver', '--port=0' ],
			'<', \undef, '>', $log, '2>&1');
	}
	push @running, $self;
	$self->{url} = 'http://127.0.0.1:' . $self->_port($log);

	my @arguments = qw(--headless --no-sandbox --disable-gpu --disable-quic --no-first-run
	  --disable-background-networking --disable-component-update --disable-sync
	  --disable-dev-shm-usage --no-proxy-server);
	push @arguments, "--user-data-dir=$home/profile",
	  "--ignore-certificate-errors-spki-list=$options{trust}";
	my $session = $self->_ask('POST', '/session', {
			capabilities => { alwaysMatch => {
				browserName => 'chrome',
				'goog:chromeOptions' => { args => \@arguments } } } });
	$self->{session} = "/session/$session->{sessionId}";
	$self->{version} = $session->{capabilities}{browserVersion};
	return $self;
}

sub _port
{
	my ($self, $log) = @_;
	my $deadline = time() + 60;

	while (time() < $deadline && $self->{run}->pumpable)
	{
		return $1 if PostgreSQL::Test::Utils::slurp_file($log) =~ /started successfully on port (\d+)/;
		sleep 0.05;
	}
	croak 'chromedriver did not start: ' . PostgreSQL::Test::Utils::slurp_file($log);
}

# A command; its value.  An answer that is no success dies with the text.
sub _ask
{
	my ($self, $method, $path, $body) = @_;
	my %content = $method eq 'POST' ? (
		headers => { 'content-type' => 'application/json' },
		content => JSON::PP->new->utf8->encode($body || {})) : ();
	my $answer = $self->{http}->request($method, $self->{url} . $path, \%content);

	croak "$method $path: $answer->{status} $answer->{content}" unless $answer->{success};
	return JSON::PP->new->utf8->decode($answer->{content})->{value};
}

sub open { $_[0]->_ask('POST', "$_[0]->{session}/url", { url => $_[1] }); return; }
sub address { return $_[0]->_ask('GET', "$_[0]->{session}/url"); }
sub version { return $_[0]->{version}; }

sub _elements
{
	my ($self, $selector) = @_;

	return $self->_ask('POST', "$self->{session}/elements",
		{ using => 'css selector', value => $selector });
}

# Is there an element of this CSS selector on the page?
sub has { return scalar @{ $_[0]->_elements($_[1]) }; }

# The element of a CSS selector, once it is there.
sub _find
{
	my ($self, $selector) = @_;
	my $deadline = time() + 30;

	while (1)
	{
		my $found = $self->_elements($selector);
		return $found->[0]{$element_key} if @$found;
		croak "no $selector at " . $self->address if time() > $deadline;
		sleep 0.1;
	}
}

sub fill
{
	my ($self, $selector, $text) = @_;

	$self->_ask('POST', "$self->{session}/element/" . $self->_find($selector) . '/value', { text => $text });
	return;
}

sub click
{
	my ($self, $selector) = @_;

	$self->_ask('POST', "$self->{session}/element/" . $self->_find($selector) . '/click');
	return;
}

# What the address bar says once it matches, although the page may not load.
sub wait_for_address
{
	my ($self, $pattern) = @_;
	my $deadline = time() + 30;

	while (1)
	{
		my $address = $self->address;
		return $address if $address =~ $pattern;
		croak "still at $address" if time() > $deadline;
		sleep 0.1;
	}
}

sub stop
{
	my ($self) = @_;
	my $run = delete $self->{run} or return;

	eval { $self->_ask('DELETE', $self->{session}) } if $self->{session};
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
