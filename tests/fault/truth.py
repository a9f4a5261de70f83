"""The ground truth: what the bank was asked for, every call it made and every answer it got, read back from its own synced logs.

A log is JSON, one object a line: {"payment": reference, "request": query} when a card page was opened, {"result": reference, "etat": …,
"refsfp": …} when the card was typed there, and {"raw": …, "answer": …, …} for a call (see tests/bank_simulator). Nothing here comes from
the product.
"""
import collections
import functools
import hashlib
import json

import spplus

MONEY = ("1", "4", "10", "30")
BANK_REF_DIGITS = 8
ACKNOWLEDGED = "spcheckok"
CHANGEABLE = {"siret", "reference", "montant", "devise"}  # what a confused bank may report otherwise and is still kept as money


def event_id(raw):
    """The contract's: SHA-256 of the gateway, NUL, and the call without its seal."""
    unsealed = "&".join(pair for pair in raw.split("&") if not pair.startswith("hmac="))
    return hashlib.sha256(b"spplus\0" + unsealed.encode()).hexdigest()


def unverified_event_id(raw):
    """Of a call that dp-server could not check: its seal is part of it."""
    return hashlib.sha256(b"spplus\0" + raw.encode()).hexdigest()


def cents(montant):
    return round(float(montant) * 100)


class Call:
    """One distinct notification, however often it was made. `requests`: what the bank was asked for, by reference."""

    def __init__(self, raw, requests):
        self.raw, self.requests = raw, requests
        self.made = self.acknowledged = 0
        pairs = spplus.pairs(raw)
        values = dict(pairs)
        self.siret, self.reference = values.get("siret", ""), values.get("reference", "")
        self.etat, self.bank_ref, self.montant = values.get("etat", ""), values.get("refsfp", ""), values.get("montant", "")
        self.ids = (event_id(raw), unverified_event_id(raw))
        self.sealed = values.get("hmac") == spplus.seal("".join(value for name, value in pairs if name != "hmac"))
        self.is_money = self.sealed and self.etat in MONEY
        self.has_bank_ref = self.bank_ref.isdecimal() and len(self.bank_ref) == BANK_REF_DIGITS

    @property
    def id(self):
        return self.ids[0]

    @property
    def cents(self):
        return cents(self.montant)

    @functools.cached_property
    def exact(self):
        """What was asked for comes back, under a reference as this bank gives them."""
        request = self.requests.get(self.reference)
        return bool(request) and self.has_bank_ref and spplus.call(request, self.etat, self.bank_ref) == self.raw

    @functools.cached_property
    def readable(self):
        """As `exact`, but for values that a bank may confuse: the money that it speaks of must be booked somewhere."""
        request = self.requests.get(self.reference) or next(iter(self.requests.values()), "")
        asked = spplus.call(request, self.etat, self.bank_ref)
        return self.has_bank_ref and names(asked) == names(self.raw) and (
            self.reference not in self.requests or steady_values(asked) == steady_values(self.raw))

    @property
    def credits(self):
        return self.is_money and self.exact


class Word:
    """What the bank says of a payment when it is asked, called or not."""

    exact = sealed = True

    def __init__(self, reference, etat, bank_ref, request):
        self.reference, self.etat, self.bank_ref = reference, etat, bank_ref
        state, _, instalment, _ = spplus.PAYMENT_STATES[etat]
        self.state = f"{state}/{instalment or ''}"
        self.cents = cents(dict(spplus.pairs(request))["montant"])
        self.raw = f"{self.state} {bank_ref}, an answer about {reference}"
        self.id = hashlib.sha256("\0".join(("spplus", "query", reference, self.state, bank_ref)).encode()).hexdigest()

    @property
    def credits(self):
        return self.etat in MONEY


def names(raw):
    return [name for name, _ in spplus.pairs(raw)]


def steady_values(raw):
    return [value for name, value in spplus.pairs(raw) if name not in CHANGEABLE and name != "hmac"]


class Truth:
    def __init__(self):
        self.requests, self.calls, self.words, self.answers = {}, {}, {}, collections.Counter()

    @classmethod
    def read(cls, *paths):
        truth = cls()
        for path in paths:
            with open(path, encoding="utf-8") as log:
                for line in log:
                    truth.add(json.loads(line))
        return truth

    def add(self, entry):
        if "payment" in entry:
            self.requests[entry["payment"]] = entry["request"]
            return
        if "result" in entry:
            word = Word(entry["result"], entry["etat"], entry["refsfp"], self.requests[entry["result"]])
            self.words[word.id] = word
            return
        call = self.calls.get(entry["raw"])
        if call is None:
            call = self.calls[entry["raw"]] = Call(entry["raw"], self.requests)
        call.made += 1
        call.acknowledged += ACKNOWLEDGED in entry["answer"]
        self.answers[entry["status"]] += 1

    @property
    def made(self):
        return sum(call.made for call in self.calls.values())

    @property
    def acknowledged(self):
        """The set A: sealed calls that were answered "spcheckok", each once."""
        return [call for call in self.calls.values() if call.acknowledged and call.sealed]
