"""A small IMAP client that gives the server's lines as they are. Standard library only."""

import re
import socket

LITERAL = re.compile(rb"\{(\d+)\}\r\n$")


class Refused(Exception):
    """The server said NO or BAD: nothing was changed."""


class Imap:
    """One connection; every call ends with the tagged answer."""

    def __init__(self, port, user, password, timeout=60):
        self.socket = socket.create_connection(("127.0.0.1", port), timeout)
        self.file = self.socket.makefile("rb")
        self.count = 0
        self.line()
        _, lines = self.call(f'LOGIN "{user}" "{password}"')
        _, lines = self.call("CAPABILITY")
        self.capabilities = set(b" ".join(lines).decode().upper().split())

    def line(self):
        """The next line, with the literals in it."""
        whole = b""
        while True:
            piece = self.file.readline()
            if not piece.endswith(b"\n"):
                raise ConnectionError("the server closed")
            whole += piece
            literal = LITERAL.search(piece)
            if not literal:
                return whole
            size = int(literal[1])
            content = self.file.read(size)
            if len(content) < size:
                raise ConnectionError("the server closed in a literal")
            whole += content

    def send(self, text, literal=None):
        """Begins a command; its tag."""
        self.count += 1
        tag = f"t{self.count}"
        line = f"{tag} {text}".encode()
        if literal is not None:
            # RFC 7888: the literal follows at once.
            line += b" {%d+}\r\n" % len(literal) + literal
        self.socket.sendall(line + b"\r\n")
        return tag

    def end(self, tag):
        """The tagged answer's text and the untagged lines before it."""
        lines = []
        while True:
            line = self.line()
            if line.startswith(tag.encode() + b" "):
                answer = line[len(tag) + 1 :].decode().strip()
                if not answer.startswith("OK"):
                    raise Refused(answer)
                return answer, lines
            lines.append(line)

    def call(self, text, literal=None):
        return self.end(self.send(text, literal))

    def fetch(self, uids, items):
        """UID FETCH: {uid: the whole untagged line}."""
        _, lines = self.call(f"UID FETCH {uids} (UID {items})")
        wanted = b"BODY[" if "BODY" in items else items.split()[-1].encode()
        rows = {}
        for line in lines:
            found = re.match(rb"\* \d+ FETCH .*?UID (\d+)", line, re.S)
            # Another client's change of flags may be told in between.
            if found and wanted in line:
                rows[int(found[1])] = line
        return rows

    def close(self):
        self.file.close()
        self.socket.close()


def numbers(set_):
    """`3:5,9` as [3, 4, 5, 9]."""
    found = []
    for part in set_.split(","):
        first, _, last = part.partition(":")
        found.extend(range(int(first), int(last or first) + 1))
    return found


def flags_in(line):
    found = re.search(rb"FLAGS \(([^)]*)\)", line)
    return frozenset(flag for flag in found[1].decode().split() if flag != "\\Recent")


def literal_in(line):
    """The first literal of a line; a short one may have come quoted."""
    found = re.search(rb"\{(\d+)\}\r\n", line)
    if not found:
        return re.search(rb'"((?:[^"\\]|\\.)*)"', line)[1]
    return line[found.end() : found.end() + int(found[1])]
