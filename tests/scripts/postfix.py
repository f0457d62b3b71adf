"""Facteur and the outside world, which is Debian's Postfix: mail goes there by MX, and comes back.
Usage: postfix.py FACTEUR; ends with 77 where Postfix cannot run."""

import base64
import os
import random
import re
import shutil
import smtplib
import socket
import subprocess
import sys
import tempfile
import time
from email import message_from_bytes, policy
from pathlib import Path

import zone
from imap_client import Imap
from operate import MARIE, PASSWORD, PATIENCE, Site, check, context_for, openssl

SKIPPED = 77
# Loopback is a network: Postfix has an address of its own, and so has a client that nobody knows.
POSTFIX, STRANGER = "127.0.0.2", "127.0.0.3"
JEAN = "jean.dupont@ac.test"
# What a hop puts in front of a message.
TRACE = ["Return-Path", "Delivered-To", "Authentication-Results", "Received", "DKIM-Signature"]
SERVICES = [
    ("cleanup", "n", "-", "0", "cleanup"),
    ("qmgr", "n", "300", "1", "qmgr"),
    ("rewrite", "-", "-", "-", "trivial-rewrite"),
    ("bounce", "-", "-", "0", "bounce"),
    ("defer", "-", "-", "0", "bounce"),
    ("trace", "-", "-", "0", "bounce"),
    ("proxymap", "-", "-", "-", "proxymap"),
    ("tlsmgr", "-", "1000?", "1", "tlsmgr"),
    ("smtp", "-", "-", "-", "smtp"),
    ("error", "-", "-", "-", "error"),
    ("retry", "-", "-", "-", "error"),
    ("discard", "-", "-", "-", "discard"),
    ("anvil", "-", "-", "1", "anvil"),
    ("scache", "-", "-", "1", "scache"),
]


class Postfix:
    """An instance of its own: configuration, queue, log and port. It has far.test; echo@far.test is an alias of
    somebody at ac.test, as when people have their mail sent on."""

    def __init__(self, port):
        self.port = port
        self.root = tempfile.TemporaryDirectory(prefix="facteur-postfix-")
        self.dir = Path(self.root.name)
        # Its processes are another user's.
        self.dir.chmod(0o755)
        for name in ("config", "queue", "data"):
            (self.dir / name).mkdir()
        shutil.chown(self.dir / "data", "postfix", "postfix")
        openssl("req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days", 2,
                "-subj", "/CN=mx.far.test", "-keyout", self.dir / "key.pem", "-out", self.dir / "certificate.pem")
        (self.dir / "config/main.cf").write_text(self.settings())
        lines = [f"{POSTFIX}:{port} inet n - n - - smtpd", "postlog unix-dgram n - n - 1 postlogd"]
        lines += [f"{name} unix {private} - n {wakeup} {limit} {program}"
                  for name, private, wakeup, limit, program in SERVICES]
        (self.dir / "config/master.cf").write_text("\n".join(lines) + "\n")

    def settings(self):
        return f"""compatibility_level = 3.6
queue_directory = {self.dir}/queue
data_directory = {self.dir}/data
maillog_file = {self.dir}/log
maillog_file_prefixes = {self.dir}
myhostname = mx.far.test
mydestination =
inet_interfaces = loopback-only
local_header_rewrite_clients =
inet_protocols = ipv4
smtp_bind_address = {POSTFIX}
mynetworks = {STRANGER}
disable_dns_lookups = yes
smtpd_peername_lookup = no
alias_maps =
local_recipient_maps =
virtual_alias_domains = far.test
virtual_alias_maps = inline:{{ echo@far.test={JEAN} }}
transport_maps = inline:{{ ac.test=smtp:[127.0.0.1]:{self.port} }}
smtpd_tls_security_level = may
smtpd_tls_received_header = yes
smtpd_tls_cert_file = {self.dir}/certificate.pem
smtpd_tls_key_file = {self.dir}/key.pem
smtp_tls_security_level = may
"""

    def control(self, action):
        return ["/usr/sbin/postfix", "-c", self.dir / "config", action]

    def start(self):
        with open(self.dir / "out", "ab") as out:
            self.process = subprocess.Popen(self.control("start-fg"), stdin=subprocess.DEVNULL, stdout=out, stderr=out)

        def answers():
            check(self.process.poll() is None, "Postfix ended\n" + self.tail())
            with socket.socket() as client:
                return client.connect_ex((POSTFIX, self.port)) == 0
        wait(answers, "Postfix to answer")

    def stop(self):
        if self.process.poll() is None:
            subprocess.run(self.control("stop"), capture_output=True)
            self.process.wait(PATIENCE)

    def tail(self):
        texts = [path.read_text(errors="replace") for path in (self.dir / "out", self.dir / "log") if path.exists()]
        return "".join(texts)[-4000:]


def wait(condition, what):
    """There is no event to wait for: the other side is another process."""
    until = time.monotonic() + PATIENCE
    while not (found := condition()):
        check(time.monotonic() < until, "waited in vain for", what)
        time.sleep(0.05)
    return found


def messages(site, who):
    """All that is in INBOX, whole."""
    client = Imap(site.ports["imap"], who, PASSWORD)
    client.call("EXAMINE INBOX")
    rows = client.fetch("1:*", "BODY.PEEK[]")
    client.close()
    return [re.sub(rb"\A.*?BODY\[\] \{\d+\}\r\n", b"", row, flags=re.S)[: -len(b")\r\n")] for row in rows.values()]


def arrived(site, who, *words):
    """Waits for the one message that has these words."""
    def found():
        return [text for text in messages(site, who) if all(word in text for word in words)]
    texts = wait(found, f"{words} at {who}")
    check(len(texts) == 1, "there more than once:", words)
    return texts[0]


def submit(site, recipient, message, options=()):
    """Submits; the queue id in the reply."""
    with smtplib.SMTP_SSL("127.0.0.1", site.ports["submissions"], context=context_for(site), timeout=PATIENCE) as client:
        client.login(MARIE, PASSWORD)
        client.ehlo_or_helo_if_needed()
        check(client.mail(MARIE, ["BODY=8BITMIME"])[0] == 250, "MAIL")
        check(client.rcpt(recipient, options)[0] == 250, "RCPT")
        code, text = client.data(message)
        check(code == 250, code, text)
        return re.search(r"[0-9a-f]{16}", text.decode())[0]


def awkward():
    """All that a hop may be tempted to change, in one message of several pieces; its Subject needs SMTPUTF8."""
    random.seed(1)
    content = base64.encodebytes(random.randbytes(900_000)).replace(b"\n", b"\r\n")
    head = (
        "From: Marie Martin <marie.martin@ac.test>\r\nTo: far.away@far.test,\r\n\t =?utf-8?q?=C3=89cho?= <echo@far.test>\r\n"
        "subject:   Un   objet  =?utf-8?q?accentu=C3=A9?= \r\n  plié \r\nDate: Tue, 24 Nov 2026 10:48:00 +0100\r\n"
        "Message-ID: <byte-for-byte@ac.test>\r\nX-Empty:\r\nX-LONG: " + "x" * 900 + "\r\nMIME-Version: 1.0\r\n"
        'Content-Type: multipart/mixed; boundary="b"\r\n\r\n--b\r\nContent-Type: text/plain; charset=utf-8\r\n'
        "Content-Transfer-Encoding: 8bit\r\n\r\n.\r\n..deux points\r\n.fin\r\nÉtat  des lieux\t \r\n \r\nFrom ici\r\n"
        + "é" * 499 + "\r\n--b\r\nContent-Type: application/octet-stream\r\nContent-Transfer-Encoding: base64\r\n\r\n"
    ).encode()
    return head + content + b"--b--\r\n\r\n\r\n \r\n"


def there_and_back(site):
    """Out by MX and signed, through an alias of Postfix, in again and verified: the same bytes."""
    sent = awkward()
    submit(site, "echo@far.test", sent)
    text = arrived(site, JEAN, b"<byte-for-byte@ac.test>")
    check(text.endswith(sent), "not the same bytes:", text[: len(text) - len(sent) + 200])
    added = message_from_bytes(text[: -len(sent)] + b"\r\n", policy=policy.SMTP)
    check(set(added.keys()) <= set(TRACE), added.keys())
    hops = added.get_all("Received")
    check(len(hops) == 3 and "by mx.far.test (Postfix) with UTF8SMTPS" in hops[1], hops)
    check(zone.signatures(text, site.dns.zone) == [True, True], "dkimpy finds a signature wrong")
    results = added["Authentication-Results"]
    # A server that sends on is not in our SPF record: the signatures are what is left, and enough.
    check(results.startswith("mail.ac.test;") and "spf=fail" in results, results)
    check(results.count("dkim=pass") == 2 and "dmarc=pass" in results, results)
    check(("far.test", "MX") in site.dns.asked and ("dead.far.test", "A") in site.dns.asked, site.dns.asked)


def a_stranger_writes(site, postfix):
    """Mail of somebody there; and somebody who is not there, with an address of ours."""
    with smtplib.SMTP(POSTFIX, postfix.port, source_address=(STRANGER, 0), timeout=PATIENCE) as client:
        client.sendmail("ami@far.test", [MARIE], "From: ami@far.test\r\nSubject: bonjour\r\nMessage-ID: <1@far.test>\r\n\r\nMoi.\r\n")
    results = message_from_bytes(arrived(site, MARIE, b"<1@far.test>"), policy=policy.SMTP)["Authentication-Results"]
    check("spf=pass" in results and "dmarc=pass" in results, results)
    with smtplib.SMTP("127.0.0.1", site.ports["smtp"], source_address=(STRANGER, 0), timeout=PATIENCE) as client:
        client.ehlo("mx.far.test")
        client.mail("ami@far.test")
        client.rcpt(JEAN)
        code, text = client.data(f"From: {MARIE}\r\nSubject: urgent\r\n\r\nUn virement, vite.\r\n")
    check(code == 550, "a forged author was taken:", code, text)


def notices(site):
    """What Postfix refuses comes back in our notice; what it was asked to confirm, in a notice of its own."""
    submit(site, "nobody@far.test", b"From: marie.martin@ac.test\r\nSubject: perdu\r\nMessage-ID: <2@ac.test>\r\n\r\nPerdu.\r\n")
    text = arrived(site, MARIE, b"nobody@far.test", b"multipart/report")
    check(b"Status: 5.1.1" in text and b"User unknown in virtual alias table" in text, text)
    submit(site, "echo@far.test", b"From: marie.martin@ac.test\r\nSubject: lu\r\nMessage-ID: <3@ac.test>\r\n\r\nLu ?\r\n", ["NOTIFY=SUCCESS"])
    arrived(site, JEAN, b"<3@ac.test>")
    report = arrived(site, MARIE, b"echo@far.test", b"multipart/report")
    check(b"Reporting-MTA: dns; mx.far.test" in report and b"Action: expanded" in report, report)


def main():
    if os.geteuid() != 0:
        print("skipped: Postfix starts as root only")
        raise SystemExit(SKIPPED)
    check(Path("/usr/sbin/postfix").exists(), "no Postfix: make test installs it")
    site = Site()
    site.dns = zone.Dns()
    # Nothing listens at the first of its servers.
    site.dns.zone = {
        ("far.test", "MX"): ["20 mx.far.test", "10 dead.far.test"],
        ("dead.far.test", "A"): ["127.0.0.9"],
        ("mx.far.test", "A"): [POSTFIX],
        ("far.test", "TXT"): [f"v=spf1 ip4:{POSTFIX} -all"],
        ("mx.far.test", "TXT"): ["v=spf1 a -all"],
        ("_dmarc.far.test", "TXT"): ["v=DMARC1; p=reject"],
        ("mail.ac.test", "A"): ["127.0.0.1"],
    }
    site.extra["relay"] = f'deliver_to_own_addresses = true\nmx_port = {site.ports["smtp"]}\n'
    site.extra["dns"] = f'servers = ["{site.dns.address}"]\n'
    site.configure()
    site.add_marie()
    site.facteur("account", "add", JEAN, "--name", "Jean Dupont", "--academic-id", "0000000102", input=PASSWORD)
    site.start()
    site.dns.zone.update(zone.records(site.facteur("dns")))
    postfix = Postfix(site.ports["smtp"])
    try:
        postfix.start()
        there_and_back(site)
        a_stranger_writes(site, postfix)
        notices(site)
        wait(lambda: "0 messages" in site.facteur("queue", "list"), "the queue to be empty")
        site.stop()
    except BaseException:
        print(site.tail(), postfix.tail(), sep="\n")
        raise
    finally:
        postfix.stop()
        if site.process.poll() is None:
            site.process.kill()
            site.process.wait()


if __name__ == "__main__":
    main()
