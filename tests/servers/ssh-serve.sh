# OpenSSH's server, with what its package makes when it is installed.
mkdir -p /run/sshd /root /var/log
: >/var/log/lastlog
grep -q '^sshd:' /etc/passwd || echo 'sshd:x:104:65534::/run/sshd:/usr/sbin/nologin' >>/etc/passwd
exec /usr/sbin/sshd -D -e -f /etc/ssh/config
