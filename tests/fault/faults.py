"""The faults, each a small class: `apply` makes it happen, `heal` ends it. What a fault needs of the run it gets as its stack."""
import json
import random
import signal
import subprocess
import time
import urllib.request

import proxy
from client import Bank
from schedule import CLOCK_JUMPS_S, N_WORKERS, SERVERS, WORKERS

DATABASE_TIMEOUT_S = 10
PAUSE_MS, LOCK_S = 300, 0.4
DELAYS_S = (0.02, 0.2, 0.7)

REPLAY = """local newest = redis.call('XREVRANGE', KEYS[1], '+', '-', 'COUNT', 20)
if #newest > 0 then redis.call('XADD', KEYS[1], '*', unpack(newest[1 + ARGV[1] % #newest][2])) end"""


class Fault:
    """`plan`: when, what and where, from the schedule; its own dice decide the rest."""

    def __init__(self, stack, plan):
        self.stack, self.plan, self.target = stack, plan, plan.target
        self.dice = random.Random(plan.number)

    @property
    def child(self):
        return self.stack.children[self.target]

    def apply(self):
        raise NotImplementedError

    def heal(self):
        """Nothing to do for a fault that ends by itself."""


class Kill(Fault):
    """SIGKILL; the stack starts it again."""

    def apply(self):
        self.child.send_signal(signal.SIGKILL)


class Terminate(Fault):
    def apply(self):
        self.child.send_signal(signal.SIGTERM)


class Stop(Fault):
    """SIGSTOP, then SIGCONT to the same process."""

    def apply(self):
        self.process = self.child.process
        self.process.send_signal(signal.SIGSTOP)

    def heal(self):
        self.process.send_signal(signal.SIGCONT)


class Down(Fault):
    """Killed, and not started for a while."""

    def apply(self):
        self.child.kill()

    def heal(self):
        self.child.start()


class Line(Fault):
    @property
    def proxy(self):
        return self.stack.proxies[self.target]

    def heal(self):
        self.proxy.heal()


class LineCut(Line):
    def apply(self):
        self.proxy.cut()


class LineReset(Line):
    def apply(self):
        self.proxy.reset()


class LineHalfClosed(Line):
    def apply(self):
        self.proxy.half_close()


class LineDelayed(Line):
    def apply(self):
        self.proxy.delay(self.dice.choice(DELAYS_S))


class LineBlackHole(Line):
    def apply(self):
        self.proxy.swallow(proxy.BLACK_HOLE)


class LineAnswersLost(Line):
    """What is asked is done, and nobody hears of it."""

    def apply(self):
        self.proxy.swallow(proxy.ANSWERS_LOST)


class Replay(Fault):
    """An event again, as dp-server's journal sends it when it does not know better."""

    def apply(self):
        self.stack.redis("EVAL", REPLAY, "1", "dp:events", str(self.dice.randrange(1000)))


class KillBeforeCommit(Fault):
    """What the worker has read meanwhile is decided, and waits to be written."""

    def apply(self):
        sql = f"LOCK TABLES inbox WRITE; SELECT SLEEP({LOCK_S})"
        lock = subprocess.Popen(["mariadb", "--no-defaults", f"--socket={self.stack.db_socket}", "-uroot", "demi_pension", "-e", sql],
                                stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        time.sleep(LOCK_S * 0.75)
        self.child.send_signal(signal.SIGKILL)
        try:
            lock.wait(DATABASE_TIMEOUT_S)
        except subprocess.TimeoutExpired:  # the database itself stands still
            lock.kill()
            lock.wait()


class KillBeforeAcknowledgement(Fault):
    """Redis takes no command that writes: batches under way are committed, and cannot be acknowledged."""

    def apply(self):
        self.stack.redis("CLIENT", "PAUSE", str(PAUSE_MS), "WRITE")
        time.sleep(PAUSE_MS / 1500)
        self.child.send_signal(signal.SIGKILL)


class RedisEmptied(Fault):
    """It comes back without its data."""

    def apply(self):
        self.child.kill()
        for path in sorted((self.stack.state / "redis").glob("appendonlydir/*")):
            path.unlink()
        self.child.start()


class GroupDestroyed(Fault):
    def apply(self):
        self.stack.redis("XGROUP", "DESTROY", "dp:events", "workers")


class RedisOutOfMemory(Fault):
    def apply(self):
        self.stack.redis("CONFIG", "SET", "maxmemory", "1")

    def heal(self):
        self.stack.redis("CONFIG", "SET", "maxmemory", "0")


class MailReplies(Fault):
    reply = ""

    def apply(self):
        set_mail_reply(self.stack, self.reply)

    def heal(self):
        set_mail_reply(self.stack, None)


class MailRefusedForNow(MailReplies):
    reply = "451 4.3.0 later"


class MailRefusedForGood(MailReplies):
    reply = "550 5.7.1 never"


class MailSlow(MailReplies):
    reply = "slow"


class MailHangs(MailReplies):
    reply = "hang"


class MailDropped(MailReplies):
    reply = "drop"


class MailKeptAndDropped(MailReplies):
    reply = "keep-and-drop"


def set_mail_reply(stack, reply):
    body = json.dumps({"always": reply} if reply else {}).encode()
    request = urllib.request.Request(f"http://127.0.0.1:{stack.ports['mail']}/api/behaviour", body, method="PUT")
    urllib.request.urlopen(request, timeout=5).close()


class BankAnswers(Fault):
    """Of the bank's remote administration, asked about payments that it did not call about."""

    query = ""

    def apply(self):
        set_bank_answers(self.stack, self.query)

    def heal(self):
        set_bank_answers(self.stack, "normal")


class BankUnreachable(BankAnswers):
    query = "down"


class BankSlow(BankAnswers):
    query = "slow"


class BankTalksNonsense(BankAnswers):
    query = "garbage"


def set_bank_answers(stack, query):
    """The simulator itself calls about nothing: that is the driver's part."""
    Bank(stack).behave(mode="none", query=query)


class Clock(Fault):
    """One process' clock jumps, and jumps back."""

    def apply(self):
        self.stack.set_clock(self.target, self.dice.choice(CLOCK_JUMPS_S))

    def heal(self):
        self.stack.set_clock(self.target, 0)


class DiskFull(Fault):
    def apply(self):
        self.stack.fill_disk(self.target)

    def heal(self):
        self.stack.free_disk(self.target)


class ScaleWorkers(Fault):
    """0, then 4, then 1, then as before."""

    def apply(self):
        for name in WORKERS:
            self.stack.children[name].stop(timeout=30)
        time.sleep(self.plan.for_s / 4)
        for instance in range(4):
            start_program(self.stack, f"dp-worker-{instance}")
        time.sleep(self.plan.for_s / 4)
        for instance in range(1, 4):
            self.stack.children[f"dp-worker-{instance}"].stop(timeout=30)

    def heal(self):
        for instance in range(1, N_WORKERS):
            start_program(self.stack, f"dp-worker-{instance}")


class RollingRestart(Fault):
    """SIGTERM, the end, a new process: one program after the other, workers first."""

    def apply(self):
        for name in WORKERS + SERVERS:
            self.stack.children[name].stop(timeout=30)
            start_program(self.stack, name)


def start_program(stack, name):
    program, instance = name.rsplit("-", 1)
    if name in stack.children:
        if not stack.children[name].wanted:
            stack.children[name].start()
    else:
        stack.add(name, [stack.program(program), "--config", stack.config, "--instance", instance])


CLASSES = {
    "kill": Kill, "stop": Stop, "terminate": Terminate, "kill-database": Kill, "down": Down, "line-cut": LineCut, "line-reset": LineReset,
    "line-half-closed": LineHalfClosed, "line-delayed": LineDelayed, "line-black-hole": LineBlackHole,
    "line-answers-lost": LineAnswersLost, "replay": Replay, "kill-before-commit": KillBeforeCommit,
    "kill-before-acknowledgement": KillBeforeAcknowledgement, "redis-emptied": RedisEmptied, "group-destroyed": GroupDestroyed,
    "redis-out-of-memory": RedisOutOfMemory, "mail-refused-for-now": MailRefusedForNow, "mail-refused-for-good": MailRefusedForGood,
    "mail-slow": MailSlow, "mail-hangs": MailHangs, "mail-dropped": MailDropped, "mail-kept-and-dropped": MailKeptAndDropped,
    "bank-unreachable": BankUnreachable, "bank-slow": BankSlow, "bank-talks-nonsense": BankTalksNonsense, "clock": Clock, "disk-full": DiskFull, "scale-workers": ScaleWorkers, "rolling-restart": RollingRestart,
}


def make_fault(stack, plan):
    return CLASSES[plan.kind](stack, plan)
