"""Twenty senders at once. After each 250 the message's id goes into the ledger, a file outside the
server's directory. Ends when the server is gone. Usage: send_load.py DEMO_JSON LEDGER"""

import os
import smtplib
import socket
import sys
import threading

from demo import host, ports

ledger = open(sys.argv[2], "a")
lock = threading.Lock()


def send(number):
    try:
        client = smtplib.SMTP(host, ports["smtp"], timeout=30)
        for count in range(100_000):
            name = f"{os.getpid()}-{number}-{count}"
            to = f"agent{1 + (number + count) % 5}@ac-paris.test"
            client.sendmail(
                "sender@load.example", to,
                f"From: sender@load.example\r\nTo: {to}\r\nMessage-ID: <{name}@load.example>\r\n"
                f"Subject: {name}\r\n\r\n" + "x" * 2000,
            )
            with lock:
                ledger.write(f"{to} {name}\n")
                ledger.flush()
                if number == 0 and count == 40:
                    print("busy", flush=True)
    except (OSError, smtplib.SMTPException, socket.error):
        pass


threads = [threading.Thread(target=send, args=(number,)) for number in range(20)]
[thread.start() for thread in threads]
[thread.join() for thread in threads]
