# In the machine: connections in both directions with each setting, a question to everybody with and without answers, and a listener that accepts nobody.
ask() { exec 3<>/dev/tcp/10.98.0.1/$1; read answer <&3; exec 3>&-; }
both() { ask 9000; nc -l -p 7001 >/dev/null 2>&1 & ask 9001; wait; }
setting() { echo $2 >/proc/sys/net/ipv4/$1; }
both
for name in tcp_timestamps tcp_sack tcp_window_scaling; do setting $name 0; both; setting $name 1; done
setting tcp_ecn 1; both; setting tcp_ecn 0; both; setting tcp_ecn 2
ask 9002; setting icmp_echo_ignore_broadcasts 1; ask 9002
"$LISTEN" 8090 5 bash -c 'exec 3<>/dev/tcp/10.98.0.1/9003; read answer <&3
  until ss -Htan state syn-recv | grep -q 8090; do sleep 0.1; done
  ss -Hltn sport = :8090 | tr -s " "; ss -Htan sport = :8090 | tr -s " " | sed "s/10.98.0.1:.*/the host/" | sort
  sed -n "s/^ *[0-9]*: 0200620A:1F9A 0100620A:[^ ]* \(.. [0-9A-F:]*\) .*/\1/p; s/^ *[0-9]*: 00000000:1F9A 00000000:0000 \(.. [0-9A-F:]*\) .*/\1/p" /proc/net/tcp | sort'
