"""Breaks a loaded server, again and again, and checks after each start what it must hold.

  crash.py FACTEUR [--fault kill|power|full|write|unsynced|stop|backup] [--fs ext4|xfs]
           [--rounds N] [--seed TEXT] [--senders N] [--posters N] [--only-senders]
           [--queued N]

kill    SIGKILL in the middle of the load
power   the file system is shut down without a flush of its log: what was not synced vanishes.
        It models the loss of the page cache, not reordering inside a drive. Needs root
full    a small file system: nearly full, room again, entirely full, room again. Needs root
write   one write or sync of the store's files fails with EIO, or all writes from one on with ENOSPC
unsynced  a power cut under a server whose syncs do nothing: the check must fail
stop    SIGTERM in the middle of the load
backup  a backup in the middle of the load, restored into an empty directory

With --queued N, kill and power are tried on a server with N messages in its queue: see
crash_queued.py. Ends with 77, and says why, where the fault cannot be made."""

import argparse
import random
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import crash_queue
import crash_queued
from crash_check import World
from crash_load import Load
from crash_server import ACCOUNTS, PASSWORD, PATIENCE, Disk, Server, Skip

SKIPPED = 77


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
        refusals = ("452 4.3.1", "NO [LIMIT]")
        for refusal in refusals:
            assert load.wait_for_refusal(refusal, PATIENCE), f"a nearly full disk does not say {refusal}"
        wrong = [text for text in load.refusals if not text.startswith(refusals)]
        assert not wrong, f"refused with {wrong[:3]}"
        assert load.wait_for(20, PATIENCE, "other"), "nothing else works while mail is refused"
        client = load.connect(load.world.accounts[0])
        client.call("EXAMINE INBOX")
        assert client.fetch("1:*", "BODY.PEEK[]"), "nothing can be read while mail is refused"
        client.close()
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


def run(options, work, disk, server, world):
    faults = Faults(server, disk, work)
    server.start()
    world.check(server, NoLoad(options.seed))
    library = fail_write_library(work) if options.fault in ("write", "unsynced") else None
    acknowledged = waited = 0
    posters = [crash_queue.post] * options.posters
    with open(work / "ledger", "a") as ledger:
        for number in range(1, options.rounds + 1):
            seed = f"{options.seed}/{number}"
            rng = random.Random(seed)
            if library:
                server.stop()
                server.start(LD_PRELOAD=library, **fault_in(options.fault, server, work, rng))
            world.outgoing.far.is_ready.clear()
            load = Load(server.demo, world, ledger, seed, options.senders, not options.only_senders, posters)
            load.start()
            getattr(faults, options.fault)(load, rng)
            queued = world.check(server, load, everything=number == options.rounds)
            verified = server.facteur("verify").splitlines()
            notes = [line for line in verified if line.startswith("note")]
            acknowledged += sum(load.acknowledged.values())
            waited += queued
            print(f"round {number}: {sum(load.acknowledged.values())} acknowledged, {len(load.refusals)} refused,"
                  f" {len(load.pending)} operations under way, {queued} recipients queued", *notes, flush=True)
            problems = world.faults + load.errors
            if load.refusals and not load.engine_fails:
                problems.append(f"refused: {load.refusals[:3]}")
            if b"panicked" in server.log.read_bytes():
                problems.append("a panic: see the log")
            if problems:
                raise SystemExit("FAILED:\n" + "\n".join(map(str, problems[:20])))
    server.stop()
    print(f"{options.fault}: {acknowledged} acknowledged in {options.rounds} rounds, nothing lost;"
          f" {waited} recipients found queued, {world.outgoing.doubled} sent and {len(world.copies)} delivered"
          f" here twice; slowest start {server.slowest:.1f} s", *sorted(world.notes), sep="\n  ")


def run_queued(options, work, disk, server, world):
    def break_():
        if options.fault == "power":
            disk.cut_power()
        server.kill()

    def repair():
        if options.fault == "power":
            disk.unmount()
            disk.mount()

    with open(work / "ledger", "a") as ledger:
        crash_queued.run(options.queued, options.seed, server, world, ledger, break_, repair)
    server.stop()
    print(f"{options.fault}: nothing lost; slowest start {server.slowest:.1f} s")


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("facteur", type=Path)
    parser.add_argument("--fault", default="kill", choices=["kill", "power", "full", "write", "unsynced", "stop", "backup"])
    parser.add_argument("--fs", default="ext4", choices=["ext4", "xfs"])
    parser.add_argument("--rounds", type=int, default=10)
    parser.add_argument("--seed", default=str(time.time_ns() % 1_000_000))
    parser.add_argument("--senders", type=int, default=6)
    parser.add_argument("--posters", type=int, default=3)
    parser.add_argument("--only-senders", action="store_true")
    parser.add_argument("--queued", type=int, default=0)
    options = parser.parse_args()
    if options.queued and options.fault not in ("kill", "power"):
        parser.error("--queued is for kill and power")
    options.facteur = options.facteur.resolve()
    if options.fault == "backup":
        options.only_senders = True
    print(f"fault {options.fault}, seed {options.seed}", flush=True)
    work = Path(tempfile.mkdtemp(prefix="facteur-crash-"))
    is_cut, is_filled = options.fault in ("power", "unsynced"), options.fault == "full"
    file_system = options.fs if is_cut or is_filled else None
    disk = Disk(work, file_system, 640 if is_filled else 4096, is_cut)
    world = World(ACCOUNTS, PASSWORD)
    server = Server(options.facteur, disk.dir, work, world.outgoing.far.address)
    outcome = 0
    try:
        disk.make()
        (run_queued if options.queued else run)(options, work, disk, server, world)
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
