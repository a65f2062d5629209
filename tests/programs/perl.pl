# Children, pipes, signals, sockets, sorting: `perl perl.pl ROUNDS`.
use strict; use warnings; use IO::Socket::UNIX; use IO::Select; use POSIX ':sys_wait_h'; use Time::HiRes 'ualarm';
$| = 1;
for (1 .. $ARGV[0]) {
    my @pids = map { my $n = $_; my $pid = fork; exit $n if !$pid; $pid } 1 .. 10;
    my $sum = 0; waitpid($_, 0), $sum += $? >> 8 for @pids; print "$sum\n";
    pipe my $r, my $w; if (!fork) { close $r; print $w "$_\n" for 1 .. 1000; close $w; POSIX::_exit(0) } close $w;
    my @lines = <$r>; wait; print scalar(@lines), "\n";
    my $told = 0; local $SIG{ALRM} = sub { $told++ }; ualarm 1000; select undef, undef, undef, 0.5 until $told; print "told $told\n";
    my $server = IO::Socket::UNIX->new(Local => 'perl-socket', Listen => 5) or die;
    my $pid = fork; if (!$pid) { my $s = IO::Socket::UNIX->new(Peer => 'perl-socket'); print $s "ask\n"; print scalar <$s>; POSIX::_exit(0) }
    my $c = $server->accept; print scalar <$c>; print $c "answer\n"; close $c; waitpid $pid, 0; unlink 'perl-socket';
    print join(',', (sort { $b <=> $a } map { $_ * 7919 % 1009 } 1 .. 5000)[0 .. 5]), "\n";
    open my $sort, '|-', 'sort -n | tail -n 1' or die; print $sort "$_\n" for reverse 1 .. 500; close $sort;
    my $text = join ' ', 1 .. 3000; my $n = () = $text =~ /\b\d*7\d*\b/g; print "$n\n";
    { local $SIG{CHLD} = 'IGNORE'; my $k = fork; exit 0 if !$k; print waitpid($k, 0), "\n" }
    print system('kill -9 $$') & 127, "\n";
}
exit 12;
