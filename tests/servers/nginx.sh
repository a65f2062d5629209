. "${0%/*}/clients.sh"
http=http://127.0.0.1:$PORT0 https=https://127.0.0.1:$PORT1 big=$HERE/big
until_answers curl -sf "$http/"
curl -sf "$http/" | grep title
# Several requests over one connection, and over one with TLS.
curl -sf -w '%{num_connects} connection, %{http_code}\n' -o "$HERE/one" -o "$HERE/two" "$http/" "$http/big" | tail -1
same "$HERE/two" "$big" "file by sendfile"
curl -sf --cacert "$HERE/cert.pem" -w '%{num_connects} connection, %{http_code}, verified %{ssl_verify_result}\n' \
    -o "$HERE/one" -o "$HERE/two" "$https/" "$https/big" | tail -1
same "$HERE/two" "$big" "file by TLS"
curl -sf --cacert "$HERE/cert.pem" --tlsv1.3 --range 1000000-1999999 -o "$HERE/part" "$https/big"
tail -c +1000001 "$big" | head -c 1000000 >"$HERE/wanted"
same "$HERE/part" "$HERE/wanted" "part by TLS 1.3"
# Both workers get some of the connections.
for turn in 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17 18 19 20; do curl -sf "$http/worker" & done | sort -u >"$HERE/workers"
wait
for turn in 1 2 3 4 5 6 7 8 9 10; do
    if [ "$(sort -u "$HERE/workers" | wc -l)" = 2 ]; then break; fi
    for again in 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16; do curl -sf "$http/worker" & done >>"$HERE/workers"
    wait
done
echo "workers: $(sort -u "$HERE/workers" | wc -l)"
load -k -c 4 -n $((1000 * rounds)) "$http/"
load -c 2 -n $((100 * rounds)) "$http/"
load -k -c 2 -n $((200 * rounds)) "$https/"
load -c 1 -n $((4 * rounds)) "$https/big"
