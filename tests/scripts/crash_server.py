"""What the crash tests break: a demo server, and the disk under it."""

import fcntl
import json
import os
import shutil
import signal
import struct
import subprocess
import time

import ports

ACCOUNTS = [f"agent{number}" for number in range(1, 6)]
PASSWORD = "mot-de-passe-demo"
START_SECONDS_MAX = 120
PATIENCE = 120
# FS_IOC_SHUTDOWN, and its argument for "without a log flush".
SHUTDOWN, NO_LOG_FLUSH = 0x8004587D, 2


class Skip(Exception):
    """The fault cannot be made here."""


class Disk:
    """Where the server's directory is: a file system of its own, or only a directory."""

    def __init__(self, work, file_system, mib, is_cut):
        self.dir, self.image = work / "disk", work / "image" if file_system else None
        self.file_system, self.mib, self.is_cut, self.is_mounted = file_system, mib, is_cut, False
        self.dir.mkdir()

    def make(self):
        if not self.image:
            return
        if os.geteuid() != 0:
            raise Skip("only root may mount a file system")
        if not shutil.which(f"mkfs.{self.file_system}"):
            raise Skip(f"mkfs.{self.file_system} is missing")
        with open(self.image, "wb") as image:
            image.truncate(self.mib << 20)
        options = ["-m", "0"] if self.file_system == "ext4" else []
        subprocess.run([f"mkfs.{self.file_system}", "-q", *options, self.image], check=True)
        try:
            self.mount()
            # What cannot be shut down is found out now, and not when it looks like a failure.
            if self.is_cut:
                self.cut_power()
                self.unmount()
                self.mount()
        except (OSError, subprocess.CalledProcessError) as error:
            raise Skip(f"loop mounts or their shutdown are not allowed here: {error}") from error

    def mount(self):
        subprocess.run(["mount", "-o", "loop", self.image, self.dir], check=True, capture_output=True)
        self.is_mounted = True

    def cut_power(self):
        fd = os.open(self.dir, os.O_RDONLY)
        try:
            fcntl.ioctl(fd, SHUTDOWN, struct.pack("I", NO_LOG_FLUSH))
        finally:
            os.close(fd)

    def unmount(self):
        if self.is_mounted:
            subprocess.run(["umount", self.dir], check=True)
            self.is_mounted = False

    def fill(self, leave_mib):
        """Takes all space but this; a file that `free` removes."""
        with open(self.dir / "filler", "ab") as filler:
            step = 1 << 20
            while step >= 4096:
                stat = os.statvfs(self.dir)
                if stat.f_bavail * stat.f_frsize - step < leave_mib << 20:
                    step //= 2
                    continue
                try:
                    os.posix_fallocate(filler.fileno(), os.fstat(filler.fileno()).st_size, step)
                except OSError:
                    step //= 2

    def free(self):
        (self.dir / "filler").unlink()


class Server:
    """The demo, from outside."""

    def __init__(self, program, dir_, work, relay_to):
        self.program, self.dir, self.log, self.relay_to = program, dir_ / "demo", work / "log", relay_to
        self.base = ports.reserve_base()
        self.process, self.demo, self.slowest = None, None, 0
        # When it was killed or stopped.
        self.ends = []

    def start(self, **environment):
        (self.dir / "demo.json").unlink(missing_ok=True)
        began = time.monotonic()
        with open(self.log, "ab") as log:
            self.process = subprocess.Popen(
                [self.program, "demo", "--dir", self.dir, "--port-base", str(self.base),
                 "--accounts", str(len(ACCOUNTS)),
                 "--password", PASSWORD, "--relay-to", self.relay_to],
                stdin=subprocess.DEVNULL, stdout=log, stderr=log, env={**os.environ, **environment},
            )
        # There is no event to wait for: the file appears in another process.
        while not (self.dir / "demo.json").exists():
            if self.process.poll() is not None:
                raise SystemExit(f"FAILED: the server did not start\n{self.log_tail()}")
            if time.monotonic() - began > START_SECONDS_MAX:
                raise SystemExit(f"FAILED: the server takes too long to start\n{self.log_tail()}")
            time.sleep(0.02)
        self.demo = json.loads((self.dir / "demo.json").read_text())
        self.slowest = max(self.slowest, time.monotonic() - began)

    def starts(self):
        try:
            self.start()
        except SystemExit:
            return False
        return True

    def kill(self):
        self.process.kill()
        self.process.wait()
        self.ends.append(time.monotonic())

    def stop(self):
        self.process.send_signal(signal.SIGTERM)
        status = self.process.wait(PATIENCE)
        self.ends.append(time.monotonic())
        if status:
            raise SystemExit(f"FAILED: SIGTERM ended it with {status}\n{self.log_tail()}")

    def facteur(self, *arguments):
        done = subprocess.run(
            [self.program, "--config", self.dir / "facteur.toml", *arguments], capture_output=True, text=True
        )
        if done.returncode:
            raise SystemExit(f"FAILED: facteur {arguments}\n{done.stdout}{done.stderr}{self.log_tail()}")
        return done.stdout

    def facteur_lines(self, *arguments):
        return [json.loads(line) for line in self.facteur(*arguments).splitlines()]

    def used_bytes(self, account):
        shown = self.facteur("account", "show", f"{account}@ac-paris.test", "--json")
        return json.loads(shown)["bytes_used"]

    def log_tail(self):
        return "\n".join(self.log.read_text(errors="replace").splitlines()[-30:])
