"""SIGHUP on a running server: what is exchanged, for whom, and what is refused.
Usage: reload.py FACTEUR STEP; the steps are the functions at the end.
"""

from imap_client import Imap, Refused
from operate import MARIE, PASSWORD, Site, check
from step import run_step


def settings(site):
    """SIGHUP: a new certificate and new limits for new connections; a broken file changes nothing."""
    site.start()
    site.add_marie()
    old, name = site.imaps()
    check(name == "first", name)
    site.certify("second")
    site.extra["smtp"] = "recipients_max = 1\n"
    site.configure()
    before = site.smtp()
    site.reload()
    old.sendall(b"a NOOP\r\n")
    check(old.recv(4096).startswith(b"a OK"), "the old connection died")
    check(site.imaps()[1] == "second", "the new certificate is not used")
    for client, second in [(before, 250), (site.smtp(), 452)]:
        client.mail("a@far.test")
        check(client.rcpt(MARIE)[0] == 250, "first recipient")
        check(client.rcpt(f"marie.martin+x@ac.test")[0] == second, "second recipient, expected", second)
    site.certify("third")
    good = (site.dir / "facteur.toml").read_text()
    for broken, wanted in [
        (good + "[smpt]\n", "unknown field `smpt`"),
        (good.replace("recipients_max = 1", "recipients_max = 0"), "smtp.recipients_max: 0 is not from 1"),
        (good.replace("certificate.pem", "nothing.pem"), "nothing.pem"),
        (good.replace("secrets.toml", "nothing.toml"), "nothing.toml"),
    ]:
        (site.dir / "facteur.toml").write_text(broken)
        site.reload()
        refused = [event for event in site.events() if "reload refused" in event.get("message", "")]
        check(refused and wanted in refused[-1]["error"] and refused[-1]["level"] == "ERROR", wanted, refused)
        check(site.imaps()[1] == "second", "what is refused changed the certificate")
    (site.dir / "facteur.toml").write_text(good.replace("write_buffer_mib = 32", "write_buffer_mib = 33"))
    site.reload()
    waiting = [event for event in site.events() if event.get("changed")]
    check(waiting and waiting[-1]["changed"] == "storage", "what waits for a restart is not told", waiting)
    site.stop()


def refuses(client, command, wanted):
    try:
        client.call(command)
    except Refused as refused:
        check(wanted in str(refused), command, "is refused with", refused)
    else:
        check(False, command, "is not refused")


def limits(site):
    """SIGHUP: other limits count at once."""
    def logs_in(password):
        try:
            return Imap(site.ports["imap"], MARIE, password)
        except (Refused, ConnectionError):
            return None

    def reloaded(part, lines):
        site.extra[part] = lines
        site.configure()
        site.reload()
    site.extra["directory.limits"] = "per_login_and_address = { burst = 1, per_hour = 1 }\n"
    site.configure()
    site.start()
    site.add_marie()
    check(not logs_in("faux-mot-de-passe"), "a wrong password logs in")
    check(not logs_in(PASSWORD), "a second try is let through")
    reloaded("directory.limits", 'exempt_networks = ["127.0.0.0/8"]\n')
    client = logs_in(PASSWORD)
    check(client, "an exempt network is limited")
    reloaded("connections", "per_address_max = 1\n")
    check(not logs_in(PASSWORD), "a second connection is let in")
    client.call("NOOP")
    reloaded("connections", "per_address_max = 10\n")
    check(logs_in(PASSWORD), "a second connection is kept out")
    site.deliver("bonjour")
    client.call("SELECT INBOX")
    reloaded("mail", "message_bytes_max = 70000\nmailboxes_max = 6\n")
    check(site.smtp().esmtp_features["size"] == "70000", "another largest message is not announced")
    refuses(client, "CREATE Classe", "[LIMIT]")
    reloaded("mail", "mailboxes_max = 7\n")
    client.call("CREATE Classe")
    reloaded("directory", "quota_bytes_default = 1\n")
    refuses(client, "COPY 1 Classe", "[OVERQUOTA]")
    reloaded("directory", "")
    client.call("COPY 1 Classe")
    check(not [event for event in site.events() if event.get("changed")], "a restart is asked for")
    site.stop()


if __name__ == "__main__":
    run_step(globals(), Site())
