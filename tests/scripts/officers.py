"""What administrators agree on and IT officers do, at the command line, as `docs/accounts.md` says.
Usage: officers.py FACTEUR STEP; the steps are the functions at the end.
"""
import datetime
import json
import re
import time
import urllib.parse
import urllib.request

from operate import Site, check, context_for
from step import run_step

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
    made = [line for line in acts(site) if "doer" in line]
    check({line["doer"] for line in made} == {"command-line"}, made)
    check([line["act"] for line in made].count("account-created") == 4, made)
    done = [line["act"] for line in acts(site) if "doer" not in line]
    check(done == ["policy-proposed", "policy-opened", "identity-closed", "identity-reopened", "policy-closed"], done)
    check("every chain is whole" in site.facteur("audit", "verify"), "audit")
    check(PASSWORD not in site.log.read_text(), "a password in the log")
    site.stop()


def requests(site):
    """An officer lists, approves, refuses and unlocks; somebody privileged takes two administrators."""
    people(site)
    site.start()
    def reset(*arguments, officer="omar@ac.test", fails=False):
        return site.facteur("reset", *arguments, "--as", officer, input=PASSWORD, fails=fails)
    def ask(name, number):
        """Fills the form in as a browser does."""
        jar = urllib.request.HTTPCookieProcessor()
        browser = urllib.request.build_opener(jar, urllib.request.HTTPSHandler(context=context_for(site)))
        base = f"https://localhost:{site.ports['https']}"
        page = browser.open(f"{base}/mot-de-passe-oublie").read().decode()
        token = re.search('name="jeton" value="([^"]+)"', page).group(1)
        form = urllib.parse.urlencode({"jeton": token, "nom": name, "identifiant": number}).encode()
        answer = browser.open(urllib.request.Request(f"{base}/mot-de-passe-oublie", form, {"Origin": base}))
        check(answer.url.endswith("/code"), answer.url)
    ask("Marie Martin", "0000000104")
    deadline = time.monotonic() + 30
    while not reset("pending") and time.monotonic() < deadline:
        pass
    waiting = json.loads(reset("pending", "--json"))
    check(waiting["address"] == "marie@ac.test" and waiting["approved_by"] is None, waiting)
    said = reset("approve", "anne@ac.test", "--reason", "x", fails=True)
    check("nobody whom" in said, said)
    check("reason is empty" in reset("refuse", "marie@ac.test", "--reason", " ", fails=True), "a reason")
    said = reset("approve", "marie@ac.test", "--reason", "vue en personne")
    check(re.search("activation code [a-z0-9]{4}-[a-z0-9]{4}-[a-z0-9]{4}", said), said)
    check(reset("pending") == "", "helped")
    reset("refuse", "0000000104", "--reason", "doute")
    reset("unlock", "0000000104", "--reason", "vue en personne")
    omar = ("omar@ac.test", "--reason", "rappelé")
    check("another administrator" in reset("approve", *omar, officer="anne@ac.test"), "the first")
    check("approved already" in reset("approve", *omar, officer="anne@ac.test", fails=True), "the same")
    check("activation code" in reset("code", *omar, officer="bruno@ac.test"), "the second")
    month = datetime.datetime.now(datetime.timezone.utc).strftime("%Y-%m")
    report = json.loads(site.facteur("audit", "report", "--month", month, "--json"))
    check((report["month"], report["asked"], report["followed"]["approval"]) == (month, 1, 1), report)
    check((report["refused"], report["waits"]["count"]) == (1, 1), report)
    said = site.facteur("audit", "report", "--month", month)
    check("refused by an officer" in said and "from 127.0.0.1" in said, said)
    check("not a month" in site.facteur("audit", "report", "--month", "nov", fails=True), "a month")
    check("every chain is whole" in site.facteur("audit", "verify"), "audit")
    site.stop()


if __name__ == "__main__":
    run_step(globals(), Site())
