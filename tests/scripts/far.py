"""The outside world: a server on loopback that takes mail, refuses unknown-…, and puts off later-…
until it is told to take that, too."""

import socketserver
import threading


class Far(socketserver.ThreadingTCPServer):
    """`take(sender, recipients, content)` is called for each message before its 250."""

    allow_reuse_address = True
    daemon_threads = True
    request_queue_size = 128

    def __init__(self, take):
        super().__init__(("127.0.0.1", 0), FarSession)
        self.take = take
        self.is_ready = threading.Event()
        threading.Thread(target=self.serve_forever, daemon=True).start()

    @property
    def address(self):
        return "127.0.0.1:%d" % self.server_address[1]


class FarSession(socketserver.StreamRequestHandler):
    disable_nagle_algorithm = True

    def say(self, line):
        self.wfile.write(line.encode() + b"\r\n")

    def handle(self):
        try:
            self.talk()
        except OSError:
            pass  # The server under test is gone: a message without its end is not taken.

    def talk(self):
        self.say("220 far.test ESMTP")
        sender, recipients = None, []
        while line := self.rfile.readline():
            verb = line[:4].upper()
            if verb == b"EHLO":
                self.say("250-far.test\r\n250-PIPELINING\r\n250 8BITMIME")
            elif verb == b"MAIL":
                sender, recipients = line.split(b"<")[1].split(b">")[0].decode(), []
                self.say("250 2.1.0 OK")
            elif verb == b"RCPT":
                self.recipient(line.split(b"<")[1].split(b">")[0].decode(), recipients)
            elif verb == b"DATA":
                if not recipients:
                    self.say("554 5.5.1 no recipients")
                    continue
                self.say("354 go on")
                self.server.take(sender, recipients, self.content())
                self.say("250 2.0.0 OK")
            elif verb == b"QUIT":
                self.say("221 bye")
                return
            else:
                self.say("250 OK")

    def recipient(self, address, recipients):
        if address.startswith("unknown-"):
            self.say("550 5.1.1 no such user")
        elif address.startswith("later-") and not self.server.is_ready.is_set():
            self.say("450 4.2.1 later, please")
        else:
            recipients.append(address)
            self.say("250 2.1.5 OK")

    def content(self):
        lines = []
        while (line := self.rfile.readline()) != b".\r\n":
            if not line.endswith(b"\n"):
                raise ConnectionError("the message has no end")
            lines.append(line[1:] if line.startswith(b".") else line)
        return b"".join(lines)
