# In the machine, and on Linux beside it: how many of twenty datagrams to a port where nobody is, and of twenty echoes, are answered with each setting. Each time another address asks.
ask() { exec 3<>/dev/tcp/10.98.0.1/9004; echo "$1" >&3; cat <&3; exec 3>&-; }
setting() { echo $2 >/proc/sys/net/$1; }
setting ipv4/icmp_ratelimit 20000; ask datagrams; ask echoes
setting ipv4/icmp_ratelimit 0; ask datagrams
setting ipv4/icmp_ratelimit 20000; setting ipv4/icmp_ratemask 1; ask datagrams; ask echoes
setting ipv6/icmp/ratelimit 20000; ask newer
setting ipv6/icmp/ratelimit 0; ask newer
