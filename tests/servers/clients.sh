# What the scripts of this directory share. Each is a real client of a server that runs in a machine: it prints one line for each thing that it
# found, and ends when the first does not go. Its argument says how many rounds of load there are; PORT0, PORT1 … lead to the server, and HERE
# is a directory with a certificate and a file of some size.
set -eu
rounds=${1:-1}

# Waits until a server answers at all; who started this script looks at the clock.
until_answers() {
    until "$@" >/dev/null 2>&1; do sleep 0.2; done
}

# Says whether two files are the same.
same() {
    if cmp -s "$1" "$2"; then echo "$3: the same"; else echo "$3: DIFFERENT"; fi
}

# Requests by ab: how many were answered, how many of them wrongly, how many over a connection that was there.
load() {
    ab -q "$@" 2>/dev/null | awk '/^Complete requests|^Failed requests|^Non-2xx/ { print $1, $NF }'
}
