#!/bin/sh
# Builds netyard and shows what it does: the tour, then an example's life, proved with
# packets. Everything happens in private worlds: no root, nothing left behind.
#
# usage: ./try.sh [EXAMPLE]        examples/three.yaml by default
set -eu
cd "$(dirname "$0")"
file=${1:-examples/three.yaml}

cargo build --release --locked
netyard=$PWD/target/release/netyard

"$netyard" demo
printf "\n"
"$netyard" check "$file"
life='
"$1" down "$2" >/dev/null
for step in "plan $2" "up $2" "list" "status" "test $2" "test --all $2" "down $2" "list"; do
    if [ -t 1 ]; then printf "\n\033[1m$ netyard %s\033[0m\n" "$step"; else printf "\n$ netyard %s\n" "$step"; fi
    "$1" $step
done'
"$netyard" run --private "$file" -- sh -ec "$life" sh "$netyard" "$file"
printf '\nIt is in %s. Next: %s run %s\n' "$netyard" "$netyard" "$file"
