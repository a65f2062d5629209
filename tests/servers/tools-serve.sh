# iperf3, and nc twice: what it takes on one port it gives on the other.
iperf3 -s >/dev/null &
while :; do
    nc -l 7001 >/tmp/taken
    nc -N -l 7002 </tmp/taken
done
