"""Families that pay through the real pages while things break: they log in again, reload, and try again, as people do."""
import http.client
import threading
import time
import urllib.error

import spplus
from bank_driver import Order, make_raw
from client import Bank, Parent, let_reservations_run_out
from stack import StackError

GIVE_UP_S, TAIL_S = 40, 10
N_THREADS = 4
OWN_FAULTS = (AssertionError, StackError, OSError, KeyError, IndexError, http.client.HTTPException, urllib.error.URLError)
AGE = ("UPDATE transactions SET expires_at = UTC_TIMESTAMP(6) - INTERVAL 1 HOUR, created_at = UTC_TIMESTAMP(6) - INTERVAL 25 HOUR, "
       "sent_at = IF(sent_at IS NULL, NULL, created_at) WHERE reference = '{}'")


class Family:
    """One login, used by one thread at a time."""

    def __init__(self, stack, login):
        self.stack, self.login, self.lock = stack, login, threading.Lock()
        self.parent = self.accounts = None

    def enter(self):
        """Logged in, whether or not the session was lost meanwhile."""
        if self.parent is None or self.parent.get("/accueil").status != 200:
            self.parent = Parent(self.stack, self.login).log_in()
        if self.accounts is None:
            self.accounts = self.parent.accounts()
        return self.parent

    def pay(self, plan, claims):
        """From the form to the bank's card page; returns the reference and the request that the bank got."""
        parent = self.enter()
        fields, wanted = {"type": "creance" if any(line[2] for line in plan.lines) else "avance"}, set()
        for index, (choice, amount_cents, for_claim) in enumerate(plan.lines):
            account, suffix = self.accounts[choice % len(self.accounts)], "" if index == 0 else f"_{index + 1}"
            fields.update({f"compte{suffix}": account, f"montant{suffix}": f"{amount_cents // 100},{amount_cents % 100:02d}"})
            if for_claim and account not in wanted:
                fields[f"creance{suffix}"] = claims[account]
                wanted.add(account)
        let_reservations_run_out(self.stack)  # claims are wanted by several at once, and the bank is to take them all
        reference = parent.credit(amount=fields.pop("montant"), **fields)
        address = parent.send(reference)
        bank = Bank(self.stack)
        bank.open(address)
        if plan.policy == "silent":
            bank.type_card(reference, spplus.CARD_ACCEPTED)
        return reference, address.split("?", 1)[1]


class Parents:
    """Carries out the payments of a plan, each at its time, and hands the bank's calls to its driver."""

    def __init__(self, stack, plan, driver, claims):
        self.stack, self.plan, self.driver, self.claims = stack, plan, driver, claims
        self.families = {name: Family(stack, name) for name in {payment.parent for payment in plan.payments}}
        self.paid, self.given_up, self.troubles = 0, 0, 0
        self.next, self.lock, self.begun = iter(plan.payments), threading.Lock(), None
        self.threads = [threading.Thread(target=self._run, daemon=True) for _ in range(N_THREADS)]

    def start(self, begun):
        self.begun = begun
        for thread in self.threads:
            thread.start()

    def join(self):
        for thread in self.threads:
            thread.join()

    def _run(self):
        while True:
            with self.lock:
                payment = next(self.next, None)
            if payment is None:
                return
            time.sleep(max(0.0, self.begun + payment.at_s - time.monotonic()))
            self._pay(payment)

    def _pay(self, payment):
        deadline = min(time.monotonic() + GIVE_UP_S, self.begun + self.plan.duration_s + 10)
        family = self.families[payment.parent]
        while True:
            try:
                with family.lock:
                    reference, request = family.pay(payment, self.claims)
                break
            except OWN_FAULTS:
                family.parent = None
                with self.lock:
                    self.troubles += 1
                    self.given_up += time.monotonic() > deadline
                if time.monotonic() > deadline:
                    return
                time.sleep(0.3)
        with self.lock:
            self.paid += 1
        self._call(payment, request)
        if payment.aged:
            self._age(reference)

    def _call(self, payment, request):
        """Counted from now; who could pay only late is called about until the end, and not beyond."""
        now, latest = time.monotonic(), self.begun + self.plan.duration_s + TAIL_S
        self.driver.submit([Order(max(now, min(now + call.after_s, latest)), self._raw(payment, call, request), call.post, payment.retries)
                            for call in payment.calls])

    @staticmethod
    def _raw(payment, call, request):
        return make_raw(request, call.etat, payment.bank_ref(call.attempt), call.change)

    def _age(self, reference):
        """Its time at the bank is over: the worker may write EXPIRED before, between or after the calls."""
        try:
            self.stack.sql(AGE.format(reference))
        except StackError:
            pass  # the database is away: this one stays young
