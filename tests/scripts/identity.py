"""Opens the demo's school for lost passwords by identity alone, and helps afterwards.
Usage: identity.py DEMO_JSON FACTEUR STEP; the steps are open and unlock.
"""
import datetime
import pathlib
import subprocess
import sys

DEMO, FACTEUR, STEP = pathlib.Path(sys.argv[1]), sys.argv[2], sys.argv[3]
SCHOOL = "0750001A"
PASSWORD = "une phrase assez longue"
AGENTS = [f"agent{number}@ac-paris.test" for number in range(1, 5)]


def facteur(*arguments, password=PASSWORD):
    done = subprocess.run([FACTEUR, "--config", DEMO.parent / "facteur.toml", *arguments], input=password,
                          capture_output=True, text=True, timeout=120)
    if done.returncode:
        sys.exit(f"{arguments}: {done.stdout} {done.stderr}")
    return done.stdout


def open_school():
    """Two administrators agree; the agents belong to the school and have a birth date."""
    for number, name in enumerate(["anne", "bruno"], 201):
        facteur("account", "add", f"{name}@ac-paris.test", "--name", name, "--academic-id", f"0000000{number}",
                "--role", "administrator")
    for agent in AGENTS:
        facteur("account", "edit", agent, "--unit", SCHOOL, "--birth-date", "21/03/1985")
    until = str(datetime.date.today() + datetime.timedelta(days=30))
    said = facteur("unit", "policy", "propose", SCHOOL, "--as", "anne@ac-paris.test", "--until", until,
                   "--reason", "essai")
    number = said.split(", as ")[1].split()[0]
    facteur("unit", "policy", "approve", SCHOOL, number, "--as", "bruno@ac-paris.test")


def unlock():
    """The school's IT officer has made sure who they are."""
    for agent in AGENTS:
        facteur("reset", "unlock", agent, "--as", "referent.numerique@ac-paris.test", "--reason", "vus en personne",
                password="orange-cable-serveur")


{"open": open_school, "unlock": unlock}[STEP]()
