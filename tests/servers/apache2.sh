. "${0%/*}/clients.sh"
http=http://127.0.0.1:$PORT0
until_answers curl -sf "$http/"
curl -sf "$http/" | grep '<title>'
curl -sf -w '%{num_connects} connection, %{http_code}\n' -o "$HERE/one" -o "$HERE/two" "$http/" "$http/big" | tail -1
same "$HERE/two" "$HERE/big" "file"
# What the modules do: compression, types, directories, and who may not.
curl -sf --compressed -D "$HERE/head" -o "$HERE/plain" "$http/"
grep -i '^content-encoding' "$HERE/head" | tr -d '\r'
curl -s -o "$HERE/none" -w '%{http_code}\n' "$http/.htaccess"
curl -s "$http/icons/" | grep -o '<title>.*</title>'
load -k -c 4 -n $((500 * rounds)) "$http/"
load -c 2 -n $((100 * rounds)) "$http/"
