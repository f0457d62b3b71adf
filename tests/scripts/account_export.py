"""A whole account as files, from a running server and without one, read back by Python's own parsers.
Usage: account_export.py FACTEUR whole
"""
import datetime
import email
import email.policy
import email.utils
import http.cookiejar
import json
import re
import smtplib
import stat
import time
import urllib.parse
import urllib.request

from imap_client import Imap
from operate import MARIE, PASSWORD, Site, check, context_for
from step import run_step

LETTER = "From: a@far.test\r\nSubject: =?utf-8?q?=C3=A9t=C3=A9?=\r\n\r\nFrom here on, each byte counts.\r\n.\r\n"

ANNE = "anne@ac.test"
LATER = f"From: {MARIE}\r\nTo: {MARIE}\r\nMessage-ID: <later@ac.test>\r\nSubject: demain\r\n\r\nUn jour.\r\n"


def export(site, who, folder, *arguments, by=ANNE, why="demande de la personne", fails=False):
    return site.facteur("account", "export", who, "--to", folder, "--as", by, "--reason", why, *arguments,
                        input=PASSWORD, fails=fails)


def schedule(site):
    """A message that leaves in an hour, with a recipient that it does not show."""
    client = smtplib.SMTP_SSL("127.0.0.1", site.ports["submissions"], context=context_for(site))
    client.login(MARIE, PASSWORD)
    client.sendmail(MARIE, [MARIE, ANNE], LATER, mail_options=["HOLDFOR=3600"])
    client.quit()


def fill(site):
    """Names, mail in three mailboxes, flags, a keyword, a contact in a group."""
    site.facteur("account", "edit", MARIE, "--given-name", "Marie", "--birth-name", "Petit", "--usage-name", "Martin")
    for subject in ("un", "deux"):
        site.deliver(subject)
    imap = Imap(site.ports["imap"], MARIE, PASSWORD)
    imap.call('CREATE "Classe 3e B/Parents"')
    imap.call(r'APPEND "Classe 3e B/Parents" (\Seen \Flagged $Important) "01-Sep-2026 08:30:00 +0200"', LETTER.encode())
    imap.call(r"SELECT INBOX")
    imap.call(r"UID STORE 1 +FLAGS (\Answered)")
    bodies = {uid: literal(line) for uid, line in imap.fetch("1:*", "BODY.PEEK[]").items()}
    imap.close()
    web = urllib.request.build_opener(
        urllib.request.HTTPSHandler(context=site.tls()), urllib.request.HTTPCookieProcessor(http.cookiejar.CookieJar()))
    url = f"https://localhost:{site.ports['https']}"
    def post(path, **form):
        page = web.open(url + path).read().decode()
        form["jeton"] = re.search(r'name="jeton" value="([^"]+)"', page[page.index("<main"):]).group(1)
        return lambda to: web.open(url + to, urllib.parse.urlencode(form).encode()).read().decode()
    post("/", identifiant=MARIE, **{"mot-de-passe": PASSWORD})("/connexion")
    post("/contacts/nouveau", nom="Léa Petit", adresses="mere@far.test\npere@far.test", action="enregistrer")("/contacts/nouveau")
    post("/contacts/groupes/nouveau", nom="Parents", membre="1", action="enregistrer")("/contacts/groupes/nouveau")
    return bodies


def literal(line):
    found = re.search(rb"\{(\d+)\}\r\n", line)
    return line[found.end() : found.end() + int(found[1])]


def look(folder, bodies):
    """What is in the export is what was in the account."""
    data = json.loads((folder / "account.json").read_text())
    check(data["address"] == MARIE and data["academic_id"] == "0000000101", data)
    check([data[kind + "_name"] for kind in ("given", "birth", "usage")] == ["Marie", "Petit", "Martin"], data)
    check(PASSWORD not in json.dumps(data) and "argon2" not in json.dumps(data), "a password in the data")
    boxes = {box["name"]: box for box in data["mailboxes"]}
    # "Classe 3e B" is only a name above another: it has no messages of its own.
    check(boxes["INBOX"]["messages"] == 2 and boxes["Corbeille"]["special_use"] == "\\Trash", boxes)
    inbox = folder / "mail" / boxes["INBOX"]["folder"]
    index = [json.loads(line) for line in (inbox / "messages.jsonl").read_text().splitlines()]
    check([row["uid"] for row in index] == sorted(bodies), index)
    for row in index:
        content = (inbox / row["file"]).read_bytes()
        check(content == bodies[row["uid"]] and len(content) == row["bytes"], row, "not byte for byte")
    check([row["flags"] for row in index] == [["\\Answered"], []], index)
    parents = folder / "mail" / boxes["Classe 3e B/Parents"]["folder"]
    check(parents.parent == folder / "mail" and parents.is_dir(), parents)
    row, = [json.loads(line) for line in (parents / "messages.jsonl").read_text().splitlines()]
    check(sorted(row["flags"]) == ["$Important", "\\Flagged", "\\Seen"], row)
    check(email.utils.parsedate_to_datetime(row["received"]).isoformat() == "2026-09-01T08:30:00+02:00", row)
    check((parents / row["file"]).read_bytes() == LETTER.encode(), "the letter changed")
    message = email.message_from_bytes((parents / row["file"]).read_bytes(), policy=email.policy.default)
    check(message["Subject"] == "été", message["Subject"])
    cards = (folder / "contacts.vcf").read_text()
    for line in ("BEGIN:VCARD", "FN:Léa Petit", "EMAIL:mere@far.test", "EMAIL:pere@far.test", "CATEGORIES:Parents"):
        check(line in cards, line, cards)
    waiting = folder / "scheduled"
    row, = [json.loads(line) for line in (waiting / "messages.jsonl").read_text().splitlines()]
    check(sorted(row["to"]) == [ANNE, MARIE], row)
    leaves = datetime.datetime.fromisoformat(row["leaves"]).timestamp() - time.time()
    check(3000 < leaves < 3700, row)
    content = (waiting / row["file"]).read_bytes()
    check(len(content) == row["bytes"], row)
    message = email.message_from_bytes(content, policy=email.policy.default)
    check(content.endswith(LATER[LATER.index("Subject"):].encode()) and message["Bcc"] == ANNE, content)
    for path in folder.rglob("*"):
        mode = stat.S_IMODE(path.stat().st_mode)
        check(mode == (0o700 if path.is_dir() else 0o600), path, oct(mode))


def whole(site):
    """The same from a running server and without one; nothing is written over."""
    site.start()
    site.add_marie()
    site.facteur("account", "add", ANNE, "--name", "Anne", "--academic-id", "0000000102", "--role", "administrator",
                 input=PASSWORD)
    bodies = fill(site)
    schedule(site)
    for name in ("served", "alone"):
        folder = site.dir / name
        said = export(site, MARIE, folder)
        check("4 messages" in said, said)
        look(folder, bodies)
        for wanted, who, to, more in [
            ("already", MARIE, folder, {}),
            ("no account", "x@ac.test", site.dir / "x", {}),
            ("only an administrator", MARIE, site.dir / "x", {"by": MARIE}),
            ("reason is empty", MARIE, site.dir / "x", {"why": " "}),
        ]:
            said = export(site, who, to, fails=True, **more)
            check(wanted in said, said)
        check(not (site.dir / "x").exists() and not (site.dir / "x.tmp").exists(), "something is left")
        if site.process.poll() is None:
            check(any(event.get("fields", event).get("message") == "exported" for event in site.events()), "not in the log")
            site.stop()
    lines = [json.loads(line) for line in site.facteur("audit", "list", "--json").splitlines()]
    told = [(line["account"], line["officer"], line["reason"]) for line in lines if line["act"] == "account-exported"]
    number = {who: json.loads(site.facteur("account", "show", who, "--json"))["number"] for who in (MARIE, ANNE)}
    check(told == [(number[MARIE], number[ANNE], "demande de la personne")] * 2, told)
    check("every chain is whole" in site.facteur("audit", "verify"), "audit")
    failing(site)


def failing(site):
    """Nothing of the person is read before the line is written: it stays when the export fails."""
    before = site.facteur("audit", "list").count("account-exported")
    export(site, MARIE, site.dir / "nowhere" / "x", fails=True)
    check(site.facteur("audit", "list").count("account-exported") == before + 1, "no line of an export that failed")


if __name__ == "__main__":
    run_step(globals(), Site())
