# What programs of iproute2 and net-tools change and show again: addresses, routes, neighbours. It says the same on Linux and in a machine.
tell() { echo "$ $*"; "$@" 2>&1 | sed -E 's/^[0-9]+: //; s/@peer//; s/ tentative//; s/[0-9]+sec/some time/g'; }
tell ip addr add 10.0.2.16/24 dev eth0
tell ip addr add 10.0.2.16/24 dev eth0
tell ip addr add 10.0.2.17/24 broadcast + dev eth0 label eth0:x
tell ip addr add 10.0.2.19/24 dev eth0 valid_lft 100 preferred_lft 50
tell ip addr replace 10.0.2.20/24 dev eth0
tell ip addr change 10.0.2.20/24 dev eth0 valid_lft 500
tell ip addr change 10.0.2.15/24 dev eth0 valid_lft 900 preferred_lft 800
tell ip addr change 10.0.2.17/24 dev eth0 valid_lft forever preferred_lft forever
tell ip addr add 10.0.2.21/24 dev eth0 valid_lft 5 preferred_lft 6
tell ip -6 addr add fd00:5::7/64 dev eth0 nodad
tell ip -6 addr add fd00:5::7/64 dev eth0
tell ip -o -4 addr show dev eth0
tell ip -o -6 addr show dev eth0
tell ip addr del 10.0.2.16/24 dev eth0
tell ip addr del 10.0.2.16/24 dev eth0
tell ip addr flush dev eth0 label eth0:x
tell ip -6 addr del fd00:6::9/64 dev eth0
tell ip addr add 10.0.2.22/24 dev eth0 valid_lft 1 preferred_lft 1
tell ip -6 addr add fd00:5::8/64 dev eth0 nodad valid_lft 1 preferred_lft 1
sleep 2.5
tell ip -o addr show dev eth0 to 10.0.2.22
tell ip -o addr show dev eth0 to fd00:5::8
tell ip addr add 10.1.0.1/16 dev eth0
tell ip addr add 10.1.0.2/16 dev eth0
tell ip addr add 10.2.0.1/32 dev eth0
tell ip addr add 10.3.0.1/16 dev eth0 noprefixroute
tell ip -o addr show dev eth0 to 10.3.0.1
tell ip route add 10.20.0.0/16 via 10.0.2.2
tell ip route add 10.20.0.0/16 via 10.0.2.2
tell ip route append 10.20.0.0/16 via 10.0.2.5
tell ip route show 10.20.0.0/16
tell ip route del 10.20.0.0/16 via 10.0.2.5
tell ip route replace 10.20.0.0/16 via 10.0.2.3
tell ip route change 10.20.0.0/16 via 10.0.2.4
tell ip route change 10.29.0.0/16 via 10.0.2.4
tell ip route add 10.21.0.0/16 via 192.168.55.1
tell ip route add 10.21.0.0/16 via 192.168.55.1 dev eth0
tell ip route add 10.22.0.0/16 dev eth0 src 10.0.2.15 metric 7 mtu 1300
tell ip route add 10.23.0.1/16 dev eth0
tell ip route add blackhole 10.33.0.0/16
tell ip route add unreachable 10.34.0.0/16
tell ip route add prohibit 10.35.0.0/16 metric 9
tell ip route add throw 10.36.0.0/16
tell ip route add 10.37.0.0/16 via 10.0.2.2 proto static
tell ip route show
for to in 10.33.0.1 10.34.0.1 10.35.0.1 10.36.0.1 10.20.0.1 10.22.0.1 127.0.0.1 10.0.2.255 10.0.2.15; do tell ip route get $to; done
tell ip route get to 8.8.8.8 from 10.0.2.15
# The first address of a network is used, however near another one is.
tell ip addr add 10.0.2.3/24 dev eth0
for to in 8.8.8.8 10.0.2.2 10.1.0.9; do tell ip route get $to; done
tell ip route get 224.0.0.9 | sed 's/rt_offload_failed //; s/local,//'
tell ip route del blackhole 10.34.0.0/16
tell ip route del unreachable 10.34.0.0/16
tell ip route del 10.33.0.0/16
tell ip route del 10.77.0.0/16
tell ip route list root 10.32.0.0/11
tell ip -6 addr add fd00:5::6/64 dev eth0 nodad
tell ip -6 route add fd00:7::/64 via fd00:5::1
tell ip -6 route add fd00:8::/64 dev eth0 metric 9
tell ip -6 route add blackhole fd00:9::/64
tell ip -6 route add unreachable fd00:a::/64
tell ip -6 route show
for to in fd00:7::1 fd00:8::1 fd00:9::1 fd00:a::1; do tell ip -6 route get $to; done
tell ip -6 route del fd00:7::/64
tell ip -6 addr del fd00:5::6/64 dev eth0
tell ip -6 route get fd00:5::1
tell ip neigh add 10.0.2.77 lladdr 02:00:00:00:00:07 dev eth0
tell ip neigh add 10.0.2.77 lladdr 02:00:00:00:00:08 dev eth0
tell ip neigh change 10.0.2.78 lladdr 02:00:00:00:00:08 dev eth0
tell ip neigh replace 10.0.2.77 lladdr 02:00:00:00:00:08 dev eth0 nud stale
tell ip neigh show 10.0.2.77
tell ip neigh change 10.0.2.77 lladdr 02:00:00:00:00:09 dev eth0 nud permanent
tell ip neigh get 10.0.2.77 dev eth0
tell ip neigh get 10.0.2.78 dev eth0
tell ip -6 neigh add fd00:5::9 lladdr 02:00:00:00:00:07 dev eth0
tell ip -6 neigh show nud permanent
tell ip neigh del 10.0.2.78 dev eth0
tell ip neigh del 10.0.2.77 dev eth0
tell ip neigh show nud permanent
tell ifconfig eth0 inet6 add fd00:6::7/64
tell ip -o addr show dev eth0 to fd00:6::7
tell ifconfig eth0 inet6 del fd00:6::7/64
tell ifconfig eth0 inet6 del fd00:6::7/64
# What was said of an address is not said of the next one that is like it.
tell ip -6 addr add fd00:6::8/64 dev eth0 nodad valid_lft 500
tell ifconfig eth0 inet6 del fd00:6::8/64
tell ifconfig eth0 inet6 add fd00:6::8/64
tell ip -o addr show dev eth0 to fd00:6::8
tell ifconfig eth0 inet6 del fd00:6::8/64
tell route -A inet6 add fd00:b::/64 gw fd00:5::1
tell route -A inet6 add fd00:c::/64 dev eth0
tell ip -6 route show root fd00:a::/15
tell route -A inet6 del fd00:c::/64 dev eth0
tell route add -net 10.40.0.0/16 gw 10.0.2.2
tell route add -net 10.41.0.0/16 gw 192.168.55.1
tell route add -net 10.43.0.0/16 gw 192.168.55.1 dev eth0
tell route add -net 10.42.0.0/16 reject
tell route -n
tell route del -net 10.42.0.0/16 reject
tell arp -s 10.0.2.79 02:00:00:00:00:0a
tell arp -n 10.0.2.79
tell arp -d 10.0.2.79
tell ip neigh show nud permanent
