# Several processes write to one database and others read it meanwhile, with both kinds of journals: `sh sqlite.sh ROUNDS`.
writer() {
    seq 1 "$3" | while read -r n; do
        echo "begin immediate; insert into entries(who, n) values($2, $n); update total set n = n + $n; commit;"
    done | sqlite3 -cmd '.timeout 120000' "$1"
}
reader() {
    for _ in 1 2 3 4 5; do
        sqlite3 -cmd '.timeout 120000' "$1" 'select (select coalesce(sum(n), 0) from entries) = (select n from total);'
    done | sort -u
}
round() {
    rm -f base base-*
    sqlite3 base "pragma journal_mode=$1; create table entries(who int, n int); create index by_who on entries(who); create table total(n int); insert into total values(0);"
    for who in 1 2 3 4; do writer base $who 25 & done
    reader base &
    wait
    sqlite3 base 'select who, count(*), sum(n) from entries group by who; select n from total; pragma integrity_check;'
    sqlite3 base "with recursive c(x) as (select 1 union all select x + 1 from c where x < 20000) insert into entries select x % 7 + 10, x from c; select who, count(*) from entries where who > 9 group by who; vacuum; pragma integrity_check;"
    sqlite3 base .dump | sqlite3 copy
    sqlite3 copy 'select count(*), sum(n) from entries;'
    rm -f base base-* copy
}
n=0
while [ $n -lt "$1" ]; do
    n=$((n + 1))
    round delete
    round wal
done
