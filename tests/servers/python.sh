. "${0%/*}/clients.sh"
http=http://127.0.0.1:$PORT0
until_answers curl -sf "$http/"
curl -sf "$http/" | grep -o '<a href="[a-z.]*"' | sort
curl -sf -w '%{num_connects} connection, %{http_code}\n' -o "$HERE/one" -o "$HERE/two" "$http/cert.pem" "$http/big" | tail -1
same "$HERE/two" "$HERE/big" file
curl -sf -T "$HERE/big" -H 'Expect:' "$http/put" | sed "s/$(sha256sum <"$HERE/big" | cut -d' ' -f1)/right/"
load -c 2 -n $((100 * rounds)) "$http/cert.pem"
# asyncio: lines there and back, many bytes, and TLS.
until [ "$(echo up | nc -N -w 5 127.0.0.1 "$PORT1")" = UP ]; do sleep 0.2; done
seq 1 20000 | nc -N -w 30 127.0.0.1 "$PORT1" | cksum
echo 'bytes 3000000' | nc -N -w 30 127.0.0.1 "$PORT1" | wc -c
{ echo hello; sleep 4; } | openssl s_client -quiet -no_ign_eof -verify_return_error -CAfile "$HERE/cert.pem" -connect "127.0.0.1:$PORT2" 2>/dev/null
for one in $(seq $((20 * rounds))); do
    for two in 1 2 3 4; do echo "line $one" | nc -N -w 30 127.0.0.1 "$PORT1" & done
    wait
done | sort | uniq -c | awk '{ all += $1 } END { print all / 4, NR }'
