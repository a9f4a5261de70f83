"""A stack made to be attacked: stores and mail behind proxies, small disks of their own, clocks that can be moved."""
import contextlib
import http.client
import random
import shutil
import socket
import subprocess
import tempfile
import time
from pathlib import Path

from bank_driver import BankDriver
from proxy import Proxy
from stack import Stack, StackError

DISK_MIB = {"journal": 64, "redis": 64, "db": 512}
SPARE_BYTES = 4096
LEASE_S = 15
CONFIG_EXTRA = {
    "listen_extra": "rate_per_second = 1000\nrate_burst = 100000\nconnections_per_address_max = 1000",
    "journal_extra": "resend_after_s = 2",
    "mail_extra": "timeout_ms = 1000",
    "worker_extra": f"claim_idle_ms = 1500\nlease_s = {LEASE_S}\nmail_poll_ms = 200\npoll_ms = 200\nbank_poll_ms = 200\nbank_timeout_ms = 1000",
}


def quiet_ports(count):
    """The first of `count` free ports below those that the kernel gives to outgoing connections: a program that is started late finds its own."""
    while True:
        first = random.SystemRandom().randrange(15_000, 32_000)
        with contextlib.ExitStack() as probes, contextlib.suppress(OSError):
            for port in range(first, first + count):
                probes.enter_context(socket.socket()).bind(("127.0.0.1", port))
            return first


def find_faketime():
    return next((str(path) for path in Path("/usr/lib").glob("*/faketime/libfaketime.so.1")), None)


class FaultStack(Stack):
    """`proxied`: programs reach Redis, MariaDB and the mail server through proxies. `disks`: each store has a small disk of its own."""

    def __init__(self, build, proxied=True, disks=True, config_extra=None, **options):
        first = quiet_ports(25)
        ports = dict(zip(("http", "bank", "mail", "smtp", "smtp-front", "admin"), range(first, first + 6)))
        self.proxied, self.wants_disks, self.mounted = proxied, disks, []
        self.proxies = {}
        super().__init__(tempfile.mkdtemp(prefix="dp-fault-"), build, ports, **{"servers": 2, "workers": 3, "restart": True, **options},
                         config_extra=CONFIG_EXTRA if config_extra is None else config_extra)
        self.driver = BankDriver(ports["http"], self.state / "driver-calls.jsonl")
        self.clocked = {}  # child's name → the file that holds its clock's offset
        self.missing = []  # abilities that this machine does not give

    @property
    def db_socket(self):
        return self.state / ("run/db-direct.sock" if self.proxied else "run/db.sock")

    @property
    def redis_socket(self):
        return self.state / ("run/redis-direct.sock" if self.proxied else "run/redis.sock")

    @property
    def truth_logs(self):
        return [path for path in (self.bank_log, self.driver.log_path) if path.exists()]

    def prepare(self):
        self._mount_disks()
        super().prepare()
        if self.proxied:
            fronts = {"redis": (self.state / "run/redis.sock", self.redis_socket), "mariadb": (self.state / "run/db.sock", self.db_socket),
                      "smtp": (self.ports["smtp-front"], self.ports["smtp"])}
            for name, (listen, upstream) in fronts.items():
                self.proxies[name] = Proxy(listen, upstream)
                self.proxies[name].start()
            line = "smtp_port = {}"
            self.config.write_text(self.config.read_text().replace(line.format(self.ports["smtp"]), line.format(self.ports["smtp-front"])))

    def _mount_disks(self):
        for name, size_mib in DISK_MIB.items() if self.wants_disks else ():
            folder = self.state / name
            folder.mkdir(parents=True)
            done = subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={size_mib}m", "tmpfs", folder], capture_output=True, check=False)
            if done.returncode == 0:
                self.mounted.append(folder)
            elif "disk-full" not in self.missing:
                self.missing.append("disk-full")

    def give_clocks(self, names):
        """These children see their time through libfaketime."""
        library = find_faketime()
        if library is None:
            self.missing.append("clock")
            return
        for name in names:
            self.clocked[name] = self.state / f"clock-{name}"
            self.set_clock(name, 0)

    def set_clock(self, name, offset_s):
        draft = self.clocked[name].with_suffix(".new")
        draft.write_text(f"{offset_s:+d}s\n")
        draft.rename(self.clocked[name])

    def add(self, name, argv, env=None):
        if name in self.clocked:
            env = {"LD_PRELOAD": find_faketime(), "FAKETIME_TIMESTAMP_FILE": str(self.clocked[name]), "FAKETIME_CACHE_DURATION": "1",
                   "FAKETIME_DONT_FAKE_MONOTONIC": "1", "FAKETIME_DONT_RESET": "1"}
        return super().add(name, argv, env)

    # --- disks -----------------------------------------------------------------------------------------------------

    def fill_disk(self, name):
        filler = self.state / name / "filler"
        with open(filler, "wb", buffering=0) as file:
            block = bytes(1 << 20)
            while len(block) >= SPARE_BYTES:
                try:
                    written = file.write(block)
                except OSError:
                    written = 0
                if written < len(block):
                    block = block[:len(block) // 2]

    def free_disk(self, name):
        (self.state / name / "filler").unlink(missing_ok=True)

    # --- the end ---------------------------------------------------------------------------------------------------

    def destroy(self):
        """Whatever state it is in."""
        for child in self.children.values():
            child.kill()
        for proxy in self.proxies.values():
            proxy.close()
        for folder in self.mounted:
            subprocess.run(["umount", "-l", folder], check=False)
        shutil.rmtree(self.state, ignore_errors=True)


def prepare_claims(stack):
    """One large claim on every account: many payments settle parts of it."""
    stack.sql("UPDATE schools SET part_payment_allowed = TRUE; INSERT INTO claims (school_id, account_id, number, label, amount_cents) "
              "SELECT school_id, id, CONCAT('M', id), 'avis', 100000 FROM accounts")


def wait_until(check, timeout_s):
    """Whether `check` gave something true in time. Stores that come back answer with every sort of error: that is a no."""
    deadline = time.monotonic() + timeout_s
    while time.monotonic() < deadline:
        try:
            if check():
                return True
        except (OSError, AssertionError, StackError, http.client.HTTPException):
            pass
        time.sleep(0.25)
    return False
