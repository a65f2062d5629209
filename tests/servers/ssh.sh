. "${0%/*}/clients.sh"
options="-F none -i $HERE/id -o StrictHostKeyChecking=no -o UserKnownHostsFile=/dev/null -o LogLevel=ERROR -o ConnectTimeout=20 -o KexAlgorithms=curve25519-sha256"
enter() { ssh $options -p "$PORT0" "$@"; }
until_answers enter root@127.0.0.1 true
enter root@127.0.0.1 'echo "$USER"; echo wrong >&2; exit 3' 2>&1 || echo "code $?"
# By passwords, which the library of the system checks.
printf '#!/bin/sh\necho "$PASSWORD"\n' >"$HERE/ask"
chmod +x "$HERE/ask"
login() {
    user=$1
    shift
    SSH_ASKPASS="$HERE/ask" SSH_ASKPASS_REQUIRE=force ssh $options -o IdentityFile=none -o IdentitiesOnly=yes \
        -o PreferredAuthentications=password -o NumberOfPasswordPrompts=1 -p "$PORT0" "$user@127.0.0.1" "$@"
}
root=$(PASSWORD=secret login root id -u)
code=0
PASSWORD=wrong login joe true 2>/dev/null || code=$?
echo "by password: $root $code"
PASSWORD=hello login joe 'echo "$PWD" "$(id -un)" "$LANG"'
# A terminal of its own, whose size is that which the client says.
TERM=xterm enter -tt root@127.0.0.1 'tty; echo "$TERM"' </dev/null | tr -d '\r'
for _ in $(seq "$rounds"); do
    scp $options -q -P "$PORT0" "$HERE/big" root@127.0.0.1:/tmp/big
    enter root@127.0.0.1 'cat /tmp/big' >"$HERE/back"
    same "$HERE/back" "$HERE/big" "to the machine and back"
done
printf 'cd /tmp\nrename big moved\nls moved\n' | sftp $options -q -b - -P "$PORT0" root@127.0.0.1 | sed '/^sftp>/d; s/ *$//'
# A connection through the machine, to the server itself.
enter -N -L "$HERE/way:127.0.0.1:22" root@127.0.0.1 & way=$!
until [ -S "$HERE/way" ]; do sleep 0.1; done
nc -U "$HERE/way" </dev/null | head -c 7
echo
kill $way
