# No secret leaves: unique ones are put in by the documented ways, good and
# failing, used in every way there is while everything is logged, and then
# looked for wherever PostgreSQL puts bytes.

use strict;
use warnings;

use HTTP::Tiny;
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;

use WfmCanary;
use WfmTest;

my $sim = WfmTest::Simulator->new('--clients', 5, '--jobs', 5, '--time', 5,
	'--minute-limit', 100000, '--day-limit', 1000000, '--concurrent-limit', 50, '--auto-consent');
my $node = WfmTest::start_node('canary', init => [ allows_streaming => 'logical', extra => [ '--encoding', 'UTF8' ] ], settings => <<'END');
shared_preload_libraries = 'pg_stat_statements, auto_explain, wfm_fdw'
log_statement = all
log_min_messages = debug5
log_min_error_statement = debug5
log_parameter_max_length = -1
log_parameter_max_length_on_error = -1
log_duration = on
auto_explain.log_min_duration = 0
auto_explain.log_analyze = on
auto_explain.log_verbose = on
pg_stat_statements.track = all
END
my $output = '';

# Everything a client sees is kept.
sub run_sql
{
	my ($sql, %options) = @_;
	my ($code, $out, $err) = $node->psql('postgres',
		"SET client_min_messages = debug5;\n\\set VERBOSITY verbose\n\\set SHOW_CONTEXT always\n$sql", %options);

	$output .= "$out\n$err\n";
	return ($out, $err);
}

sub works
{
	my ($sql, $name) = @_;
	my ($out, $err) = run_sql($sql);

	unlike($err, qr/ERROR: /, $name);
	return $out;
}

sub fails
{
	my ($sql, $state, $name, %options) = @_;
	my ($out, $err) = run_sql($sql, %options);

	like($err, qr/ERROR:  (?:$state): /, $name);
	return $err;
}

sub file
{
	my ($name, $content) = @_;
	my $path = $node->basedir . "/$name";

	open my $file, '>', $path or die "$path: $!";
	print $file $content;
	close $file;
	chmod 0600, $path;
	return $path;
}

# A secret of 40 characters that is nowhere else.
sub secret
{
	my ($word) = @_;
	my @letters = ('A' .. 'Z', 'a' .. 'z', 0 .. 9);

	return substr($word . join('', map { $letters[ rand @letters ] } 1 .. 40), 0, 40);
}

# What a process can write to and does not share; undef if it may not be read.
sub private_memory
{
	my ($pid) = @_;
	my $memory = '';

	# AddressSanitizer maps terabytes for itself.
	return if ($ENV{WFM_TEST_WATCHED} || '') eq 'asan';
	open my $maps, '<', "/proc/$pid/maps" or return;
	open my $file, '<:raw', "/proc/$pid/mem" or return;
	while (my $line = <$maps>)
	{
		next unless $line =~ /^([0-9a-f]+)-([0-9a-f]+) rw.p /;
		my ($from, $size) = (hex $1, hex($2) - hex $1);
		sysseek $file, $from, 0 or next;
		my $read = sysread $file, my $part, $size;
		$memory .= $part if $read;
	}
	return $memory eq '' ? undef : $memory;
}

my %secret = map { $_ => secret($_) } qw(impSecret impToken copSecret copToken litSecret litToken
  badSecret badToken quietSecret quietToken control echo);

my %grant;

foreach my $app (qw(imp cop lit))
{
	$sim->control('POST', 'tokens', { new_client => { client_id => "app-$app", secret => $secret{"${app}Secret"} } });
	$grant{$app} = $sim->control('POST', 'tokens', { new_grant => { client_id => "app-$app", refresh_token => $secret{"${app}Token"} } })->{grant};
}

# What must be found everywhere: proof that the search can find.
works("CREATE TABLE control (text text); CREATE PUBLICATION everything FOR ALL TABLES;
	SELECT pg_create_logical_replication_slot('canary', 'test_decoding')", 'set-up');
works("CREATE EXTENSION pg_stat_statements", 'pg_stat_statements');
works("INSERT INTO control VALUES ('$secret{control}'), ('$secret{control}'); ANALYZE control", 'a text that is no secret');

# The documented ways
my %urls = (%{ $sim->connection }, redirect_uri => 'http://localhost/wfm');
delete @urls{qw(client_id client_secret refresh_token)};
my $json = JSON::PP->new->canonical;

sub import_file
{
	my ($name, %fields) = @_;

	return file("$name.json", $json->encode({ %urls, name => $name, %fields }));
}

my @columns = ('name', 'client_id', 'client_secret', 'refresh_token', sort keys %urls);

sub copy_file
{
	my ($file, @values) = @_;

	return file($file, join("\t", @values, map { $urls{$_} } sort keys %urls) . "\n");
}

sub copy
{
	my ($path) = @_;

	return "\\copy wfm_connections (" . join(', ', @columns) . ") FROM '$path'";
}

works("SELECT wfm_import_credentials('"
	  . import_file('imp', client_id => 'app-imp', client_secret => $secret{impSecret}, refresh_token => $secret{impToken}) . "')",
	'wfm_import_credentials');
works(copy(copy_file('cop.tsv', 'cop', 'app-cop', $secret{copSecret}, $secret{copToken})), 'COPY');

# A client that is told more than the log is
{
	my $logged = -s $node->logfile;
	my ($out, $err) = run_sql("SET log_min_messages = warning;\n"
		  . copy(copy_file('quiet.tsv', 'quiet', 'app-quiet', @secret{qw(quietSecret quietToken)}))
		  . "\nSELECT 'process ' || pg_backend_pid();\nSHOW log_min_messages;\nDELETE FROM wfm_connections WHERE name = 'quiet'");
	my ($pid) = $out =~ /process (\d+)/;
	my @own = grep { /\[$pid\]/ } split /\n/, substr slurp_file($node->logfile), $logged;

	shift @own while @own && $own[0] !~ /SET log_min_messages = warning/;
	like($err, qr/DEBUG: .*CommitTransaction/s, 'COPY: the client is told everything');
	like($out, qr/^warning$/m, 'COPY: the level of the log is what it was');
	like("@own", qr/statement: COPY/, 'COPY: the log knows of it');
	unlike("@own", qr/DEBUG: /, 'COPY: and is not told more');
}

# What somebody's own trigger says while a line is read
works("CREATE FUNCTION nosy() RETURNS trigger LANGUAGE plpgsql AS
		'BEGIN RAISE NOTICE ''seen''; RAISE LOG ''seen''; RAISE WARNING ''seen''; RETURN NEW; END';
	CREATE TRIGGER a_nosy BEFORE INSERT ON wfm_connections FOR EACH ROW EXECUTE FUNCTION nosy()", 'a trigger that talks');
{
	my ($out, $err) = run_sql(copy(copy_file('nosy.tsv', 'nosy', 'app-nosy', @secret{qw(quietSecret quietToken)})));

	like($err, qr/$_:  00000: seen$/m, "COPY: its $_ is told") foreach qw(NOTICE LOG);
	like($err, qr/CONTEXT:  COPY wfm_connections, line 1$/m, 'COPY: with the number of the line');
}
works("DROP TRIGGER a_nosy ON wfm_connections; DROP FUNCTION nosy(); DELETE FROM wfm_connections WHERE name = 'nosy'", 'no trigger');

# The same ways when they fail
my %bad = (client_id => 'app-bad', client_secret => $secret{badSecret}, refresh_token => $secret{badToken});
fails("SELECT wfm_import_credentials('" . import_file('bad', %bad, $_->[0] => $_->[1]) . "')", $_->[2], "import: $_->[0]")
  foreach [ api => 'practicemanager/9', '22023' ], [ calls_per_minute => 'many', '22P02' ], [ calls_per_day => -1, '22023' ],
  [ tenant_id => 'a b', '22023' ], [ unknown_field => 'x', '22P02' ], [ owner => 'nobody_here', '42704' ],
  [ client_secret => "$secret{badSecret} ", '22023' ], [ token_url => 'ftp://x', '22023' ], [ name => undef, '23502' ];
fails("SELECT wfm_import_credentials('" . file('cut.json', substr($json->encode(\%bad), 0, -1)) . "')", '22P02', 'import: cut JSON');
fails("SELECT wfm_import_credentials('" . file('array.json', $json->encode([ $secret{badSecret} ])) . "')", '22P02', 'import: no object');

my ($s, $t) = @secret{qw(badSecret badToken)};
my $failed = fails(copy(file('short.tsv', "bad\tapp-bad\t$s\t$t\n")), '22P04', 'COPY: too few values');
like($failed, qr/CONTEXT:  COPY wfm_connections, line 1$/m, 'COPY: the line is named and not shown');
like($failed, qr/HINT:  /, 'COPY: with a HINT');
fails(copy(copy_file('long.tsv', 'bad', 'app-bad', $s, $t, 'more')), '22P04', 'COPY: too many values');
fails(copy(copy_file('same.tsv', 'cop', 'app-bad', $s, $t)), '23505', 'COPY: connection exists');
fails(copy(copy_file('space.tsv', 'bad', 'app-bad', "$s ", $t)), '22023', 'COPY: secret with a space');
fails(copy(file('encoding.tsv', "bad\tapp-bad\t$s\t$t\xff\n")), '22021', 'COPY: wrong encoding');
fails("\\copy wfm_connections (name, api, client_id, calls_per_minute) FROM '" . file('type.tsv', "bad\tpracticemanager/3.1\tapp-bad\t$s\n") . "'",
	'22P02', 'COPY: a secret in the column of a number');
fails("\\copy wfm_connections (name, api, client_id) FROM '" . file('api.tsv', "bad\t$s\tapp-bad\n") . "'",
	'22023', 'COPY: a secret in the column of the API');
fails("\\copy wfm_connections (name, api, client_id, client_secret) FROM '" . file('quote.csv', "bad,practicemanager/3.1,app-bad,\"$s\n") . "' CSV",
	'22P04', 'COPY: unfinished quotation');
fails("\\copy wfm_connections (name, api, client_id, client_secret) FROM '" . file('header.csv', "bad,practicemanager/3.1,app-bad,$s\n") . "' (FORMAT csv, HEADER match)",
	'22P04', 'COPY: a row where the header should be');
fails("\\copy wfm_connections (name, api, client_id, calls_per_minute) FROM '" . file('skip.tsv', "bad\tpracticemanager/3.1\tapp-bad\t$s\n") . "' (ON_ERROR ignore, LOG_VERBOSITY verbose)",
	$node->pg_version >= 17 ? '0A000' : '42601|0A000', 'COPY: passing over rows and saying so');
fails("BEGIN; SELECT 1/0;\n" . copy(copy_file('aborted.tsv', 'bad', 'app-bad', $s, $t)), '25P02', 'COPY: in an aborted transaction', on_error_stop => 0);

# A literal is warned of: the statement is kept where statements are kept
my ($out, $err) = run_sql("INSERT INTO wfm_connections (" . join(', ', @columns) . ') VALUES ('
	  . join(', ', map { WfmTest::literal($_) } 'lit', 'app-lit', $secret{litSecret}, $secret{litToken}, map { $urls{$_} } sort keys %urls) . ')');
like($err, qr/WARNING:  01000: column "$_" of connection "lit" came in an SQL statement/, "$_ as a literal is warned of")
  foreach qw(client_secret refresh_token);

# Uses
foreach my $name (qw(imp cop lit))
{
	works("CREATE SERVER $name FOREIGN DATA WRAPPER wfm_fdw OPTIONS (connection '$name', history_from '2022-01-01'); CREATE SCHEMA $name;
		IMPORT FOREIGN SCHEMA wfm FROM SERVER $name INTO $name", "$name: import");
	is((split /\n/, works("SELECT count(*) FROM $name.client", "$name: a query"))[-1], 5, "$name: its rows");
	$sim->control('POST', 'tokens', { expire_access => JSON::PP::true(), grant => $grant{$name} });
	works("EXPLAIN (ANALYZE, VERBOSE) SELECT * FROM $name.job j JOIN $name.client c ON c.uuid = j.client_uuid", "$name: after a 401");
	works("SELECT wfm_refresh('$name')", "$name: a refresh") for 1 .. 3;
	works("SELECT * FROM wfm_tenants('$name'); SELECT * FROM wfm_identity('$name'); SELECT * FROM wfm_check('$name');
		SELECT * FROM wfm_stat_connections; SELECT * FROM wfm_stat_limits; SELECT * FROM wfm_stat_scans; SELECT * FROM wfm_stat_tables; ANALYZE wfm_tokens; ANALYZE wfm_connections", "$name: what is known");
	works("PREPARE p (uuid) AS SELECT * FROM $name.client WHERE uuid = \$1; EXECUTE p ('6b6f4b34-b4e7-41c2-a3a4-567a6e8566a1')", "$name: a parameter");
}

# A consent: its code is in the statement, and its tokens are nowhere
my ($url) = (split /\n/, works("SELECT wfm_authorize_url('imp')", 'an address for consent'))[-1];
my $landed = HTTP::Tiny->new(proxy => undef, max_redirect => 0)->get($url)->{headers}{location};
works("SELECT * FROM wfm_authorize('imp', " . WfmTest::literal($landed) . ')', 'a consent');
works('SELECT count(*) FROM imp.staff', 'and a query with it');
fails("SELECT * FROM wfm_authorize('imp', 'http://localhost/wfm?code=wrong&state=wrong')", '28000', 'consent that was not asked for');

# A server that says our secrets back to us
my $current = sub { return $sim->control('GET', 'tokens/issued'); };
my $echo = sub { return join ' ', @secret{qw(impSecret impToken)}, map { @$_ } @{ $current->() }{qw(refresh access)} };
$sim->fault({ match => { path => '/connect/token' }, count => 2,
	action => { status => 400, body => $json->encode({ error => 'invalid_request', error_description => substr($echo->(), 0, 3000) }) } });
run_sql("SELECT wfm_refresh('imp')");
$sim->no_faults;
works("UPDATE wfm_connections SET tenant_id = tenant_id WHERE name = 'imp'; SELECT wfm_refresh('imp')", 'a token endpoint that says everything back');
foreach my $body ((map { "Authorization: Bearer $_ is wrong" } @{ $current->()->{access} }),
	(map { $json->encode({ Title => 'Forbidden', Detail => "token $_ may not" }) } @{ $current->()->{access} }[ -2, -1 ]),
	(map { "<Response><Status>ERROR</Status><ErrorDescription>No $_</ErrorDescription></Response>" } @{ $current->()->{access} }[ -2, -1 ]))
{
	$sim->fault({ match => { path => '/practicemanager/' }, count => 1, action => { status => 403, body => $body } });
	run_sql('SELECT count(*) FROM imp.client');
	$sim->no_faults;
}
$sim->fault({ match => { path => '/connect/token' }, count => 1, action => { status => 401, body => '{"error":"invalid_client"}' } });
fails("SELECT wfm_refresh('cop')", '28P01', 'a refused app');
$sim->control('POST', 'tokens', { revoke => JSON::PP::true() });
fails("SELECT wfm_refresh('lit')", '28000', 'a revoked consent');
fails('SELECT * FROM lit.client', '28000', 'and its query');

# What is looked for
my $issued = $current->();
my $key_file = $node->basedir . '/wfm_fdw.key';
my ($key) = slurp_file($key_file) =~ /:(\S+)/;
my $canary = WfmCanary->new;
$canary->add($_ => $secret{$_}) foreach qw(impSecret impToken copSecret copToken badSecret badToken quietSecret quietToken);
$canary->add(refresh => grep { /^sim\d+_[1-9]/ } @{ $issued->{refresh} });
$canary->add(access => map { /([^.]+)$/ } @{ $issued->{access} });
$canary->add(claims => map { /\.([^.]+)\./ } @{ $issued->{access} });
$canary->add(identity => map { /([^.]+)$/ } @{ $issued->{id} });
$canary->add(key => $key, MIME::Base64::decode_base64($key));
my $literal = WfmCanary->new;
$literal->add($_ => $secret{$_}) foreach qw(litSecret litToken);
my $everything = WfmCanary->new;
$everything->{needles} = { %{ $canary->{needles} }, %{ $literal->{needles} } };
my $control = WfmCanary->new;
$control->add(control => $secret{control});
cmp_ok(scalar(@{ $issued->{refresh} }), '>=', 12, 'tokens were rotated');
cmp_ok($canary->count, '>=', 500, 'there is much to look for');
note(sprintf '%d refresh tokens, %d access tokens, %d needles', scalar @{ $issued->{refresh} }, scalar @{ $issued->{access} }, $canary->count);

sub nowhere
{
	my ($name, $found, $shown) = @_;

	is($found, '', "$name: no secret");
	isnt($shown, '', "$name: the search finds what is no secret");
}

# The memory of a backend that reads: the access token is in what it shares
# with the others, but nothing that outlives it
SKIP:
{
	my $session = IPC::Run::start([ 'psql', '-X', '-q', '-d', $node->connstr('postgres'), '-c',
			"SELECT count(*) FROM imp.client", '-c', "SELECT '$secret{control}', pg_sleep(60)" ], '>', \my $said, '2>', \my $complained);

	$node->poll_query_until('postgres', "SELECT count(*) = 1 FROM pg_stat_activity WHERE query LIKE '%pg_sleep(60)' AND wait_event = 'PgSleep'");
	my $pid = $node->safe_psql('postgres', "SELECT pid FROM pg_stat_activity WHERE wait_event = 'PgSleep'");
	my $memory = private_memory($pid);
	$node->safe_psql('postgres', "SELECT pg_terminate_backend($pid)");
	$session->finish;
	skip 'the memory of another process cannot be read here', 2 unless defined $memory;

	my $lasting = WfmCanary->new;
	$lasting->add($_ => $secret{$_}) foreach qw(impSecret impToken copSecret copToken);
	$lasting->add(refresh => grep { /^sim\d+_[1-9]/ } @{ $issued->{refresh} });
	$lasting->add(key => $key, MIME::Base64::decode_base64($key));
	nowhere('memory of a backend', $lasting->found_in_text($memory), $control->found_in_text($memory));
}

# Statistics and catalogs
my $views = $node->safe_psql('postgres', <<'END');
SELECT string_agg(query_to_xml(format('SELECT * FROM %s', c.oid::regclass), true, false, '')::text, E'\n')
FROM pg_class c JOIN pg_namespace n ON n.oid = relnamespace
WHERE (nspname = 'pg_catalog' AND relname LIKE 'pg\_stat%' OR relname LIKE 'pg\_stat\_statements%' OR relname LIKE 'wfm\_%'
	OR relname IN ('pg_foreign_server', 'pg_foreign_table', 'pg_settings', 'pg_prepared_statements', 'pg_shdescription'))
  AND relkind IN ('r', 'v')
END
nowhere('statistics, settings and our own tables', $everything->found_in_text($views), $control->found_in_text($views));

# Client
like($output, qr/DEBUG:  /, 'the client was told everything');
is($canary->found_in_text($output), '', 'client: no secret');

# Dumps
foreach my $dump ([ 'pg_dump', 'postgres' ], ['pg_dumpall'])
{
	my ($program, @names) = @$dump;
	my $path = $node->basedir . "/$program.sql";

	$node->command_ok([ $program, '-f', $path, @names ? $node->connstr(@names) : ('-d', $node->connstr('postgres')) ], $program);
	my $text = slurp_file($path);
	nowhere($program, $everything->found_in_text($text), $control->found_in_text($text));
	like($text, qr/COPY public\.wfm_connections/, "$program: holds the connections");
	unlike($text, qr/wfm1:/, "$program: and nothing sealed");
}

# Logical replication
my $stream = $node->safe_psql('postgres', "SELECT string_agg(data, E'\\n') FROM pg_logical_slot_peek_changes('canary', NULL, NULL)");
like($stream, qr/table public\.wfm_tokens: UPDATE: .*wfm1:/, 'a logical stream has the tokens, sealed');
nowhere('logical stream', $everything->found_in_text($stream), $control->found_in_text($stream));

# Base backup, heap, WAL
$node->safe_psql('postgres', 'CHECKPOINT');
$node->backup('canary');
nowhere('base backup', $everything->found_in_files($node->backup_dir . '/canary'), $control->found_in_files($node->backup_dir . '/canary'));
$node->stop;
my $data = $node->data_dir;
nowhere('WAL', $everything->found_in_files("$data/pg_wal"), $control->found_in_files("$data/pg_wal"));
nowhere('heap', $everything->found_in_files("$data/base"), $control->found_in_files("$data/base"));
is($canary->found_in_files($data), '', 'no other file of the cluster has a secret');

# Log
my $log = slurp_file($node->logfile);
like($log, qr/DEBUG:  /, 'everything was logged');
nowhere('log', $canary->found_in_text($log), $control->found_in_text($log));
isnt($literal->found_in_text($log), '', 'log: the literal that was warned of is there');

done_testing();
