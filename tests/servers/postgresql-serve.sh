# Makes a database and serves it.
set -e
cd /tmp
bin=$(echo /usr/lib/postgresql/*/bin)
"$bin/initdb" -D /tmp/data -A trust -N --no-instructions >/dev/null
echo "host all all all trust" >>/tmp/data/pg_hba.conf
exec "$bin/postgres" -D /tmp/data -k /tmp -c listen_addresses='*' -c shared_buffers=32MB -c autovacuum=on
