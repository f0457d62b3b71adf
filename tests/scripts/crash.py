"""Breaks a loaded server, again and again, and checks after each start what it must hold.

  crash.py FACTEUR [--fault kill|power|full|write|unsynced|stop|backup] [--fs ext4|xfs]
           [--rounds N] [--seed TEXT] [--senders N] [--only-senders]

kill    SIGKILL in the middle of the load
power   the file system is shut down without a flush of its log: what was not synced vanishes.
        It models the loss of the page cache, not reordering inside a drive. Needs root
full    a small file system: nearly full, room again, entirely full, room again. Needs root
write   one write or sync of the store's files fails with EIO, or all writes from one on with ENOSPC
unsynced  a power cut under a server whose syncs do nothing: the check must fail
stop    SIGTERM in the middle of the load
backup  a backup in the middle of the load, restored into an empty directory

Ends with 77, and says why, where the fault cannot be made."""

import argparse
import fcntl
import json
import os
import random
import shutil
import signal
import struct
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import ports
from crash_check import World
from crash_load import Load

ACCOUNTS = 5
START_SECONDS_MAX = 120
PATIENCE = 120
SKIPPED = 77
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

    def __init__(self, program, dir_, work):
        self.program, self.dir, self.log = program, dir_ / "demo", work / "log"
        self.base = ports.reserve_base()
        self.process, self.demo, self.slowest = None, None, 0

    def start(self, **environment):
        (self.dir / "demo.json").unlink(missing_ok=True)
        began = time.monotonic()
        with open(self.log, "ab") as log:
            self.process = subprocess.Popen(
                [self.program, "demo", "--dir", self.dir, "--port-base", str(self.base), "--accounts", str(ACCOUNTS)],
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

    def stop(self):
        self.process.send_signal(signal.SIGTERM)
        status = self.process.wait(PATIENCE)
        if status:
            raise SystemExit(f"FAILED: SIGTERM ended it with {status}\n{self.log_tail()}")

    def facteur(self, *arguments):
        done = subprocess.run(
            [self.program, "--config", self.dir / "facteur.toml", *arguments], capture_output=True, text=True
        )
        if done.returncode:
            raise SystemExit(f"FAILED: facteur {arguments}\n{done.stdout}{done.stderr}{self.log_tail()}")
        return done.stdout

    def used_bytes(self, account):
        shown = self.facteur("account", "show", f"{account}@ac-paris.test", "--json")
        return json.loads(shown)["bytes_used"]

    def log_tail(self):
        return "\n".join(self.log.read_text(errors="replace").splitlines()[-30:])


class Faults:
    """Each method breaks a loaded server, and leaves it started again."""

    def __init__(self, server, disk, work):
        self.server, self.disk, self.work = server, disk, work

    def kill(self, load, rng):
        load.wait_for(rng.randint(20, 200), PATIENCE)
        self.server.kill()
        load.join()
        self.server.start()

    def power(self, load, rng):
        load.engine_fails = True
        load.wait_for(rng.randint(20, 200), PATIENCE)
        self.disk.cut_power()
        self.server.kill()
        load.join()
        self.disk.unmount()
        self.disk.mount()
        self.server.start()

    def unsynced(self, load, rng):
        self.power(load, rng)

    def stop(self, load, rng):
        load.wait_for(rng.randint(20, 200), PATIENCE)
        self.server.stop()
        load.join()
        self.server.start()

    def full(self, load, rng):
        assert load.wait_for(rng.randint(20, 100), PATIENCE, "mail"), "no load"
        self.disk.fill(48)
        assert load.wait_for_refusal(PATIENCE), "a nearly full disk refused nothing"
        wrong = [text for text in load.refusals if not text.startswith(("452", "NO [LIMIT]"))]
        assert not wrong, f"refused with {wrong[:3]}"
        assert load.wait_for(20, PATIENCE, "other"), "nothing else works while mail is refused"
        self.disk.free()
        assert load.wait_for(20, PATIENCE, "mail"), "mail is not taken again"
        load.engine_fails = True
        self.disk.fill(0)
        try:
            self.server.process.wait(20)
        except subprocess.TimeoutExpired:
            print("the log's reserved space outlasts the full disk; ", end="")
        self.server.kill()
        load.join()
        if not self.server.starts():
            print("it does not start on a full disk; ", end="")
        self.server.kill()
        self.disk.free()
        self.server.start()

    def write(self, load, rng):
        """The server was started with the fault in it, which is armed now."""
        load.engine_fails = True
        load.wait_for(20, PATIENCE)
        (self.work / "armed").touch()
        try:
            self.server.process.wait(PATIENCE)
        except subprocess.TimeoutExpired:
            print("it outlives the failed write; ", end="")
        self.server.kill()
        load.join()
        (self.work / "armed").unlink()
        self.server.start()

    def backup(self, load, rng):
        assert load.wait_for(rng.randint(100, 300), PATIENCE), "no load"
        kept = load.world.acknowledged_ids()
        target = self.work / f"backup-{load.seed.replace('/', '-')}"
        self.server.facteur("backup", target)
        load.wait_for(20, PATIENCE)
        self.server.stop()
        load.join()
        load.world.went_back(load, kept)
        shutil.rmtree(self.server.dir / "data")
        self.server.facteur("restore", target)
        self.server.start()


class NoLoad:
    """For the check before the first round."""

    pending, seen = {}, []

    def __init__(self, seed):
        self.seed = seed


def fail_write_library(work):
    library = work / "fail_write.so"
    source = Path(__file__).with_name("fail_write.c")
    subprocess.run(["cc", "-shared", "-fPIC", "-O2", "-o", library, source], check=True)
    return str(library)


def fault_in(fault, server, work, rng):
    """What the library is told: see fail_write.c."""
    if fault == "unsynced":
        return {"FAIL_SYNCS": "1"}
    return {
        "FAIL_UNDER": str(server.dir / "data"), "FAIL_ARMED": str(work / "armed"),
        "FAIL_AT": str(rng.randint(1, 1000)), **rng.choice([{}, {"FAIL_FULL": "1"}]),
    }


def run(options, work, disk, server):
    faults = Faults(server, disk, work)
    server.start()
    accounts = [f"agent{number}" for number in range(1, ACCOUNTS + 1)]
    world = World(accounts, server.demo["accounts"][-1]["password"])
    world.check(server.demo, NoLoad(options.seed), server.used_bytes)
    library = fail_write_library(work) if options.fault in ("write", "unsynced") else None
    acknowledged = 0
    with open(work / "ledger", "a") as ledger:
        for number in range(1, options.rounds + 1):
            seed = f"{options.seed}/{number}"
            rng = random.Random(seed)
            if library:
                server.stop()
                server.start(LD_PRELOAD=library, **fault_in(options.fault, server, work, rng))
            load = Load(server.demo, world, ledger, seed, options.senders, not options.only_senders)
            load.start()
            getattr(faults, options.fault)(load, rng)
            world.check(server.demo, load, server.used_bytes, everything=number == options.rounds)
            verified = server.facteur("verify").splitlines()
            notes = [line for line in verified if line.startswith("note")]
            acknowledged += sum(load.acknowledged.values())
            print(f"round {number}: {sum(load.acknowledged.values())} acknowledged, {len(load.refusals)} refused,"
                  f" {len(load.pending)} operations under way", *notes, flush=True)
            problems = world.faults + load.errors
            if load.refusals and not load.engine_fails:
                problems.append(f"refused: {load.refusals[:3]}")
            if b"panicked" in server.log.read_bytes():
                problems.append("a panic: see the log")
            if problems:
                raise SystemExit("FAILED:\n" + "\n".join(map(str, problems[:20])))
    server.stop()
    print(f"{options.fault}: {acknowledged} acknowledged in {options.rounds} rounds, nothing lost;"
          f" slowest start {server.slowest:.1f} s", *sorted(world.notes), sep="\n  ")


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("facteur", type=Path)
    parser.add_argument("--fault", default="kill", choices=["kill", "power", "full", "write", "unsynced", "stop", "backup"])
    parser.add_argument("--fs", default="ext4", choices=["ext4", "xfs"])
    parser.add_argument("--rounds", type=int, default=10)
    parser.add_argument("--seed", default=str(time.time_ns() % 1_000_000))
    parser.add_argument("--senders", type=int, default=6)
    parser.add_argument("--only-senders", action="store_true")
    options = parser.parse_args()
    options.facteur = options.facteur.resolve()
    if options.fault == "backup":
        options.only_senders = True
    print(f"fault {options.fault}, seed {options.seed}", flush=True)
    work = Path(tempfile.mkdtemp(prefix="facteur-crash-"))
    is_cut, is_filled = options.fault in ("power", "unsynced"), options.fault == "full"
    file_system = options.fs if is_cut or is_filled else None
    disk = Disk(work, file_system, 640 if is_filled else 4096, is_cut)
    server = Server(options.facteur, disk.dir, work)
    outcome = 0
    try:
        disk.make()
        run(options, work, disk, server)
    except Skip as why:
        print(f"skipped: {why}")
        outcome = SKIPPED
    except BaseException:
        print(f"ledger, log and image are in {work}", file=sys.stderr)
        work = None
        raise
    finally:
        if server.process:
            server.kill()
        disk.unmount()
        if work:
            shutil.rmtree(work)
    sys.exit(outcome)


if __name__ == "__main__":
    main()
