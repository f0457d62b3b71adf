"""What the crash tests know of mail: messages by their ids, and mailboxes as operations leave them."""

import random
import re
from dataclasses import dataclass, field

from imap_client import literal_in

# By what a message is known: see `id_in`.
ID_ITEM = "BODY.PEEK[HEADER.FIELDS (X-CRASH-ID MESSAGE-ID)]"
NOTICE = "notice "


@dataclass
class Message:
    id: str
    flags: frozenset = frozenset()
    # As it was told last; not what makes two of them different.
    mod_seq: int = field(default=0, compare=False)


@dataclass
class Mailbox:
    """`unplaced` are messages whose UID was never told: of an unanswered operation only."""

    validity: int | None = None
    highest_mod_seq: int = 0
    messages: dict = field(default_factory=dict)
    unplaced: list = field(default_factory=list)


def apply(mailboxes, op, told=None):
    """Does to a model what an operation does to the server. `told`: UIDs from its answer."""
    kind = op["op"]
    if kind == "create":
        mailboxes[op["name"]] = Mailbox(told)
    elif kind == "delete":
        del mailboxes[op["name"]]
    elif kind == "rename":
        for name in [name for name in list(mailboxes) if (name + "/").startswith(op["name"] + "/")]:
            mailboxes[op["to"] + name[len(op["name"]) :]] = mailboxes.pop(name)
    elif kind == "append":
        place(mailboxes[op["name"]], [Message(op["id"], frozenset(op["flags"]))], told)
    elif kind == "store":
        for uid in op["uids"]:
            mailboxes[op["name"]].messages[uid].flags = frozenset(op["flags"])
    elif kind == "expunge":
        for uid in op["uids"]:
            del mailboxes[op["name"]].messages[uid]
    elif kind in ("copy", "move"):
        source = mailboxes[op["name"]].messages
        taken = [Message(source[uid].id, source[uid].flags) for uid in op["uids"]]
        if kind == "move":
            for uid in op["uids"]:
                del source[uid]
        place(mailboxes[op["to"]], taken, told)


def place(mailbox, messages, uids):
    if uids is None:
        mailbox.unplaced.extend(messages)
    else:
        mailbox.messages.update(zip(uids, messages, strict=True))


def content(id_, size, author="load@load.example"):
    """A message's bytes; `id_` makes them unlike all others."""
    rng = random.Random(id_)
    head = f"X-Crash-Id: {id_}\r\nFrom: {author}\r\nSubject: {id_}\r\n\r\n"
    # Lines of hexadecimal with leading dots now and then, without the cost of a byte each.
    block = "".join(
        ("." if rng.random() < 0.1 else "") + rng.randbytes(35).hex() + "\r\n" for _ in range(50)
    )
    return (head + block * (size // len(block) + 1))[:size].rstrip("\r\n").encode() + b"\r\n"


def size_of(rng):
    kind = rng.random()
    if kind < 0.7:
        return rng.randint(4 << 10, 8 << 10)
    return rng.randint(8 << 10, 64 << 10) if kind < 0.92 else rng.randint(64 << 10, 1 << 20)


def id_in(line):
    """The id in a fetched header; a notice has only its Message-ID."""
    header = literal_in(line)
    if found := re.search(rb"X-Crash-Id: (\S+)", header):
        return found[1].decode()
    return NOTICE + re.search(rb"Message-ID: (\S+)", header, re.I)[1].decode()


def is_notice(id_):
    return id_.startswith(NOTICE)
