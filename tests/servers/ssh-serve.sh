# OpenSSH's server as its package makes it, with two users who have passwords.
useradd -m -s /bin/bash joe
printf 'root:secret\njoe:hello\n' | chpasswd
exec /usr/sbin/sshd -D -e -f /etc/ssh/config
