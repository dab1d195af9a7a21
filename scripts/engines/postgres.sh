# PostgreSQL: a cluster of its own on loopback, never the system's. shellcheck shell=bash

packages() {
  echo 'postgresql /usr/lib/postgresql/*/bin/initdb'
}

# The newest installed version's folder of programs.
pg_bin() {
  compgen -G '/usr/lib/postgresql/*/bin' | sort -V | tail -n 1
}

start() {
  local bin home="$ENGINES/postgres"
  bin="$(pg_bin)"
  if ! [ -f "$home/url" ]; then
    mkdir -p "$home"
    if [ "$(id -u)" = 0 ]; then
      chown postgres "$home"
      as_service postgres test -x "$home" ||
        fail "the user postgres cannot enter $home (initdb refuses to run as root); move the checkout, or chmod +x the folders above it"
    fi
    local password port
    password="$(new_password)"
    port="$(free_port)"
    as_service postgres rm -rf "$home/data"
    (umask 077 && echo "$password" | as_service postgres tee "$home/password" >/dev/null)
    as_service postgres "$bin/initdb" -D "$home/data" -U rampart -E UTF8 --locale=C.UTF-8 \
      --auth=scram-sha-256 --pwfile="$home/password" >&2
    as_service postgres rm "$home/password"
    (umask 077 && echo "postgres://rampart:$password@127.0.0.1:$port/postgres" >"$home/url.tmp")
    # Data of tests: what a power cut takes can be made again, so no fsync.
    as_service postgres tee -a "$home/data/postgresql.conf" >/dev/null <<CONF
listen_addresses = '127.0.0.1'
port = $port
unix_socket_directories = ''
max_connections = 200
fsync = off
full_page_writes = off
CONF
    mv "$home/url.tmp" "$home/url"
  fi
  as_service postgres "$bin/pg_ctl" -D "$home/data" status >/dev/null ||
    as_service postgres "$bin/pg_ctl" -D "$home/data" -l "$home/log" -w start >&2
  cat "$home/url"
}

stop() {
  local home="$ENGINES/postgres"
  [ -d "$home/data" ] || return 0
  as_service postgres "$(pg_bin)/pg_ctl" -D "$home/data" status >/dev/null || return 0
  as_service postgres "$(pg_bin)/pg_ctl" -D "$home/data" -m fast stop >&2
}
