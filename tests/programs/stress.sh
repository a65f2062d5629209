# What stress-ng calls stressors, a second each: `sh stress.sh ROUNDS`, a few in one round, all in more.
few='fork pipe sigq futex switch'
all='vfork clone exec spawn vforkmany zombie wait daemon kill session signal sigpipe sigfd sigrt sigpending signest sigsegv sigfpe sigtrap
    sigsuspend sigchld sigabrt sigio eventfd poll pipeherd fifo sockpair mutex sem pthread yield affinity nanosleep itimer timer timerfd alarm
    hrtimers dentry dir dup fcntl flock lockf locka lockofd fstat getdent link symlink rename open inotify mmap mmapfork mmapmany mprotect
    mremap msync munmap memfd madvise mincore mlock brk stack fault remap shm splice sendfile tee vm-splice procfs pty personality prctl
    rlimit resources schedpolicy nice membarrier rseq pidfd context longjmp malloc'
list=$few
[ "$1" -gt 1 ] && list="$few $all"
for stressor in $list; do
    timeout -s KILL 120 stress-ng --temp-path . --$stressor 2 --timeout 1 --verify >log 2>&1
    code=$?
    echo "$stressor $code"
    [ $code -eq 0 ] || cat log >&2
done
