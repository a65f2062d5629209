. "${0%/*}/clients.sh"
ask() { redis-cli -p "$PORT0" "$@"; }
until_answers ask ping
ask ping
ask set key value
ask get key
head -c 1000000 "$HERE/big" >"$HERE/value"
ask -x set large <"$HERE/value"
ask --raw get large | head -c 1000000 >"$HERE/back"
same "$HERE/back" "$HERE/value" "a megabyte"
# One side waits for what the other one says.
ask --csv subscribe news >"$HERE/heard" 2>/dev/null & listener=$!
until [ "$(ask publish news hello)" = 1 ]; do sleep 0.1; done
until grep -qs hello "$HERE/heard"; do sleep 0.1; done
kill $listener
tail -1 "$HERE/heard"
ask eval 'local n = 0; for i = 1, 1000 do n = n + redis.call("incr", "count") end; return n' 0
bench() { redis-benchmark -p "$PORT0" --csv "$@" 2>/dev/null | awk -F'","' 'NR > 1 { print substr($1, 2), ($2 + 0 > 0) ? "went" : "DID NOT" }'; }
bench -c 4 -n $((2000 * rounds)) -t get,set,lpush,lrange_100
bench -c 4 -n $((20000 * rounds)) -P 16 -t get,set
