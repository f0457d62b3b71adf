#!/usr/bin/env bash
# Installs what a make target needs and this machine lacks: Debian packages, and npm packages for
# the browser tests. Says in one line what it installs and why. Does nothing when all is there.
set -euo pipefail
cd "$(dirname "$0")/.."
cache="${XDG_CACHE_HOME:-$HOME/.cache}/facteur"

fail() { echo "facteur: $*" >&2; exit 1; }

# The packages of those arguments probe=>package whose probe fails.
missing() {
  local pair
  for pair in "$@"; do
    eval "${pair%%=>*}" >/dev/null 2>&1 || echo "${pair##*=>}"
  done
}

# Installs the packages for which the probe command fails. Arguments: why, then probe=>package.
need() {
  local why="$1" packages
  shift
  mapfile -t packages < <(missing "$@")
  [ ${#packages[@]} -eq 0 ] && return
  command -v apt-get >/dev/null || fail "please install, with your system's package manager: ${packages[*]} ($why)"
  local sudo=()
  if [ "$(id -u)" -ne 0 ]; then
    command -v sudo >/dev/null || fail "please install as root: apt-get install ${packages[*]} ($why)"
    sudo=(sudo)
  fi
  echo "facteur: installing ${packages[*]} $why"
  "${sudo[@]}" env DEBIAN_FRONTEND=noninteractive apt-get update -qq
  "${sudo[@]}" env DEBIAN_FRONTEND=noninteractive \
    apt-get install -y -qq --no-install-recommends "${packages[@]}" >/dev/null
}

# The same for servers, as root. Their packages would start daemons on the usual ports: a
# policy-rc.d forbids that while they are installed, and what is ours of it goes again.
need_servers() {
  local why="$1 (no daemon is started)" policy=/usr/sbin/policy-rc.d forbid=0
  shift
  [ -z "$(missing "$@")" ] && return
  if [ ! -e "$policy" ]; then
    forbid=1
    printf '#!/bin/sh\nexit 101\n' >"$policy"
    chmod 755 "$policy"
    trap 'rm -f /usr/sbin/policy-rc.d' EXIT
  fi
  need "$why" "$@"
  # Nor are they started at the next boot.
  if command -v systemctl >/dev/null; then
    systemctl disable -q postfix dovecot dovecot.socket 2>/dev/null || true
  fi
  if [ $forbid -eq 1 ]; then rm -f "$policy"; trap - EXIT; fi
}

build() {
  command -v cargo >/dev/null || fail "cargo is missing: install the Rust toolchain with rustup (https://rustup.rs)"
  need "to compile RocksDB and generate its bindings" \
    'command -v g++=>g++' 'command -v ccache=>ccache' \
    'ls /usr/lib/llvm-*/lib/clang/*/include/stdbool.h=>libclang-dev'
  mkdir -p "$cache"
}

tests() {
  build
  need "to try the server with foreign clients" \
    'command -v curl=>curl' 'command -v msmtp=>msmtp' 'command -v swaks=>swaks' \
    'command -v mbsync=>isync' 'command -v python3=>python3' \
    'perl -MIO::Socket::SSL -e1=>libio-socket-ssl-perl'
  need "to cut the power under a file system of its own" \
    'test -x /usr/sbin/mkfs.ext4=>e2fsprogs' 'test -x /usr/sbin/mkfs.xfs=>xfsprogs'
  need "to certify a test server" 'command -v openssl=>openssl'
  need "to try senders against other programs, and the SPF test suite" \
    '/usr/bin/python3 -c "import dkim"=>python3-dkim' \
    '/usr/bin/python3 -c "import nacl"=>python3-nacl' \
    '/usr/bin/python3 -c "import yaml"=>python3-yaml' \
    'ls /usr/share/doc/python3-spf/rfc7208-tests.yml.gz=>python3-spf'
  # It starts as root only; without, that test is skipped and says so.
  if [ "$(id -u)" -eq 0 ]; then
    need_servers "as the outside world" 'test -x /usr/sbin/postfix=>postfix'
  fi
  need "to look at the webmail in a browser" \
    'command -v chromium=>chromium' 'command -v node=>nodejs' 'command -v npm=>npm'
  local modules="$cache/browser"
  if ! cmp -s tests/browser/package-lock.json "$modules/package-lock.json"; then
    echo "facteur: installing playwright-core and axe-core to look at the webmail"
    mkdir -p "$modules"
    cp tests/browser/package.json tests/browser/package-lock.json "$modules/"
    (cd "$modules" && npm ci --silent --no-audit --no-fund --ignore-scripts) \
      || { rm -f "$modules/package-lock.json"; fail "npm ci failed"; }
  fi
}

# Debian's mail servers, to measure beside Facteur.
bench() {
  build
  [ "$(id -u)" -eq 0 ] || fail "make bench puts servers into control groups: run it as root"
  need_servers "to measure them beside Facteur" 'test -x /usr/sbin/postfix=>postfix' \
    'test -x /usr/lib/dovecot/imap=>dovecot-imapd' 'test -x /usr/lib/dovecot/lmtp=>dovecot-lmtpd'
  need "to count syncs" 'command -v perf=>linux-perf'
}

case "${1:-}" in
  build) build ;;
  test) tests ;;
  bench) bench ;;
  cargo-deny)
    if [ ! -x "$cache/tools/bin/cargo-deny" ]; then
      echo "facteur: building cargo-deny to check licences"
      CARGO_TARGET_DIR="$cache/tools/target" cargo install --quiet --locked --root "$cache/tools" \
        --version "0.20.2" cargo-deny
      rm -rf "$cache/tools/target"
    fi ;;
  *) fail "usage: tools/setup.sh build|test|bench|cargo-deny" ;;
esac
