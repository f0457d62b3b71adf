"""What administrators agree on and IT officers do, at the command line, as `docs/accounts.md` says.
Usage: officers.py FACTEUR STEP; the steps are the functions at the end.
"""
import datetime
import json
import sys

from operate import Site, check

PASSWORD = "une phrase assez longue"
SCHOOL = "0750001A"


def people(site):
    """A school with its IT officer, two administrators and Marie."""
    site.facteur("unit", "add", SCHOOL, "--name", "Collège Victor-Hugo")
    for number, (name, role) in enumerate([("anne", "administrator"), ("bruno", "administrator"),
                                           ("omar", "it-officer"), ("marie", "agent")], 101):
        site.facteur("account", "add", f"{name}@ac.test", "--name", f"{name.title()} Martin", "--academic-id",
                     f"0000000{number}", "--unit", SCHOOL, "--role", role, input=PASSWORD)
    site.facteur("unit", "edit", SCHOOL, "--officer", "omar@ac.test")


def acts(site, *arguments):
    """The audit log's lines."""
    return [json.loads(line) for line in site.facteur("audit", "list", "--json", *arguments).splitlines()]


def policies(site):
    """Two administrators open a unit, each with their own password; one closes it."""
    people(site)
    def policy(*arguments, fails=False, password=PASSWORD):
        return site.facteur("unit", "policy", *arguments, input=password, fails=fails)
    until = str(datetime.date.today() + datetime.timedelta(days=60))
    anne, bruno = ("--as", "anne@ac.test"), ("--as", "bruno@ac.test")
    why = ("--until", until, "--reason", "rentrée sans référent")
    check("\tclosed" in policy("show", SCHOOL), "closed at first")
    check("not right" in policy("propose", SCHOOL, *anne, *why, password="another", fails=True), "the password counts")
    check("takes an administrator" in policy("propose", SCHOOL, "--as", "omar@ac.test", *why, fails=True), "an officer")
    late = str(datetime.date.today() + datetime.timedelta(days=120))
    check("last day" in policy("propose", SCHOOL, *anne, "--until", late, "--reason", "x", fails=True), "90 days")
    policy("propose", SCHOOL, *anne, *why)
    number = json.loads(policy("show", SCHOOL, "--json"))["proposal"]["number"]
    check("another administrator" in policy("approve", SCHOOL, number, *anne, fails=True), "one's own proposal")
    site.start()
    check("open" in policy("approve", SCHOOL, number, *bruno), "opened")
    said = policy("list")
    check(f"open up to {until}" in said and "anne@ac.test and bruno@ac.test" in said, said)
    policy("close-all", *anne, "--reason", "essais")
    check("closed everywhere since" in policy("list"), "closed everywhere")
    policy("reopen-all", *bruno, "--reason", "vérifié")
    policy("close", SCHOOL, *bruno)
    check("\tclosed" in policy("show", SCHOOL), "closed by one")
    done = [line["act"] for line in acts(site)]
    check(done == ["policy-proposed", "policy-opened", "identity-closed", "identity-reopened", "policy-closed"], done)
    check("every chain is whole" in site.facteur("audit", "verify"), "audit")
    check(PASSWORD not in site.log.read_text(), "a password in the log")
    site.stop()


if __name__ == "__main__":
    here = Site()
    try:
        globals()[sys.argv[2]](here)
    finally:
        if here.process and here.process.poll() is None:
            here.process.kill()
            here.process.wait()
