"""What every script knows of the demo: its ports, its accounts, and how to reach them."""

import imaplib
import json
import smtplib
import ssl
import sys

demo = json.load(open(sys.argv[1]))
ports = demo["ports"]
host = "127.0.0.1"
accounts = {account["address"].split("@")[0]: account for account in demo["accounts"]}

# The demo's certificate is its own.
tls = ssl.create_default_context()
tls.check_hostname = False
tls.verify_mode = ssl.CERT_NONE


def imap(name):
    client = imaplib.IMAP4_SSL(host, ports["imaps"], ssl_context=tls)
    client.login(accounts[name]["address"], accounts[name]["password"])
    return client


def smtp(name):
    client = smtplib.SMTP_SSL(host, ports["submissions"], context=tls)
    client.login(accounts[name]["address"], accounts[name]["password"])
    return client


def ok(answer):
    kind, data = answer
    assert kind == "OK", answer
    return data


def check(condition, *what):
    if not condition:
        raise SystemExit("FAILED: " + " ".join(str(w) for w in what))
