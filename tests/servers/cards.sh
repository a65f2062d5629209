# The peer of a machine with two cards in this network namespace; the machine is a namespace of Linux first, and Chiton after that. $CARDS is the program of both.
cd $CHITON_NETWORKS
set_card='echo 0 >/proc/sys/net/ipv6/conf/$1/accept_dad; echo 0 >/proc/sys/net/ipv4/conf/$1/rp_filter
    ip addr add 10.$2.0.$3/24 dev $1; ip -6 addr add fd00:$2::$3/64 dev $1 nodad; ip link set $1 up'
serve() {
    sh -c "$set_card" sh $1 1 1; sh -c "$set_card" sh $2 2 1
    for card in $1 $2; do ip -6 addr add fe80::1/64 dev $card nodad; done
    $CARDS peer $1 $2 & peer=$!
}
ip addr add 10.3.0.1/32 dev lo
unshare --net sleep 1000 & machine=$!
until [ "$(readlink /proc/$machine/ns/net)" != "$(readlink /proc/self/ns/net)" ]; do sleep 0.1; done
ip link add p0 type veth peer name eth0 netns $machine
ip link add p1 type veth peer name eth1 netns $machine
serve p0 p1
inside="nsenter -t $machine -n"
$inside ip link set lo up; $inside sh -c "$set_card" sh eth0 1 2; $inside sh -c "$set_card" sh eth1 2 2; $inside ip route add default via 10.1.0.1
T_HERE=1 $inside $CARDS >linux
kill $peer $machine; wait
for card in p0 p1; do ip link del $card 2>/dev/null; done
$CHITON run --timeout 200 --network tap,ip=10.1.0.2/24,ip=fd00:1::2/64,gateway=10.1.0.1 --network tap,ip=10.2.0.2/24,ip=fd00:2::2/64 -- $CARDS >ours 2>errors & machine=$!
for turn in $(seq 600); do ip link show tap1 >/dev/null 2>&1 && break; sleep 0.1; done
serve tap0 tap1
wait $machine; kill $peer; wait
diff linux ours || cat errors
tail -n 1 linux
