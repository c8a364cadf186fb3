#!/bin/sh
# What the official redis image's entrypoint does: options alone mean redis-server, and
# root becomes the user redis after taking /data.
set -eu

case "${1-}" in
    -* | *.conf) set -- redis-server "$@" ;;
esac
if [ "${1-}" = redis-server ] && [ "$(id -u)" = 0 ]; then
    chown -R redis:redis .
    exec setpriv --reuid redis --regid redis --clear-groups -- "$@"
fi
exec "$@"
