#!/usr/bin/env bash
# Cuts the power under a loaded server, again and again, and checks after each start that every
# acknowledged message is there once. Needs root and loop mounts.
# Usage: power_cut.sh FACTEUR [FILE_SYSTEM] [ROUNDS]
#
# The cut is the file system's shutdown ioctl without a log flush: unsynced data vanishes, synced
# data stays. It models the loss of the page cache, not reordering inside a drive.
set -euo pipefail
facteur=$(realpath "$1")
file_system="${2:-ext4}"
rounds="${3:-10}"
scripts=$(cd "$(dirname "$0")" && pwd)
work=$(mktemp -d)
mkdir "$work/mnt"
truncate -s 2G "$work/image"
"mkfs.$file_system" -q "$work/image"
if ! mount -o loop "$work/image" "$work/mnt"; then
  echo "skipped: loop mounts are not allowed here"
  rm -rf "$work"
  exit 0
fi

start() {
  rm -f "$work/mnt/demo/demo.json"
  "$facteur" demo --dir "$work/mnt/demo" --port-base 31000 --accounts 5 >>"$work/log" 2>&1 &
  server=$!
  for _ in $(seq 600); do
    [ -f "$work/mnt/demo/demo.json" ] && break
    sleep 0.1
  done
  cp "$work/mnt/demo/demo.json" "$work/demo.json"
}

check() {
  python3 "$scripts/check_ledger.py" "$work/demo.json" "$work/ledger" "$work/validity"
}

for round in $(seq "$rounds"); do
  start
  [ "$round" -eq 1 ] || check
  python3 "$scripts/send_load.py" "$work/demo.json" "$work/ledger" >"$work/busy" &
  load=$!
  for _ in $(seq 600); do
    grep -q busy "$work/busy" && break
    sleep 0.05
  done
  sleep "0.$((RANDOM % 9))"
  python3 - "$work/mnt" <<'PY'
import fcntl, os, struct, sys
# FS_IOC_SHUTDOWN, 2: without a log flush.
fcntl.ioctl(os.open(sys.argv[1], os.O_RDONLY), 0x8004587D, struct.pack("I", 2))
PY
  kill -9 "$server" 2>/dev/null || true
  wait "$server" 2>/dev/null || true
  wait "$load" || true
  umount "$work/mnt"
  mount -o loop "$work/image" "$work/mnt"
done
start
check
"$facteur" --config "$work/mnt/demo/facteur.toml" verify
kill "$server"
wait "$server" || true
umount "$work/mnt"
rm -rf "$work"
