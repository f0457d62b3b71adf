"""Mail programs that know an address and a password, and nothing else: each format is read by a parser
of its own, and what it says leads to a login and a message.
Usage: autoconfig.py DEMO_JSON
"""
import http.client
import http.cookiejar
import imaplib
import json
import plistlib
import re
import smtplib
import subprocess
import urllib.parse
import urllib.request
import xml.etree.ElementTree as ElementTree

from demo import accounts, check, demo, host, ports, tls

marie = accounts["marie.martin"]
domain = demo["domain"]
RESPONSE = "{http://schemas.microsoft.com/exchange/autodiscover/outlook/responseschema/2006a}"
QUESTION = """<?xml version="1.0" encoding="utf-8"?>
<Autodiscover xmlns="http://schemas.microsoft.com/exchange/autodiscover/outlook/requestschema/2006">
<Request><EMailAddress>{}</EMailAddress><AcceptableResponseSchema>{}</AcceptableResponseSchema></Request>
</Autodiscover>"""


def ask(name, path, question=None):
    """What the server says to a program that reached it by this name."""
    web = http.client.HTTPSConnection(host, ports["https"], context=tls)
    headers = {"Host": name, "Content-Type": "text/xml; charset=utf-8"}
    web.request("POST" if question else "GET", path, question, headers)
    answer = web.getresponse()
    body = answer.read()
    check(answer.status == 200, name, path, answer.status, body[:200])
    return body


def works(way, port, security, user):
    """A login with these settings, and a message that goes out or is there."""
    if way == "imap":
        plain = security == "STARTTLS"
        client = imaplib.IMAP4(host, port) if plain else imaplib.IMAP4_SSL(host, port, ssl_context=tls)
        if plain:
            client.starttls(tls)
        client.login(user, marie["password"])
        check(client.select("INBOX", readonly=True)[0] == "OK", "INBOX opens")
        client.logout()
    else:
        plain = security == "STARTTLS"
        client = smtplib.SMTP(host, port) if plain else smtplib.SMTP_SSL(host, port, context=tls)
        if plain:
            client.starttls(context=tls)
        client.login(user, marie["password"])
        message = f"From: {marie['address']}\r\nSubject: essai\r\n\r\nbonjour\r\n"
        client.sendmail(marie["address"], [marie["address"]], message)
        client.quit()


def thunderbird():
    file = ElementTree.fromstring(ask(f"autoconfig.{domain}", "/mail/config-v1.1.xml"))
    check(file.tag == "clientConfig" and file.get("version") == "1.1", "the file's kind")
    provider = file.find("emailProvider")
    check(provider.findtext("domain") == domain, "the domain:", provider.findtext("domain"))
    servers = [("imap", one) for one in provider.findall("incomingServer")]
    servers += [("smtp", one) for one in provider.findall("outgoingServer")]
    check(len(servers) == 4, "four ways in:", len(servers))
    for kind, server in servers:
        check(server.get("type") == kind, "its type")
        check(server.findtext("hostname") == f"mail.{domain}", "the name in the certificate")
        check(server.findtext("authentication") == "password-cleartext", "how it logs in")
        user = server.findtext("username").replace("%EMAILADDRESS%", marie["address"])
        works(kind, int(server.findtext("port")), server.findtext("socketType"), user)
    return len(servers)


def outlook():
    path = f"/autodiscover/autodiscover.json?Email={marie['address']}&Protocol=AutodiscoverV1"
    found = json.loads(ask(f"autodiscover.{domain}", path))
    place = urllib.parse.urlsplit(found["Url"])
    check(found["Protocol"] == "AutodiscoverV1" and place.scheme == "https", "where the XML is:", found)
    question = QUESTION.format(marie["address"], RESPONSE.strip("{}"))
    answer = ElementTree.fromstring(ask(f"autodiscover.{domain}", place.path, question))
    settings = answer.find(f"{RESPONSE}Response/{RESPONSE}Account")
    check(settings.findtext(f"{RESPONSE}Action") == "settings", "what the answer is")
    protocols = settings.findall(f"{RESPONSE}Protocol")
    for protocol in protocols:
        value = lambda name: protocol.findtext(RESPONSE + name)
        check(value("SSL") == "on" and value("Encryption") == "SSL", "TLS:", value("Encryption"))
        works(value("Type").lower(), int(value("Port")), "SSL", value("LoginName"))
    return len(protocols)


def apple():
    jar = http.cookiejar.CookieJar()
    web = urllib.request.build_opener(
        urllib.request.HTTPSHandler(context=tls), urllib.request.HTTPCookieProcessor(jar))
    site = f"https://localhost:{ports['https']}"
    token = re.search(r'name="jeton" value="([^"]+)"', web.open(site).read().decode()).group(1)
    form = {"jeton": token, "identifiant": marie["address"], "mot-de-passe": marie["password"]}
    web.open(f"{site}/connexion", urllib.parse.urlencode(form).encode())
    signed = web.open(f"{site}/parametres/appareils/profil").read()
    # The demonstration's certificate is its own authority.
    verify = ["openssl", "smime", "-verify", "-noverify", "-inform", "der"]
    profile = plistlib.loads(subprocess.run(verify, input=signed, capture_output=True, check=True).stdout)
    check(profile["PayloadType"] == "Configuration" and profile["PayloadVersion"] == 1, "the profile")
    mail, = profile["PayloadContent"]
    check(mail["PayloadType"] == "com.apple.mail.managed", "what it sets up")
    check(mail["EmailAddress"] == marie["address"], "for whom")
    check("IncomingPassword" not in mail and "OutgoingPassword" not in mail, "no password")
    ways = [("imap", "IncomingMailServer"), ("smtp", "OutgoingMailServer")]
    for kind, prefix in ways:
        check(mail[prefix + "UseSSL"] is True, "TLS")
        works(kind, mail[prefix + "PortNumber"], "SSL", mail[prefix + "Username"])
    return len(ways)


print(f"Thunderbird {thunderbird()}, Outlook {outlook()}, Apple {apple()} ways in, each tried")
