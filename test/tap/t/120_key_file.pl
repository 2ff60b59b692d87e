# The key file: where it is looked for, whose it may be, and what a file or a
# folder can be besides.  Nothing is stored that could not be sealed.

use strict;
use warnings;

use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use POSIX qw(mkfifo);
use Test::More;

use WfmTest;

# Make writes to a file fail as on a full disk, and files another user's.
my $tmp = $PostgreSQL::Test::Utils::tmp_check;
my %order = map { $_ => "$tmp/$_" } 'full_disk', 'other_owner';
system_or_bail($ENV{CC} || 'cc', '-shared', '-fPIC', '-O2', '-o', "$order{$_}.so", "$ENV{WFM_SOURCE}/test/hostile/$_.c", '-ldl')
  foreach keys %order;

my $node;
{
	local $ENV{LD_PRELOAD} = join ':', map { "$_.so" } values %order;
	local $ENV{WFM_FULL_DISK} = $order{full_disk};
	local $ENV{WFM_OTHER_OWNER} = $order{other_owner};
	$node = WfmTest::start_node('keyfile', settings => "log_statement = none\n");
}
my $folder = $node->basedir . '/keys';
my $file = "$folder/wfm_fdw.key";
my $secrets = 0;

sub one { return $node->safe_psql('postgres', $_[0]); }

# Where the key file is from now on; every session sees it.
sub look_at
{
	my ($path) = @_;

	$node->append_conf('postgresql.conf', "wfm_fdw.key_file = '$path'\n");
	$node->reload;
	$node->poll_query_until('postgres', "SELECT current_setting('wfm_fdw.key_file') = '$path'") or die "key_file = $path";
	return;
}

# A connection with a secret: what psql says of it.
sub seal
{
	my ($code, $out, $err) = $node->psql('postgres',
		"\\set VERBOSITY verbose\nSET statement_timeout = '10s'; INSERT INTO wfm_connections (name, api, client_id, client_secret) VALUES ('c" . ++$secrets . "', 'practicemanager/3.1', 'app', 'secret')");

	return $err =~ s/.*?(?=ERROR|\z)//sr;
}

sub stored { return one("SELECT count(*) FROM wfm_connections") . '|' . one('SELECT count(*) FROM wfm_tokens'); }

sub refused
{
	my ($state, $pattern, $name) = @_;
	my $before = stored();

	like(seal(), qr/^ERROR:  $state: .*$pattern/s, $name);
	is(stored(), $before, "$name: nothing is stored");
	return;
}

sub content
{
	my ($text, $mode) = @_;

	unlink $file;
	append_to_file($file, $text);
	chmod $mode // 0600, $file;
	return;
}

mkdir $folder, 0700 or die "$folder: $!";
my $hint = qr/HINT:  Set wfm_fdw\.key_file to a file in a directory the server's user can write to\./;

# The first secret makes the file, or says why it cannot
look_at("$folder/missing/wfm_fdw.key");
refused('58P01', qr/could not write the key file of wfm_fdw: No such file or directory\n$hint/, 'no such folder');
look_at($file);
append_to_file($order{full_disk}, '/keys/');
refused('53100', qr/could not write the key file of wfm_fdw: No space left on device\n$hint/, 'a full disk');
unlink $order{full_disk};
is(join(' ', glob "$folder/*"), '', 'and no piece of a file is left');
SKIP:
{
	skip 'root writes everywhere', 3 if $> == 0;
	chmod 0500, $folder;
	refused('42501', qr/could not write the key file of wfm_fdw: Permission denied\n$hint/, 'a folder that cannot be written to');
	chmod 0700, $folder;
	is(join(' ', glob "$folder/*"), '', 'nothing was made there');
}
is(seal(), '', 'with room it is made');
is(sprintf('%o', (stat $file)[2] & 07777), '600', 'for the server alone');
is(join(' ', glob "$folder/*"), $file, 'and nothing beside it');
my $good = slurp_file($file);

# What is no file of keys
foreach my $case ([ 'a folder', sub { mkdir $file, 0700 or die } , qr/is not a regular file/ ],
	[ 'a named pipe', sub { mkfifo($file, 0600) or die }, qr/is not a regular file/ ],
	[ 'a device', sub { symlink '/dev/zero', $file or die }, qr/is not a regular file/ ],
	[ 'a file without end', sub { content('#' x 16384) }, qr/is too long/ ],
	[ 'an empty file', sub { content('') }, qr/is damaged/ ],
	[ 'a file for the group', sub { content($good, 0640) }, qr/may be read by others/ ],
	[ 'a file for all', sub { content($good, 0604) }, qr/may be read by others/ ],
	[ 'a link to nothing', sub { symlink "$file.away", $file or die }, qr/cannot be opened: No such file/ ])
{
	my ($name, $make, $pattern) = @$case;

	unlink $file;
	$make->();
	refused('58P01|F0000', qr/secrets of wfm_connections cannot be sealed or opened: the key file $pattern.*HINT:  The file is named by wfm_fdw\.key_file/s, $name);
	ok(!-e "$file.away", "$name: none is made");
	is(one("SELECT ok FROM wfm_check('c" . one("SELECT max(substr(name, 2)::int) FROM wfm_connections") . "') WHERE step = 'key file'"), 'f', "$name: wfm_check sees it");
	-d $file ? rmdir $file : unlink $file;
}
content(('#' x 100 . "\n") x 150 . $good);
is(seal(), '', 'long comments are allowed');
symlink "$file.real", "$file.link" or die;
rename $file, "$file.real" or die;
look_at("$file.link");
is(seal(), '', 'so is a symbolic link');
look_at('keys-in-data');
rename "$file.real", $node->data_dir . '/keys-in-data' or die;
is(seal(), '', 'a relative path begins at the data directory');

# A key file of root's may be for the server's group, as TLS keys may
sub belongs_to
{
	unlink $order{other_owner};
	append_to_file($order{other_owner}, "$_[0] /keys-in-data");
	return;
}

belongs_to(0);
foreach my $mode (0400, 0440, 0640)
{
	chmod $mode, $node->data_dir . '/keys-in-data';
	is(seal(), '', sprintf "root's file, mode %o", $mode);
}
my ($code, $out, $err) = $node->psql('postgres', "\\set VERBOSITY verbose\nSELECT * FROM wfm_rotate_key()");
like($err, qr/ERROR:  55000: the key file cannot be replaced by the server\nDETAIL: .*belongs to another user\.\nHINT:  Append a line/, 'which the server does not replace');
foreach my $mode (0660, 0650, 0644, 0604)
{
	chmod $mode, $node->data_dir . '/keys-in-data';
	refused('F0000', qr/may be read by others/, sprintf "root's file, mode %o", $mode);
}
belongs_to($> + 1);
chmod 0600, $node->data_dir . '/keys-in-data';
refused('F0000', qr/may be read by others than the server's user/, 'another user\'s file');
unlink $order{other_owner};

# Without a setting the file stands beside the configuration
rename $node->data_dir . '/keys-in-data', $node->data_dir . '/wfm_fdw.key' or die;
look_at('');
is(seal(), '', 'without a setting it is beside postgresql.conf');
my $elsewhere = $node->basedir . '/etc';
mkdir $elsewhere, 0700 or die;
$node->stop;
rename $node->data_dir . '/postgresql.conf', "$elsewhere/postgresql.conf" or die;
append_to_file("$elsewhere/postgresql.conf", "data_directory = '" . $node->data_dir . "'\nhba_file = '" . $node->data_dir . "/pg_hba.conf'\n");
rename $node->data_dir . '/wfm_fdw.key', "$elsewhere/wfm_fdw.key" or die;
system_or_bail('pg_ctl', '-w', '-D', $elsewhere, '-l', $node->logfile, 'start');
$node->_update_pid(1);
is(seal(), '', 'also when that is in another folder than the data');
one("DELETE FROM wfm_connections");
unlink "$elsewhere/wfm_fdw.key";
is(seal(), '', 'it is made there');
is(join(' ', map { -e "$_/wfm_fdw.key" ? 't' : 'f' } $elsewhere, $node->data_dir), 't f', 'and not in the data');

done_testing();
