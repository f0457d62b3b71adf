"""DNS for tests: a server on loopback, filled with what `facteur dns` prints, and what dkimpy says of a
message by those records. Standard library only, but for dkimpy."""

import ipaddress
import json
import re
import socketserver
import struct
import subprocess
import threading

KINDS = {1: "A", 15: "MX", 16: "TXT"}


def records(text):
    """{(name, kind): [data …]} of lines as in a zone file; data of TXT is the joined text."""
    found = {}
    for line in text.splitlines():
        name, _, kind, data = line.split(" ", 3)
        if kind == "TXT":
            data = "".join(re.findall(r'"([^"]*)"', data))
        found.setdefault((name.rstrip("."), kind), []).append(data)
    return found


def signatures(content, zone):
    """What Debian's dkimpy, which is not with every python3, says of each DKIM-Signature."""
    script = """if True:
        import dkim, json, sys
        given = json.load(sys.stdin)
        txt = lambda name, timeout=5: given["records"].get(name.decode().rstrip("."), "").encode()
        message = dkim.DKIM(given["message"].encode("latin-1"))
        count = sum(1 for name, value in message.headers if name.lower() == b"dkim-signature")
        json.dump([message.verify(idx=i, dnsfunc=txt) for i in range(count)], sys.stdout)"""
    texts = {name: data[0] for (name, kind), data in zone.items() if kind == "TXT"}
    given = json.dumps({"records": texts, "message": content.decode("latin-1")})
    done = subprocess.run(["/usr/bin/python3", "-c", script], input=given, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


class Dns(socketserver.ThreadingUDPServer):
    """Answers by `zone`, which may be filled while it runs; every name is looked up in it alone."""

    daemon_threads = True

    def __init__(self):
        super().__init__(("127.0.0.1", 0), Question)
        self.zone = {}
        self.asked = set()
        threading.Thread(target=self.serve_forever, daemon=True).start()

    @property
    def address(self):
        return "127.0.0.1:%d" % self.server_address[1]


class Question(socketserver.BaseRequestHandler):
    def handle(self):
        query, socket = self.request
        name, end = read_name(query)
        kind = KINDS.get(struct.unpack_from("!H", query, end)[0])
        self.server.asked.add((name, kind))
        zone = self.server.zone
        rows = [encode(kind, data) for data in zone.get((name, kind), [])]
        exists = any(known == name or known.endswith("." + name) for known, _ in zone)
        # Authoritative, recursion available; NXDOMAIN for what is not there at all.
        flags = 0x8580 | (0 if exists else 3)
        answer = query[:2] + struct.pack("!HHHHH", flags, 1, len(rows), 0, 0) + query[12 : end + 4]
        for row in rows:
            answer += b"\xc0\x0c" + query[end : end + 4] + struct.pack("!IH", 60, len(row)) + row
        socket.sendto(answer, self.client_address)


def read_name(query):
    """The name asked for, in lower case, and where it ends."""
    labels, place = [], 12
    while size := query[place]:
        labels.append(query[place + 1 : place + 1 + size].decode().lower())
        place += 1 + size
    return ".".join(labels), place + 1


def encode(kind, data):
    if kind == "A":
        return ipaddress.IPv4Address(data).packed
    if kind == "MX":
        preference, host = data.split()
        labels = host.rstrip(".").split(".")
        return struct.pack("!H", int(preference)) + b"".join(bytes([len(l)]) + l.encode() for l in labels) + b"\0"
    pieces = [data.encode()[at : at + 255] for at in range(0, len(data), 255)]
    return b"".join(bytes([len(piece)]) + piece for piece in pieces)
