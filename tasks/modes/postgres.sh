#!/bin/sh
# Initialise a PostgreSQL cluster when PGDATA has none, then become the server.
#
# The stand-in image and the local mode both run this file, so that the two sides of a
# comparison start from the same cluster. PostgreSQL 14 to 18. As in the official image:
#   POSTGRES_USER (postgres)  POSTGRES_PASSWORD (required)  POSTGRES_DB (= POSTGRES_USER)
#   PGDATA (required)         POSTGRES_INITDB_ARGS          arguments: passed on to postgres
#   POSTGRES_PASSWORD_FILE    names a file with the password, instead of POSTGRES_PASSWORD
# and beyond it:
#   PGBIN        folder of the server's binaries (default: PATH)
#   PGUSER_UID   whom root becomes, since postgres refuses root (default: user postgres, else 65534)
set -eu

fail() {
    echo "postgres.sh: $*" >&2
    exit 1
}

# As the official image does: any other command runs as it is.
case "${1-}" in
    postgres) shift ;;
    '' | -*) ;;
    *) exec "$@" ;;
esac

[ -n "${PGDATA-}" ] || fail "PGDATA is not set: name the folder for the data"
mkdir -p "$PGDATA"
PGDATA=$(cd "$PGDATA" && pwd)
export PGDATA
staging=$PGDATA/initialising
# Before root takes the folder over: a wrong PGDATA must stay as it is.
if [ ! -e "$PGDATA/PG_VERSION" ] && [ ! -d "$staging" ] &&
    [ -n "$(ls -A "$PGDATA" | grep -vx lost+found || true)" ]; then
    fail "$PGDATA is neither empty nor a PostgreSQL cluster: name another folder"
fi

if [ "$(id -u)" = 0 ]; then
    uid=${PGUSER_UID:-$(id -u postgres 2>/dev/null || echo 65534)}
    gid=$(id -g "$uid" 2>/dev/null || echo "$uid")
    # A fresh volume belongs to root; a used one is ours already, and large.
    [ "$(stat -c %u "$PGDATA")" = "$uid" ] || chown -R "$uid:$gid" "$PGDATA"
    # The script's text, not its path: that user may be unable to read where it lies.
    exec setpriv --reuid "$uid" --regid "$gid" --clear-groups -- \
        /bin/sh -c "$(cat "$0")" "$0" "$@"
fi

[ -z "${PGBIN-}" ] || PATH="$PGBIN:$PATH"
cd "$PGDATA" || fail "user $(id -u) may not enter $PGDATA: give it a folder that it can reach"
umask 077
chmod 700 "$PGDATA"

# All work happens in `initialising`; PG_VERSION moves up last and commits it. A start
# that was killed anywhere before leaves no PG_VERSION, and is cleared and done again.
if [ ! -e PG_VERSION ]; then
    if [ -z "${POSTGRES_PASSWORD-}" ] && [ -n "${POSTGRES_PASSWORD_FILE-}" ]; then
        POSTGRES_PASSWORD=$(cat "$POSTGRES_PASSWORD_FILE")
    fi
    [ -n "${POSTGRES_PASSWORD-}" ] || fail "POSTGRES_PASSWORD is not set"
    user=${POSTGRES_USER:-postgres}
    database=${POSTGRES_DB:-$user}
    if [ -d "$staging" ]; then
        echo "postgres.sh: clearing an initialisation that was cut short"
        # `initialising` goes last: it is what marks the rest as ours to clear.
        find "$PGDATA" -mindepth 1 -maxdepth 1 ! -name lost+found ! -path "$staging" \
            -exec rm -rf {} +
        rm -rf "$staging"
    fi
    mkdir "$staging"
    # No fsync file by file: --sync-only below does it once, before the commit. The
    # password goes by a pipe, so that a kill leaves it in no file.
    # shellcheck disable=SC2086 # a list of arguments, as in the official image
    printf '%s\n' "$POSTGRES_PASSWORD" |
        initdb --pgdata="$staging" --username="$user" --pwfile=/dev/stdin \
            --encoding=UTF8 --locale=C.UTF-8 --no-sync --no-instructions \
            --auth-local=scram-sha-256 --auth-host=scram-sha-256 ${POSTGRES_INITDB_ARGS-}
    printf '\nhost all all all scram-sha-256\n' >>"$staging/pg_hba.conf"
    if [ "$database" != postgres ]; then
        quoted=$(printf %s "$database" | sed 's/"/""/g')
        printf 'CREATE DATABASE "%s"\n' "$quoted" |
            postgres --single -D "$staging" -c log_checkpoints=off postgres >/dev/null
    fi
    initdb --pgdata="$staging" --sync-only
    for entry in "$staging"/*; do
        [ "${entry##*/}" = PG_VERSION ] || mv "$entry" .
    done
    sync "$PGDATA"
    mv "$staging/PG_VERSION" .
fi
[ ! -d "$staging" ] || rm -rf "$staging"

# The password is in the cluster now; the server's environment need not carry it.
unset POSTGRES_PASSWORD
# Before the caller's arguments, so that theirs win.
exec postgres -D "$PGDATA" -c listen_addresses='*' "$@"
