"""A running stack whose programs are killed and started again: payments on their way, the bank's calls, and what must hold after each kill."""
import http.client
import json
import os
import shutil
import signal
import socket
import sys
import tempfile
import time
import urllib.request
from pathlib import Path
from urllib.parse import urlencode

ROOT = Path(__file__).resolve().parent.parent.parent
for folder in ("script", "tests/e2e", "tests/bank_simulator", "tests/fault"):
    sys.path.insert(0, str(ROOT / folder))

import spplus  # noqa: E402
from checker import check, is_quiet, read_truth  # noqa: E402
from client import Bank, Client, Parent, until  # noqa: E402
from stack import Stack, free_block, http_ok, wait_for  # noqa: E402
from truth import event_id  # noqa: E402

QUIET_S, CLAIM_CENTS, CLAIMS_AT_ONCE, GET_MAX, MAIL_WINDOW_S = 90, 300, 20, 2000, 5
SANITIZER_MARKS = ("AddressSanitizer", "LeakSanitizer", "runtime error:", "UndefinedBehaviorSanitizer")
GONE = (OSError, http.client.HTTPException)  # what a browser meets when the server dies
SETTINGS = {
    "listen_extra": "rate_per_second = 1000\nrate_burst = 10000",
    "journal_extra": "resend_after_s = 1\nsegment_size_kib = 64",
    "mail_extra": "timeout_ms = 3000",
    "worker_extra": "claim_idle_ms = 400\nlease_s = 1\nbatch_max = 3\npoll_ms = 100\nmail_poll_ms = 50\nbank_poll_ms = 200\n"
                    "bank_timeout_ms = 2000",
}


class Purchase:
    """One payment on its way through the pages. After a crash the parent goes on as people do: the same form again, the same button."""

    def __init__(self, number, parent, bank, fields, wants_sending):
        self.number, self.parent, self.bank, self.fields, self.wants_sending = number, parent, bank, fields, wants_sending
        self.body = self.reference = self.request = None
        self.is_called = False
        self.paid, self.perhaps_paid = False, False  # by an acknowledged call; by one that nobody answered

    def bank_ref(self, attempt):
        return f"{10_000_000 + 10 * self.number + attempt:08d}"

    def fill(self):
        if self.body is None:
            form = self.parent.get("/crediter").page.fields
            self.body = urlencode({"csrf": form["csrf"], "jeton": form["jeton"], **self.fields})
        answer = self.parent.request("POST", "/crediter", self.body)
        assert answer.status == 303 and answer.location.startswith("/paiement/"), (answer.status, answer.text[:3000])
        self.reference = answer.location.removeprefix("/paiement/")

    def send(self):
        address = self.parent.send(self.reference)
        self.bank.open(address)  # the bank refuses another request under a reference that it knows
        self.request = address.split("?", 1)[1]

    def go_on(self):
        if self.reference is None:
            self.fill()
        if self.wants_sending and self.request is None:
            self.send()


def free_ports():
    """All different, as the ports are held until all are found."""
    names = ("http", "bank", "mail", "smtp")
    probes = [socket.create_server(("127.0.0.1", 0)) for _ in names]
    ports = {name: probe.getsockname()[1] for name, probe in zip(names, probes)}
    ports["admin"] = free_block(20)
    for probe in probes:
        probe.close()
    return ports


class Drill:
    def __init__(self, build):
        state = Path(tempfile.mkdtemp(prefix="dp-crash-"))
        self.stack = Stack(state, build, free_ports(), restart=False, config_extra=SETTINGS)
        self.purchases, self.round, self.open_calls, self.expected = [], [], [], set()
        self.claims, self.n_claims, self.n_big, self.poisoned, self.kill_times = [], 0, 0, 0, []
        self.hurried, self.asked = False, set()  # asked: references that the bank spoke of only when it was asked

    def start(self):
        self.stack.start()
        self.stack.sql("UPDATE schools SET part_payment_allowed = TRUE")
        self.bank = Bank(self.stack)
        self.bank.behave()
        self.log_in()

    def log_in(self):
        self.parent = Parent(self.stack, "durand").log_in()
        self.account = self.parent.accounts()[0]

    # --- programs ------------------------------------------------------------------------------------------------------

    def child(self, program, instance=0):
        return self.stack.children.get(f"dp-{program}-{instance}")

    def launch(self, program, instance=0, env=None):
        """Started, and ready or dead."""
        child = self.stack.add(f"dp-{program}-{instance}", [self.stack.program(f"dp-{program}"), "--config", self.stack.config,
                                                            "--instance", instance], env)
        port = self.stack.ports["admin"] + instance + (10 if program == "worker" else 0)
        wait_for(f"{child.name}'s start (log: {child.log})", lambda: not child.alive() or http_ok(f"http://127.0.0.1:{port}/readyz"))
        return child

    def halt(self, program, instance=0):
        """As an operator stops it."""
        child = self.child(program, instance)
        if child and child.alive():
            assert child.stop() == 0, f"{child.name} did not end well, see {child.log}"

    def kill(self, program, instance=0):
        self.kill_times.append(time.time())
        self.child(program, instance).kill()

    def arm(self, point, occurrence):
        program = point.split("/")[0]
        self.halt(program)
        return self.launch(program, env={"DP_CRASH_POINT": f"{point}:{occurrence}"})

    def mend(self):
        """Everything runs again, unarmed."""
        if not self.stack.redis_answers():
            self.stack.start_redis()
        for program in ("server", "worker"):
            if not self.child(program).alive():
                child = self.launch(program)
                assert child.alive(), f"{child.name} cannot be started again, see {child.log}"

    # --- people and the bank -------------------------------------------------------------------------------------------

    def take_claim(self):
        if not self.claims:
            self.n_claims += CLAIMS_AT_ONCE
            first = self.n_claims - CLAIMS_AT_ONCE
            self.stack.sql("INSERT INTO claims (school_id, account_id, number, label, amount_cents) SELECT school_id, id, "
                           f"CONCAT('C', {first} + seq), 'avis', {CLAIM_CENTS} FROM accounts JOIN seq_1_to_{CLAIMS_AT_ONCE} "
                           f"WHERE id = {self.account}")
            self.claims = [row[0] for row in self.stack.sql(f"SELECT id FROM claims ORDER BY id DESC LIMIT {CLAIMS_AT_ONCE}")]
        return self.claims.pop()

    def open_claims(self):
        """Those given back are used again: a form offers a family's claims up to a limit. To be asked when nothing is under way."""
        return [row[0] for row in self.stack.sql("SELECT id FROM claims WHERE number LIKE 'C%' AND settled_cents = 0 AND reserved_for IS NULL")]

    def buy(self, send=True, claim=True):
        """Two advances, or a claim and an advance, in one payment. When the server dies meanwhile, settle() finishes it."""
        number = len(self.purchases) + 1
        advance = 100 + number % 900
        purchase = Purchase(number, self.parent, self.bank, {
            **({"type": "creance", "creance": self.take_claim()} if claim else {"type": "avance"}), "compte": self.account, "montant": f"{CLAIM_CENTS // 100},00",
            "compte_2": self.account, "montant_2": f"{advance // 100},{advance % 100:02d}", "courriel": "parent@example.org",
            "commentaires": ""}, send)
        self.purchases.append(purchase)
        self.round.append(purchase)
        try:
            purchase.go_on()
        except GONE:
            pass
        return purchase

    def reports(self, purchase):
        """What the bank says of it, in turn one story or the other."""
        own, other, third = (purchase.bank_ref(attempt) for attempt in (1, 2, 3))
        story = [("2", other), ("1", own), ("4", own), ("1", third)] if purchase.number % 2 else [
            ("12", other), ("1", own), ("1", third, {"montant": "1.00"}), ("20", own)]
        for etat, bank_ref, *changes in story:
            yield purchase, spplus.call(purchase.request, etat, bank_ref, *changes)

    def call(self, purchase, raw):
        """The bank's call. One that got no answer is made again by settle(), every second time: a bank need not try again."""
        answer = self.bank.send(raw=raw, method="POST" if len(self.expected) % 2 or len(raw) > GET_MAX else "GET")
        if purchase:
            purchase.is_called = True
        accepts = "&etat=1&" in raw and f"refsfp={purchase.bank_ref(1)}" in raw if purchase else False
        if "spcheckok" in answer["answer"]:
            self.expected.add(event_id(raw))
            if accepts:
                purchase.paid = True
            return True
        assert not answer["status"], f"a sealed call was answered {answer}"
        if len(self.open_calls) % 2:
            self.open_calls.append(None)
            if accepts:
                purchase.perhaps_paid = True
        else:
            self.open_calls.append((purchase, raw))
        return False

    def big_call(self):
        """Sealed, of no known shape, and long: it fills the journal's segment."""
        self.n_big = number = self.n_big + 1
        fields = [("siret", "00000000000001-01"), ("reference", f"dem20200101000000{number % 1000:03d}"), ("montant", "5.00"),
                  ("remplissage", "x" * 7000), ("etat", "2"), ("refsfp", f"{90_000_000 + number}")]
        return self.call(None, spplus.sealed(fields))

    def poison(self, count):
        """Entries that no worker can read."""
        for _ in range(count):
            self.poisoned += 1
            self.stack.redis("XADD", "dp:events", "*", "v", "1", "kind", "bank_notification", "id", f"{self.poisoned:064x}")

    def forget_password(self, login):
        try:
            assert Client(self.stack).submit("/mot-de-passe-oublie", {"identifiant": login}).status == 200
        except GONE:
            pass

    def refuse_mails(self, *replies):
        self.hurried = True
        url = f"http://127.0.0.1:{self.stack.ports['mail']}/api/behaviour"
        urllib.request.urlopen(urllib.request.Request(url, json.dumps({"replies": list(replies)}).encode(), method="PUT"), timeout=20).close()

    # --- after a kill --------------------------------------------------------------------------------------------------

    def settle(self):
        """Programs run again, people and the bank try again, and all that can still happen happens. Then what must hold is looked at."""
        self.refuse_mails()
        self.mend()
        for purchase in self.round:
            purchase.go_on()
        if self.round and self.round[-1].request and not self.round[-1].is_called:  # what was begun before the kill can be paid after it
            assert self.call(self.round[-1], spplus.call(self.round[-1].request, "1", self.round[-1].bank_ref(1)))
        for again in [call for call in self.open_calls if call]:
            assert self.call(*again), f"not acknowledged by a server that is well: {again[1]}"
        until("everything is applied, acknowledged and mailed", self.is_quiet, QUIET_S)
        self.check_round()
        self.round, self.open_calls, self.expected, self.hurried = [], [], set(), False
        self.claims = self.open_claims()

    def is_quiet(self):
        if self.hurried:  # leases and pauses between attempts are over; somebody has looked at the mails that are dead
            self.stack.sql("UPDATE bank_queries SET next_at = UTC_TIMESTAMP(6) WHERE next_at > UTC_TIMESTAMP(6)")
            self.stack.sql("UPDATE mail_outbox SET status = 'PENDING', next_attempt_at = UTC_TIMESTAMP(6) WHERE status IN ('PENDING', 'DEAD') "
                           "AND (status = 'DEAD' OR next_attempt_at > UTC_TIMESTAMP(6) + INTERVAL 2 SECOND)")
        ids = ", ".join(f"X{event}" for event in quoted(self.expected).split(", "))
        unsent, overdue, applied, buried = self.stack.sql(
            "SELECT (SELECT COUNT(*) FROM mail_outbox WHERE status <> 'SENT'), (SELECT COUNT(*) FROM transactions WHERE (state = 'PENDING' AND "
            "expires_at < UTC_TIMESTAMP(6)) OR (state = 'CREATED' AND created_at < UTC_TIMESTAMP(6) - INTERVAL 24 HOUR) "
            f"OR (state = 'PENDING' AND reference IN ({quoted(self.asked)}))), "
            f"(SELECT COUNT(*) FROM inbox WHERE event_id IN ({ids})), (SELECT COUNT(*) FROM dead_letters)")[0]
        return (unsent, overdue, applied, buried) == ("0", "0", str(len(self.expected)), str(self.poisoned)) and self.stream_is_empty()

    def stream_is_empty(self):
        groups = self.stack.redis("XINFO", "GROUPS", "dp:events").splitlines()
        group = dict(zip(groups[::2], groups[1::2]))
        undelivered = self.stack.redis("XRANGE", "dp:events", f"({group.get('last-delivered-id', '0-0')}", "+", "COUNT", "1")
        return group.get("pending") == "0" and not undelivered

    def check_round(self):
        """Of this round's payments: paid once and completely, or not at all; each form one payment."""
        names = quoted(purchase.reference for purchase in self.round)
        mails = "(SELECT COUNT(*) FROM mail_outbox m WHERE m.transaction_id = t.id AND m.kind = '{}' AND m.status = 'SENT')"
        found = {row[0]: row[1:] for row in self.stack.sql(
            "SELECT t.reference, (SELECT COUNT(*) FROM ledger_entries l WHERE l.transaction_id = t.id AND l.kind = 'PAYMENT' AND l.book = 'BANK' "
            "AND l.amount_cents = t.amount_cents), (SELECT COUNT(*) FROM receipts r WHERE r.transaction_id = t.id), "
            f"{mails.format('PARENT_CONFIRMATION')}, {mails.format('BURSAR_CONFIRMATION')} FROM transactions t WHERE t.reference IN ({names})")}
        for purchase in self.round:
            counts = found[purchase.reference]
            wanted = [["1"] * 4] if purchase.paid else [["0"] * 4] if not purchase.perhaps_paid else [["0"] * 4, ["1"] * 4]
            assert counts in wanted, f"{purchase.reference} (paid: {purchase.paid}) has bookings, receipts, mails: {counts}"
        stored, balance = self.stack.sql("SELECT (SELECT COUNT(*) FROM transactions), (SELECT COALESCE(SUM(amount_cents), 0) FROM ledger_entries)")[0]
        assert (int(stored), balance) == (len(self.purchases), "0"), f"{stored} payments of {len(self.purchases)} forms, the ledger adds up to {balance}"

    def check_all(self):
        """The whole checker, over everything since the stack was started."""
        truth = read_truth(self.stack)
        try:
            until("journals and stream are empty", lambda: is_quiet(self.stack, read_truth(self.stack)), QUIET_S)
        except AssertionError as error:
            return [str(error), *self.faults(truth)]
        return self.faults(truth)

    def faults(self, truth):
        """Without what the bank's calls have not caused: password mails (a repeated one carries a new link), notices, its answers."""
        own = [row[0] for row in self.stack.sql("SELECT LOWER(HEX(event_id)) FROM inbox WHERE kind <> 'bank_notification'")]
        resets = [f"outbox.{row[0]}.PASSWORD_RESET" for row in self.stack.sql("SELECT id FROM mail_outbox WHERE kind = 'PASSWORD_RESET'")]
        reconciled = self.asked | {row[0] for row in self.stack.sql(f"SELECT id FROM transactions WHERE reference IN ({quoted(self.asked)})")}
        innocent = [*(f"event {event} was applied and never made" for event in own),
                    *(f"mail {name}@demi-pension.example changed" for name in resets),
                    *(f"I8 {reference} became AUTHORISED by code 'TERMINE'" for reference in self.asked)]
        return [line for line in check(self.stack, truth, explain=self.explain, reconciled=reconciled) if not any(text in line for text in innocent)]

    def explain(self, copies):
        """Each copy but the last was taken just before a kill."""
        times = sorted(copy["at"] for copy in copies)[:-1]
        return all(any(at - 0.5 <= kill <= at + MAIL_WINDOW_S for kill in self.kill_times) for at in times)

    def finish(self):
        codes = self.stack.stop()
        faults = [f"{name} ended with {code}" for name, code in codes.items() if name.startswith("dp-") and code]
        for log in sorted((self.stack.state / "log").glob("dp-*.log")):
            text = log.read_text(errors="replace")
            faults += [f"{log.name}: {text[text.find(mark):][:3000]}" for mark in SANITIZER_MARKS if mark in text]
        if not faults:
            shutil.rmtree(self.stack.state, ignore_errors=True)
        return faults


def quoted(texts):
    return ", ".join(f"'{text}'" for text in texts) or "''"


def last_words(child):
    """The point and pass that the log's last such line names."""
    lines = [line for line in child.log.read_text(errors="replace").splitlines() if " event=crash_point " in line]
    fields = dict(word.split("=", 1) for word in lines[-1].split() if "=" in word) if lines else {}
    return fields.get("name"), fields.get("pass")


def build_directory():
    return os.environ["DP_CRASH_BUILD_DIR"]


def died_there(child, point, occurrence):
    code = child.process.wait(10)
    return code == -signal.SIGKILL and last_words(child) == (point, str(occurrence))
