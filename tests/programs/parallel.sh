# GNU parallel with jobs that succeed, fail, print much and depend on their place: `sh parallel.sh ROUNDS`.
round() {
    seq 1 20 | parallel --will-cite -k -j4 'echo {} $(({} * {}))'
    parallel --will-cite -k -j3 echo {1}-{2} ::: a b c ::: 1 2
    seq 1 5 | parallel --will-cite -k -j4 'exit {}'
    echo "failed: $?"
    seq 1 6 | parallel --will-cite -k -j4 'seq {}000 | wc -l'
    seq 1 5000 | parallel --will-cite --pipe -k -N1000 -j4 'sort -n | tail -n 1'
    seq 1 4 | parallel --will-cite -j2 --joblog log true
    wc -l <log
    rm log
}
n=0
while [ $n -lt "$1" ]; do
    n=$((n + 1))
    round
done
