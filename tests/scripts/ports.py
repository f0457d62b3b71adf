"""Ports for a server under test, which no other test of this machine takes meanwhile."""
import fcntl
import os
import pathlib
import socket
import tempfile

OFFSETS = (24, 25, 80, 143, 443, 465, 587, 993)
# Below the range from which the system takes ports for clients, and further apart than the largest
# offset, so that no two bases share a port; tests/demo.rs reserves the same way.
FIRST, STEP, COUNT = 11_000, 1000, 20
reserved = []


def reserve_base():
    """A base whose ports are free, kept by a lock until this process ends."""
    folder = pathlib.Path(tempfile.gettempdir(), "facteur-test-ports")
    folder.mkdir(exist_ok=True)
    for turn in range(COUNT):
        base = FIRST + (os.getpid() + turn) % COUNT * STEP
        lock = open(folder / str(base), "w")
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            continue
        if all(is_free(base + offset) for offset in OFFSETS):
            reserved.append(lock)
            return base
    raise SystemExit("no free range of ports")


def is_free(port):
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            return False
    return True
