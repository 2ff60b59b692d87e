# WfmCanary: looks for secrets where none may be.
#
#   my $canary = WfmCanary->new;
#   $canary->add(refresh => @tokens);
#   is($canary->found_in_text($log), '', 'log');
#   is($canary->found_in_files($folder), '', 'heap');
#
# A secret is looked for by pieces of it, so that a shortened one is found too,
# each as it stands, in hexadecimal, and in base64 at each of the three ways
# its bytes can fall.

package WfmCanary;

use strict;
use warnings;

use File::Find;
use MIME::Base64 qw(encode_base64);

# Long enough that chance does not find one, short enough to see most of what
# was cut.
use constant PIECE => 20;

sub new { return bless { needles => {} }, $_[0]; }

# add(NAME => SECRET, …): every text of the list is a secret of that name.
sub add
{
	my ($self, $name, @secrets) = @_;

	foreach my $secret (@secrets)
	{
		my $last = length($secret) - PIECE;

		die "a secret of the test is too short: $name" if $last < 0;
		$self->_add_piece($name, substr($secret, $_, PIECE))
		  foreach 0, int($last / 2), $last;
	}
	delete $self->{pattern};
	return;
}

sub _add_piece
{
	my ($self, $name, $piece) = @_;
	my %forms = (plain => $piece, hex => unpack('H*', $piece), HEX => uc unpack('H*', $piece));

	# Three bytes are four digits, so the digits depend on what stands before;
	# those that depend on the neighbours are left out.
	foreach my $before (0 .. 2)
	{
		my $text = encode_base64(('x' x $before) . $piece, '');

		$text = substr $text, 4 if $before;
		$text = substr $text, 0, 24;
		$forms{"base64 $before"} = $text;
		(my $url = $text) =~ tr{+/}{-_};
		$forms{"base64url $before"} = $url;
	}
	$self->{needles}{ $forms{$_} } = "$name ($_)" foreach keys %forms;
	return;
}

sub count { return scalar keys %{ $_[0]{needles} }; }

sub _pattern
{
	my ($self) = @_;

	$self->{pattern} ||= do {
		my $any = join '|', map { quotemeta } sort keys %{ $self->{needles} };
		qr/($any)/;
	};
	return $self->{pattern};
}

# The names of what stands in a text, '' if nothing does.
sub found_in_text
{
	my ($self, $text) = @_;
	my $pattern = $self->_pattern;
	my %found;

	$found{ $self->{needles}{$1} }++ while $text =~ /$pattern/g;
	return join ', ', map { "$_: $found{$_}" } sort keys %found;
}

# The same for every file below a folder, with the files' names.
sub found_in_files
{
	my ($self, $folder) = @_;
	my @found;

	find({ no_chdir => 1, wanted => sub {
		return unless -f $_;
		my $found = $self->found_in_text(read_bytes($_));
		push @found, "$_: $found" if $found ne '';
	} }, $folder);
	return join '; ', sort @found;
}

sub read_bytes
{
	my ($path) = @_;

	open my $file, '<:raw', $path or die "$path: $!";
	local $/;
	my $bytes = <$file>;
	close $file;
	return defined $bytes ? $bytes : '';
}

1;
