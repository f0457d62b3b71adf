"""Every account of the demo logs in with the password that demo.json says.
Usage: agents.py DEMO.JSON PASSWORD; the second is what the agents' must be."""

import sys

from demo import accounts, check, imap, ok

agents = [name for name in accounts if name.startswith("agent")]
check(agents, "there are no agents")
for name in agents:
    check(accounts[name]["password"] == sys.argv[2], name, "has another password in demo.json")
for name in accounts:
    client = imap(name)
    ok(client.select("INBOX"))
    client.logout()
