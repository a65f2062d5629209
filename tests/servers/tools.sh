. "${0%/*}/clients.sh"
# The server does one thing after the other and refuses who comes meanwhile: it is asked again. With -J a refusal is no failure.
measure() {
    until iperf3 -J -c 127.0.0.1 -p "$PORT0" "$@" >"$HERE/measured" && ! grep -q '"error"' "$HERE/measured"; do sleep 0.5; done
}
found() {
    /usr/bin/python3 -c 'import json, sys
end = json.load(open(sys.argv[1]))["end"]
print(eval(sys.argv[2], end))' "$HERE/measured" "$1"
}
# A bounded number of bytes each way, and datagrams. Some of the last bytes may still be under way at the end.
measure -n $((20 * rounds))M
echo "to the machine: $(found "sum_received['bytes'] > $((5000000 * rounds))")"
measure -R -n $((20 * rounds))M
echo "from the machine: $(found "sum_received['bytes'] > $((15000000 * rounds))")"
measure -P 2 -n $((5 * rounds))M
echo "two at once: $(found "len(streams) == 2")"
measure -u -b 4M -l 1000 -t $((2 * rounds))
echo "datagrams: $(found "sum['packets'] > 100 and sum['lost_percent'] < 50")"
nc -N -w 10 127.0.0.1 "$PORT1" <"$HERE/big"
until nc -d -w 10 127.0.0.1 "$PORT2" >"$HERE/back" && [ -s "$HERE/back" ]; do sleep 0.2; done
same "$HERE/back" "$HERE/big" "by nc and back"
