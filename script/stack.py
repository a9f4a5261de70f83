"""The whole of Demi-Pension on one machine: private MariaDB and Redis, bank simulator, mail catcher, dp-server, dp-worker.

Run by script/server with the settings of the environment; imported by the end-to-end tests, which ask for free ports,
several servers and workers, and stop, kill or restart single parts.
"""
import ctypes
import os
import secrets
import shutil
import signal
import socket
import subprocess
import sys
import threading
import time
import urllib.request
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
START_TIMEOUT_S = 60
STOP_TIMEOUT_S = 15
RESTART_DELAY_S = 0.3
SOCKET_PATH_MAX = 100  # bytes; the kernel's limit is 107
PORTS = range(10_000, 32_000)  # for tests
GIVEN_PORTS = set()
TEST_DATABASE = ("--innodb-log-file-size=8M", "--innodb-buffer-pool-size=128M")

CONFIG = """\
# Written by script/stack.py at each start. docs/configuration.md explains every key.
[site]
base_url = http://127.0.0.1:{http_port}
mode = demonstration
timezone = Europe/Paris
[listen]
address = 127.0.0.1
port = {http_port}
admin_address = 127.0.0.1
admin_port = {admin_port}
{listen_extra}
[database]
socket = {state}/run/db.sock
name = demi_pension
server_user = dp_server
server_password_file = {state}/secrets/db-server
worker_user = dp_worker
worker_password_file = {state}/secrets/db-worker
admin_user = root
[redis]
socket = {state}/run/redis.sock
[journal]
directory = {state}/journal
{journal_extra}
[mail]
smtp_host = 127.0.0.1
smtp_port = {smtp_port}
smtp_tls = none
from_address = cantine@demi-pension.example
from_name = Demi-Pension
message_id_domain = demi-pension.example
{mail_extra}
[worker]
admin_address = 127.0.0.1
admin_port = {worker_admin_port}
{worker_extra}
[security]
master_key_file = {state}/secrets/master-key
{security_extra}
"""


def die_with_parent():
    """In the child: the kernel ends it when whoever started the stack is gone, however it went."""
    ctypes.CDLL(None).prctl(1, signal.SIGTERM)


class StackError(Exception):
    """Something could not be started; the text says what and where to look."""


class Child:
    """One process of the stack. With `restart`, it is started again when it dies by itself."""

    def __init__(self, name, argv, log, env=None, restart=True):
        self.name, self.argv, self.log, self.env, self.restart = name, argv, log, env, restart
        self.process = None
        self.wanted = False
        self.exit_codes = []
        self.lock = threading.Lock()

    def start(self):
        with self.lock:
            self.wanted = True
            self._spawn()
        threading.Thread(target=self._watch, daemon=True).start()

    def _spawn(self):
        with open(self.log, "ab") as log:
            self.process = subprocess.Popen(self.argv, stdin=subprocess.DEVNULL, stdout=log, stderr=log,
                                            env={**os.environ, **(self.env or {})}, start_new_session=True,
                                            preexec_fn=die_with_parent)

    def _watch(self):
        process = self.process
        while True:
            code = process.wait()
            with self.lock:
                if process is not self.process:
                    return
                self.exit_codes.append(code)
                if not (self.wanted and self.restart):
                    return
            time.sleep(RESTART_DELAY_S)
            with self.lock:
                if not self.wanted or process is not self.process:
                    return
                self._spawn()
                process = self.process

    @property
    def pid(self):
        return self.process.pid

    def alive(self):
        return self.process is not None and self.process.poll() is None

    def send_signal(self, number):
        """A signal from outside: with `restart`, a killed child comes back."""
        if self.alive():
            self.process.send_signal(number)

    def stop(self, number=signal.SIGTERM, timeout=STOP_TIMEOUT_S):
        """Ends it for good and returns its exit code."""
        with self.lock:
            self.wanted = False
            process = self.process
        if process is None:
            return None
        if process.poll() is None:
            process.send_signal(signal.SIGCONT)
            process.send_signal(number)
        try:
            return process.wait(timeout)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
            raise StackError(f"{self.name} did not end within {timeout} s and was killed; see {self.log}") from None

    def kill(self):
        with self.lock:
            self.wanted = False
        if self.alive():
            self.process.kill()
        if self.process:
            self.process.wait()


def free_port():
    return free_block(1)


def free_block(count):
    """A port such that it and the next count-1 are free. Never one twice, and none that the kernel gives to outgoing connections:
    one of those could take it before it is listened on."""
    while True:
        start = PORTS.start + secrets.randbelow(len(PORTS) - count)
        block = range(start, start + count)
        if GIVEN_PORTS.isdisjoint(block) and all(port_is_free(port) for port in block):
            GIVEN_PORTS.update(block)
            return start


def port_is_free(port):
    with socket.socket() as probe:
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            return False
    return True


def wait_for(what, check, timeout=START_TIMEOUT_S):
    deadline = time.monotonic() + timeout
    while time.monotonic() < deadline:
        result = check()
        if result:
            return result
        time.sleep(0.02)
    raise StackError(f"{what} did not happen within {timeout} s")


def http_ok(url):
    try:
        with urllib.request.urlopen(url, timeout=2) as answer:
            return answer.status == 200
    except OSError:
        return False


class Stack:
    def __init__(self, state, build, ports, servers=1, workers=1, restart=True, config_extra=None, database_options=TEST_DATABASE):
        self.state, self.build = Path(state).resolve(), Path(build).resolve()
        self.ports = ports
        self.restart, self.database_options = restart, database_options
        self.extra = {key: "" for key in ("listen_extra", "journal_extra", "mail_extra", "worker_extra", "security_extra")}
        self.extra.update(config_extra or {})
        self.n_servers, self.n_workers = servers, workers
        self.children = {}
        if len(str(self.state / "run/redis.sock").encode()) > SOCKET_PATH_MAX:
            raise StackError(f"DP_STATE_DIR is too long for a unix socket: {self.state}")

    # --- parts -----------------------------------------------------------------------------------------------------

    @property
    def config(self):
        return self.state / "dp.conf"

    @property
    def db_socket(self):
        return self.state / "run/db.sock"

    @property
    def redis_socket(self):
        return self.state / "run/redis.sock"

    @property
    def bank_log(self):
        """What the bank was asked for, called, and was answered: the ground truth of tests."""
        return self.state / "log/bank-calls.jsonl"

    @property
    def mail_log(self):
        """Every mail that was caught, written before the catcher said 250."""
        return self.state / "log/mails.jsonl"

    @property
    def url(self):
        return f"http://127.0.0.1:{self.ports['http']}"

    def program(self, name):
        return str(self.build / {"dp-server": "server", "dp-worker": "worker", "dp-admin": "admin"}[name] / name)

    def add(self, name, argv, env=None):
        child = Child(name, [str(a) for a in argv], self.state / "log" / f"{name}.log", env, self.restart)
        self.children[name] = child
        child.start()
        return child

    def prepare(self):
        for folder in ("run", "log", "secrets", "db", "redis", "journal", "tmp"):
            (self.state / folder).mkdir(parents=True, exist_ok=True)
        os.chmod(self.state, 0o700)
        os.chmod(self.state / "secrets", 0o700)
        os.chmod(self.state / "journal", 0o700)
        self.config.write_text(CONFIG.format(
            state=self.state, http_port=self.ports["http"], admin_port=self.ports["admin"],
            worker_admin_port=self.ports["admin"] + 10, smtp_port=self.ports["smtp"], **self.extra))

    def start_database(self):
        data = self.state / "db/data"
        if not (data / "mysql").is_dir():
            shutil.rmtree(data, ignore_errors=True)
            # Two servers that install at once in one temporary directory drop each other's tables.
            run(["env", f"TMPDIR={self.state}/tmp", "mariadb-install-db", "--no-defaults", f"--datadir={data}",
                 "--auth-root-authentication-method=normal", "--skip-test-db", "--skip-name-resolve",
                 *self.database_options])
        user = ["--user=root"] if os.getuid() == 0 else []
        self.add("mariadb", [
            shutil.which("mariadbd") or "/usr/sbin/mariadbd", "--no-defaults", *user, f"--datadir={data}",
            f"--socket={self.db_socket}", f"--pid-file={self.state}/run/db.pid", "--skip-networking",
            f"--tmpdir={self.state}/tmp", *self.database_options,
            "--character-set-server=utf8mb4", "--collation-server=utf8mb4_unicode_ci", "--skip-name-resolve"])
        wait_for(f"MariaDB's answer on {self.db_socket}", self.database_answers)

    def database_answers(self):
        return subprocess.run(["mariadb-admin", "--no-defaults", f"--socket={self.db_socket}", "-uroot", "ping"],
                              capture_output=True, check=False).returncode == 0

    def start_redis(self):
        config = self.state / "redis/redis.conf"
        config.write_text(f'port 0\nunixsocket {self.redis_socket}\nunixsocketperm 700\ndir {self.state}/redis\n'
                          'appendonly yes\nappendfsync always\nmaxmemory-policy noeviction\nsave ""\n'
                          'proto-max-bulk-len 1mb\n')
        self.add("redis", ["redis-server", config])
        wait_for(f"Redis's answer on {self.redis_socket}", self.redis_answers)

    def redis_answers(self):
        done = subprocess.run(["redis-cli", "-s", self.redis_socket, "ping"], capture_output=True, check=False)
        return done.stdout.strip() == b"PONG"

    def start_peers(self):
        python = "/usr/bin/python3"
        self.add("mail-catcher", [python, ROOT / "tests/mail_catcher/mail_catcher.py", "--smtp-port", self.ports["smtp"],
                                  "--http-port", self.ports["mail"], "--log", self.mail_log])
        self.add("bank-simulator", [python, ROOT / "tests/bank_simulator/bank_simulator.py", "--port", self.ports["bank"],
                                    "--notify-url", f"{self.url}/banque/spplus", "--log", self.bank_log])
        wait_for("the mail catcher's start", lambda: http_ok(f"http://127.0.0.1:{self.ports['mail']}/api/messages"))
        wait_for("the bank simulator's start", lambda: http_ok(f"http://127.0.0.1:{self.ports['bank']}/"))

    def load(self):
        if not (self.state / "secrets/master-key").exists():
            self.admin("secrets", self.state / "secrets")
        self.admin("migrate")
        self.admin("import", ROOT / "schema/demo", "--bank-url", f"http://127.0.0.1:{self.ports['bank']}/paiement/init.do")

    def start_server(self, instance):
        child = self.add(f"dp-server-{instance}", [self.program("dp-server"), "--config", self.config,
                                                   "--instance", instance])
        wait_for(f"dp-server {instance}'s start (log: {child.log})",
                 lambda: http_ok(f"http://127.0.0.1:{self.ports['admin'] + instance}/readyz"))
        return child

    def start_worker(self, instance, config=None):
        child = self.add(f"dp-worker-{instance}", [self.program("dp-worker"), "--config", config or self.config,
                                                   "--instance", instance])
        wait_for(f"dp-worker {instance}'s start (log: {child.log})",
                 lambda: http_ok(f"http://127.0.0.1:{self.ports['admin'] + 10 + instance}/readyz"))
        return child

    # --- all -------------------------------------------------------------------------------------------------------

    def start(self):
        self.prepare()
        self.start_database()
        self.start_redis()
        self.start_peers()
        self.load()
        for instance in range(self.n_servers):
            self.start_server(instance)
        for instance in range(self.n_workers):
            self.start_worker(instance)

    def stop(self):
        """Ends everything, our programs first. Returns {name: exit code}."""
        codes, faults = {}, []
        for name, child in sorted(self.children.items(), key=lambda item: not item[0].startswith("dp-")):
            try:
                codes[name] = child.stop()
            except StackError as error:
                faults.append(str(error))
        if faults:
            raise StackError("; ".join(faults))
        return codes

    def admin(self, *arguments, check=True):
        return run([self.program("dp-admin"), "--config", self.config, *arguments], check=check)

    def sql(self, statement):
        """Rows of a statement, as lists of text, by the database's root."""
        done = run(["mariadb", "--no-defaults", f"--socket={self.db_socket}", "-uroot", "--batch", "--raw",
                    "--skip-column-names", "--default-character-set=utf8mb4", "demi_pension", "-e", statement])
        return [line.split("\t") for line in done.stdout.splitlines()]

    def redis(self, *arguments):
        return run(["redis-cli", "-s", self.redis_socket, *arguments]).stdout.strip()


def run(argv, check=True):
    argv = [str(a) for a in argv]
    done = subprocess.run(argv, capture_output=True, text=True, check=False)
    if check and done.returncode != 0:
        raise StackError(f"{' '.join(argv)} ended with {done.returncode}:\n{done.stdout}{done.stderr}")
    return done


def ports_of_environment():
    names = {"http": 8080, "admin": 9080, "bank": 8081, "mail": 8082, "smtp": 2525}
    return {name: int(os.environ.get(f"DP_{name.upper()}_PORT", default)) for name, default in names.items()}


def check_ports(ports):
    for name, port in ports.items():
        with socket.socket() as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                probe.bind(("127.0.0.1", port))
            except OSError:
                raise StackError(f"port {port} is in use: set DP_{name.upper()}_PORT to a free one") from None


def main():
    stopping = threading.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: stopping.set())
    stack = None
    try:
        ports = ports_of_environment()
        check_ports(ports)
        stack = Stack(os.environ["DP_STATE_DIR"], os.environ["DP_BUILD_DIR"], ports)
        stack.start()
        print(f"Ready: {stack.url}/\n"
              "  logins   durand, martin (parents), commensal (staff); password of all: demo-cantine-2026\n"
              f"  mails    http://127.0.0.1:{ports['mail']}/\n"
              f"  bank     http://127.0.0.1:{ports['bank']}/   (card 1234567890123456 is accepted, 0000000000000000 refused)\n"
              f"  logs     {stack.state}/log/     configuration  {stack.config}\n"
              "Ctrl-C stops everything.", flush=True)
        stopping.wait()
        return 0
    except StackError as error:
        print(f"script/server: {error}", file=sys.stderr)
        return 1
    finally:
        if stack:
            stack.stop()


if __name__ == "__main__":
    sys.exit(main())
