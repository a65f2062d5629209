. "${0%/*}/clients.sh"
url=http://127.0.0.1:$PORT0/
four() { for _ in 1 2 3 4; do curl -sf "$url"; done | sort | tr '\n' ' '; }
until [ "$(four)" = "one one two two " ]; do sleep 0.2; done
four
echo
curl -sf "http://127.0.0.1:$PORT1/"
load -n $((400 * rounds)) -c 4 "$url"
load -n $((200 * rounds)) -c 4 -k "$url"
# That a server refuses is known at once, and so is the reason. A star before it says that it is being asked again.
told() { curl -sf "http://127.0.0.1:$PORT2/;csv" | awk -F, '$1 == "pages" && $2 != "FRONTEND" { sub(/^\* /, "", $37); print $2, $18, $37 }'; }
until told | grep -q 'gone DOWN'; do sleep 0.2; done
told
