"""IMAP and SMTP before and after the first login: nothing opens with the temporary secret, and the
answer says where to choose a password.
Usage: first_login.py DEMO_JSON before|after [PASSWORD]
"""
import imaplib
import smtplib
import sys

from demo import check, demo, host, ports, tls

newcomer = demo["newcomer"]
url = f"https://localhost:{ports['https']}"


def imap_login(password):
    """What a real client is told: None when it is let in."""
    client = imaplib.IMAP4_SSL(host, ports["imaps"], ssl_context=tls)
    try:
        client.login(newcomer["address"], password)
        client.select("INBOX", readonly=True)
        return None
    except imaplib.IMAP4.error as error:
        return str(error)
    finally:
        client.logout()


def smtp_login(password):
    client = smtplib.SMTP_SSL(host, ports["submissions"], context=tls)
    client.ehlo("test.example")
    code, text = client.docmd("AUTH PLAIN", plain(newcomer["address"], password))
    mail_code, _ = client.docmd("MAIL", f"FROM:<{newcomer['address']}>")
    client.quit()
    return code, text.decode(), mail_code


def plain(user, password):
    import base64
    return base64.b64encode(f"\0{user}\0{password}".encode()).decode()


def before():
    told = imap_login(newcomer["password"])
    check(told and "[CONTACTADMIN]" in told and url in told, "IMAP before the change:", told)
    told = imap_login("kf7mx-pdh3r-zwt6c")
    check(told and "[AUTHENTICATIONFAILED]" in told and url not in told, "IMAP, wrong:", told)
    code, text, mail_code = smtp_login(newcomer["password"])
    check(code == 534 and text.startswith("5.7.9") and url in text, "SMTP before the change:", code, text)
    check(mail_code == 530, "MAIL without a login:", mail_code)
    code, text, _ = smtp_login("kf7mx-pdh3r-zwt6c")
    check(code == 535 and text.startswith("5.7.8") and url not in text, "SMTP, wrong:", code, text)


def after(password):
    check(imap_login(password) is None, "IMAP with the chosen password")
    code, text, mail_code = smtp_login(password)
    check((code, mail_code) == (235, 250), "SMTP with the chosen password:", code, text, mail_code)
    told = imap_login(newcomer["password"])
    check(told and "[AUTHENTICATIONFAILED]" in told, "IMAP with the used secret:", told)


if sys.argv[2] == "before":
    before()
else:
    after(sys.argv[3])
print(f"first login, IMAP and SMTP {sys.argv[2]}: as it should be")
