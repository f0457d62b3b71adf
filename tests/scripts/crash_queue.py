"""What a load hands in for other servers, and what must become of it: rule (g).

Whatever was acknowledged reaches the far server byte for byte or comes back as a notice: never
neither, and one message is one Message-ID however often it is sent. It may arrive twice only where
its delivery was under way when the server ended, because a far server's 250 and the commit that
knows of it are two things (RFC 5321 §6.1); never more at once than there are connections."""

import email
import hashlib
import itertools
import random
import re
import smtplib
import threading
import time
from collections import Counter, defaultdict
from dataclasses import dataclass

from crash_model import content, size_of
from far import Far

# `relay.connections_per_next_hop_max`: attempts under way at the same time.
ATTEMPTS_MAX = 20
# How long an attempt takes at most on a busy machine, from the far server's 250 to its commit.
ATTEMPT_SECONDS_MAX = 20
# Until everything that waits has left; and what is tried again meanwhile (an attempt that was put
# off just before would wait for minutes).
DRAIN_SECONDS_MAX, RETRY_SECONDS = 300, 3


@dataclass
class Post:
    sender: str
    digest: bytes
    recipients: list
    # The copies for mailboxes here, if there are any: see crash_check.Delivery.
    delivery: object = None
    acknowledged: bool = False
    # What came of it may be half forgotten: a backup from before was restored.
    is_open: bool = False


@dataclass
class Arrival:
    sender: str
    digest: bytes
    message_id: str
    at: float


class Outgoing:
    """All of it, of all rounds."""

    def __init__(self):
        self.lock = threading.Condition()
        self.posts, self.arrivals, self.notices = {}, defaultdict(list), defaultdict(set)
        self.doubled, self.is_exact = 0, True
        self.far = Far(self.arrived)

    def expect(self, id_, post):
        self.posts[id_] = post
        return post

    def arrived(self, sender, recipients, message):
        start = message.find(b"X-Crash-Id:")
        message_id = re.search(rb"^Message-ID: (.*)\r$", message, re.M | re.I)[1].decode()
        digest = hashlib.sha256(message[max(start, 0) :]).digest()
        with self.lock:
            for recipient in recipients:
                self.arrivals[recipient].append(Arrival(sender, digest, message_id, time.monotonic()))
            self.lock.notify_all()

    def wait_for_arrivals(self, count, seconds):
        with self.lock:
            return self.lock.wait_for(lambda: len(self.arrivals) >= count, seconds)

    def noticed(self, account, notice_id, bytes_):
        """A notice is in a mailbox here; what is wrong with it."""
        report = email.message_from_bytes(bytes_)
        if report.get_content_type() != "multipart/report":
            return f"{notice_id} is no notice"
        _, status, returned = report.get_payload()
        id_ = re.search(r"X-Crash-Id: (\S+)", returned.as_string())[1]
        for fields in status.get_payload()[1:]:
            recipient = fields["Final-Recipient"].partition(";")[2].strip()
            post = self.posts.get(id_)
            if post is None or recipient not in post.recipients or post.sender != account:
                return f"{notice_id} is about {id_} to {recipient}, which {account} did not send"
            self.notices[recipient].add(notice_id)
        return None

    def waiting(self, server):
        """The recipients in the queue, each as often as it is there."""
        lines = server.facteur_lines("queue", "list", "--json")
        return Counter(row["address"] for entry in lines for row in entry["recipients"])

    def drain(self, server):
        """Lets everything go that waits; how many recipients that were."""
        found = waiting = self.waiting(server)
        self.far.is_ready.set()
        retried, until = 0, time.monotonic() + DRAIN_SECONDS_MAX
        # There is no event to wait for: the queue is another process's.
        while waiting:
            if time.monotonic() > until:
                raise SystemExit(f"FAILED: (g) {sum(waiting.values())} recipients do not leave the queue")
            if time.monotonic() > retried + RETRY_SECONDS:
                server.facteur("queue", "retry", "--all")
                retried = time.monotonic()
            time.sleep(0.1)
            waiting = self.waiting(server)
        return found

    def went_back(self, kept):
        """A backup was restored: what came after it is gone, and what left after it leaves again."""
        for id_, post in self.posts.items():
            if id_ not in kept:
                post.acknowledged, post.is_open = False, True
        self.is_exact = False

    def faults(self, ends):
        """What is wrong, when the queue is empty. `ends`: when the server was killed or stopped."""
        with self.lock:
            for id_, post in self.posts.items():
                yield from (f"(g) {id_}: {fault}" for fault in self.post_faults(post))
            if self.is_exact:
                yield from self.copies(ends)

    def post_faults(self, post):
        reached = {recipient: self.reached(recipient) for recipient in post.recipients}
        if post.delivery:
            reached["mailboxes here"] = bool(post.delivery.uids)
        if post.acknowledged and not all(reached.values()):
            yield f"acknowledged and is lost: {reached}"
        # One commit takes a message for all of its recipients.
        if len(set(reached.values())) > 1 and not post.is_open:
            yield f"taken for some: {reached}"
        for recipient in post.recipients:
            arrivals = self.arrivals.get(recipient, [])
            if any(arrival.digest != post.digest for arrival in arrivals):
                yield f"other bytes to {recipient}"
            if any(arrival.sender != f"{post.sender}@ac-paris.test" for arrival in arrivals):
                yield f"another sender: {arrivals}"
            if len({arrival.message_id for arrival in arrivals}) > 1:
                yield f"sent under several names: {arrivals}"
            # What is refused and the notice of it are one commit.
            if self.is_exact and len(self.notices.get(recipient, ())) > 1:
                yield f"several notices: {self.notices[recipient]}"

    def reached(self, recipient):
        came_back = recipient.startswith("unknown-")
        return bool(self.notices.get(recipient) if came_back else self.arrivals.get(recipient))

    def copies(self, ends):
        """Second arrivals where none was possible."""
        known = {recipient for post in self.posts.values() for recipient in post.recipients}
        if stray := self.arrivals.keys() - known:
            yield f"(g) nobody sent mail to {stray}"
        at_end, self.doubled = defaultdict(set), 0
        for recipient, arrivals in self.arrivals.items():
            times = sorted(arrival.at for arrival in arrivals)
            for first, second in itertools.pairwise(times):
                self.doubled += 1
                end = next((end for end in ends if first - 1 <= end <= second), None)
                if end is None or end - first > ATTEMPT_SECONDS_MAX:
                    yield f"(g) {recipient} was sent again though its delivery was over: {first}, {second}, {ends}"
                # One attempt may be for several recipients of a message.
                at_end[end].add(recipient.partition(".")[2])
        yield from (f"(g) sent twice around one end: {ids}" for ids in at_end.values() if len(ids) > ATTEMPTS_MAX)


def post(load, number):
    """A sender of a load: logged in, to other servers and now and then also to mailboxes here."""
    world = load.world
    account = world.accounts[number % len(world.accounts)]
    address = f"{account}@ac-paris.test"
    rng = random.Random(f"{load.seed} post {number}")
    client = None
    for count in itertools.count():
        if load.stopping:
            return
        if client is None:
            client = smtplib.SMTP("127.0.0.1", load.demo["ports"]["submission"], timeout=60)
            client.login(address, world.password)
        id_ = f"{load.seed}-p{number}-{count}"
        kinds = [rng.choice(["taken", "taken", "later", "unknown"]) for _ in range(rng.choice([1, 1, 2, 3]))]
        far = [f"{kind}-{place}.{id_}@far.test" for place, kind in enumerate(kinds)]
        here = rng.sample(world.accounts, 2) if rng.random() < 0.3 else []
        bytes_ = content(id_, size_of(rng), address)
        delivery = world.expect_delivery(id_, bytes_, here, is_queued=True) if here else None
        expected = world.outgoing.expect(id_, Post(account, hashlib.sha256(bytes_).digest(), far, delivery))
        to = far + [f"{other}@ac-paris.test" for other in here]
        if load.hand_in(client, id_, address, to, bytes_):
            expected.acknowledged = True
            if delivery:
                delivery.acknowledged = True
        else:
            client.close()
            client = None
