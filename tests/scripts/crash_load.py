"""A mixed load on a demo, and the model of what the server has acknowledged.

Every IMAP worker owns the mailboxes that begin with its name, so its model is exact: it changes
only after the tagged OK was read, and at most one operation is unanswered when the server dies.
SMTP senders deliver to all INBOXes; worker 0 of each account moves and expunges there, too.
crash_queue.py has the senders to other servers."""

import hashlib
import itertools
import json
import random
import re
import smtplib
import threading

from crash_model import ID_ITEM, Message, apply, content, id_in, is_notice, size_of
from imap_client import Imap, Refused, numbers

FLAGS = ["\\Seen", "\\Flagged", "\\Answered", "\\Draft", "$Fait"]
MAILBOXES_MAX = 4
MESSAGES_MAX = 40


class Load:
    """All workers of a round. `world` is what earlier rounds left: see crash_check.World; `others`
    are called with this and their number."""

    def __init__(self, demo, world, ledger, seed, senders, imap, others):
        self.demo, self.world, self.ledger, self.seed = demo, world, ledger, seed
        self.lock = threading.Lock()
        self.progress = threading.Condition(self.lock)
        self.acknowledged = {"mail": 0, "other": 0}
        # Set where the server's engine is made to fail: then NO leaves the outcome open.
        self.engine_fails = False
        self.refusals = []
        self.errors = []
        self.stopping = False
        self.pending = {}
        self.seen = []
        work = [(self.send, (number,)) for number in range(senders)]
        if imap:
            for account in world.accounts:
                work += [(self.work, (account, 0)), (self.work, (account, 1))]
        work += [(self.listen, (account,)) for account in world.accounts]
        work += [(other, (self, number)) for number, other in enumerate(others)]
        self.threads = [threading.Thread(target=self.guard, args=item, daemon=True) for item in work]

    def start(self):
        for thread in self.threads:
            thread.start()

    def wait_for(self, count, seconds, kind=None):
        """Waits until so many operations more are acknowledged; whether they were."""
        total = lambda: self.acknowledged[kind] if kind else sum(self.acknowledged.values())
        with self.lock:
            wanted = total() + count
            return self.progress.wait_for(lambda: total() >= wanted, seconds)

    def wait_for_refusal(self, text, seconds):
        with self.lock:
            return self.progress.wait_for(lambda: any(one.startswith(text) for one in self.refusals), seconds)

    def join(self):
        self.stopping = True
        for thread in self.threads:
            thread.join(90)
            if thread.is_alive():
                self.errors.append("a worker hangs")

    def guard(self, work, args):
        try:
            work(*args)
        except (OSError, smtplib.SMTPServerDisconnected):
            pass  # The server is gone: that is what we are here for.
        except Exception as error:
            if isinstance(error, Refused) and self.engine_fails:
                return
            self.errors.append(f"{work.__name__} {args[-1]}: {type(error).__name__}: {error}")

    def note(self, **entry):
        with self.lock:
            self.ledger.write(json.dumps(entry) + "\n")
            self.ledger.flush()

    def count(self, kind):
        with self.progress:
            self.acknowledged[kind] += 1
            self.progress.notify_all()

    def refused(self, answer):
        with self.progress:
            self.refusals.append(answer)
            self.progress.notify_all()
        threading.Event().wait(0.05)  # Not a busy loop while the disk is full.

    # --- SMTP ---

    def send(self, number):
        rng = random.Random(f"{self.seed} send {number}")
        client = None
        for count in itertools.count():
            if self.stopping:
                return
            # After a refusal anew: who is refused too often is cut off.
            client = client or smtplib.SMTP("127.0.0.1", self.demo["ports"]["smtp"], timeout=60)
            id_ = f"{self.seed}-s{number}-{count}"
            accounts = rng.sample(self.world.accounts, rng.choice([1, 1, 1, 2, 5]))
            bytes_ = content(id_, size_of(rng))
            delivery = self.world.expect_delivery(id_, bytes_, accounts)
            to = [f"{account}@ac-paris.test" for account in accounts]
            if self.hand_in(client, id_, "load@load.example", to, bytes_):
                delivery.acknowledged = True
            else:
                client.close()
                client = None

    def hand_in(self, client, id_, from_, to, bytes_):
        """One message; whether it was taken for everybody. What was not taken is refused for all."""
        self.note(id=id_, to=to, sha256=hashlib.sha256(bytes_).hexdigest())
        try:
            refused = client.sendmail(from_, to, bytes_)
        except (smtplib.SMTPResponseException, smtplib.SMTPRecipientsRefused) as error:
            text = smtp_text(error)
            if text.startswith("421"):
                raise ConnectionError(text) from error
            self.refused(text)
            return False
        assert not refused, f"refused for some: {refused}"
        self.note(id=id_, acknowledged=True)
        self.count("mail")
        return True

    # --- IMAP ---

    def connect(self, account):
        return Imap(self.demo["ports"]["imap"], f"{account}@ac-paris.test", self.world.password)

    def work(self, account, number):
        rng = random.Random(f"{self.seed} {account} {number}")
        worker = Worker(self, account, number, rng)
        while not self.stopping:
            worker.step()

    def listen(self, account):
        """IDLE on the INBOX: what a client was shown must stay."""
        client = self.connect(account)
        client.call("SELECT INBOX")
        last = max(list(self.world.models[account]["INBOX"].messages), default=0)
        while not self.stopping:
            for uid, line in client.fetch(f"{last + 1}:*", ID_ITEM).items():
                if uid > last:
                    last = uid
                    self.seen.append((account, uid, id_in(line)))
            tag = client.send("IDLE")
            while b"EXISTS" not in client.line():
                if self.stopping:
                    return
            client.socket.sendall(b"DONE\r\n")
            client.end(tag)


class Worker:
    """One IMAP client that works in its own mailboxes."""

    def __init__(self, load, account, number, rng):
        self.load, self.account, self.number, self.rng = load, account, number, rng
        self.prefix = f"w{number}-"
        self.model = load.world.models[account]
        self.client = load.connect(account)
        self.client.call("ENABLE CONDSTORE")
        self.selected = None
        self.made = 0

    def own(self):
        return [name for name in list(self.model) if name.startswith(self.prefix)]

    def fresh(self):
        self.made += 1
        return f"{self.load.seed}.{self.made}".replace("/", "-")

    def step(self):
        own = self.own()
        if len(own) < 2:
            return self.run({"op": "create", "name": self.prefix + self.fresh()})
        if self.number == 0 and self.rng.random() < 0.3:
            return self.tidy_inbox(own)
        name = self.rng.choice(own)
        uids = list(self.model[name].messages)
        some = sorted(self.rng.sample(uids, min(len(uids), self.rng.randint(1, 5))))
        kinds = ["append"] * 5 + ["store"] * 5 + ["copy", "move"] * 2 + ["expunge"] * 2
        kind = self.rng.choice(kinds + ["create", "delete", "rename"])
        if len(uids) > MESSAGES_MAX:
            kind, some = "expunge", uids[: len(uids) // 2]
        if kind == "append" or (not some and kind in ("store", "copy", "move", "expunge")):
            return self.append(name)
        if kind == "create" and len(own) < MAILBOXES_MAX:
            parent = name if name.count("/") == 0 and self.rng.random() < 0.5 else None
            new = self.fresh()
            return self.run({"op": "create", "name": f"{parent}/{new}" if parent else self.prefix + new})
        if kind == "delete" and not any(other.startswith(name + "/") for other in own):
            return self.run({"op": "delete", "name": name})
        if kind == "rename":
            to = name.rpartition("/")[0] + "/" if "/" in name else self.prefix
            return self.run({"op": "rename", "name": name, "to": to + self.fresh()})
        if kind in ("copy", "move"):
            to = self.rng.choice([other for other in own if other != name])
            return self.run({"op": kind, "name": name, "uids": some, "to": to})
        if kind == "expunge":
            flags = ["\\Deleted"]
            if self.run({"op": "store", "name": name, "uids": some, "flags": flags}):
                self.run({"op": "expunge", "name": name, "uids": some})
            return None
        if some:
            flags = self.rng.sample(FLAGS, self.rng.randint(0, 3))
            self.run({"op": "store", "name": name, "uids": some, "flags": flags})
        return None

    def append(self, name):
        self.made += 1
        id_ = f"{self.load.seed}-{self.account}-{self.prefix}{self.made}"
        bytes_ = content(id_, size_of(self.rng))
        self.load.world.know(id_, bytes_)
        flags = self.rng.sample(FLAGS, self.rng.randint(0, 2))
        self.run({"op": "append", "name": name, "id": id_, "flags": flags}, bytes_)

    def tidy_inbox(self, own):
        """Learns what has come to the INBOX and takes some of it away."""
        self.select("INBOX")
        self.client.call("NOOP")
        inbox = self.model["INBOX"].messages
        last = max(inbox, default=0)
        rows = self.client.fetch(f"{last + 1}:*", ID_ITEM)
        for uid, line in sorted(rows.items()):
            if uid > last:
                inbox[uid] = Message(id_in(line))
                self.load.world.learn(self.account, uid, inbox[uid].id)
                self.load.note(account=self.account, inbox=uid, id=inbox[uid].id)
        # A notice stays where the check finds it.
        uids = [uid for uid, message in inbox.items() if not is_notice(message.id)]
        some = sorted(self.rng.sample(uids, min(len(uids), self.rng.randint(1, 8))))
        if not some:
            return
        kind = self.rng.choice(["store", "move", "expunge", "copy"])
        if kind in ("move", "copy"):
            self.run({"op": kind, "name": "INBOX", "uids": some, "to": self.rng.choice(own)})
        elif kind == "store":
            flags = self.rng.sample(FLAGS, 2)
            self.run({"op": "store", "name": "INBOX", "uids": some, "flags": flags})
        elif self.run({"op": "store", "name": "INBOX", "uids": some, "flags": ["\\Deleted"]}):
            self.run({"op": "expunge", "name": "INBOX", "uids": some})

    def select(self, name):
        if self.selected != name:
            self.client.call(f'SELECT "{name}"')
            self.selected = name

    def run(self, op, literal=None):
        """One operation: asked, answered, and only then done in the model."""
        if op["op"] in ("store", "expunge", "copy", "move"):
            self.select(op["name"])
        elif op["op"] in ("delete", "rename") and self.selected:
            self.client.call("UNSELECT")
            self.selected = None
        self.load.note(account=self.account, ask=op)
        self.load.pending[self.account, self.number] = op
        try:
            answer, lines = self.client.call(command(op), literal)
        except Refused as refused:
            self.load.refused(str(refused))
            if "[LIMIT]" in str(refused):
                del self.load.pending[self.account, self.number]
                return False
            if self.load.engine_fails:
                raise ConnectionError("the outcome is open") from refused
            raise
        told = self.told(op, answer, lines)
        apply(self.model, op, told)
        self.learn_mod_seqs(op, answer, lines)
        del self.load.pending[self.account, self.number]
        self.load.note(account=self.account, done=op["op"], told=told)
        self.load.count("mail" if op["op"] == "append" else "other")
        return True

    def told(self, op, answer, lines):
        """What the answer says: UIDVALIDITY of a new mailbox, or the new UIDs."""
        text = answer + b" ".join(lines).decode("latin-1")
        world = self.load.world
        if op["op"] == "append":
            validity, uids = re.search(r"APPENDUID (\d+) (\d+)", text).groups()
            world.bind(self.account, int(validity), int(uids), op["id"])
            return [int(uids)]
        if op["op"] in ("copy", "move"):
            validity, from_, to = re.search(r"COPYUID (\d+) (\S+) ([\d:,]+)", text).groups()
            # RFC 4315 §3: in the same order as the source set.
            order = dict(zip(numbers(from_), numbers(to), strict=True))
            assert sorted(order) == op["uids"], (op, text)
            source = self.model[op["name"]].messages
            for uid in op["uids"]:
                world.bind(self.account, int(validity), order[uid], source[uid].id)
            return [order[uid] for uid in op["uids"]]
        return None


    def learn_mod_seqs(self, op, answer, lines):
        """RFC 7162 §3.2: after ENABLE CONDSTORE each change is told with its mod-sequence."""
        mailbox = self.model.get(op["name"])
        if mailbox is None:
            return
        highest = re.search(r"HIGHESTMODSEQ (\d+)", answer)
        mailbox.highest_mod_seq = max(mailbox.highest_mod_seq, int(highest[1]) if highest else 0)
        for line in lines:
            uid, mod_seq = re.search(rb"UID (\d+)", line), re.search(rb"MODSEQ \((\d+)\)", line)
            if uid and mod_seq and int(uid[1]) in mailbox.messages:
                mailbox.messages[int(uid[1])].mod_seq = int(mod_seq[1])
                mailbox.highest_mod_seq = max(mailbox.highest_mod_seq, int(mod_seq[1]))


def command(op):
    name, uids = f'"{op["name"]}"', ",".join(map(str, op.get("uids", [])))
    return {
        "create": f"CREATE {name}",
        "delete": f"DELETE {name}",
        "rename": f'RENAME {name} "{op.get("to")}"',
        "append": f'APPEND {name} ({" ".join(op.get("flags", []))})',
        "store": f'UID STORE {uids} FLAGS ({" ".join(op.get("flags", []))})',
        "expunge": f"UID EXPUNGE {uids}",
        "copy": f'UID COPY {uids} "{op.get("to")}"',
        "move": f'UID MOVE {uids} "{op.get("to")}"',
    }[op["op"]]


def smtp_text(error):
    if isinstance(error, smtplib.SMTPResponseException):
        code, text = error.smtp_code, error.smtp_error
    else:
        code, text = next(iter(error.recipients.values()))
    return f"{code} {text.decode()}"
