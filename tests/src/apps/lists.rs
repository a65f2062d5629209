//! Which programs are run, with which words.

/// `@` at the start of a word stands for the directory of the prepared data.
pub(super) type Line = (&'static str, &'static [&'static str]);

pub(super) const COREUTILS: &[Line] = &[
    ("b2sum", &["b2sum", "@/words", "@/numbers"]),
    ("base64", &["base64", "@/binary"]),
    ("basename", &["basename", "-s", ".txt", "/a/b/c.txt", "d.txt"]),
    ("cat", &["cat", "-A", "@/words", "@/mixed"]),
    ("cksum", &["cksum", "@/words", "@/binary"]),
    ("comm", &["comm", "@/sorted", "@/sorted2"]),
    ("cp", &["cp", "-v", "@/words", "copy"]),
    ("csplit", &["csplit", "-n", "3", "@/numbers", "/50/", "/70/"]),
    ("cut", &["cut", "-d:", "-f1,3-", "@/mixed"]),
    ("date", &["date", "-u", "-d", "@1700000000", "+%F %T %Z %j %A"]),
    (
        "dd",
        &["dd", "if=@/binary", "bs=100", "skip=3", "count=7", "status=none"],
    ),
    ("dirname", &["dirname", "/a/b/c", "d", "/"]),
    ("du", &["du", "--apparent-size", "-b", "@/tree/file"]),
    ("echo", &["echo", "-e", "hello\\tworld"]),
    ("env", &["env", "-i", "A=1", "B=two words", "/usr/bin/env"]),
    ("expand", &["expand", "-t", "4", "@/mixed"]),
    ("expr", &["expr", "(", "7", "*", "6", ")", "+", "length", "word"]),
    ("factor", &["factor", "360", "18446744073709551557", "1000000007"]),
    ("false", &["false"]),
    ("fmt", &["fmt", "-w", "30", "@/words"]),
    ("fold", &["fold", "-s", "-w", "20", "@/mixed"]),
    ("head", &["head", "-n", "-5", "@/numbers"]),
    ("id", &["id", "-u"]),
    ("join", &["join", "-t:", "@/sorted", "@/sorted2"]),
    ("ln", &["ln", "-sv", "target", "link"]),
    ("ls_directory", &["ls", "-1F", "@/tree"]),
    ("ls_recursive", &["ls", "-R", "@/tree"]),
    (
        "ls_long",
        &[
            "ls",
            "-ln",
            "--time-style=+%s",
            "@/tree/sub/first",
            "@/tree/link",
            "@/words",
        ],
    ),
    ("md5sum", &["md5sum", "@/words", "@/binary"]),
    ("mkdir", &["mkdir", "-pv", "a/b/c"]),
    ("mv", &["mv", "-v", "none", "other"]),
    ("nl", &["nl", "-ba", "@/mixed"]),
    ("numfmt", &["numfmt", "--to=iec", "1024", "123456789"]),
    ("od", &["od", "-A", "d", "-t", "x1z", "@/binary"]),
    ("paste", &["paste", "-d,", "@/words", "@/numbers"]),
    ("pr", &["pr", "-t", "-3", "@/numbers"]),
    (
        "printf",
        &["printf", "%05d|%-8s|%x|%.3f\\n", "42", "left", "255", "3.14159"],
    ),
    ("readlink", &["readlink", "-f", "@/tree/link"]),
    ("realpath", &["realpath", "@/tree/sub/../link"]),
    ("rm", &["rm", "-fv", "none", "@/none"]),
    ("seq", &["seq", "-w", "0", "0.25", "3"]),
    ("sha1sum", &["sha1sum", "@/binary"]),
    ("sha256sum", &["sha256sum", "@/words", "@/binary", "@/none"]),
    ("shuf", &["shuf", "--random-source=@/binary", "-i", "1-20"]),
    ("sleep", &["sleep", "0.05"]),
    ("sort", &["sort", "-t:", "-k2,2n", "-k1,1r", "@/mixed"]),
    ("sort_parallel", &["sort", "--parallel=4", "-S", "1M", "@/large"]),
    ("split", &["split", "-v", "-l", "30", "@/numbers", "part"]),
    (
        "stat",
        &["stat", "-c", "%F %s %a %h %U", "@/words", "@/tree/link", "/dev/null"],
    ),
    ("sum", &["sum", "@/binary"]),
    ("tac", &["tac", "@/words"]),
    ("tail", &["tail", "-n", "+90", "@/numbers"]),
    ("test", &["test", "-d", "@/tree", "-a", "!", "-e", "@/none"]),
    ("touch", &["touch", "-d", "2020-01-01", "new"]),
    ("tr", &["tr", "a-z", "A-Z"]),
    ("truncate", &["truncate", "-s", "1M", "new"]),
    ("tsort", &["tsort", "@/pairs"]),
    ("uname", &["uname", "-sm"]),
    ("uniq", &["uniq", "-c", "@/sorted"]),
    ("wc", &["wc", "@/words", "@/numbers", "@/binary"]),
];

pub(super) const BUSYBOX: &[Line] = &[
    (
        "awk",
        &[
            "busybox",
            "awk",
            "-F:",
            "{ n[$2] += $1 } END { for (k = 0; k < 5; k++) print k, n[k] }",
            "@/mixed",
        ],
    ),
    ("bc", &["busybox", "bc", "-l", "@/sum.bc"]),
    ("cmp", &["busybox", "cmp", "@/words", "@/numbers"]),
    ("dc", &["busybox", "dc", "-e", "2 100 ^ p 10 k 2 v p"]),
    (
        "diff",
        &["busybox", "diff", "-u", "-L", "a", "-L", "b", "@/sorted", "@/sorted2"],
    ),
    ("find", &["busybox", "find", "@/tree", "-type", "f", "-name", "f*"]),
    (
        "grep",
        &["busybox", "grep", "-nE", "^[a-f]+|7$", "@/words", "@/numbers"],
    ),
    ("gzip", &["busybox", "gzip", "-c"]),
    ("ls", &["busybox", "ls", "-1", "@/tree"]),
    (
        "sed",
        &["busybox", "sed", "-n", "2,5s/\\(.\\)\\(.\\)/\\2\\1/p", "@/words"],
    ),
    (
        "sh_builtins",
        &[
            "busybox",
            "sh",
            "-c",
            "i=0; while [ $i -lt 500 ]; do i=$((i + 1)); done; echo $i; case abc in a*) echo yes;; esac; exit 3",
        ],
    ),
    ("sha512sum", &["busybox", "sha512sum", "@/binary"]),
    ("sort", &["busybox", "sort", "-n", "@/numbers"]),
    ("tar_list", &["busybox", "tar", "-tf", "@/tree.tar"]),
    ("strings", &["busybox", "strings", "@/binary"]),
    ("xxd", &["busybox", "xxd", "@/binary"]),
];

pub(super) const TOOLS: &[Line] = &[
    (
        "bash_builtins",
        &[
            "/bin/bash",
            "-c",
            "declare -A m; for i in {1..300}; do m[k$i]=$((i * i)); done; echo ${#m[@]} ${m[k17]}; printf '%q\\n' 'a b'; [[ abc =~ ^a(.)c$ ]] && echo ${BASH_REMATCH[1]}; exit 9",
        ],
    ),
    (
        "dash_builtins",
        &[
            "/bin/sh",
            "-c",
            "set -- a b c; echo $# $2; read line < @/words; echo $line; umask 027; umask; exit 7",
        ],
    ),
    (
        "diff",
        &["diff", "-u", "--label", "a", "--label", "b", "@/sorted", "@/sorted2"],
    ),
    ("find", &["find", "@/tree", "-name", "f*", "-printf", "%y %s %P\\n"]),
    ("grep", &["grep", "-rn", "--include=f*", "content", "@/tree"]),
    ("grep_perl", &["grep", "-oP", "\\d+(?=7)", "@/numbers"]),
    ("gzip", &["gzip", "-dc", "@/words.gz"]),
    (
        "mawk",
        &[
            "mawk",
            "BEGIN { for (i = 0; i < 20000; i++) s += i * 0.5; printf \"%.2f\\n\", s }",
        ],
    ),
    ("sed", &["sed", "-E", "s/([a-z]+)([0-9])/\\2-\\1/; /^x/d", "@/mixed"]),
    (
        "tar_create",
        &[
            "tar",
            "-cf",
            "-",
            "--sort=name",
            "--mtime=@0",
            "--owner=0",
            "--group=0",
            "--numeric-owner",
            "-C",
            "@/tree",
            ".",
        ],
    ),
    ("xz", &["xz", "-dc", "@/words.xz"]),
];

pub(super) const LANGUAGES: &[Line] = &[
    (
        "lua_tables",
        &[
            "lua5.4",
            "-e",
            "local t = {} for i = 1, 5000 do t[i] = (i * 7919) % 5003 end table.sort(t) print(#t, t[1], t[2500], string.format('%5.2f', math.pi), ('x'):rep(5)) os.exit(4)",
        ],
    ),
    (
        "lua_files",
        &[
            "lua5.4",
            "-e",
            "local f = io.open('lua-file', 'w') for i = 1, 100 do f:write(i, '\\n') end f:close() local s = 0 for l in io.lines('lua-file') do s = s + l end print(s, os.remove('lua-file'), io.open('lua-file'))",
        ],
    ),
    (
        "perl_hashes",
        &[
            "perl",
            "-e",
            "my %h; $h{$_ % 97} += $_ for 1..20000; print join(',', map { $h{$_} } sort { $a <=> $b } keys %h), qq{\\n}; print qq{$1 $2\\n} if q{key=value} =~ /(\\w+)=(\\w+)/; exit 5",
        ],
    ),
    (
        "perl_files",
        &[
            "perl",
            "-e",
            "open(my $f, '>', 'perl-file') or die; print $f qq{line $_\\n} for 1..1000; close $f; open($f, '<', 'perl-file'); my @l = <$f>; print scalar(@l), ' ', -s 'perl-file', qq{\\n}; opendir(my $d, '@/tree'); print join(' ', sort readdir $d), qq{\\n}",
        ],
    ),
    (
        "perl_modules",
        &[
            "perl",
            "-MList::Util=sum,shuffle",
            "-MData::Dumper",
            "-MPOSIX=floor",
            "-e",
            "$Data::Dumper::Sortkeys = 1; print sum(1..100), floor(2.7), Dumper({a => [1, 2], b => {c => 3}})",
        ],
    ),
    (
        "python_modules",
        &[
            "/usr/bin/python3",
            "-c",
            "import json, hashlib, decimal, re, sqlite3\nprint(json.dumps({'a': [1, 2.5, None, True]}, sort_keys=True))\nprint(hashlib.sha256(b'chiton').hexdigest())\ndecimal.getcontext().prec = 50\nprint(decimal.Decimal(2).sqrt())\nprint(re.findall(r'(\\w)(\\d+)', 'a1 b22 c333'))\nc = sqlite3.connect(':memory:')\nc.execute('create table t (n)')\nc.executemany('insert into t values (?)', [(i,) for i in range(1000)])\nprint(c.execute('select sum(n), count(*) from t').fetchone())",
        ],
    ),
    (
        "python_threads",
        &[
            "/usr/bin/python3",
            "-c",
            "import threading, queue, time\nq = queue.Queue()\ndef work(n):\n    for i in range(200): q.put(n * i)\nts = [threading.Thread(target=work, args=(n,)) for n in range(10)]\n[t.start() for t in ts]\n[t.join() for t in ts]\nprint(sum(q.get() for _ in range(2000)))\nb = time.monotonic(); time.sleep(0.05); print(time.monotonic() - b >= 0.05)",
        ],
    ),
    (
        "python_files",
        &[
            "/usr/bin/python3",
            "-c",
            "import os, tempfile, mmap, shutil, pathlib\nd = tempfile.mkdtemp()\np = pathlib.Path(d) / 'f'\np.write_bytes(bytes(range(256)) * 64)\nwith open(p, 'r+b') as f:\n    m = mmap.mmap(f.fileno(), 0)\n    m[0:4] = b'abcd'\n    print(m.find(b'\\xff\\x00'), len(m))\n    m.close()\nprint(p.read_bytes()[:6], os.stat(p).st_size)\nprint(sorted(os.listdir('@/tree')))\nshutil.rmtree(d)\nprint(os.path.exists(d))",
        ],
    ),
    (
        "python_exit",
        &[
            "/usr/bin/python3",
            "-c",
            "import sys, atexit\natexit.register(lambda: print('bye'))\nprint(sys.argv, sys.version_info[:2])\nsys.exit(11)",
            "one",
            "two words",
        ],
    ),
    (
        "python_exception",
        &[
            "/usr/bin/python3",
            "-c",
            "print('before', flush=True)\nraise ValueError('on purpose')",
        ],
    ),
];

/// Programs that start others, each with what it starts.
pub(super) const FAMILIES: &[(&str, &[&str], &[&str])] = &[
    (
        "dash_pipeline",
        &[
            "/bin/sh",
            "-c",
            "cat @/words | tr a-z A-Z | sort -r | head -n 3; (exit 5); echo $?; x=$(seq 3 | wc -l); echo $x; false || echo or; exit 7",
        ],
        &[
            "/bin/cat",
            "/usr/bin/tr",
            "/usr/bin/sort",
            "/usr/bin/head",
            "/usr/bin/seq",
            "/usr/bin/wc",
        ],
    ),
    (
        "dash_background",
        &[
            "/bin/sh",
            "-c",
            "trap 'echo trapped' TERM; sleep 5 & p=$!; sleep 0.5; kill -TERM $$; kill $p; wait $p; echo $?; for i in 1 2 3; do (sleep 0.0$i; exit $i) & done; wait; echo all",
        ],
        &["/bin/sleep"],
    ),
    (
        "bash_everything",
        &[
            "/bin/bash",
            "-c",
            "set -o pipefail; seq 100 | grep 7 | wc -l; diff <(seq 3) <(seq 4) | tail -n 1; coproc cat; echo to cat >&${COPROC[1]}; read -r l <&${COPROC[0]}; echo $l; false | true; echo $? ${PIPESTATUS[@]}",
        ],
        &[
            "/usr/bin/seq",
            "/bin/grep",
            "/usr/bin/wc",
            "/usr/bin/diff",
            "/usr/bin/tail",
            "/bin/cat",
        ],
    ),
    (
        "busybox_sh",
        &[
            "busybox",
            "sh",
            "-c",
            "busybox seq 5 | busybox awk '{ s += $1 } END { print s }'; busybox true && echo yes",
        ],
        &[],
    ),
    ("xargs", &["xargs", "-n", "3", "-P", "2", "/bin/true"], &["/bin/true"]),
    (
        "find_exec",
        &[
            "find", "@/tree", "-type", "f", "-name", "first", "-exec", "cat", "{}", ";",
        ],
        &["/bin/cat"],
    ),
    ("timeout", &["timeout", "0.2", "sleep", "20"], &["/bin/sleep"]),
    (
        "nice_env",
        &["nice", "-n", "5", "env", "A=b", "nice"],
        &["/usr/bin/env", "/usr/bin/nice"],
    ),
    (
        "python_subprocess",
        &[
            "/usr/bin/python3",
            "-c",
            "import subprocess, os\nprint(subprocess.run(['tr', 'a-z', 'A-Z'], input=b'hello', capture_output=True).stdout)\np = subprocess.Popen(['sh', '-c', 'echo out; exit 3'], stdout=subprocess.PIPE)\nprint(p.communicate()[0], p.returncode)\npid = os.fork()\nif pid == 0: os._exit(9)\nprint(os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]))",
        ],
        &["/usr/bin/tr", "/bin/sh"],
    ),
    (
        "python_multiprocessing",
        &[
            "/usr/bin/python3",
            "-c",
            "import multiprocessing as m\ndef f(x): return x * x\nif __name__ == '__main__':\n    with m.get_context('fork').Pool(3) as p: print(sum(p.map(f, range(100))))",
        ],
        &[],
    ),
    (
        "perl_pipes",
        &[
            "perl",
            "-e",
            "open(my $p, '-|', 'seq', '5') or die; my @l = <$p>; close $p; print scalar(@l), ' ', system('sh', '-c', 'exit 4') >> 8, qq{\\n}; print `echo ticks`; my $k = fork // die; if (!$k) { exit 6 } waitpid $k, 0; print $? >> 8, qq{\\n}",
        ],
        &["/usr/bin/seq", "/bin/sh", "/bin/echo"],
    ),
];
