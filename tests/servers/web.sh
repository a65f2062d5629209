# The client of servers that say method, path, length and sum of what they are sent, and send a file.
. "${0%/*}/clients.sh"
http=http://127.0.0.1:$PORT0 https=https://127.0.0.1:$PORT1
until_answers curl -sf "$http/"
until_answers curl -sf --cacert "$HERE/cert.pem" "$https/"
curl -sf "$http/one" "$http/two"
curl -sf -T "$HERE/big" -H 'Expect:' "$http/put" | sed "s/$(sha256sum <"$HERE/big" | cut -d' ' -f1)/right/"
curl -sf --http1.1 --cacert "$HERE/cert.pem" --data-binary "@$HERE/big" -H 'Expect:' "$https/post" |
    sed "s/$(sha256sum <"$HERE/big" | cut -d' ' -f1)/right/"
curl -sf -H 'Transfer-Encoding: chunked' --data-binary hello "$http/chunks" | cut -d' ' -f1-3
curl -sf -w '%{num_connects} connection, %{http_code}\n' -o "$HERE/one" -o "$HERE/two" "$http/" "$http/file" | tail -1
same "$HERE/two" "$HERE/big" file
load -k -c 4 -n $((400 * rounds)) "$http/"
load -c 2 -n $((100 * rounds)) "$http/"
load -k -c 2 -n $((100 * rounds)) "$https/"
