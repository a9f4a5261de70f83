"""Bank simulator: SP Plus's payment page and its server-to-server notification, for the demonstration and for tests.

Pages   GET  /paiement/init.do?…      the card page of a sealed payment request
        POST /paiement/valider        card typed, or abandoned: notifies the shop, then returns the browser
API     GET  /api/payments            what was asked for, oldest first
        GET  /api/calls               every notification made, with the answer it got
        GET  /api/queries             every question about a payment: {"reference", "sealed", "begun", "ended", "answer"}
        PUT  /api/behaviour           {"mode": …, "delay_ms": …, "method": "GET"|"POST", "return": "get"|"post", "query": …}
        POST /api/send                {"raw": "…", "method": …}: this very notification; or {"fields": [[name, value], …]}: sealed first;
                                      or {"reference": …, "etat": …, "refsfp": …, "changes": {…}}: of a known payment
Remote  GET  /administration_distante/adminADistance.do?action=etatpaiement&…    what became of a payment
Queries normal down slow garbage unknown open
Modes   normal none late twice ten_at_once reordered wrong_amount wrong_seal resplit unknown_reference test_code captured settled
"""
import argparse
import html
import itertools
import json
import os
import signal
import sys
import threading
import time
import urllib.error
import urllib.request
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qs, unquote_plus, urlencode

import spplus

CALL_TIMEOUT_S = 10
EPOCH_OF_REFERENCES = 1_767_225_600  # 2026: eight digits last until 2029, and a restart never gives a number twice
NORMAL = {"mode": "normal", "delay_ms": 1500, "method": "GET", "return": "get", "query": "normal"}
SLOW_BYTE_S = 0.5

PAGE = """<!DOCTYPE html><html lang="fr"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width, initial-scale=1">
<title>{title}</title><style>
body{{font:17px/1.5 system-ui,sans-serif;margin:0 auto;max-width:34rem;padding:1rem;background:#fff;color:#222}}
header{{background:#7a1f3d;color:#fff;padding:.6rem 1rem;border-radius:.4rem}}
dl{{display:grid;grid-template-columns:max-content minmax(0,1fr);gap:.2rem 1rem}}dt{{font-weight:600}}dd{{margin:0;overflow-wrap:anywhere}}
label{{display:block;margin:.8rem 0 .2rem}}input{{font:inherit;padding:.5rem;width:100%;box-sizing:border-box}}
button{{font:inherit;padding:.7rem 1.2rem;margin:1rem .6rem 0 0;border-radius:.4rem;border:1px solid #7a1f3d;background:#7a1f3d;color:#fff}}
button.quiet{{background:#fff;color:#7a1f3d}}.note{{background:#fff3cd;padding:.6rem;border-radius:.4rem}}
</style></head><body><header>SP Plus — banque simulée</header><p class="note">Simulateur : aucune carte réelle, aucun débit.</p>
{body}</body></html>"""

CARD_FORM = """<h1>Votre paiement</h1><dl><dt>Référence</dt><dd id="reference">{reference}</dd><dt>Montant</dt><dd id="montant">{montant} Euro</dd>
<dt>Modalités</dt><dd>Carte {moyen}, paiement comptant</dd></dl>
<form method="post" action="/paiement/valider"><input type="hidden" name="reference" value="{reference}">
<label for="carte">Saisissez votre numéro de carte</label><input id="carte" name="carte" inputmode="numeric" autocomplete="off" value="1234567890123456">
<label for="expiration">Sa date d'expiration (MM/AA)</label><input id="expiration" name="expiration" autocomplete="off" value="12/29">
<label for="cryptogramme">Les 3 derniers chiffres au dos de la carte</label><input id="cryptogramme" name="cryptogramme" inputmode="numeric" autocomplete="off" value="123">
<button id="valider" name="action" value="valider">Valider</button>
<button id="abandonner" class="quiet" name="action" value="abandonner">Abandonner</button></form>
<p><small>1234567890123456 est acceptée, 0000000000000000 refusée.</small></p>"""

POST_RETURN = """<h1>Paiement traité</h1><form method="post" action="{url}">{fields}<button id="retour">Retour à la boutique</button></form>"""


class Bank:
    """What the simulator remembers. Every request and call is written to `log`, synced, before the browser goes on: the ground truth of
    tests (tests/fault/truth.py reads it)."""

    def __init__(self, notify_url, log):
        self.notify_url, self.log = notify_url, log
        self.payments, self.calls, self.queries = {}, [], []
        self.behaviour = dict(NORMAL)
        self.lock = threading.Lock()
        self.sequence = itertools.count(int(time.time()) - EPOCH_OF_REFERENCES)

    def refsfp(self):
        return f"{next(self.sequence):08d}"

    def notify(self, raw, method):
        url, data = self.notify_url, None
        if method == "POST":
            data = raw.encode("ascii")
        else:
            url += "?" + raw
        entry = {"at": time.time(), "raw": raw, "method": method, "status": None, "answer": ""}
        try:
            with urllib.request.urlopen(urllib.request.Request(url, data), timeout=CALL_TIMEOUT_S) as answer:
                entry.update(status=answer.status, answer=answer.read(4096).decode("utf-8", "replace"))
        except urllib.error.HTTPError as error:
            entry.update(status=error.code, answer=error.read(4096).decode("utf-8", "replace"))
        except OSError as error:
            entry.update(answer=f"no answer: {error}")
        with self.lock:
            self.calls.append(entry)
            self.write(entry)
        return entry

    def write(self, entry):
        if self.log:
            self.log.write(json.dumps(entry) + "\n")
            self.log.flush()
            os.fsync(self.log.fileno())

    def ask(self, reference, request, values):
        """The payment asked for under this reference; the first request stands."""
        with self.lock:
            if reference not in self.payments:
                self.payments[reference] = {"reference": reference, "request": request, "values": values, "etat": None}
                self.write({"payment": reference, "request": request})
            return self.payments[reference]

    def answer_query(self, values):
        """The text that the remote administration answers; None: the connection is closed."""
        with self.lock:
            query = self.behaviour["query"]
            payment = dict(self.payments.get(values.get("reference"), {}))
        if query == "open":
            payment["etat"] = "0"
        return {
            "down": None,
            "garbage": "<html><body><h1>Erreur 500</h1>reference;idtftpaie;etatpaie\n1;2;TERMINE</body></html>",
            "unknown": spplus.ADMINISTRATION_ERROR,
        }.get(query, spplus.payment_state(values, payment))

    def calls_for(self, request, etat, refsfp, mode):
        """The notifications of one result, in the order they are sent."""
        good = spplus.call(request, etat, refsfp)
        return {
            "normal": [good],
            "none": [],
            "late": [good],
            "twice": [good, good],
            "ten_at_once": [good] * 10,
            "reordered": [spplus.call(request, state, refsfp) for state in ("10", "4", etat)],
            "captured": [spplus.call(request, state, refsfp) for state in (etat, "4")],
            "settled": [spplus.call(request, state, refsfp) for state in (etat, "4", "10")],
            "wrong_amount": [spplus.call(request, etat, refsfp, {"montant": "1.00"})],
            "wrong_seal": [good[:-4] + ("0000" if good[-4:] != "0000" else "1111")],
            "resplit": [spplus.resplit(spplus.call(request, "12", refsfp))],
            "unknown_reference": [spplus.call(request, etat, refsfp, {"reference": "xyz20200101000000aaa"})],
            "test_code": [spplus.call(request, "99", refsfp)],
        }[mode]

    def result(self, reference, etat):
        """The card was typed, or the payment abandoned."""
        with self.lock:
            payment, behaviour = self.payments[reference], dict(self.behaviour)
            payment["etat"], payment["refsfp"] = etat, self.refsfp()
            self.write({"result": reference, "etat": etat, "refsfp": payment["refsfp"]})
        calls = self.calls_for(payment["request"], etat, payment["refsfp"], behaviour["mode"])
        threads = [threading.Thread(target=self.notify, args=(raw, behaviour["method"]), daemon=True) for raw in calls]
        if behaviour["mode"] == "late":
            threads = [threading.Timer(behaviour["delay_ms"] / 1000, self.notify, (raw, behaviour["method"])) for raw in calls]
        for thread in threads:
            thread.start()
            if behaviour["mode"] not in ("late", "ten_at_once"):
                thread.join()
        if behaviour["mode"] == "ten_at_once":
            for thread in threads:
                thread.join()
        return payment, behaviour


class Handler(BaseHTTPRequestHandler):
    bank = None
    protocol_version = "HTTP/1.1"

    def log_message(self, *_):
        pass

    def answer(self, status, body, kind="text/html; charset=utf-8", headers=()):
        body = body.encode() if isinstance(body, str) else body
        self.send_response(status)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(body)))
        for name, value in headers:
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(body)

    def answer_json(self, value, status=200):
        self.answer(status, json.dumps(value), "application/json")

    def page(self, status, title, body):
        self.answer(status, PAGE.format(title=html.escape(title), body=body))

    def body(self):
        return self.rfile.read(int(self.headers.get("Content-Length") or 0))

    def do_GET(self):
        path, _, query = self.path.partition("?")
        bank = self.bank
        if path == "/":
            self.page(200, "Banque simulée", f"<h1>Banque simulée</h1><p>{len(bank.payments)} paiements demandés, {len(bank.calls)} notifications.</p>")
        elif path == "/paiement/init.do":
            self.show_card_page(query)
        elif path == "/api/payments":
            self.answer_json(list(bank.payments.values()))
        elif path in ("/api/calls", "/api/queries"):
            with bank.lock:
                self.answer_json(list(bank.calls if path == "/api/calls" else bank.queries))
        elif path == "/administration_distante/adminADistance.do":
            self.administer(dict(spplus.pairs(query)))
        else:
            self.page(404, "Inconnu", "<h1>Page inconnue</h1>")

    def administer(self, values):
        bank = self.bank
        entry = {"reference": values.get("reference"), "sealed": spplus.query_is_sealed(values), "begun": time.monotonic(), "ended": None,
                 "answer": None}
        with bank.lock:
            bank.queries.append(entry)
        text = bank.answer_query(values)
        if text is None:
            self.close_connection = True
        elif bank.behaviour["query"] == "slow":
            self.trickle(text.encode("latin-1"))
        else:
            self.answer(200, text.encode("latin-1"), "text/plain; charset=ISO-8859-1")
        entry.update(ended=time.monotonic(), answer=text)

    def trickle(self, body):
        """A byte now and then, until whoever asked has gone."""
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        try:
            for byte in body:
                self.wfile.write(bytes([byte]))
                time.sleep(SLOW_BYTE_S)
        except OSError:
            self.close_connection = True

    def show_card_page(self, query):
        values = {name: unquote_plus(value) for name, value in spplus.pairs(query)}
        if not spplus.request_is_sealed(query):
            self.page(403, "Refus", "<h1>Demande refusée</h1><p id='refus'>Le sceau de la demande est faux.</p>")
            return
        reference = values["reference"]
        known = self.bank.ask(reference, query, values)
        if known["request"] != query:
            self.page(403, "Refus", "<h1>Demande refusée</h1><p id='refus'>Cette référence a déjà servi à une autre demande.</p>")
        elif known["etat"] == "1":
            self.page(403, "Refus", "<h1>Déjà payé</h1><p id='refus'>Ce paiement a déjà été accepté.</p>")
        else:
            self.page(200, "Votre paiement", CARD_FORM.format(
                **{name: html.escape(values[name]) for name in ("reference", "montant", "moyen")}))

    def do_POST(self):
        if self.path == "/paiement/valider":
            self.take_card({name: values[0] for name, values in parse_qs(self.body().decode()).items()})
        elif self.path == "/api/send":
            self.send_call(json.loads(self.body()))
        else:
            self.page(404, "Inconnu", "<h1>Page inconnue</h1>")

    def take_card(self, fields):
        if fields.get("reference") not in self.bank.payments:
            self.page(404, "Inconnu", "<h1>Paiement inconnu</h1>")
            return
        if fields.get("action") == "abandonner":
            etat = "12"
        elif fields.get("carte", "").replace(" ", "") == spplus.CARD_ACCEPTED:
            etat = "1"
        else:
            etat = "2"
        payment, behaviour = self.bank.result(fields["reference"], etat)
        back = [("reference", payment["reference"]), ("etat", etat), ("refsfp", payment["refsfp"])]
        url = payment["values"]["urlretour"]
        if behaviour["return"] == "post":
            hidden = "".join(f'<input type="hidden" name="{name}" value="{html.escape(value)}">' for name, value in back)
            self.page(200, "Retour", POST_RETURN.format(url=html.escape(url), fields=hidden))
        else:
            self.answer(303, "", headers=[("Location", f"{url}?{urlencode(back)}")])

    def send_call(self, order):
        if "raw" in order:
            raw = order["raw"]
        elif "fields" in order:
            raw = spplus.sealed([tuple(field) for field in order["fields"]])
        else:
            payment = self.bank.payments[order["reference"]]
            raw = spplus.call(payment["request"], order["etat"], order.get("refsfp") or payment.get("refsfp") or self.bank.refsfp(),
                              order.get("changes"))
        self.answer_json(self.bank.notify(raw, order.get("method", "GET")))

    def do_PUT(self):
        if self.path != "/api/behaviour":
            self.answer_json({"error": "unknown path"}, 404)
            return
        wanted = {**NORMAL, **json.loads(self.body())}
        if set(wanted) != set(NORMAL):
            self.answer_json({"error": f"unknown keys: {sorted(set(wanted) - set(NORMAL))}"}, 422)
            return
        with self.bank.lock:
            self.bank.behaviour = wanted
        self.answer_json(wanted)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--port", type=int, required=True)
    parser.add_argument("--notify-url", required=True, help="where notifications go")
    parser.add_argument("--log", help="append every request, notification and answer to this file, synced")
    arguments = parser.parse_args()
    Handler.bank = Bank(arguments.notify_url, open(arguments.log, "a", encoding="utf-8") if arguments.log else None)
    server = ThreadingHTTPServer(("127.0.0.1", arguments.port), Handler)
    server.daemon_threads = True
    signal.signal(signal.SIGTERM, lambda *_: threading.Thread(target=server.shutdown).start())
    server.serve_forever()
    return 0


if __name__ == "__main__":
    sys.exit(main())
