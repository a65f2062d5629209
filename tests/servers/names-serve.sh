# dnsmasq knows the names, and Unbound asks it.
text=$(printf '%0200d' 1)
dnsmasq -C /dev/null -p 5353 -u root -R -h -A /foo.test/10.1.2.3 -A /six.test/fd00::1 --ptr-record=3.2.1.10.test,foo.test --local=/test/ --edns-packet-max=4096 \
    --txt-record="big.test,$text,$text,$text,$text,$text,$text,$text,$text"
exec unbound -d -c /etc/unbound.conf
