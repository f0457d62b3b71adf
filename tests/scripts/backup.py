"""Backups, restores, and what the server knows of them.
Usage: backup.py FACTEUR restored
"""
import datetime
import json
import re
import time

from operate import Site, check
from step import run_step


def metric(site, name):
    return float(re.search(rf"^{name} (\S+)$", site.get("/metrics")[1], re.M)[1])


def restored(site):
    """backup, restore, verify, salvage; a damaged log is refused with what to do."""
    site.start()
    site.add_marie()
    site.deliver("avant")
    copy = site.dir / "copy"
    said = site.facteur("status")
    check("last backup  never" in said and "last verify  never" in said and "time for a backup" in said, said)
    check(metric(site, "facteur_last_backup_timestamp_seconds") == 0, "a backup that was never made")
    check("written" in site.facteur("backup", copy), "backup")
    known = json.loads(site.facteur("status", "--json"))
    made = datetime.datetime.fromisoformat(known["last_backup"]["at"]).timestamp()
    check(time.time() - 60 < made <= time.time() and not known["is_backup_due"], known)
    check(metric(site, "facteur_last_backup_timestamp_seconds") == made, "the metric")
    check(metric(site, "facteur_last_backup_size_bytes") == known["last_backup"]["bytes"] > 0, known)
    check("not empty" in site.facteur("backup", copy, fails=True), "a backup was written over")
    site.deliver("apres")
    check("clean" in site.facteur("verify"), "verify with a server")
    known = json.loads(site.facteur("status", "--json"))
    check(known["last_verify"]["faults"] == 0, known)
    check(metric(site, "facteur_last_verify_timestamp_seconds") >= made, "the metric")
    check(site.facteur("restore", copy, fails=True), "restored under a running server")
    site.stop()
    check(site.facteur("restore", copy, fails=True), "restored over a store")
    (site.dir / "data").rename(site.dir / "old")
    check("moved forward" in site.facteur("restore", copy), "restore")
    said = site.facteur("status")
    check("last backup  never" in said and "last verify  never" in said, "a restored store claims a backup", said)
    check("clean" in site.facteur("verify"), "verify without a server")
    site.start()
    check(metric(site, "facteur_last_verify_timestamp_seconds") >= made, "a start does not tell of the verification")
    check(site.subjects() == ["avant"], site.subjects())
    site.deliver("encore")
    site.process.kill()
    site.process.wait()

    # One flipped bit in the middle of the log: acknowledged mail may be in it.
    log = max((site.dir / "data").glob("*.log"), key=lambda path: path.stat().st_size)
    damaged = bytearray(log.read_bytes())
    damaged[len(damaged) // 2] ^= 1
    log.write_bytes(damaged)
    refusal = site.facteur("serve", fails=True)
    check("facteur restore" in refusal and "facteur salvage" in refusal, refusal)
    check("verify" in site.facteur("salvage"), "salvage")
    site.facteur("verify")
    site.start()
    check(site.subjects()[:1] == ["avant"], site.subjects())
    site.stop()
    (site.dir / "secrets.toml").rename(site.dir / "away")
    check("secrets" in site.facteur("serve", fails=True), "served without its keys")
    check("secrets_file" in site.facteur("check-config", fails=True), "check-config misses the secrets")


if __name__ == "__main__":
    run_step(globals(), Site())
