# The transport by itself: bodies of every size and shape arrive as sent, large
# ones through a temporary file that obeys the server's rules and never
# outlives its owner; what may be requested; what a connection is used for.
#
# wfm-test: module:http_probe

use strict;
use warnings;

use IO::Socket::IP;
use POSIX ();
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;
use Time::HiRes qw(sleep);

use WfmHostile;

my $hostile = WfmHostile->new;
my $node = WfmHostile::start_probe_node('main', "log_temp_files = 0\n");
my $tmp = $node->data_dir . '/base/pgsql_tmp';

sub temporary_files
{
	opendir my $dir, $tmp or return 0;
	return scalar grep { !/^\./ } readdir $dir;
}

# ---- bodies ----

foreach my $size (0, 1, 16384, 131072, 1048575, 1048576, 1048577, 1179648, 1179649, 5000000)
{
	foreach my $how ('length', 'chunked', 'close', 'gzip')
	{
		is($node->safe_psql('postgres', <<"END"), 't|t|t', "$size bytes, $how");
SELECT failure = 'ok' AND status = 200, body_bytes = $size,
       md5 = md5_again AND md5 = md5(substr(repeat('0123456789abcdef' || E'\\n', 1 + $size / 17), 1, $size))
FROM http_probe('${\ $hostile->url("/body/$how/$size")}')
END
	}
}
is(temporary_files(), 0, 'no temporary file is left');
like(slurp_file($node->logfile), qr/LOG:  temporary file: path "base\/pgsql_tmp\/[^"]+", size [1-9]/,
	'large bodies go through the temporary files of the server');

is($node->safe_psql('postgres',
	"SELECT sum(n), max(n) FROM http_probe_stream('" . $hostile->url('/body/chunked/5000000') . "') n"),
	'5000000|8192', 'a body is read while it arrives');

my ($code, $out, $errors) = $node->psql('postgres',
	"\\set VERBOSITY sqlstate\nSET temp_file_limit = '1MB';\n"
	  . "SELECT http_probe('" . $hostile->url('/body/length/5000000') . "');\n"
	  . "SELECT http_probe_counters();\n"
	  . "SELECT failure FROM http_probe('" . $hostile->url('/body/length/1500000') . "');",
	on_error_stop => 0);
like($errors, qr/ERROR:  53400/, 'temp_file_limit holds');
is($out, "{0,0,0}\nok", 'and the session goes on');
is(temporary_files(), 0, 'without its file');

foreach my $limit ([ 100, 'ok' ], [ 99, 'too_big' ])
{
	foreach my $how ('length', 'chunked', 'gzip')
	{
		is($node->safe_psql('postgres',
			"SELECT failure FROM http_probe('" . $hostile->url("/body/$how/100")
			  . "', max_body_bytes => $limit->[0])"),
			$limit->[1], "100 bytes under a limit of $limit->[0], $how");
	}
}
is($node->safe_psql('postgres', "SELECT failure FROM http_probe('" . $hostile->url('/body/length/65536')
	  . "', token_exchange => true), http_probe('" . $hostile->url('/body/length/65537')
	  . "', token_exchange => true) AS more (failure_of_more) WHERE failure_of_more = 'too_big'"),
	'ok', 'a token answer of more than 64 KiB is refused');

# ---- temporary files, cursors, savepoints ----

# Five megabytes of which little was read, so that a file is open.
my $stream = "SELECT http_probe_stream('" . $hostile->url('/body/length/5000000') . "')";
my $wait = 'SELECT pg_sleep(0.05)';
my %scripts = (
	'cursor closed early' => "BEGIN; DECLARE c CURSOR FOR $stream; FETCH 200 FROM c; CLOSE c; COMMIT;",
	'cursor open at commit' => "BEGIN; DECLARE c CURSOR FOR $stream; FETCH 200 FROM c; COMMIT;",
	'cursor open at rollback' => "BEGIN; DECLARE c CURSOR FOR $stream; FETCH 200 FROM c; ROLLBACK;",
	'cursor of a failed transaction' =>
	  "BEGIN; DECLARE c CURSOR FOR $stream; FETCH 200 FROM c; SELECT 1/0; ROLLBACK;",
	'cursor of a savepoint' => "BEGIN; SAVEPOINT s; DECLARE c CURSOR FOR $stream; FETCH 200 FROM c; "
	  . "ROLLBACK TO s; $wait; COMMIT;",
	'cursor read in a savepoint' => "BEGIN; DECLARE c CURSOR FOR $stream; SAVEPOINT s; FETCH 200 FROM c; "
	  . "ROLLBACK TO s; FETCH 200 FROM c; COMMIT;",
	'cursor across savepoints' => "BEGIN; DECLARE c CURSOR FOR $stream; FETCH 150 FROM c; SAVEPOINT s; "
	  . "FETCH 100 FROM c; RELEASE s; FETCH 100 FROM c; SAVEPOINT t; ROLLBACK TO t; FETCH ALL FROM c; COMMIT;",
	'cursor with hold' => "BEGIN; DECLARE c CURSOR WITH HOLD FOR $stream; FETCH 1 FROM c; COMMIT; "
	  . 'FETCH ALL FROM c; CLOSE c;',
	'error while reading' => "SELECT 1 / (count(*) - count(*)) FROM (SELECT http_probe_stream('"
	  . $hostile->url('/body/length/5000000') . "') LIMIT 200) x;",
	'error in mid-stream' => "SELECT 1 / (200 - row_number() OVER ()) FROM ($stream) x;",
	'caught in PL/pgSQL' => "DO \$\$ DECLARE n int; BEGIN FOR i IN 1..5 LOOP BEGIN "
	  . "FOR n IN $stream LOOP IF random() < 0.005 THEN RAISE 'enough'; END IF; END LOOP; "
	  . 'EXCEPTION WHEN raise_exception THEN NULL; END; END LOOP; END $$;',
	# The executor of a function's query dies after the resource owner.
	'error inside a function' => 'SELECT pg_temp.divide();',
	'error caught in a function' => 'SELECT pg_temp.divide_and_catch();',
	'limit' => "SELECT count(*) FROM ($stream LIMIT 200) x;",
	'cursor, then the session ends' => "BEGIN; DECLARE c CURSOR FOR $stream; FETCH 200 FROM c;",
);

# A file closed twice would make the server hand out one descriptor twice: two
# sorts at once would then read each other's runs.
my $two_sorts = "SET work_mem = '64kB'; SET enable_hashjoin = off; SET enable_nestloop = off; "
  . "SELECT 'sorted ' || count(*) FROM (SELECT a FROM generate_series(1, 20000) a ORDER BY a % 7) x "
  . 'JOIN (SELECT b FROM generate_series(1, 20000) b ORDER BY b % 5) y ON a = b;';

my $functions = <<"END";
CREATE FUNCTION pg_temp.divide() RETURNS void LANGUAGE plpgsql AS \$\$
BEGIN
	PERFORM 1 / (200 - row_number() OVER ()) FROM ($stream) x;
END \$\$;
CREATE FUNCTION pg_temp.divide_and_catch() RETURNS void LANGUAGE plpgsql AS \$\$
BEGIN
	PERFORM pg_temp.divide();
EXCEPTION WHEN division_by_zero THEN
	NULL;
END \$\$;
END

foreach my $name (sort keys %scripts)
{
	my $from = -s $node->logfile;
	my $then = $name =~ /session ends/ ? '' : "\nSELECT 'alive ' || (http_probe_counters())[2];\n"
	  . "$two_sorts\nSELECT failure FROM http_probe('" . $hostile->url('/body/length/5') . "');";

	($code, $out, $errors) = $node->psql('postgres', $functions . join(";\n", split /; (?![^\$]*\$\$;)/, $scripts{$name})
		  . $then, on_error_stop => 0);
	if ($then)
	{
		like($out, qr/^alive 0$/m, "$name: no transfer is left");
		like($out, qr/^sorted 20000$/m, "$name: the server's own files are sound");
		like($out, qr/^ok$/m, "$name: and the session goes on");
	}
	# A backend is still ending when psql has ended.
	$node->poll_query_until('postgres',
		"SELECT count(*) = 1 FROM pg_stat_activity WHERE backend_type = 'client backend'");
	is(temporary_files(), 0, "$name: no temporary file is left");
	unlike(slurp_file($node->logfile, $from), qr/WARNING|PANIC|terminated by signal|closed before its transfer/,
		"$name: nothing to complain of");
}

# ---- what may be requested ----

my @refused = (
	[ "'http://api.example.com/'", '{}', 'plain http to another machine' ],
	[ "'http://127.0.0.1.example.com/'", '{}', 'or to one that looks like this one' ],
	[ "'http://2130706433/'", '{}', 'or in an odd notation' ],
	[ "'ftp://127.0.0.1/'", '{}', 'another scheme' ],
	[ "'file:///etc/passwd'", '{}', 'a file' ],
	[ "'https://user:secret\@127.0.0.1/'", '{}', 'a password in the URL' ],
	[ "E'https://127.0.0.1/\\r\\nX: y'", '{}', 'a line break in the URL' ],
	[ "'" . $hostile->url('/') . "'", "E'X: a\\r\\nY: b'", 'a line break in a header' ],
	[ "'" . $hostile->url('/') . "'", "E'X: a\\x01'", 'a control byte in a header' ],
	[ "'" . $hostile->url('/') . "'", "'X y: a'", 'a blank in a header name' ],
	[ "'" . $hostile->url('/') . "'", "'X:'", 'a header without a value' ],
	[ "'" . $hostile->url('/') . "'", "'X: ' || chr(233)", 'a header that is not ASCII' ],
);
foreach my $case (@refused)
{
	my ($url, $header, $what) = @$case;
	my $headers = $header eq '{}' ? "'{}'" : "ARRAY[$header]";

	is($node->safe_psql('postgres',
		"SELECT failure, maybe_sent, detail <> '' FROM http_probe($url, $headers)"),
		'refused|f|t', "refused: $what");
}
# This machine by its other names; libcurl itself says what "localhost" is.
foreach my $host ('localhost', '127.0.0.1', '127.0.0.2', '[::1]')
{
	SKIP:
	{
		my $listener = IO::Socket::IP->new(LocalHost => $host =~ tr/[]//dr, LocalPort => 0, Listen => 5)
		  or skip "this machine has no $host", 1;
		my $port = $listener->sockport;
		my $pid = fork();

		die "could not fork: $!" unless defined $pid;
		if (!$pid)
		{
			my $client = $listener->accept;
			sysread $client, my $request, 4096;
			syswrite $client, "HTTP/1.1 200 OK\r\nContent-Length: 2\r\nConnection: close\r\n\r\nok";
			POSIX::_exit(0);
		}
		is($node->safe_psql('postgres', "SELECT failure, status FROM http_probe('http://$host:$port/')"),
			'ok|200', "plain http to $host");
		kill 'KILL', $pid;
		waitpid $pid, 0;
	}
}
$node->append_conf('postgresql.conf', 'wfm_fdw.allow_insecure_loopback = off');
$node->reload;
is($node->safe_psql('postgres', "SELECT failure, detail FROM http_probe('" . $hostile->url('/') . "')"),
	'refused|unencrypted http needs wfm_fdw.allow_insecure_loopback', 'plain http is off unless it is allowed');
$node->append_conf('postgresql.conf', 'wfm_fdw.allow_insecure_loopback = on');
$node->reload;

# ---- what is sent ----

my $sent = $node->safe_psql('postgres', "SELECT first_bytes FROM http_probe('" . $hostile->url('/echo?a=%2F../b')
	  . "', ARRAY['Authorization: Bearer x'])");
like($sent, qr{^GET /echo\?a=%2F\.\./b HTTP/1\.1\.\.}, 'the URL is sent as it is');
$sent = $node->safe_psql('postgres',
	"SELECT failure FROM http_probe('" . $hostile->url('/echo') . "', ARRAY['Authorization: Bearer x'])");
my %heads = map { lc((split /: /, $_)[0]) => (split /: /, $_)[1] }
  @{ $hostile->asked('last_headers') };
is($heads{'user-agent'}, 'wfm_fdw/1.0', 'User-Agent');
is($heads{'accept-encoding'}, 'gzip', 'Accept-Encoding');
is($heads{'authorization'}, 'Bearer x', 'headers that were given');
$node->safe_psql('postgres', "SELECT failure FROM http_probe('" . $hostile->url('/echo')
	  . "', post_body => repeat('a=b&', 500000), token_exchange => true)");
%heads = map { lc((split /: /, $_)[0]) => (split /: /, $_)[1] } @{ $hostile->asked('last_headers') };
is($heads{'content-length'}, 2000000, 'a POST has its length');
is($heads{'expect'}, undef, 'and does not ask before it sends');

# ---- a dying connection ----

is($node->safe_psql('postgres', <<"END"), "ok\nok", 'a GET is sent again when a kept connection was dead');
SELECT failure FROM http_probe('${\ $hostile->url('/x')}', ${\ $hostile->headers('closes_although_kept_alive')});
SELECT failure FROM http_probe('${\ $hostile->url('/x')}', ${\ $hostile->headers('closes_although_kept_alive')});
END
my $before = $hostile->asked('posts');
is($node->safe_psql('postgres', <<"END"), "ok|f\nreceive|t", 'a token POST is never sent twice');
SELECT failure, reused FROM http_probe('${\ $hostile->url('/echo')}', post_body => 'x', token_exchange => true);
SELECT failure, maybe_sent FROM http_probe('${\ $hostile->url('/read_and_close')}', post_body => 'x', token_exchange => true);
END
is($hostile->asked('posts') - $before, 2, 'by the count of the server');

done_testing();
