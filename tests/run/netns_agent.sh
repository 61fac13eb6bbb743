#!/usr/bin/env bash
# HOST COMMAND...: runs the command "on" a host of netns.sh, as ssh would.
host=$1
shift
exec ip netns exec "$host" unshare -u -m bash -c '
    hostname "$0" && mount -t tmpfs -o size=1g tmpfs /dev/shm && exec bash -c "$*"' "$host" "$@"
