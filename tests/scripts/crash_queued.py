"""Many messages in the queue: `crash.py --queued N` breaks the server while they wait and while they
leave.

The far server puts everything off. When N messages are acknowledged the server is broken under
further senders; each acknowledged one must be queued, once. Then the far server takes mail, the
server is broken again when half of it has left, and in the end everything must have arrived."""

import base64
import hashlib
import random
import socket
import threading
import time
from collections import Counter

from crash_model import content
from crash_queue import Post
from crash_server import PATIENCE

SENDERS = 4
# Messages under way on one connection.
WINDOW = 20
SIZES = 2 << 10, 6 << 10
# Of everything together, on a slow machine.
SECONDS_MAX = 1800


class Senders:
    """Connections that write ahead (RFC 2920, RFC 3030), and know which messages were taken."""

    def __init__(self, demo, world, ledger, seed):
        self.demo, self.world, self.ledger, self.seed = demo, world, ledger, seed
        self.stopping = self.is_broken = False
        self.progress = threading.Condition()
        self.acknowledged, self.errors = 0, []
        self.threads = [threading.Thread(target=self.guard, args=(number,), daemon=True) for number in range(SENDERS)]

    def start(self):
        for thread in self.threads:
            thread.start()

    def wait_for(self, count):
        with self.progress:
            if not self.progress.wait_for(lambda: self.acknowledged >= count or self.errors, SECONDS_MAX):
                self.errors.append(f"{self.acknowledged} of {count} taken")

    def join(self):
        self.stopping = True
        for thread in self.threads:
            thread.join(PATIENCE)

    def guard(self, number):
        try:
            self.send(number)
        except OSError:
            pass  # The server is gone: that is what we are here for.
        except Exception as error:
            # What cannot be written is refused before the server is gone: nothing was acknowledged.
            if self.is_broken and isinstance(error, Refused):
                return
            with self.progress:
                self.errors.append(f"sender {number}: {type(error).__name__}: {error}")
                self.progress.notify_all()

    def send(self, number):
        account = self.world.accounts[number % len(self.world.accounts)]
        address = f"{account}@ac-paris.test"
        client = socket.create_connection(("127.0.0.1", self.demo["ports"]["submission"]), 60)
        replies = client.makefile("rb")
        expect(replies, b"220")
        login = base64.b64encode(f"\0{address}\0{self.world.password}".encode())
        client.sendall(b"EHLO load.example\r\nAUTH PLAIN " + login + b"\r\n")
        expect(replies, b"250", b"235")
        count = 0
        while not self.stopping:
            posts, lines = [], []
            for _ in range(WINDOW):
                post, bytes_ = self.message(account, address, f"{self.seed}-{number}-{count}")
                count += 1
                posts.append(post)
                lines.append(b"MAIL FROM:<%s>\r\nRCPT TO:<%s>\r\nBDAT %d LAST\r\n"
                             % (address.encode(), post.recipients[0].encode(), len(bytes_)) + bytes_)
            client.sendall(b"".join(lines))
            for post in posts:
                expect(replies, b"250", b"250", b"250")
                post.acknowledged = True
                self.note(post)

    def message(self, account, address, id_):
        bytes_ = content(id_, random.Random(id_).randint(*SIZES), address)
        post = Post(account, hashlib.sha256(bytes_).digest(), [f"later-0.{id_}@far.test"])
        return self.world.outgoing.expect(id_, post), bytes_

    def note(self, post):
        with self.progress:
            self.ledger.write(f"{post.recipients[0]} {post.digest.hex()}\n")
            self.ledger.flush()
            self.acknowledged += 1
            self.progress.notify_all()


class Refused(Exception):
    """The server answered that it cannot now."""


def expect(replies, *codes):
    for code in codes:
        while True:
            line = replies.readline()
            if not line.endswith(b"\n"):
                raise ConnectionError("the server closed")
            if not line.startswith(code):
                kind = Refused if line.startswith(b"4") else AssertionError
                raise kind(f"{code} expected, {line}")
            if line[3:4] != b"-":
                break


def run(count, seed, server, world, ledger, break_, repair):
    """`break_` makes the fault while it is called, `repair` makes the start possible again."""
    outgoing = world.outgoing
    server.start()
    senders = Senders(server.demo, world, ledger, seed)
    began = time.monotonic()
    senders.start()
    senders.wait_for(count)
    took = time.monotonic() - began
    senders.is_broken = True
    break_()
    senders.join()
    repair()
    server.start()
    demand(not senders.errors, *senders.errors)
    waiting = outgoing.waiting(server)
    acknowledged = Counter(post.recipients[0] for post in outgoing.posts.values() if post.acknowledged)
    print(f"{acknowledged.total()} acknowledged in {took:.1f} s; {waiting.total()} queued after the restart", flush=True)
    demand(not (lost := acknowledged - waiting), f"{lost.total()} of {acknowledged.total()} are lost")
    handed_in = Counter(post.recipients[0] for post in outgoing.posts.values())
    demand(not (stray := waiting - handed_in), f"queued and never sent, or twice: {stray}")

    outgoing.far.is_ready.set()
    began = time.monotonic()
    retrying = threading.Thread(target=lambda: retry(server), daemon=True)
    retrying.start()
    outgoing.wait_for_arrivals(waiting.total() // 2, SECONDS_MAX)
    break_()
    retrying.join(PATIENCE)
    half = len(outgoing.arrivals)
    repair()
    server.start()
    outgoing.drain(server)
    took = time.monotonic() - began
    faults = list(outgoing.faults(server.ends))
    demand(not faults, *faults[:20])
    demand("clean" in server.facteur("verify"), "verify")
    print(f"{half} had arrived at the second end, {len(outgoing.arrivals)} after {took:.1f} s;"
          f" {outgoing.doubled} arrived twice", flush=True)


def retry(server):
    """The command ends with the server that is broken under it."""
    try:
        server.facteur("queue", "retry", "--all")
    except SystemExit:
        pass


def demand(holds, *what):
    if not holds:
        raise SystemExit("FAILED: (g) " + "\n".join(map(str, what)))
