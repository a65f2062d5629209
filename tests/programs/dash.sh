# What POSIX asks of a shell: `dash dash.sh ROUNDS`.
round() {
    printf '%s\n' b a c | sort | paste -sd, -
    (echo out; echo err >&2) 2>&1 | sort
    cat <<-END
	one $((6 * 7))
	END
    trap 'echo hup' HUP; kill -HUP $$; trap - HUP
    mkfifo pipe; (echo through >pipe) & read -r word <pipe; wait; rm pipe; echo $word
    i=0; while [ $i -lt 50 ]; do i=$((i + 1)); x=$(echo $i); done; echo $x
    exec 4>file; echo line >&4; exec 4>&-; cat file
    (umask 077; : >secret; ls -l secret | cut -c1-10); rm secret
    find . -name 'f*' | xargs -n 1 basename
    sh -c 'kill -SEGV $$'; echo $?
    timeout 0.1 sleep 5; echo $?
    nohup echo kept 2>/dev/null
    test -p /dev/stdin <file; echo $?
    for w in one two three; do case $w in t*) echo "$w";; esac; done
    seq 20 | xargs -P 4 -n 1 sh -c 'exit 0'; echo $?
    seq 4 | xargs -P 4 -I{} sh -c 'test {} -ne 3'; echo $?
}
n=0
while [ $n -lt "$1" ]; do
    n=$((n + 1))
    round
done
exit 6
