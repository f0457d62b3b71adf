"""What the server must hold after a restart, and the check that it does.

The rules are those of the fault tests: (a) every acknowledged message once and byte-identical,
(b) UIDs rising and never given twice, (c) UIDVALIDITY kept, (d) mod-sequences never going back, nor
behind what a client was told, (e) flags as last acknowledged, or as the one operation under way left
them, (f) nothing expunged returns, (g) what was handed in for other servers: see crash_queue.py,
(h) the quota is the sum of what is there, (i) what was not acknowledged is there at most once."""

import copy
import hashlib
import random
import re
from collections import Counter, defaultdict
from dataclasses import dataclass, field

from crash_model import ID_ITEM, Mailbox, Message, apply, id_in, is_notice
from crash_queue import ATTEMPTS_MAX, Outgoing
from imap_client import Imap, flags_in, literal_in

# Bodies fetched at once; and the share of old ones that a check reads again.
BODIES_AT_ONCE = 20
REREAD = 0.05


@dataclass
class Delivery:
    acknowledged: bool = False
    # Its UID in each account's INBOX, as far as anybody has seen it.
    uids: dict = field(default_factory=dict)
    # What passes through the queue may be delivered again if that was under way at the end.
    is_queued: bool = False


class World:
    """What all rounds so far have taught about the server."""

    def __init__(self, accounts, password):
        self.accounts, self.password = accounts, password
        self.models = {account: {"INBOX": Mailbox()} for account in accounts}
        self.contents = {}
        self.deliveries = {account: {} for account in accounts}
        self.ever = defaultdict(dict)
        self.uid_next = {}
        self.mod_seqs = {}
        # INBOX UIDs that a worker or a check has had in its model.
        self.inbox_known = {account: set() for account in accounts}
        self.read = set()
        self.outgoing = Outgoing()
        # Second copies out of the queue: (account, UID).
        self.copies = set()
        self.faults = []
        self.notes = set()

    def know(self, id_, bytes_, exact=True):
        self.contents[id_] = (hashlib.sha256(bytes_).digest(), exact)

    def expect_delivery(self, id_, bytes_, accounts, is_queued=False):
        self.know(id_, bytes_, exact=False)
        delivery = Delivery(is_queued=is_queued)
        for account in accounts:
            self.deliveries[account][id_] = delivery
        return delivery

    def went_back(self, load, kept):
        """A backup was restored: only what was acknowledged before it was taken must be there."""
        for account, uid, id_ in load.seen:
            self.bind(account, self.models[account]["INBOX"].validity, uid, id_)
        load.seen.clear()
        self.outgoing.went_back(kept)
        for deliveries in self.deliveries.values():
            for id_, delivery in deliveries.items():
                delivery.acknowledged = id_ in kept

    def acknowledged_ids(self):
        known = [*self.deliveries.values(), self.outgoing.posts]
        return {id_ for some in known for id_, one in list(some.items()) if one.acknowledged}

    def bind(self, account, validity, uid, id_):
        """A UID names one message for ever (RFC 3501 §2.3.1.1)."""
        known = self.ever[account, validity].setdefault(uid, id_)
        self.demand(known == id_, "b", account, f"UID {uid} of {validity} was {known}, is {id_}")

    def learn(self, account, uid, id_):
        """Worker 0 has found a delivery in the INBOX."""
        self.bind(account, self.models[account]["INBOX"].validity, uid, id_)
        self.inbox_known[account].add(uid)
        self.place(account, uid, id_)

    def place(self, account, uid, id_):
        """A delivery is in the INBOX: it was sent, and is there only once."""
        if is_notice(id_):
            return
        delivery = self.deliveries[account].get(id_)
        if delivery is None:
            self.demand(False, "i", account, f"UID {uid} is {id_}, which nobody sent")
            return
        known = delivery.uids.setdefault(account, uid)
        if known != uid and delivery.is_queued:
            self.copies.add((account, uid))
        else:
            self.demand(known == uid, "ai", account, f"{id_} is there as UID {known} and {uid}")

    def demand(self, holds, rule, account, *what):
        if not holds:
            self.faults.append(f"({rule}) {account}: " + " ".join(map(str, what)))

    def check(self, server, load, everything=False):
        """Holds the server against the models; then what is there is the next round's start. How
        many recipients waited in the queue."""
        rng = random.Random(load.seed)
        waited = self.outgoing.drain(server)
        copies = len(self.copies)
        for account in self.accounts:
            client = Imap(server.demo["ports"]["imap"], f"{account}@ac-paris.test", self.password)
            found = self.observe(client, account)
            self.seen_in_idle(account, load, found["INBOX"])
            for number in (0, 1):
                self.compare(account, number, load.pending.get((account, number)), found)
            self.deliveries_placed(account, found["INBOX"])
            size = self.bodies(client, account, found, rng, everything)
            self.demand(size == server.used_bytes(account), "h", account, f"{size} bytes are there")
            self.models[account] = found
            self.inbox_known[account] |= set(found["INBOX"].messages)
            client.close()
        self.faults += self.outgoing.faults(server.ends)
        copies = len(self.copies) - copies
        allowed = ATTEMPTS_MAX if self.outgoing.is_exact else copies
        self.demand(copies <= allowed, "g", "all", f"{copies} second copies out of the queue")
        return sum(waited.values())

    def observe(self, client, account):
        found = {}
        _, lines = client.call('LIST "" "*"')
        names = [re.search(rb'"?/"? "?([^"\r]*)"?\r\n$', line)[1].decode() for line in lines]
        has_mod_seq = "CONDSTORE" in client.capabilities
        if not has_mod_seq:
            self.notes.add("(d) not looked at: CONDSTORE is not offered")
        for name in names:
            items = "UIDNEXT UIDVALIDITY" + " HIGHESTMODSEQ" * has_mod_seq
            _, lines = client.call(f'STATUS "{name}" ({items})')
            status = {
                key: int(number)
                for key, number in re.findall(r"(UIDNEXT|UIDVALIDITY|HIGHESTMODSEQ) (\d+)", lines[0].decode("latin-1"))
            }
            client.call(f'EXAMINE "{name}"')
            items = f"FLAGS {ID_ITEM}"
            rows = client.fetch("1:*", f"MODSEQ {items}" if has_mod_seq else items)
            mailbox = Mailbox(status["UIDVALIDITY"])
            # In the order of the answers: sequence numbers rise, so UIDs must.
            self.demand(list(rows) == sorted(rows), "b", account, f"{name}: UIDs do not rise")
            for uid, line in rows.items():
                mailbox.messages[uid] = Message(id_in(line), flags_in(line))
                self.bind(account, mailbox.validity, uid, mailbox.messages[uid].id)
                if has_mod_seq:
                    mod_seq = int(re.search(rb"MODSEQ \((\d+)\)", line)[1])
                    self.rises(account, (mailbox.validity, uid), mod_seq)
                    mailbox.messages[uid].mod_seq = mod_seq
            if has_mod_seq:
                mailbox.highest_mod_seq = status["HIGHESTMODSEQ"]
                self.rises(account, (mailbox.validity, None), mailbox.highest_mod_seq)
                most = max((message.mod_seq for message in mailbox.messages.values()), default=0)
                self.demand(most <= mailbox.highest_mod_seq, "d", account, f"{name}: {most} above HIGHESTMODSEQ")
            self.uid_next_holds(account, name, mailbox.validity, status["UIDNEXT"])
            found[name] = mailbox
        return found

    def rises(self, account, key, mod_seq):
        known = self.mod_seqs.get((account, *key), 0)
        self.demand(mod_seq >= known, "d", account, f"{key}: mod-sequence {mod_seq} after {known}")
        self.mod_seqs[account, *key] = max(mod_seq, known)

    def uid_next_holds(self, account, name, validity, uid_next):
        least = max(max(self.ever[account, validity], default=0) + 1, self.uid_next.get((account, validity), 0))
        self.demand(uid_next >= least, "b", account, f"{name}: UIDNEXT {uid_next}, at least {least} was told")
        self.uid_next[account, validity] = uid_next

    def seen_in_idle(self, account, load, inbox):
        for who, uid, id_ in load.seen:
            if who != account:
                continue
            self.bind(account, inbox.validity, uid, id_)
            delivery = self.deliveries[account].get(id_)
            if delivery is None or account not in delivery.uids:
                self.place(account, uid, id_)
                self.demand(uid in inbox.messages, "a", account, f"{id_} was shown in IDLE and is gone")

    def compare(self, account, number, pending, found):
        """One worker's mailboxes: as acknowledged, or as the unanswered operation leaves them."""
        model = self.models[account]
        prefix = f"w{number}-"
        candidates = [model]
        if pending:
            after = copy.deepcopy(model)
            apply(after, pending)
            candidates.append(after)
        differences = []
        for candidate in candidates:
            difference = list(self.differences(candidate, found, prefix))
            if number == 0:
                inbox = candidate["INBOX"]
                difference += self.messages_differ("INBOX", inbox, found["INBOX"], open_=True)
                gone = self.inbox_known[account] - set(inbox.messages)
                difference += [f"(f) INBOX UID {uid} is back" for uid in gone & set(found["INBOX"].messages)]
            if not difference:
                return
            differences.append(difference[:5])
        self.demand(False, "aef", account, f"{prefix}: pending {pending}:", *differences)

    def differences(self, candidate, found, prefix):
        here = {name for name in found if name.startswith(prefix)}
        wanted = {name for name in candidate if name.startswith(prefix)}
        if here != wanted:
            yield f"missing mailboxes {wanted - here}, extra {here - wanted}"
        for name in here & wanted:
            yield from self.messages_differ(name, candidate[name], found[name])

    def messages_differ(self, name, wanted, found, open_=False):
        if wanted.validity not in (None, found.validity):
            yield f"(c) {name}: UIDVALIDITY {found.validity} after {wanted.validity}"
        for uid, message in wanted.messages.items():
            there = found.messages.get(uid)
            if there != message:
                yield f"{name} UID {uid}: {message} expected, {there} found"
            elif there.mod_seq < message.mod_seq:
                yield f"(d) {name} UID {uid}: mod-sequence {there.mod_seq} after {message.mod_seq}"
        if found.highest_mod_seq < wanted.highest_mod_seq:
            yield f"(d) {name}: HIGHESTMODSEQ {found.highest_mod_seq} after {wanted.highest_mod_seq}"
        if open_:
            return  # What else is in the INBOX are deliveries: see below.
        last = max(wanted.messages, default=0)
        extra = {uid: message for uid, message in found.messages.items() if uid not in wanted.messages}
        if any(uid < last for uid in extra):
            yield f"{name}: new UIDs {sorted(extra)} not above {last}"
        if self.multiset(extra.values()) != self.multiset(wanted.unplaced):
            yield f"{name}: extra {extra}, unplaced {wanted.unplaced}"

    @staticmethod
    def multiset(messages):
        return Counter((message.id, message.flags) for message in messages)

    def deliveries_placed(self, account, inbox):
        """Each acknowledged delivery is, or was, in the INBOX once; each other at most once."""
        for uid, message in inbox.messages.items():
            self.place(account, uid, message.id)
        for id_, delivery in self.deliveries[account].items():
            if delivery.acknowledged:
                self.demand(account in delivery.uids, "a", account, f"{id_} was acknowledged and is lost")

    def bodies(self, client, account, found, rng, everything):
        """Reads new messages byte by byte, some or all old ones again; the sum of all sizes."""
        total = 0
        for name, mailbox in found.items():
            if not mailbox.messages:
                continue
            client.call(f'EXAMINE "{name}"')
            sizes = client.fetch("1:*", "RFC822.SIZE")
            total += sum(int(re.search(rb"RFC822.SIZE (\d+)", line)[1]) for line in sizes.values())
            due = [
                uid for uid in mailbox.messages
                if everything or (account, mailbox.validity, uid) not in self.read or rng.random() < REREAD
            ]
            for start in range(0, len(due), BODIES_AT_ONCE):
                some = due[start : start + BODIES_AT_ONCE]
                rows = client.fetch(",".join(map(str, some)), "BODY.PEEK[]")
                for uid in some:
                    self.body(account, mailbox, uid, literal_in(rows[uid]))
        return total

    def body(self, account, mailbox, uid, bytes_):
        id_ = mailbox.messages[uid].id
        self.read.add((account, mailbox.validity, uid))
        if is_notice(id_):
            fault = self.outgoing.noticed(account, id_, bytes_)
            return self.demand(not fault, "g", account, fault)
        start = bytes_.find(b"X-Crash-Id:")
        digest, exact = self.contents.get(id_, (None, False))
        same = hashlib.sha256(bytes_[max(start, 0) :]).digest() == digest and not (exact and start)
        self.demand(same, "a", account, f"UID {uid} {id_}: other bytes, {len(bytes_)} of them")
