#!/bin/sh
# What the official nginx image's entrypoint does with /etc/nginx/templates: each
# *.template becomes a file of conf.d, with the environment's variables put in.
set -eu

if [ "${1-}" = nginx ] && [ -d /etc/nginx/templates ]; then
    names=$(env | sed -n 's/^\([A-Za-z_][A-Za-z0-9_]*\)=.*/${\1}/p')
    for template in /etc/nginx/templates/*.template; do
        [ -e "$template" ] || continue
        name=${template##*/}
        envsubst "$names" <"$template" >"/etc/nginx/conf.d/${name%.template}"
    done
fi
exec "$@"
