. "${0%/*}/clients.sh"
ask() { dig -p "$PORT0" @127.0.0.1 +tries=5 +time=5 "$@"; }
until ask +short foo.test | grep -q '^10'; do sleep 0.2; done
ask +short foo.test
ask +short six.test AAAA
ask +short +tcp foo.test
ask +short 3.2.1.10.test PTR
# What does not fit into a datagram comes as one of several fragments, or is asked for by TCP.
size() { ask big.test TXT "$@" | sed -n -e '/Truncated/p' -e 's/.*flags: \([a-z ]*\);.*/flags \1/p' -e 's/;; \(MSG SIZE\)/\1/p'; }
size +bufsize=1232
size +bufsize=4096
ask nothing.test | grep -o 'status: [A-Z]*'
yes foo.test | head -n $((100 * rounds)) >"$HERE/names"
ask +short -f "$HERE/names" | sort | uniq -c | awk '{ print $1, $2 }'
ask +short +tcp +keepopen -f "$HERE/names" | sort | uniq -c | awk '{ print $1, $2 }'
