# Two servers of a page each, and HAProxy before them.
mkdir /tmp/one /tmp/two
echo one >/tmp/one/index.html
echo two >/tmp/two/index.html
busybox httpd -p 127.0.0.1:9001 -h /tmp/one
busybox httpd -p '[::1]:9002' -h /tmp/two
exec haproxy -W -f /etc/haproxy.cfg
