"""Operates `facteur serve` as an administrator would: own authority, own configuration file.
Usage: operate.py FACTEUR STEP; the steps are the functions at the end."""

import base64
import contextlib
import http.client
import json
import os
import re
import signal
import smtplib
import socket
import ssl
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import ports
from imap_client import Imap
from outgoing import Far, wait
from step import run_step

FACTEUR = Path(sys.argv[1]).resolve()
PATIENCE = 60
SERVICES = {"smtp": 25, "submissions": 465, "imap": 143, "imaps": 993, "https": 443, "metrics": 80}
MARIE, PASSWORD = "marie.martin@ac.test", "violet-tableau-craie-Qz7-marmotte"


def check(condition, *what):
    if not condition:
        raise SystemExit("FAILED: " + " ".join(str(w) for w in what))


def openssl(*arguments):
    done = subprocess.run(["openssl", *map(str, arguments)], capture_output=True, text=True)
    check(done.returncode == 0, "openssl", arguments, done.stderr)


class Site:
    """A directory with everything that one installation has."""

    def __init__(self):
        self.root = tempfile.TemporaryDirectory(prefix="facteur-operate-")
        self.dir = Path(self.root.name)
        (self.dir / "tls").mkdir()
        base = ports.reserve_base()
        self.ports = {service: base + offset for service, offset in SERVICES.items()}
        self.log = self.dir / "log"
        self.process = None
        self.extra = {"smtp": "", "imap": 'plaintext_login = "loopback"\n'}
        openssl("req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days", 2,
                "-subj", "/CN=Autorité de test", "-keyout", self.dir / "ca.key", "-out", self.dir / "ca.pem")
        self.certify("first")
        self.configure()

    def certify(self, name):
        """A certificate from our authority; `name` is in its subject."""
        tls = self.dir / "tls"
        (tls / "names").write_text("subjectAltName=DNS:localhost,DNS:mail.ac.test,IP:127.0.0.1\n")
        openssl("req", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-subj", f"/CN={name}",
                "-keyout", tls / "key.pem", "-out", tls / "request.pem")
        openssl("x509", "-req", "-in", tls / "request.pem", "-CA", self.dir / "ca.pem", "-CAkey", self.dir / "ca.key",
                "-CAcreateserial", "-days", 1, "-extfile", tls / "names", "-out", tls / "certificate.pem")

    def configure(self, head="", tail=""):
        listen = "".join(
            f'[[listen]]\naddress = "127.0.0.1:{port}"\nservice = "{service}"\n'
            for service, port in self.ports.items()
        )
        (self.dir / "facteur.toml").write_text(
            f'hostname = "mail.ac.test"\ndomains = ["ac.test"]\ndata_dir = "{self.dir}/data"\n'
            f'secrets_file = "{self.dir}/secrets.toml"\nadmin_socket = "{self.dir}/admin.sock"\n{head}\n{listen}'
            f'[tls]\ncertificate = "{self.dir}/tls/certificate.pem"\nkey = "{self.dir}/tls/key.pem"\n'
            '[log]\nformat = "json"\n[storage]\nwrite_buffer_mib = 32\nlog_mib_max = 64\ndisk_free_mib_min = 64\n'
            f'[webmail]\npublic_url = "https://localhost:{self.ports["https"]}"\n'
            + "".join(f"[{part}]\n{lines}" for part, lines in self.extra.items()) + tail
        )

    def facteur(self, *arguments, input="", fails=False):
        done = subprocess.run([FACTEUR, "--config", self.dir / "facteur.toml", *map(str, arguments)],
                              input=input, capture_output=True, text=True, timeout=PATIENCE)
        check((done.returncode != 0) == fails, arguments, done.returncode, done.stdout, done.stderr, self.tail())
        return done.stdout + done.stderr

    def start(self, **environment):
        """Starts serving, and waits for what systemd waits for."""
        path = str(self.dir / "notify")
        self.notify = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        with contextlib.suppress(FileNotFoundError):
            os.unlink(path)
        self.notify.bind(path)
        self.notify.settimeout(PATIENCE)
        with open(self.log, "ab") as log:
            self.process = subprocess.Popen(
                [FACTEUR, "--config", self.dir / "facteur.toml", "serve"], stdin=subprocess.DEVNULL, stdout=log,
                stderr=log, env={**os.environ, "NOTIFY_SOCKET": path, **environment})
        check(self.heard() == "READY=1", "not ready", self.tail())
        return self

    def heard(self):
        try:
            return self.notify.recv(4096).decode().strip()
        except TimeoutError:
            check(False, "systemd was told nothing", self.tail())

    def reload(self):
        self.process.send_signal(signal.SIGHUP)
        check(self.heard().startswith("RELOADING=1"), "no RELOADING")
        check(self.heard() == "READY=1", "no READY after the reload")

    def stop(self):
        self.process.send_signal(signal.SIGTERM)
        check(self.heard() == "STOPPING=1", "no STOPPING")
        return self.ended()

    def ended(self):
        status = self.process.wait(PATIENCE)
        check(status == 0, "ended with", status, self.tail())

    def events(self):
        """The log: every line must be a JSON object."""
        return [json.loads(line) for line in self.log.read_text().splitlines()]

    def tail(self):
        return "\n".join(self.log.read_text(errors="replace").splitlines()[-20:]) if self.log.exists() else ""

    def tls(self):
        return ssl.create_default_context(cafile=str(self.dir / "ca.pem"))

    def imaps(self):
        """A TLS connection that has read the greeting, and the name in the certificate."""
        connection = self.tls().wrap_socket(
            socket.create_connection(("127.0.0.1", self.ports["imaps"]), PATIENCE), server_hostname="localhost")
        check(connection.recv(4096).startswith(b"* OK"), "no greeting")
        subject = dict(pair[0] for pair in connection.getpeercert()["subject"])
        return connection, subject["commonName"]

    def add_marie(self):
        self.facteur("account", "add", MARIE, "--name", "Marie Martin", "--academic-id", "0000000101", input=PASSWORD)

    def smtp(self):
        client = smtplib.SMTP("127.0.0.1", self.ports["smtp"], timeout=PATIENCE)
        client.ehlo("client.test")
        return client

    def deliver(self, subject):
        client = self.smtp()
        client.sendmail("a@far.test", [MARIE], f"From: a@far.test\r\nSubject: {subject}\r\n\r\nBonjour.\r\n")
        client.quit()

    def subjects(self):
        client = Imap(self.ports["imap"], MARIE, PASSWORD)
        client.call("EXAMINE INBOX")
        rows = client.fetch("1:*", "BODY.PEEK[HEADER.FIELDS (SUBJECT)]")
        client.close()
        return [re.search(rb"Subject: (\S+)", row)[1].decode() for row in rows.values()]

    def get(self, path):
        client = http.client.HTTPConnection("127.0.0.1", self.ports["metrics"], timeout=PATIENCE)
        client.request("GET", path)
        answer = client.getresponse()
        return answer.status, answer.read().decode()


def stop(site):
    """SIGTERM: idle clients are told, the message under way is taken, monitoring does not hold it up."""
    site.start()
    site.add_marie()
    idle = Imap(site.ports["imap"], MARIE, PASSWORD)
    idle.call("SELECT INBOX")
    idle.send("IDLE")
    check(idle.line().startswith(b"+"), "no IDLE")
    waiting, busy = site.smtp(), site.smtp()
    busy.mail("a@far.test")
    busy.rcpt(MARIE)
    check(busy.docmd("DATA")[0] == 354, "no DATA")
    busy.send("From: a@far.test\r\nSubject: pendant\r\n\r\n")
    monitoring = http.client.HTTPConnection("127.0.0.1", site.ports["metrics"], timeout=PATIENCE)
    monitoring.request("GET", "/ready")
    check(monitoring.getresponse().read() == b"ready\n", "not ready")
    began = time.monotonic()
    site.process.send_signal(signal.SIGTERM)
    check(site.heard() == "STOPPING=1", "no STOPPING")
    check(idle.line().startswith(b"* BYE"), "IDLE was not told")
    check(waiting.getreply()[0] == 421, "SMTP was not told")
    busy.send("Bonjour.\r\n.\r\n")
    check(busy.getreply()[0] == 250, "the message under way was not taken")
    check(busy.getreply()[0] == 421, "the busy session was not told")
    site.ended()
    took = time.monotonic() - began
    check(took < 8, f"the stop took {took:.1f} s")
    check(not (site.dir / "admin.sock").exists(), "the socket is left")
    site.start()
    check(site.subjects() == ["pendant"], site.subjects())
    site.stop()


def accounts(site):
    """Every account command, without a server and through one."""
    site.add_marie()
    check("marie.martin@ac.test" in site.facteur("account", "list"), "not listed")
    for is_served in (False, True):
        if is_served:
            site.start()
        csv = site.dir / "accounts.csv"
        address = f"jean{int(is_served)}@ac.test"
        csv.write_text(f"address,name,academic_id,password\n{address},Jean,100000000{int(is_served)},marron-cartable-gomme-trousse\n")
        check("1 created" in site.facteur("account", "import", csv, "--dry-run"), "dry run")
        check("no account" in site.facteur("account", "show", address, fails=True), "a dry run created it")
        site.facteur("account", "import", csv)
        check("1 unchanged" in site.facteur("account", "import", csv), "an import is not repeatable")
        shown = json.loads(site.facteur("account", "show", address, "--json"))
        check(shown["name"] == "Jean" and shown["bytes_used"] == 0, shown)
        site.facteur("account", "password", address, input="jaune-registre-cloche")
        if is_served:
            Imap(site.ports["imap"], address, "jaune-registre-cloche").close()
            client = Imap(site.ports["imap"], address, "jaune-registre-cloche")
            client.call("SELECT INBOX")
            client.send("IDLE")
            client.line()
        check("suspended" in site.facteur("account", "suspend", address), "not suspended")
        if is_served:
            # RFC 3501 §7.1.5: the session that is open ends now, with a word.
            check(client.line().startswith(b"* BYE"), "a suspended session goes on")
        site.facteur("account", "resume", address)
        check("--yes" in site.facteur("account", "delete", address, fails=True), "deleted without --yes")
        site.facteur("account", "delete", address, "--yes")
        check("already taken" in site.facteur("account", "import", csv, fails=True), "an address was given again")
        check("password" in site.facteur("account", "password", MARIE, input="court", fails=True), "a short password")
    check("in use" in site.facteur("serve", fails=True) or "listen" in site.facteur("serve", fails=True), "two servers")
    rows = [json.loads(line) for line in site.facteur("account", "list", "--json").splitlines()]
    check([row["address"] for row in rows if row["state"] != "deleted"] == [MARIE], rows)
    site.stop()


def monitoring(site):
    """/metrics, /health, /ready; a JSON log with one line for each delivery, and no secret in it."""
    far = Far(lambda *_message: None)
    site.extra["relay"] = f'[[relay.route]]\nrecipients = ["*"]\nvia = "smarthost"\nhosts = ["{far.address}"]\n'
    site.configure()
    site.start()
    site.add_marie()
    check(site.get("/health") == (200, "alive\n") and site.get("/ready") == (200, "ready\n"), "health")
    check(site.get("/else")[0] == 404, "another path")
    site.deliver("compte")
    client = smtplib.SMTP_SSL("127.0.0.1", site.ports["submissions"], context=context_for(site), timeout=PATIENCE)
    client.login(MARIE, PASSWORD)
    with contextlib.suppress(smtplib.SMTPAuthenticationError):
        smtplib.SMTP_SSL("127.0.0.1", site.ports["submissions"], context=context_for(site)).login(MARIE, "faux-mot-de-passe")
    status, text = site.get("/metrics")
    check(status == 200 and re.search(r"^facteur_\w+(\{.*\})? \d", text, re.M), text)
    # Buckets can be added over servers and time; quantiles cannot.
    check('facteur_store_commits_per_group_bucket{le="1"}' in text and "quantile" not in text, text)
    next_hops(site, client, far)
    delivered = [event for event in site.events() if "queue_id" in json.dumps(event)]
    check(delivered, "no line for the delivery")
    log = site.log.read_text()
    for secret in (PASSWORD, "faux-mot-de-passe", base64.b64encode(f"\0{MARIE}\0{PASSWORD}".encode()).decode(), "Bonjour"):
        check(secret not in log, "in the log:", secret)
    site.stop()


def next_hops(site, client, far):
    """What is counted of a next hop, under its name from its third attempt on."""
    def value(name, *labels):
        rows = [line.rsplit(" ", 1) for line in site.get("/metrics")[1].splitlines() if line.startswith(name)]
        return sum(float(number) for series, number in rows if all(label in series for label in labels))

    def becomes(wanted, *series):
        wait(lambda: value(*series) == wanted, f"{series} to be {wanted}")
    recipients, own = "facteur_relay_recipients_total", f'next_hop="{far.address}'
    for count, recipient in enumerate(["a", "b", "c", "d", "later-e"], 1):
        client.sendmail(MARIE, [f"{recipient}@far.test"], f"From: {MARIE}\r\nSubject: dehors\r\n\r\nBonjour.\r\n")
        becomes(count, recipients)
    check(value(recipients, 'next_hop="other"', 'outcome="sent"') == 2, "the first two have no name")
    check(value(recipients, own, 'outcome="sent"') == 2 and value(recipients, own, 'outcome="deferred"') == 1, own)
    check(value("facteur_relay_attempt_seconds_count") == 5, "attempts timed")
    check(value("facteur_relay_transactions_total", 'outcome="served"') == 5, "attempts counted")
    becomes(1, "facteur_queue_deferred")
    check("facteur_queue_oldest_seconds" in site.get("/metrics")[1], "the oldest")


def context_for(site):
    context = site.tls()
    context.check_hostname = False
    return context


def configuration(site):
    """check-config says what is wrong, with line and key, and what is only strange."""
    check("good" in site.facteur("check-config"), "a good file")
    good = (site.dir / "facteur.toml").read_text()
    port = site.ports["smtp"]
    twice = f'[[listen]]\naddress = "127.0.0.1:{port}"\nservice = "lmtp"\n[tls]'
    for broken, wanted in [
        (good.replace("hostname", "hostnam"), r"line 1: unknown field `hostnam`, expected one of .*hostname"),
        (good.replace('"mail.ac.test"', "7"), r"line 1: invalid type: integer `7`, expected a string"),
        (good.replace('"smtp"', '"stmp"'), r"line \d+: unknown variant `stmp`, expected one of `smtp`"),
        (good.replace("[tls]", twice), rf"line \d+: listen: 127.0.0.1:{port} is there twice"),
        (good.replace("log_mib_max = 64", "log_mib_max = 0"), r"line \d+: storage.log_mib_max: 0 is not from 1"),
        (good + "[connections", r"line \d+: .*"),
        (good.replace("certificate.pem", "nothing.pem"), r"nothing.pem: .*(No such file|I/O error|not found)"),
        (good.replace("/key.pem", "/certificate.pem"), r"certificate.pem: "),
        (good.replace("https://localhost", "localhost"), r"line \d+: "),
    ]:
        (site.dir / "facteur.toml").write_text(broken)
        said = site.facteur("check-config", fails=True)
        check(re.search(wanted, said), wanted, said)
    (site.dir / "facteur.toml").write_text(good.replace('domains = ["ac.test"]', "domains = []"))
    check("note: domains is empty" in site.facteur("check-config"), "no note")
    (site.dir / "facteur.toml").unlink()
    check("facteur.toml" in site.facteur("check-config", fails=True), "a missing file is not named")


if __name__ == "__main__":
    run_step(globals(), Site())
