#!/bin/sh
# Builds netyard and shows an example's life: up, proved with packets, down.
# Everything happens in namespaces of its own: no root, nothing left behind.
#
# usage: ./try.sh [EXAMPLE]        examples/three.yaml by default
set -eu
cd "$(dirname "$0")"
file=${1:-examples/three.yaml}

cargo build --release
netyard=$PWD/target/release/netyard

show='
mount -t tmpfs run /run
for step in "plan $2" "up $2" "list" "test $2" "down $2" "list"; do
    if [ -t 1 ]; then printf "\n\033[1m$ netyard %s\033[0m\n" "$step"; else printf "\n$ netyard %s\n" "$step"; fi
    "$1" $step
done'
exec unshare --user --map-root-user --net --mount sh -ec "$show" sh "$netyard" "$file"
