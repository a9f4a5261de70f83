"""The peers of dp-server: nginx alone, nginx with PHP-FPM, Fastify. Each is started for one turn and ended after it."""
import json
import os
import re
import shutil
import sys
import tempfile
import urllib.request
from pathlib import Path

HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent.parent / "script"))

from stack import Child, free_port, http_ok, wait_for  # noqa: E402

STREAM = "bench:events"
PHP_CHILDREN = 8

NGINX = """\
daemon off;
pid {folder}/nginx.pid;
error_log {folder}/nginx-error.log warn;
worker_processes 1;
events {{ worker_connections 16384; }}
http {{
    access_log off;
    keepalive_requests 1000000000;
    keepalive_timeout 600s;
    client_body_temp_path {folder}/body;
    fastcgi_temp_path {folder}/fastcgi;
    proxy_temp_path {folder}/proxy;
    scgi_temp_path {folder}/scgi;
    uwsgi_temp_path {folder}/uwsgi;
    server {{
        listen 127.0.0.1:{port} backlog=1024;
        location = /readyz {{ return 200 "ok"; }}
        {locations}
    }}
}}
"""
PHP_LOCATION = """\
location = {path} {{
            fastcgi_pass unix:{folder}/fpm.sock;
            include /etc/nginx/fastcgi_params;
            fastcgi_param SCRIPT_FILENAME {script};
            {params}
        }}"""
FPM = """\
[global]
error_log = {folder}/fpm.log
daemonize = no
[bench]
{user}listen = {folder}/fpm.sock
listen.backlog = 1024
pm = static
pm.max_children = {children}
clear_env = no
"""
FPM_PATHS = ("/usr/sbin/php-fpm8.2",)


class Peer:
    """One contestant of a turn: `start` gives its port, `pids` are the roots of its process trees."""

    def __init__(self, name, environment):
        self.name, self.environment = name, environment
        self.children = []

    def start(self):
        self.folder = Path(tempfile.mkdtemp(prefix="dp-bench-"))
        self.port = free_port()
        self.run()
        wait_for(f"{self.name}'s start ({self.folder})", lambda: http_ok(f"http://127.0.0.1:{self.port}/readyz"))
        return self.port

    def add(self, name, argv, env=None):
        child = Child(name, [str(word) for word in argv], self.folder / f"{name}.log", env, restart=False)
        child.start()
        self.children.append(child)

    @property
    def pids(self):
        return [child.pid for child in self.children]

    def count_flushes(self):
        """Of the journal's disk, so far; the peers have none."""
        return 0

    def stop(self):
        for child in self.children:
            child.stop()  # not killed: their workers would be left behind
        self.children = []
        shutil.rmtree(self.folder, ignore_errors=True)


class Nginx(Peer):
    """nginx that answers at once: the limit of what a web server can do with this load."""

    def __init__(self, body="spcheckok\n"):
        super().__init__("nginx `return 200`", {})
        self.locations = f"location / {{ return 200 {json.dumps(body)}; }}"

    def run(self):
        self.write_config(self.locations)
        self.add("nginx", ["nginx", "-c", self.folder / "nginx.conf", "-e", self.folder / "nginx-error.log"])

    def write_config(self, locations):
        user = "user root;\n" if os.getuid() == 0 else ""
        text = NGINX.format(folder=self.folder, port=self.port, locations=locations)
        (self.folder / "nginx.conf").write_text(user + text)


class Php(Nginx):
    """nginx and PHP-FPM 8.2 with opcache, static children, persistent connections."""

    def __init__(self, environment):
        super().__init__()
        self.name, self.environment = "PHP-FPM 8.2", environment

    def run(self):
        params = "\n            ".join(f"fastcgi_param {name} '{value}';" for name, value in self.environment.items())
        pages = {"/banque/spplus": "callback.php", "/historique": "history.php"}
        self.write_config("\n        ".join(
            PHP_LOCATION.format(folder=self.folder, path=path, script=HERE / "peers/php" / script, params=params) for path, script in pages.items()))
        as_root = os.getuid() == 0
        (self.folder / "fpm.conf").write_text(FPM.format(
            folder=self.folder, children=PHP_CHILDREN, user="user = root\ngroup = root\n" if as_root else ""))
        self.add("php-fpm", [*FPM_PATHS, "--nodaemonize", "-y", self.folder / "fpm.conf", *(["-R"] if as_root else []),
                             "-d", "opcache.validate_timestamps=0"])
        wait_for("PHP-FPM's socket", (self.folder / "fpm.sock").exists)
        self.add("nginx", ["nginx", "-c", self.folder / "nginx.conf", "-e", self.folder / "nginx-error.log"])


class Fastify(Peer):
    def __init__(self, environment, processes=1):
        super().__init__("Fastify 4" if processes == 1 else f"Fastify 4, {processes} processes", environment)
        self.processes = processes

    def run(self):
        env = {**self.environment, "BENCH_PORT": str(self.port), "BENCH_PROCESSES": str(self.processes), "NODE_ENV": "production"}
        self.add("fastify", ["node", HERE / "peers/node/web.js"], env)


def empty_journal(stack):
    """For the next turn: its calls are the same ones."""
    shutil.rmtree(stack.state / "journal")
    (stack.state / "journal").mkdir(mode=0o700)


class Ours(Peer):
    """dp-server as built for release, on a stack whose stores run already; its journal is empty at the start of a turn."""

    def __init__(self, stack):
        super().__init__("dp-server", {})
        self.stack = stack

    def start(self):
        self.children = [self.stack.start_server(0)]
        return self.stack.ports["http"]

    def count_flushes(self):
        with urllib.request.urlopen(f"http://127.0.0.1:{self.stack.ports['admin']}/metrics") as answer:
            return int(re.search(rb"^dp_journal_syncs_total (\d+)", answer.read(), re.MULTILINE)[1])

    def stop(self):
        self.stack.children.pop("dp-server-0").stop()
        self.children = []
        empty_journal(self.stack)
        (self.stack.state / "log/dp-server-0.log").unlink()
