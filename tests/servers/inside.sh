# Clients in a machine, whose servers are on the host's side of the bridge, and a machine called web. Its arguments are the sum of the file that
# all of them bring, and how many rounds there are.
sum=$1 rounds=$2 server=10.87.0.1 six=fd00:87::1
check() {
    if [ "$(sha256sum | cut -d' ' -f1)" = "$sum" ]; then echo "$1: right"; else echo "$1: WRONG"; fi
}
until ip -6 -o addr show dev eth0 | grep -q fd00:87: && ip -4 -o addr show dev eth0 | grep -q 10.87.0; do sleep 0.2; done
own=$(ip -4 -o addr show dev eth0 | sed 's/.* inet \(.*\)\/24 .*/\1/')
ip -br addr show dev eth0 | grep -o -e UP -e "$own/24" -e 'fd00:87::[0-9a-f:]*/64' | sed "s/$own/own/"
ip route get $server | grep -o 'dev eth0'

heard() { sed -n 's/.*transmitted, \([0-9]*\) received,.* \([0-9]*%\) packet loss.*/\1 came back, \2 lost/p'; }
measured() {
    until iperf3 -J "$@" >/tmp/measured && ! grep -q '"error"' /tmp/measured; do sleep 0.5; done
    sed -n '/"sum_received"/,/}/ s/.*"bytes":[^0-9]*\([0-9]*\).*/\1/p' /tmp/measured
}

round() {
    curl -sf "http://$server:8080/big" | check curl
    curl -sf -g "http://[$six]:8080/big" | check "curl by IPv6"
    curl -sf --cacert /srv/cert.pem "https://$server:8443/big" | check "curl by TLS"
    curl -s -o /dev/null -w '%{http_code}\n' "http://$server:8080/nothing"
    curl -s -o /dev/null -w '%{errormsg}\n' "http://$server:9/" | sed 's/after.*: //; s/server/&/'
    wget -q -O - "http://$server:8080/big" | check wget
    wget -q -O - "http://[$six]:8080/big" | check "wget by IPv6"
    wget -q --ca-certificate=/srv/cert.pem -O - "https://$server:8443/big" | check "wget by TLS"

    until dig +short web | grep -q '^10[.]87[.]'; do sleep 0.2; done
    web=$(dig +short web)
    echo "dig: $([ "$(dig +short +tcp @$server web)" = "$web" ] && echo "the same by TCP"), $([ "$(dig +short -x "$web")" = web. ] && echo "and back")"
    dig nobody.example 2>/dev/null | grep -o -e 'status: [A-Z]*'
    until curl -sf http://web/ | grep '<title>'; do sleep 0.2; done

    ping -c 3 -i 0.2 $server | heard
    ping -c 2 -i 0.2 -s 4000 $server | heard
    ping -6 -c 3 -i 0.2 $six | heard
    ping -6 -c 2 -i 0.2 -s 4000 $six | heard
    ping -c 2 -i 0.2 web | heard
    ping -c 1 -W 4 10.87.0.250 | grep -o 'Destination Host Unreachable'

    tcpdump -Z root -U -n -i eth0 -w /tmp/captured "host $server and (icmp or port 8080)" 2>/tmp/tcpdump & dump=$!
    until grep -qs listening /tmp/tcpdump; do sleep 0.1; done
    ping -c 2 -i 0.2 $server >/dev/null
    curl -sf "http://$server:8080/cert.pem" | cmp - /srv/cert.pem
    # The ring hands over what it has once a second.
    sleep 1.5
    kill -INT $dump
    wait $dump
    grep -o '0 packets dropped by kernel' /tmp/tcpdump
    tcpdump -n -t -r /tmp/captured icmp 2>/dev/null | sed "s/$own/own/; s/id [0-9]*/id N/"
    tcpdump -n -t -r /tmp/captured "src $server and tcp[tcpflags] & tcp-syn != 0" 2>/dev/null | grep -o 'Flags \[S.\].*wscale'  | sed 's/seq.*\[/\[/; s/TS val [0-9]* ecr [0-9]*/TS/'

    nc -N -w 10 $server 7001 </srv/big
    until nc -6 -d -w 10 $six 7002 >/tmp/back && [ -s /tmp/back ]; do sleep 0.2; done
    check "nc and back" </tmp/back
    sleep 5 | nc $server 8080 & talks=$!
    until ss -tn state established dport = :8080 | grep -q 10.87.0.1:8080; do sleep 0.1; done
    ss -tn state established dport = :8080 | awk 'NR == 2 { print "ss:", $1, $2, $4 }'
    kill $talks

    echo "iperf3: $(($(measured -c $server -n 20M) > 10000000)) $(($(measured -c $server -R -n 20M) > 10000000)) $(($(measured -6 -c $six -n 20M) > 10000000))"
}

while [ "$rounds" -gt 0 ]; do
    round
    rounds=$((rounds - 1))
done
