#!/usr/bin/env python3
"""Drives `facteur demo --relay-to` with a server of its own behind it.

    outgoing.py FACTEUR STEP        STEP: leave, refuse, kill, hold, trace
"""
import imaplib
import json
import pathlib
import queue
import signal
import smtplib
import subprocess
import sys
import tempfile
import time

import ports
import zone
from far import Far

PATIENCE = 60


class Demo:
    def __init__(self, program, far):
        self.program, self.far = program, far
        self.root = tempfile.TemporaryDirectory()
        self.dir = pathlib.Path(self.root.name) / "demo"
        self.base = ports.reserve_base()
        self.child = None
        self.start()

    def start(self):
        (self.dir / "demo.json").unlink(missing_ok=True)
        self.log = open(self.root.name + "/log", "ab")
        arguments = [self.program, "demo", "--dir", self.dir, "--port-base", str(self.base),
                     "--relay-to", self.far.address]
        self.child = subprocess.Popen(arguments, stdout=self.log, stderr=self.log)

        def has_started():
            if self.child.poll() is not None:
                raise SystemExit("the demo ended with %d" % self.child.returncode)
            return (self.dir / "demo.json").exists()
        wait(has_started, "the demo to start")
        self.description = json.loads((self.dir / "demo.json").read_text())

    def kill(self):
        self.child.kill()
        self.child.wait()

    def person(self, name):
        return next(p for p in self.description["accounts"] if p["address"].startswith(name))

    def send(self, recipients, message, options=()):
        person = self.person("marie")
        with smtplib.SMTP("127.0.0.1", self.description["ports"]["submission"]) as client:
            client.login(person["address"], person["password"])
            client.sendmail(person["address"], recipients, message, mail_options=options)

    def inbox(self, name):
        person = self.person(name)
        with imaplib.IMAP4("127.0.0.1", self.description["ports"]["imap"]) as client:
            client.login(person["address"], person["password"])
            client.select("INBOX", readonly=True)
            numbers = client.search(None, "ALL")[1][0].split()
            return [client.fetch(n, "(BODY.PEEK[])")[1][0][1] for n in numbers]

    def command(self, *arguments):
        done = subprocess.run(
            [self.program, "--config", self.dir / "facteur.toml", *arguments],
            capture_output=True, text=True, check=True)
        return done.stdout

    def queue(self, *arguments):
        lines = self.command("queue", "list", "--json", *arguments).splitlines()
        return [json.loads(line) for line in lines]


def wait(condition, what):
    """There is no event to wait for: the other side is another process."""
    until = time.monotonic() + PATIENCE
    while not (found := condition()):
        if time.monotonic() > until:
            raise SystemExit("waited in vain for " + what)
        time.sleep(0.05)
    return found


def message(number, body="Bonjour."):
    return (f"From: Marie <marie.martin@ac-paris.test>\r\nTo: far@far.test\r\nSubject: Essai {number}\r\n"
            f"Message-ID: <{number}@ac-paris.test>\r\nDate: Tue, 24 Nov 2026 10:48:00 +0100\r\n\r\n{body}\r\n").encode()


def leave(demo, far):
    text = message(1, ".\r\n..un point\r\n.fin")
    demo.send(["far@far.test", "jean.dupont@ac-paris.test"], text)
    sender, recipients, content = far.received.get(timeout=PATIENCE)
    assert sender == "marie.martin@ac-paris.test" and recipients == ["far@far.test"], recipients
    assert content.endswith(text), content
    assert content.startswith(b"DKIM-Signature: "), content[:80]
    assert zone.signatures(content, published(demo)) == [True, True]
    found = wait(lambda: [m for m in demo.inbox("jean") if m.endswith(text)], "the local copy")
    assert len(found) == 1
    wait(lambda: not demo.queue(), "the queue to be empty")
    assert far.received.empty(), "delivered twice"
    demo.command("secrets", "rotate", "dkim")
    demo.command("secrets", "activate")
    demo.child.send_signal(signal.SIGHUP)

    def signed_by_the_new_key():
        demo.send(["far@far.test"], message(5))
        content = far.received.get(timeout=PATIENCE)[2]
        return content if b"s=facteur-r2;" in content else None
    content = wait(signed_by_the_new_key, "the new key")
    assert zone.signatures(content, published(demo)) == [True, True]


def published(demo):
    records = zone.records(demo.command("dns"))
    assert records["ac-paris.test", "TXT"] == ["v=spf1 mx -all"], records
    return records


def refuse(demo, far):
    demo.send(["unknown-user@far.test", "later-user@far.test"], message(2))

    def notice():
        return [m for m in demo.inbox("marie") if b"unknown-user@far.test" in m]
    found = wait(notice, "the notice")
    assert b"Status: 5.1.1" in found[0] and b"multipart/report" in found[0], found[0]
    assert b"550 5.1.1 no such user" in found[0]

    def deferred():
        waiting = demo.queue("--recipient", "later-")
        return waiting if waiting and waiting[0]["recipients"][0]["last"] else None
    waiting = wait(deferred, "the reason to be kept")
    last = waiting[0]["recipients"][0]["last"]
    assert last["reply"] == "450 4.2.1 later, please" and last["status"] == "4.2.1", last
    assert "later, please" in demo.command("queue", "show", waiting[0]["queue_id"])
    far.is_ready.set()
    demo.command("queue", "retry", waiting[0]["queue_id"])
    assert far.received.get(timeout=PATIENCE)[1] == ["later-user@far.test"]
    wait(lambda: not demo.queue(), "the queue to be empty")


def kill(demo, far):
    count = 40
    for number in range(count):
        demo.send([f"later-{number}@far.test"], message(100 + number))
    demo.kill()
    demo.start()
    assert len(demo.queue("--recipient", "later-")) == count
    far.is_ready.set()
    demo.command("queue", "retry", "--all")
    seen = {far.received.get(timeout=PATIENCE)[1][0] for _ in range(count)}
    assert seen == {f"later-{number}@far.test" for number in range(count)}
    wait(lambda: not demo.queue(), "the queue to be empty")
    assert "clean" in demo.command("verify")


def hold(demo, far):
    demo.send(["far@far.test"], message(3), ["HOLDFOR=3600"])
    [waiting] = demo.queue()
    assert waiting["recipients"][0]["attempts"] == 0
    demo.command("queue", "hold", waiting["queue_id"])
    assert demo.queue("--held")[0]["queue_id"] == waiting["queue_id"]
    demo.command("queue", "retry", waiting["queue_id"])
    assert far.received.get(timeout=PATIENCE)[2].endswith(message(3))
    demo.send(["far@far.test"], message(4), ["HOLDFOR=3600"])
    [waiting] = wait(lambda: [q for q in demo.queue() if q["queue_id"] != waiting["queue_id"]], "the second")
    demo.command("queue", "delete", waiting["queue_id"], "--yes")
    wait(lambda: not demo.queue(), "the queue to be empty")
    assert far.received.empty()


def trace(demo, far):
    """Where a message is: waiting, delivered, bounced, and still known after a restart."""
    recipients = ["far@far.test", "unknown-user@far.test", "later-user@far.test"]
    demo.send(recipients, message(20, "Un secret."))
    far.received.get(timeout=PATIENCE)
    wait(lambda: [m for m in demo.inbox("marie") if b"unknown-user@far.test" in m], "the notice")
    wait(lambda: len(story(demo, "--message-id", "<20@ac-paris.test>")["waiting"]) == 1, "the others to leave")
    told = story(demo, "--message-id", "<20@ac-paris.test>")
    events = {(e["event"], e.get("to")): e for e in told["events"]}
    assert told["events"][0]["event"] == "received" and told["events"][0]["from"] == "<marie.martin@ac-paris.test>"
    assert all(("queued", recipient) in events for recipient in recipients), told
    assert events["sent", "far@far.test"]["reply"] == "250 2.0.0 OK", told
    assert events["sent", "far@far.test"]["next_hop"] == far.address.split(":")[0], told
    assert events["bounced", "unknown-user@far.test"]["status"] == "5.1.1", told
    assert events["deferred", "later-user@far.test"]["reply"] == "450 4.2.1 later, please", told
    assert told["waiting"][0]["address"] == "later-user@far.test" and told["waiting"][0]["attempts"] == 1, told
    [notice] = told["notices"]
    assert ("delivered", "marie.martin@ac-paris.test") in [(e["event"], e.get("to")) for e in notice["events"]], notice

    queue_id = told["queue_id"]
    assert story(demo, "--recipient", "later-", "--sender", "MARIE")["queue_id"] == queue_id
    text = demo.command("trace", queue_id)
    assert "waits for  later-user@far.test: 1 attempts" in text and "its notice:" in text, text
    assert "secret" not in text and "Essai" not in text, text
    assert "no such message" in demo.command("trace", "--recipient", "nobody-"), "found what is not there"
    far.is_ready.set()
    demo.command("queue", "retry", queue_id)
    far.received.get(timeout=PATIENCE)
    wait(lambda: not demo.queue(), "the queue to be empty")
    demo.child.send_signal(signal.SIGTERM)
    assert demo.child.wait(PATIENCE) == 0
    offline = story(demo, queue_id)
    assert offline["waiting"] == [] and offline["events"][-1]["event"] == "sent", offline
    demo.start()
    assert story(demo, queue_id) == offline
    # What is for mailboxes here alone never sees the queue, and is known as well.
    demo.send(["jean.dupont@ac-paris.test"], message(21))
    here = story(demo, "--message-id", "21@ac-paris.test")
    assert [e["event"] for e in here["events"]] == ["received", "delivered"], here
    assert here["events"][1]["to"] == "jean.dupont@ac-paris.test", here


def story(demo, *arguments):
    [line] = demo.command("trace", "--json", *arguments).splitlines()
    return json.loads(line)


def main():
    program, step = sys.argv[1:]
    received = queue.Queue()
    far = Far(lambda *message: received.put(message))
    far.received = received
    demo = Demo(program, far)
    try:
        {"leave": leave, "refuse": refuse, "kill": kill, "hold": hold, "trace": trace}[step](demo, far)
        print(step, "ok")
    except BaseException:
        sys.stdout.write(pathlib.Path(demo.root.name, "log").read_text()[-6000:])
        raise
    finally:
        demo.kill()


if __name__ == "__main__":
    main()
