"""Mail catcher: takes every mail by SMTP, shows it on a page and as JSON. For the demonstration and for tests.

GET / a page, GET /api/messages JSON oldest first, DELETE /api/messages empties it. Tests make it misbehave with
PUT /api/behaviour {"replies": ["451 try later", …]} — the next messages are answered so, one each — or
{"always": "451 try later"}: all are, until the next PUT. Beside replies there are words for what a server does instead:

    slow      keeps the message and says 250 after two seconds     hang   says nothing after the final dot, keeps nothing
    drop      ends the connection after the final dot              keep-and-drop   keeps the message, ends the connection before 250
"""
import argparse
import asyncio
import email
import email.policy
import hashlib
import html
import json
import os
import signal
import threading
import time
from collections import deque
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from aiosmtpd.controller import Controller

MESSAGES_MAX = 10_000
SLOW_S, HANG_S = 2, 30


class Catcher:
    """SMTP side: every accepted message goes into `messages`, and as one synced line into `log` before the sender hears 250."""

    def __init__(self, log=None):
        self.log = log
        self.messages = deque(maxlen=MESSAGES_MAX)
        self.replies, self.always = deque(), "250 2.0.0 kept"
        self.lock = threading.Lock()

    async def handle_DATA(self, server, session, envelope):
        with self.lock:
            reply = self.replies.popleft() if self.replies else self.always
            if reply.startswith("250") or reply in ("slow", "keep-and-drop"):
                self.keep(describe(envelope))
        if reply == "slow":
            await asyncio.sleep(SLOW_S)
        if reply == "hang":
            await asyncio.sleep(HANG_S)
        if reply in ("hang", "drop", "keep-and-drop"):
            server.transport.abort()
        return reply if reply[:1].isdigit() else "250 2.0.0 kept"

    def keep(self, mail):
        self.messages.append(mail)
        if self.log:
            digest = hashlib.sha256((mail["text"] + mail["html"]).encode()).hexdigest()
            line = {"at": time.time(), **{name: mail[name] for name in ("message_id", "to", "subject")}, "digest": digest}
            self.log.write(json.dumps(line) + "\n")
            self.log.flush()
            os.fsync(self.log.fileno())


def describe(envelope):
    message = email.message_from_bytes(envelope.content, policy=email.policy.default)
    text, page = (message.get_body([kind]) for kind in ("plain", "html"))
    return {
        "from": envelope.mail_from,
        "to": list(envelope.rcpt_tos),
        "subject": str(message.get("Subject", "")),
        "message_id": str(message.get("Message-ID", "")),
        "text": text.get_content() if text else "",
        "html": page.get_content() if page else "",
        "raw": envelope.content.decode("utf-8", "replace"),
    }


PAGE = """<!DOCTYPE html><html lang="fr"><meta charset="utf-8"><meta name="viewport" content="width=device-width">
<title>Courriels reçus</title><style>body{{font:16px/1.5 system-ui,sans-serif;max-width:60rem;margin:1rem auto;padding:0 1rem}}
details{{border:1px solid #bbb;border-radius:.4rem;margin:.6rem 0;padding:.6rem;overflow-wrap:anywhere}}pre{{white-space:pre-wrap}}</style>
<h1>Courriels reçus ({count})</h1><p>Le plus récent en premier. <a href="/">Actualiser</a></p>{messages}</html>"""

MESSAGE = """<details><summary><strong>{subject}</strong> — à {to}</summary><pre>{text}</pre></details>"""


def handler_for(catcher):
    class Handler(BaseHTTPRequestHandler):
        def log_message(self, *_):
            pass

        def answer(self, status, kind, body):
            self.send_response(status)
            self.send_header("Content-Type", kind)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def do_GET(self):
            with catcher.lock:
                messages = list(catcher.messages)
            if self.path == "/api/messages":
                self.answer(200, "application/json", json.dumps(messages).encode())
            elif self.path == "/":
                shown = "".join(MESSAGE.format(subject=html.escape(m["subject"]), to=html.escape(", ".join(m["to"])),
                                               text=html.escape(m["text"])) for m in reversed(messages))
                self.answer(200, "text/html; charset=utf-8", PAGE.format(count=len(messages), messages=shown).encode())
            else:
                self.answer(404, "text/plain", b"not found\n")

        def do_DELETE(self):
            with catcher.lock:
                catcher.messages.clear()
            self.answer(200, "application/json", b"[]")

        def do_PUT(self):
            body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
            with catcher.lock:
                catcher.replies = deque(body.get("replies", ()))
                catcher.always = body.get("always", "250 2.0.0 kept")
            self.answer(200, "application/json", b"{}")

    return Handler


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--smtp-port", type=int, required=True)
    parser.add_argument("--http-port", type=int, required=True)
    parser.add_argument("--log", help="append a line for every mail to this file, synced")
    arguments = parser.parse_args()
    catcher = Catcher(open(arguments.log, "a", encoding="utf-8") if arguments.log else None)
    smtp = Controller(catcher, hostname="127.0.0.1", port=arguments.smtp_port, decode_data=False)
    smtp.start()
    web = ThreadingHTTPServer(("127.0.0.1", arguments.http_port), handler_for(catcher))
    web.daemon_threads = True
    signal.signal(signal.SIGTERM, lambda *_: threading.Thread(target=web.shutdown).start())
    web.serve_forever()
    smtp.stop()


if __name__ == "__main__":
    asyncio.set_event_loop(asyncio.new_event_loop())
    main()
