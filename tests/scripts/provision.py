"""Brings people in as `docs/accounts.md` says: units, a staff file, hand-out sheets, moves, leavers.
Usage: provision.py FACTEUR STEP; the steps are the functions people, many and foreign. PEOPLE says
how many the last two bring in.
"""
import csv
import io
import json
import os
import resource
import stat
import time

import operate
from imap_client import Imap
from operate import Site, check
from step import run_step

STAFF = (
    "Identifiant;Prénom;Nom;Nom d'usage;Date de naissance;Établissement\r\n"
    "1001;Hélène;Lefèvre;;21/03/1985;0750001A\r\n"
    "1002;Helene;LEFEVRE;;;0750001A 0750002B\r\n"
    "1003;Marie Anne;Petit;de La Fontaine;;0750002B\r\n"
    "1004;<b>Zoé</b>;=1+1;;;0750002B\r\n"
    "1005;Иван;Петров;;;0750002B\r\n"
    "1006;Jean;Petit;;31/02/1985;\r\n"
    "1007;Jean;Petit;;;0759999Z\r\n"
)


def mode(path):
    return stat.S_IMODE(path.stat().st_mode)


def sheets(folder):
    """The lines of sheets.csv by academic ID."""
    text = (folder / "sheets.csv").read_text("utf-8-sig")
    return {row["academic_id"]: row for row in csv.DictReader(io.StringIO(text), delimiter=";")}


def units(site):
    file = site.dir / "units.csv"
    file.write_text("code,name,contact\n0750001a,Collège Victor-Hugo,bureau 12\n0750002B,École du Parc,\n")
    check("2 created" in site.facteur("unit", "import", file, "--dry-run"), "a dry run counts")
    check(site.facteur("unit", "list") == "", "a dry run made a unit")
    check("2 created" in site.facteur("unit", "import", file), "units")
    check("2 unchanged" in site.facteur("unit", "import", file), "units again")


def people(site):
    """Units, accounts, sheets, with and without a server; every refused line with its reason."""
    units(site)
    file, folder = site.dir / "staff.csv", site.dir / "staff.sheets"
    file.write_bytes(STAFF.encode("latin-1", "replace"))
    said = site.facteur("account", "import", file, fails=True)
    check("line 1 is not UTF-8" in said and "iconv" in said, said)
    file.write_bytes(STAFF.encode("utf-16"))
    check("UTF-16" in site.facteur("account", "import", file, fails=True), "UTF-16")
    file.write_text("\ufeff" + STAFF, "utf-8")
    said = site.facteur("account", "import", file, "--dry-run", fails=True)
    check("4 created" in said and "3 refused" in said and not folder.exists(), said)
    check(site.facteur("account", "list") == "", "a dry run created accounts")

    said = site.facteur("account", "import", file, fails=True)
    check("4 created" in said and "4 hand-out sheets" in said, said)
    refused = list(csv.DictReader(io.StringIO((site.dir / "staff.refused.csv").read_text("utf-8-sig")), delimiter=";"))
    check([row["line"] for row in refused] == ["6", "7", "8"], refused)
    for row, reason in zip(refused, ["give an address", "not a date", "no such unit: 0759999Z"]):
        check(reason in row["reason"] and row["reason"] in said, row, said)
    check(mode(folder) == 0o700, "the folder's mode")
    for path in [*folder.iterdir(), site.dir / "staff.refused.csv"]:
        check(mode(path) == 0o600, path, oct(mode(path)))
    check({path.name for path in folder.iterdir()} == {"sheets.csv", "0750001A.html", "0750002B.html"}, "files")
    told = sheets(folder)
    addresses = {number: row["address"] for number, row in told.items()}
    check(addresses == {"1001": "helene.lefevre@ac.test", "1002": "helene.lefevre2@ac.test",
                        "1003": "marieanne.delafontaine@ac.test", "1004": "bzoeb.11@ac.test"}, addresses)
    pages = (folder / "0750002B.html").read_text()
    check(pages.count("<section>") == 2 and "&lt;b&gt;Zoé" in pages and "<b>Zoé" not in pages, "escaped")
    check(told["1004"]["name"] == "<b>Zoé</b> =1+1" and "://" not in pages.split("<section>")[0], "no resources")
    check(told["1001"]["temporary_secret"] in (folder / "0750001A.html").read_text(), "the secret is on its page")
    stored = b"".join(path.read_bytes() for path in (site.dir / "data").iterdir() if path.is_file())
    check(b"1985-03-21" not in stored and told["1001"]["temporary_secret"].encode() not in stored, "in the clear")

    site.start()
    said = site.facteur("account", "import", file, fails=True)
    check("4 unchanged" in said and "sheets" not in said.replace("staff.refused", ""), said)
    check(not (site.dir / "staff.sheets-2").exists(), "an empty folder was left")
    site.facteur("account", "edit", "1002", "--unit", "0750002B")
    check(json.loads(site.facteur("account", "show", "1002", "--json"))["units"] == ["0750002B"], "moved")
    check(site.facteur("account", "list", "--unit", "0750001A").count("\n") == 1, "listed by unit")
    check("2 accounts" not in site.facteur("unit", "show", "0750001A"), "members")
    check("move them first" in site.facteur("unit", "delete", "0750002B", fails=True), "a unit with people")
    said = site.facteur("account", "secret", "--awaiting", "--unit", "0750002B", "--sheets", site.dir / "again")
    check("3 hand-out sheets" in said, said)
    renewed = sheets(site.dir / "again")
    check(renewed["1003"]["temporary_secret"] != told["1003"]["temporary_secret"], "the same secret")
    check("File exists" in site.facteur("account", "secret", "1003", "--sheets", site.dir / "again", fails=True), "again")
    said = site.facteur("account", "add", "--given-name", "Hélène", "--birth-name", "Lefèvre", "--academic-id", "1010",
                        "--temporary")
    check("helene.lefevre3@ac.test" in said and "temporary secret" in said, said)
    site.facteur("account", "leave", "1010", "--on", "2999-12-31")
    shown = json.loads(site.facteur("account", "show", "1010", "--json"))
    check((shown["state"], shown["leaves_on"]) == ("awaiting-first-login", "2999-12-31"), shown)
    check("to come" in site.facteur("account", "leave", "1010", "--on", "2020-01-01", fails=True), "a day that is past")
    site.facteur("account", "leave", "1010", "--stay")
    weak = site.facteur("account", "password", "1003", input="marieanne.delafontaine", fails=True)
    check("belong to its owner" in weak, weak)
    log = site.log.read_text()
    check(not any(row["temporary_secret"] in log for row in [*told.values(), *renewed.values()]), "a secret in the log")
    site.stop()


def many(site):
    """40,000 people with temporary secrets, one file a hundred schools; time and memory are told."""
    count = int(os.environ.get("PEOPLE", "40000"))
    operate.PATIENCE = 600
    codes = [f"075{number:04}X" for number in range(100)]
    (site.dir / "units.csv").write_text("code,name\n" + "".join(f"{code},École {code}\n" for code in codes))
    site.facteur("unit", "import", site.dir / "units.csv")
    given = ["Marie", "Jean", "Hélène", "Zoé", "Noël", "Anne-Sophie", "Chloé", "François", "Nadia", "Łukasz"]
    family = ["Martin", "Bernard", "Lefèvre", "de La Tour", "O’Brien", "Nguyễn", "Müller", "Petit", "Roux", "d’Aubigné"]
    lines = [f"{number:08};{given[number % 10]};{family[number // 10 % 10]}{chr(97 + number // 100 % 26)};"
             f"{1 + number % 28:02}/03/19{60 + number % 40};{codes[number % 100]}\n" for number in range(count)]
    file = site.dir / "staff.csv"
    file.write_text("identifiant;prénom;nom;date de naissance;établissement\n" + "".join(lines))
    begin = time.monotonic()
    said = site.facteur("account", "import", file)
    took = time.monotonic() - begin
    memory = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss / 1024
    check(f"{count} created" in said and f"{count} hand-out sheets" in said, said)
    told = sheets(site.dir / "staff.sheets")
    check(len({row["address"] for row in told.values()}) == count, "addresses are unique")
    check(len({row["temporary_secret"] for row in told.values()}) == count, "secrets are unique")
    print(f"{count} accounts with secrets and sheets: {took:.1f} s, {memory:.0f} MiB at most")


FOREIGN = [
    "{SSHA}SI/9Yw6SNXG6eFpX4ynGmxb4FPIHWcDz7lmT+A==",
    "{CRYPT}$6$tbcZdERQAjXgafbX$oBwX.dcGRkaMqLJ.s1s.b/43Yg5gls8IBNUm3UK0Pcawnbu65zCErL3BFC1iCgmVbcwA5uLewZ07eZUww3.bv0",
    "$2y$05$abcdefghijklmnopqrstuuf8DKrgEtbDb5Mpg7BWBSmVb7ekeOFxG",
]


def foreign(site):
    """Hashes of another system open IMAP, and are Argon2id after the first login."""
    count = int(os.environ.get("PEOPLE", "600"))
    logins = count // 20
    file = site.dir / "foreign.csv"
    file.write_text("address,name,academic_id,password\n" + "".join(
        f"agent{number}@ac.test,Agent {number},{number:08},{FOREIGN[number % 3]}\n" for number in range(count)))
    operate.PATIENCE = 600
    begin = time.monotonic()
    check(f"{count} created" in site.facteur("account", "import", file), "not imported")
    imported = time.monotonic() - begin
    site.start()
    begin = time.monotonic()
    for number in range(logins):
        Imap(site.ports["imap"], f"agent{number}@ac.test", "une phrase assez longue").close()
    upgraded = time.monotonic() - begin
    print(f"{count} imported in {imported:.1f} s; {logins} logged in and upgraded in {upgraded:.1f} s")
    site.stop()


if __name__ == "__main__":
    run_step(globals(), Site())
