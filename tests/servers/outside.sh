# Runs in a network namespace of its own, in the directory of what was prepared: servers for the clients of inside.sh, and both machines.
# SCRIPTS is the directory of this script, ROUNDS how often the clients do all that they do.
$CHITON network create one --internal --subnet fd00:87::/64 >/dev/null
/usr/bin/python3 -m http.server --bind :: 8080 >/dev/null 2>&1 & all=$!
openssl s_server -quiet -WWW -accept 8443 -key key.pem -cert cert.pem >/dev/null 2>&1 </dev/null & all="$all $!"
iperf3 -s >/dev/null 2>&1 & all="$all $!"
# A group of its own, so that what runs in the loop ends with it.
setsid sh -c 'while :; do nc -l 7001 >"$CHITON_NETWORKS/taken"; nc -6 -N -l 7002 <"$CHITON_NETWORKS/taken"; done' >/dev/null 2>&1 & loop=$!
$CHITON run --network one,mac=52:54:00:00:00:07 --hostname web --timeout $((150 + 40 * ROUNDS)) --package nginx-light --file big:/var/www/html/big -- nginx -g 'daemon off;' 2>/dev/null &
web=$!
packages=
for name in curl wget bind9-dnsutils iputils-ping tcpdump netcat-openbsd iperf3 iproute2 coreutils diffutils grep sed mawk; do
    packages="$packages --package $name"
done
# shellcheck disable=SC2086 # one word per package
$CHITON run --network one,mac=52:54:00:00:00:08 --hostname client --cpus 2 -m 256M --timeout $((100 + 40 * ROUNDS)) $packages --file big:/srv/big --file cert.pem:/srv/cert.pem \
    --file "$SCRIPTS/inside.sh" -- /bin/sh "$SCRIPTS/inside.sh" "$(sha256sum <big | cut -d' ' -f1)" "$ROUNDS"
echo "the clients ended with $?"
# The host asks the machine that serves, whose IPv6 address follows from its card's.
heard() { sed -n 's/.*transmitted, \([0-9]*\) received,.* \([0-9]*%\) packet loss.*/\1 came back, \2 lost/p'; }
address=$(dig +short @10.87.0.1 web)
ping -c 3 -i 0.2 "$address" | heard
ping -6 -c 3 -i 0.2 -s 4000 fd00:87::5054:ff:fe00:7 | heard
curl -sf "http://$address/big" | cmp - big && echo "the file"
curl -sf "http://[fd00:87::5054:ff:fe00:7]/" | grep -c 'Welcome to nginx'
# shellcheck disable=SC2086 # one word per process
kill $all $web -$loop
wait
$CHITON network rm one
