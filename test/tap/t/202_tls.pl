# Encryption, and to whom: which certificates are taken, what wfm_fdw.ca_file
# does, and that neither the environment nor a proxy of it leads elsewhere.
#
# wfm-test: module:http_probe

use strict;
use warnings;

use IO::Select;
use IO::Socket::INET;
use IPC::Run;
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;
use Time::HiRes qw(sleep);

use WfmHostile;

my $folder = "$PostgreSQL::Test::Utils::tmp_check/tls";
my %port = map { split ' ' } split /\n/, WfmHostile::start('tls-server', $folder);
my $key_log = "$PostgreSQL::Test::Utils::tmp_check/keys.log";

# A proxy of the environment that would take every request if it were asked.
my $proxy = IO::Socket::INET->new(LocalAddr => '127.0.0.1', Listen => 16, Blocking => 0)
  or die "could not listen: $!";
my $proxy_url = 'http://127.0.0.1:' . $proxy->sockport;

my $node;
{
	local @ENV{qw(http_proxy https_proxy HTTPS_PROXY all_proxy ALL_PROXY)} = ($proxy_url) x 5;
	local $ENV{no_proxy} = '';
	local $ENV{SSLKEYLOGFILE} = $key_log;
	local $ENV{SSL_CERT_FILE} = "$folder/stranger.crt";
	$node = WfmHostile::start_probe_node('main');
}

# probe(NAME, HOST): failure and libcurl's words, "ok|" or "tls_trust|...".
sub probe
{
	my ($name, $host) = @_;
	$host = '127.0.0.1' unless defined $host;

	return $node->safe_psql('postgres',
		"SELECT failure, detail FROM http_probe('https://$host:$port{$name}/', total_timeout_ms => 60000)");
}

like(probe('good'), qr/^tls_trust\|/, 'without ca_file the test authority is unknown');
like(probe('selfsigned'), qr/^tls_trust\|/, 'so is a certificate that signed itself');

$node->append_conf('postgresql.conf', "wfm_fdw.ca_file = '$folder/ca.crt'");
$node->reload;

is(probe('good'), 'ok|', 'ca_file: its authority is trusted, by address');
is(probe('good', 'localhost'), 'ok|', 'and by name');
like(probe('untrusted'), qr/^tls_trust\|/, 'a certificate of another authority is not');
like(probe('selfsigned'), qr/^tls_trust\|/, 'nor one that signed itself');
like(probe('expired'), qr/^tls_trust\|.*expired/, 'nor one that expired');
like(probe('wronghost'), qr/^tls_trust\|/, 'nor one for another host');
like(probe('noname'), qr/^(?:tls_trust|ok)\|/, 'one without alternative names is judged by its common name');
like(probe('tls11'), qr/^tls\|/, 'TLS 1.1 is not spoken');
like(probe('plain'), qr/^tls\|/, 'a server that speaks no TLS');

# The same connection serves the next request.
is($node->safe_psql('postgres', <<"END"), "f\nt", 'a TLS connection is used again');
SELECT reused FROM http_probe('https://127.0.0.1:$port{good}/');
SELECT reused FROM http_probe('https://127.0.0.1:$port{good}/');
END
is($node->safe_psql('postgres', <<"END"), "f\nf", 'but not for tokens');
SELECT reused FROM http_probe('https://127.0.0.1:$port{good}/', token_exchange => true);
SELECT reused FROM http_probe('https://127.0.0.1:$port{good}/', token_exchange => true);
END

# Trust that is taken back holds for the next request, warm connection or not.
my $session = $node->background_psql('postgres');
my $failure = sub { return $session->query_safe("SELECT failure FROM http_probe('https://127.0.0.1:$port{$_[0]}/')"); };
is($failure->('good'), 'ok', 'a session with a warm connection');
$node->safe_psql('postgres', "ALTER SYSTEM SET wfm_fdw.ca_file = '$folder/stranger.crt'");
$node->reload;
# It reads its settings between two statements, once the signal has come.
for (1 .. 600)
{
	last if $session->query_safe('SHOW wfm_fdw.ca_file') eq "$folder/stranger.crt";
	sleep 0.1;
}
is(join(' ', map { $failure->($_) } 'good', 'untrusted'), 'tls_trust ok', 'another ca_file holds at once');
$session->quit;

$node->safe_psql('postgres', "ALTER SYSTEM SET wfm_fdw.ca_file = '$folder/absent.crt'");
$node->reload;
like(probe('good'), qr/^tls_trust\|/, 'a ca_file that is not there trusts nobody');
$node->safe_psql('postgres', 'ALTER SYSTEM RESET wfm_fdw.ca_file');
$node->reload;

ok(!$proxy->accept, 'no request went to the proxy of the environment');
ok(!-e $key_log, 'no key was written to SSLKEYLOGFILE');
like(slurp_file($node->logfile), qr/LOG:  wfm_fdw ignores the environment variable SSLKEYLOGFILE/,
	'and the log says so');

# The proxy of our own setting is asked, and for https alone.
$node->append_conf('postgresql.conf', "wfm_fdw.proxy = '$proxy_url'");
$node->reload;
# A port that is taken, so that nobody else listens there, but does not listen.
my $gone = IO::Socket::INET->new(LocalAddr => '127.0.0.1', Proto => 'tcp')
  or die "could not bind: $!";
like($node->safe_psql('postgres', "SELECT failure FROM http_probe('http://127.0.0.1:" . $gone->sockport . "/')"),
	qr/^connect$/, 'plain http to this machine goes through no proxy');
ok(!$proxy->accept, 'indeed not');
my $probe = IPC::Run::start([ 'psql', '-XAtq', '-d', $node->connstr('postgres'), '-c', "SELECT http_probe('https://127.0.0.1:$port{good}/')" ],
	'<', \undef, '>', \my $out, '2>', \my $err);
IO::Select->new($proxy)->can_read(60);
my $asked = $proxy->accept;
ok($asked, 'wfm_fdw.proxy is asked for https');
my $words = '';
if ($asked)
{
	$asked->blocking(1);
	1 while $words !~ /\r\n\r\n/ && sysread $asked, $words, 1000, length $words;
	close $asked;
}
$probe->finish;
like($words, qr/^CONNECT 127\.0\.0\.1:$port{good} /, 'for a tunnel');
unlike($words, qr/authorization/i, 'and told no secret');

done_testing();
