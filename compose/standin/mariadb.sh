#!/bin/sh
# What the official mariadb image's entrypoint does: an empty data folder is initialised with
# MARIADB_ROOT_PASSWORD, MARIADB_DATABASE, MARIADB_USER and MARIADB_PASSWORD (or MYSQL_...) and
# by /docker-entrypoint-initdb.d; root becomes the user mysql; options alone mean mariadbd.
# Beyond it, for a server that is in no container:
#   MARIADB_BASE  folder with the server's bin, sbin and share (/usr)
#   MARIADB_DATA  folder of the data (/var/lib/mysql)
#   MARIADB_RUN   whom root becomes; root stays root (mysql)
set -eu

fail() {
    echo "mariadb.sh: $*" >&2
    exit 1
}

case "${1-}" in
    '' | -*) set -- mariadbd "$@" ;;
    mysqld) shift && set -- mariadbd "$@" ;;
esac
[ "$1" = mariadbd ] || exec "$@"
shift

base=${MARIADB_BASE:-/usr}
data=${MARIADB_DATA:-/var/lib/mysql}
run=${MARIADB_RUN:-mysql}
mkdir -p "$data"
if [ "$(id -u)" = 0 ] && [ "$run" != root ]; then
    # A fresh volume belongs to root; a used one is ours already, and large.
    [ "$(stat -c %U "$data")" = "$run" ] || chown -R "$run:$run" "$data"
    mkdir -p /run/mysqld
    chown "$run:$run" /run/mysqld
    exec setpriv --reuid "$run" --regid "$run" --clear-groups -- /bin/sh "$0" mariadbd "$@"
fi
data=$(cd "$data" && pwd)
socket=$data/mysqld.sock
server() {
    exec "$base/sbin/mariadbd" --no-defaults --basedir="$base" --datadir="$data" \
        --socket="$socket" --pid-file="$data/mysqld.pid" --user="$(id -un)" \
        --lc-messages-dir="$base/share/mysql" --plugin-dir="$base/lib/mysql/plugin" \
        --character-set-server=utf8mb4 "$@"
}
client() {
    "$base/bin/mariadb" --no-defaults --socket="$socket" --user=root --binary-mode "$@"
}
quoted() {
    printf %s "$1" | sed "s/\\\\/\\\\\\\\/g; s/'/''/g"
}

if [ ! -d "$data/mysql" ]; then
    password=${MARIADB_ROOT_PASSWORD:-${MYSQL_ROOT_PASSWORD-}}
    empty=${MARIADB_ALLOW_EMPTY_ROOT_PASSWORD:-${MYSQL_ALLOW_EMPTY_PASSWORD-}}
    [ -n "$password$empty" ] || fail "MARIADB_ROOT_PASSWORD is not set"
    database=${MARIADB_DATABASE:-${MYSQL_DATABASE-}}
    user=${MARIADB_USER:-${MYSQL_USER-}}
    "$base/bin/mariadb-install-db" --no-defaults --basedir="$base" --datadir="$data" \
        --user="$(id -un)" --lc-messages-dir="$base/share/mysql" --skip-test-db \
        --auth-root-authentication-method=normal >/dev/null
    server --skip-networking --skip-log-bin --innodb-flush-log-at-trx-commit=0 &
    began=$!
    until client --execute="SELECT 1" >/dev/null 2>&1; do
        kill -0 "$began" || fail "the server for the initialisation ended"
        sleep 0.1
    done
    {
        echo "SET sql_mode = '';"
        echo "DELETE FROM mysql.global_priv WHERE User = '' OR User = 'root' AND Host <> 'localhost';"
        [ -z "$database" ] || echo "CREATE DATABASE \`$database\`;"
        if [ -n "$user" ]; then
            own=$(quoted "${MARIADB_PASSWORD:-${MYSQL_PASSWORD-}}")
            echo "CREATE USER '$user'@'%' IDENTIFIED BY '$own';"
            [ -z "$database" ] || echo "GRANT ALL ON \`$database\`.* TO '$user'@'%';"
        fi
        echo "FLUSH PRIVILEGES;"
    } | client
    for file in /docker-entrypoint-initdb.d/*; do
        case "$file" in
            *.sh) . "$file" ;;
            *.sql) client ${database:+"--database=$database"} <"$file" ;;
        esac
    done
    # Last, for from here on root needs it.
    own=$(quoted "$password")
    client <<SQL
CREATE USER 'root'@'%' IDENTIFIED BY '$own';
GRANT ALL ON *.* TO 'root'@'%' WITH GRANT OPTION;
ALTER USER 'root'@'localhost' IDENTIFIED BY '$own';
SQL
    kill "$began"
    wait "$began"
fi
unset MARIADB_ROOT_PASSWORD MYSQL_ROOT_PASSWORD MARIADB_PASSWORD MYSQL_PASSWORD
server "$@"
