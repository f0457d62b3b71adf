"""Every message in the ledger is there once; UIDs are unique and rising; UIDVALIDITY is kept.
Usage: check_ledger.py DEMO_JSON LEDGER VALIDITY_FILE"""

import collections
import json
import os
import re
import sys

from demo import check, imap, ok

expected = collections.defaultdict(list)
for line in open(sys.argv[2]):
    address, name = line.split()
    expected[address.split("@")[0]].append(name)
known = json.load(open(sys.argv[3])) if os.path.exists(sys.argv[3]) else {}
total = 0
for account, names in sorted(expected.items()):
    client = imap(account)
    ok(client.select("INBOX", readonly=True))
    validity = client.response("UIDVALIDITY")[1][0].decode()
    check(known.setdefault(account, validity) == validity, "UIDVALIDITY changed", account)
    data = ok(client.fetch("1:*", "(UID BODY.PEEK[HEADER.FIELDS (SUBJECT)])"))
    rows = [part for part in data if isinstance(part, tuple)]
    uids = [int(re.search(rb"UID (\d+)", row[0]).group(1)) for row in rows]
    check(uids == sorted(set(uids)), "UIDs not unique and rising", account)
    found = collections.Counter(row[1].decode().split(":", 1)[1].strip() for row in rows)
    lost = [name for name in names if found[name] == 0]
    twice = [name for name, count in found.items() if count > 1]
    check(not lost, f"{len(lost)} acknowledged messages lost", lost[:3])
    check(not twice, f"{len(twice)} messages twice", twice[:3])
    total += len(names)
    client.logout()
json.dump(known, open(sys.argv[3], "w"))
print(f"{total} acknowledged messages, each there once")
