# Pipelines, job control, here-documents, traps, process substitution, coprocesses: `bash bash.sh ROUNDS`.
round() {
    seq 2000 | grep 7 | sort -rn | head -n 3 | tr '\n' ' '; echo
    cat <<END | wc -l
one $1
$(echo two; echo three)
END
    cat <<< 'here is a string'
    diff <(seq 3) <(seq 4) | tail -n 1
    tee >(wc -c > counted) <<< 'to two places' > /dev/null; wait $!; cat counted
    set -m
    sleep 100 & local job=$!
    kill -STOP %%; while [[ $(jobs) != *Stopped* ]]; do sleep 0.02; done; jobs | sed 's/  */ /g'
    kill -CONT $job; kill $job; wait -f $job 2> /dev/null; echo ended
    set +m
    (trap 'echo told; exit 4' TERM; kill -TERM $BASHPID; sleep 1); echo $?
    (trap 'echo bye' EXIT; exit 5); echo $?
    (ulimit -n 20; ulimit -n)
    local pids=() sum=0
    for i in 1 2 3 4 5 6; do (exit $i) & pids+=($!); done
    for p in ${pids[@]}; do wait $p; sum=$((sum + $?)); done; echo $sum
    coproc cat; echo 'to the coprocess' >&${COPROC[1]}; read -r line <&${COPROC[0]}; echo "$line"
    kill $COPROC_PID; wait $COPROC_PID 2> /dev/null
    (exec 3<> both; echo in >&3; exec 3>&-; read -r word < both; echo $word)
    mapfile -t lines < <(seq 500); echo ${#lines[@]} ${lines[499]}
    read -rt 0.05 nothing < <(sleep 0.3); [ $? -gt 128 ] && echo 'too late'
    false | true | (exit 3); echo ${PIPESTATUS[@]}
    (set -e; false; echo never); echo $?
    yes | head -n 1
    declare -A seen; for w in a b a c b a; do ((seen[$w]++)); done; echo ${seen[a]} ${seen[b]} ${seen[c]}
}
for ((n = 0; n < $1; n++)); do round $n; done
kill -KILL $$
