#!/bin/sh
# Every check and every test, as CI runs them. Brings what it needs: the tests
# judge netyard by the real ip, nft, sysctl and ping, by the kernel's headers, by
# containerd and Podman, and on another kernel in a machine that qemu emulates.
# No root is needed but to install those where they are absent.
set -eu
cd "$(dirname "$0")"

say() { printf '\n== %s\n' "$*"; }

missing=
need() { command -v "$1" >/dev/null 2>&1 || missing="$missing $2"; }
PATH=$PATH:/usr/sbin:/sbin
need ip iproute2
need nft nftables
need sysctl procps
need ping iputils-ping
need unshare util-linux
need conntrack conntrack
need tcpdump tcpdump
need wg wireguard-tools
need iptables-nft iptables
need cc gcc
need ctr containerd
need crun crun
need podman podman
need conmon conmon
need qemu-system-x86_64 qemu-system-x86
[ -e /usr/lib/cni/bridge ] || missing="$missing containernetworking-plugins"
[ -e /usr/share/doc/busybox-static ] || missing="$missing busybox-static"
[ -e /usr/include/linux/netfilter/nf_tables.h ] || missing="$missing linux-libc-dev"
if [ -n "$missing" ]; then
    say "installing$missing"
    sudo=
    [ "$(id -u)" = 0 ] || sudo=sudo
    $sudo apt-get update -qq
    $sudo env DEBIAN_FRONTEND=noninteractive apt-get install -qq -y --no-install-recommends $missing >/dev/null
fi

# The page of `netyard ui` is looked at in a browser. Where there is none to be had, those
# tests say that they are skipped.
if ! command -v chromium >/dev/null 2>&1 && command -v apt-get >/dev/null 2>&1; then
    say "installing chromium"
    sudo=
    [ "$(id -u)" = 0 ] || sudo=sudo
    $sudo apt-get update -qq || true
    $sudo env DEBIAN_FRONTEND=noninteractive timeout 120 \
        apt-get install -qq -y --no-install-recommends chromium >/dev/null || true
fi

say "format"
cargo fmt --check

say "lints"
cargo clippy --locked --all-targets --all-features -- -D warnings
cargo clippy --locked -p netyard --lib -- -D warnings

say "documentation"
RUSTDOCFLAGS="-D warnings" cargo doc --locked --no-deps --all-features --document-private-items

say "dependencies"
if ! cargo deny --version >/dev/null 2>&1; then
    cargo install --locked --quiet cargo-deny
fi
cargo deny --all-features check bans licenses sources

say "tests"
results=$(mktemp)
trap 'rm -f "$results"' EXIT
run() {
    status=0
    "$@" >"$results.run" 2>&1 || status=$?
    cat "$results.run"
    cat "$results.run" >>"$results"
    rm -f "$results.run"
    [ "$status" = 0 ] || { echo "failed: $*"; exit 1; }
}
# A test tier that is skipped is a failure here.
export NETYARD_NO_SKIP=1
run cargo test --locked --all-features --lib --bins --tests
# The snippets of the API documentation bring labs up, as a crate does that uses them.
run cargo test --locked -p netyard --features testing,tokio --doc
# Those tests of the library that need the rights of a namespace's owner.
run unshare --user --map-root-user --net --mount \
    cargo test --locked --all-features --lib -- --ignored

say "all tests"
awk '/^test result:/ {
         for (i = 1; i < NF; i++) {
             if ($(i + 1) ~ /^passed/) passed += $i
             if ($(i + 1) ~ /^failed/) failed += $i
         }
     }
     END { printf "test result: ok. %d passed; %d failed\n", passed, failed; exit failed > 0 }' "$results"
