. "${0%/*}/clients.sh"
export PGHOST=127.0.0.1 PGPORT=$PORT0 PGUSER=postgres PGDATABASE=postgres
ask() { psql -X -At -c "$1"; }
until_answers ask 'select 1'
ask 'show listen_addresses'
ask "create table t as select g as n, md5(g::text) as h from generate_series(1, 20000) g"
ask 'create index on t (h)'
ask 'select count(*), min(h), max(h) from t'
ask 'copy t to stdout' >"$HERE/rows"
wc -l <"$HERE/rows"
psql -X -q -c 'create table u (like t)' -c '\copy u from pstdin' <"$HERE/rows"
ask 'select count(*) from (select * from t intersect select * from u) both_tables'
# A wrong question, a transaction taken back, and one session that tells another.
ask 'select nothing' 2>&1 | head -1
ask 'begin; delete from t; rollback; select count(*) from t' | tail -1
ask 'select pg_backend_pid() <> (select pid from pg_stat_activity where backend_type = $$checkpointer$$)'
# Four at once move money, one transaction at a time; what is in the accounts is what was moved.
ask 'create table account as select n, 0 as balance from generate_series(1, 100) n' >/dev/null
ask 'create table history (n int, delta int)' >/dev/null
move() {
    awk -v seed="$1" -v turns=$((50 * rounds)) 'BEGIN { srand(seed); for (i = 0; i < turns; i++) {
        n = int(rand() * 100) + 1; d = int(rand() * 1000) - 500
        print "begin; update account set balance = balance + " d " where n = " n "; insert into history values (" n ", " d "); commit;" } }' |
        psql -X -q -v ON_ERROR_STOP=1
}
for client in 1 2 3 4; do move $client & done
wait
ask 'select count(*) from history'
ask 'select (select sum(balance) from account) = (select sum(delta) from history)'
# One connection for each question.
for turn in $(seq $((10 * rounds))); do ask "select n from t where h = md5('$turn')"; done | sort -n | tail -1
