"""Prints the UIDNEXT of an account's INBOX. Usage: uid_next.py DEMO_JSON ACCOUNT"""

import re
import sys

from demo import imap, ok

client = imap(sys.argv[2])
print(re.search(rb"UIDNEXT (\d+)", ok(client.status("INBOX", "(UIDNEXT)"))[0]).group(1).decode())
