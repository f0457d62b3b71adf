"""What a stranger may send, and a second client that is served meanwhile."""

import socket
import time

from demo import check, host, imap, ok, ports, smtp


def talk(port, *sends, limit=1 << 20):
    """Sends, and reads until the server closes or falls silent."""
    connection = socket.create_connection((host, port), 10)
    connection.settimeout(3)
    answer = connection.recv(4096)
    for bytes_ in sends:
        try:
            connection.sendall(bytes_)
        except OSError:
            break
    try:
        while len(answer) < limit and (piece := connection.recv(65536)):
            answer += piece
    except OSError:
        pass
    connection.close()
    return answer


def alive():
    started = time.monotonic()
    client = imap("jean.dupont")
    ok(client.select("INBOX", readonly=True))
    client.logout()
    return time.monotonic() - started


alive()
answer = talk(ports["imap"], b"(" * (1 << 20))
check(b"BAD [TOOBIG]" in answer, answer[:200])
answer = talk(ports["imap"], b"a LOGIN {4294967295}\r\n", b"b NOOP\r\n")
check(b"a BAD [TOOBIG]" in answer and b"b OK" in answer, answer[:200])
answer = talk(ports["imap"], b"a NOOP {99999999999999999999+}\r\n")
check(b"BAD" in answer, answer[:200])
answer = talk(ports["smtp"], b"X" * (1 << 20) + b"\r\nNOOP\r\n")
check(b"\r\n500" in answer or b"\r\n421" in answer, answer[:200])
answer = talk(
    ports["smtp"],
    b"EHLO x.example\r\n", b"MAIL FROM:<a@x.example>\r\nRCPT TO:<b@elsewhere.example>\r\n"
)
check(b"550 5.7.1" in answer, "relaying for a stranger", answer)
print("oversized input: refused with a clear answer; others served meanwhile:", f"{alive():.2f} s")

deep = "".join(
    f"Content-Type: multipart/mixed; boundary=b{level}\r\n\r\n--b{level}\r\n" for level in range(10_000)
)
client = smtp("marie.martin")
client.sendmail(
    "marie.martin@ac-paris.test", "jean.dupont@ac-paris.test",
    "From: marie.martin@ac-paris.test\r\nSubject: profond\r\n" + deep,
)
client.quit()
reader = imap("jean.dupont")
ok(reader.select("INBOX"))
number = ok(reader.search(None, "SUBJECT", "profond"))[0].decode()
structure = ok(reader.fetch(number, "(BODYSTRUCTURE)"))
check(structure and structure[0], "no structure")
reader.logout()
print("a 10,000-deep multipart: taken and described")
