#!/bin/sh
# The tutorial's commands for N namespaces on one bridge, as few processes as
# iproute2 allows: one batch for the host, one for each namespace.
# usage: batch.sh up|down N
set -e
n=$2
each() { i=0; while [ "$i" -lt "$n" ]; do "$@"; i=$((i + 1)); done; }
if [ "$1" = up ]; then
    # As the tutorial does it: a pair on the host, one end moved, the other plugged in.
    host() {
        printf '%s\n' "netns add t$i" "link add eth0 type veth peer name tv$i" \
            "link set eth0 netns t$i" "link set tv$i master tbr" "link set tv$i up"
    }
    inside() {
        o=$((i + 2))
        printf '%s\n' "link set lo up" "link set eth0 up" \
            "addr add 10.88.$((o / 250)).$((o % 250 + 1))/16 dev eth0" \
            "route add default via 10.88.0.1" | ip -n "t$i" -batch -
    }
    { echo "link add tbr type bridge"; echo "addr add 10.88.0.1/16 dev tbr"; echo "link set tbr up"; each host; } |
        ip -batch -
    each inside
else
    gone() { echo "netns del t$i"; }
    { each gone; echo "link del tbr"; } | ip -batch -
fi
