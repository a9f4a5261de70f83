"""A parent, the bank and the mail catcher as tests use them: plain HTTP, no browser."""
import http.client
import json
import time
import urllib.error
import urllib.parse
import urllib.request
from html.parser import HTMLParser

TIMEOUT_S = 20
PASSWORD = "demo-cantine-2026"


def until(what, check, timeout=TIMEOUT_S):
    """Waits for `check` to give something true and returns it."""
    deadline = time.monotonic() + timeout
    while True:
        result = check()
        if result:
            return result
        assert time.monotonic() < deadline, f"within {timeout} s: {what}"
        time.sleep(0.05)


def forget_failures(stack):
    """Failed logins are forgotten, as they are after a quarter of an hour."""
    stack.redis("EVAL", "for _, key in ipairs(redis.call('KEYS', 'dp:login:*')) do redis.call('DEL', key) end return 0", "0")


def let_reservations_run_out(stack):
    """As an hour later: claims are no longer kept for the payments that are at the bank, and others may be sent there."""
    stack.sql("UPDATE claims SET reserved_until = UTC_TIMESTAMP(6) - INTERVAL 1 SECOND WHERE reserved_until > UTC_TIMESTAMP(6)")


class Page(HTMLParser):
    """What tests read of a page: forms with their fields, elements with data-state, the text."""

    def __init__(self, text):
        super().__init__()
        self.html, self.fields, self.states, self.options = text, {}, [], {}
        self._select = self._state = None
        self.feed(text)

    def handle_starttag(self, tag, attributes):
        found = dict(attributes)
        if tag == "input" and found.get("type") != "radio" and "name" in found:
            self.fields.setdefault(found["name"], found.get("value", ""))
        if tag == "input" and found.get("type") == "radio" and "checked" in found:
            self.fields[found["name"]] = found["value"]
        if tag == "select":
            self._select = found["name"]
            self.options[self._select] = []
        if tag == "option" and self._select:
            self.options[self._select].append(found.get("value", ""))
            if "selected" in found:
                self.fields[self._select] = found["value"]
        if "data-state" in found:
            self._state = [found["data-state"], ""]
            self.states.append(self._state)

    def handle_endtag(self, tag):
        if tag == "select":
            self._select = None
        self._state = None

    def handle_data(self, data):
        if self._state:
            self._state[1] += data


class Answer:
    def __init__(self, response, body):
        self.status, self.headers = response.status, response.headers
        self.body = body
        is_binary = response.headers.get("Content-Type", "").startswith(("image/", "application/pdf", "application/zip"))
        self.text = "" if is_binary else body.decode("utf-8")
        self.location = response.headers.get("Location", "")

    @property
    def page(self):
        return Page(self.text)


class Client:
    """A browser without eyes: cookies, no redirects."""

    def __init__(self, stack, port=None):
        self.stack, self.port = stack, port or stack.ports["http"]
        self.cookies = {}

    def request(self, method, path, body=None, headers=None):
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=TIMEOUT_S)
        headers = dict(headers or {})
        if self.cookies:
            headers["Cookie"] = "; ".join(f"{name}={value}" for name, value in self.cookies.items())
        if body is not None:
            headers.setdefault("Content-Type", "application/x-www-form-urlencoded")
        connection.request(method, path, body, headers)
        response = connection.getresponse()
        answer = Answer(response, response.read())
        connection.close()
        for cookie in response.headers.get_all("Set-Cookie") or []:
            name, _, value = cookie.split(";")[0].partition("=")
            if "Max-Age=0" in cookie:
                self.cookies.pop(name, None)
            else:
                self.cookies[name] = value
        return answer

    def get(self, path, **headers):
        return self.request("GET", path, headers=headers)

    def post(self, path, fields, **headers):
        return self.request("POST", path, urllib.parse.urlencode(fields), headers)


    def submit(self, path, fields, form=None):
        """Posts with the token of the form at `form` (default: the same path)."""
        page = self.get(form or path).page
        return self.post(path, {"csrf": page.fields["csrf"], **fields})


class Parent(Client):
    def __init__(self, stack, login, password=PASSWORD):
        super().__init__(stack)
        self.login, self.password = login, password

    def log_in(self):
        csrf = self.get("/connexion").page.fields["csrf"]
        answer = self.post("/connexion", {"identifiant": self.login, "mot_de_passe": self.password, "csrf": csrf})
        assert (answer.status, answer.location) == (303, "/accueil"), answer.text[:2000]
        return self

    def accounts(self):
        return [value for value in self.get("/crediter").page.options["compte"] if value]

    def credit(self, amount="15,50", **fields):
        """Fills the form; returns the reference of the new payment."""
        page = self.get("/crediter").page
        values = {"csrf": page.fields["csrf"], "type": "avance", "compte": [v for v in page.options["compte"] if v][0],
                  "montant": amount, "courriel": "parent@example.org", "commentaires": "", **fields}
        answer = self.post("/crediter", {name: value for name, value in values.items() if value is not None})
        assert answer.status == 303 and answer.location.startswith("/paiement/"), (answer.status, answer.text[:3000])
        return answer.location.removeprefix("/paiement/")

    def send(self, reference):
        """Presses "payer"; returns the bank's address."""
        answer = self.submit(f"/paiement/{reference}/payer", {"moyen": "CBS"}, form=f"/paiement/{reference}")
        assert answer.status == 303 and "/paiement/init.do?" in answer.location, (answer.status, answer.text[:2000])
        return answer.location

    def pay(self, bank, amount="15,50", card="1234567890123456", **fields):
        """From the form to the card typed at the bank; returns the reference."""
        reference = self.credit(amount, **fields)
        bank.open(self.send(reference))
        bank.type_card(reference, card)
        return reference

    def state(self, reference):
        states = self.get(f"/paiement/{reference}").page.states
        return states[0][0] if states else "CREATED"

    def wait_for_state(self, reference, state, timeout=TIMEOUT_S):
        until(f"payment {reference} is {state}", lambda: self.state(reference) == state, timeout)


class Bank:
    def __init__(self, stack):
        self.url = f"http://127.0.0.1:{stack.ports['bank']}"

    def _call(self, method, path, value=None):
        data = json.dumps(value).encode() if value is not None else None
        with urllib.request.urlopen(urllib.request.Request(self.url + path, data, method=method), timeout=TIMEOUT_S) as answer:
            return json.load(answer)

    def behave(self, **behaviour):
        return self._call("PUT", "/api/behaviour", behaviour)

    def open(self, address):
        with urllib.request.urlopen(address, timeout=TIMEOUT_S) as answer:
            assert answer.status == 200

    def _submit(self, **fields):
        class Stay(urllib.request.HTTPRedirectHandler):
            def redirect_request(self, *_):
                return None

        try:
            with urllib.request.build_opener(Stay).open(self.url + "/paiement/valider", urllib.parse.urlencode(fields).encode(),
                                                        timeout=TIMEOUT_S) as answer:
                return answer.read().decode()
        except urllib.error.HTTPError as error:
            assert error.code == 303
            return error.headers["Location"]

    def type_card(self, reference, card):
        return self._submit(reference=reference, carte=card, action="valider")

    def abandon(self, reference):
        return self._submit(reference=reference, action="abandonner")

    def send(self, **order):
        """One notification; see bank_simulator.py. Returns the call with the shop's answer."""
        return self._call("POST", "/api/send", order)

    def calls(self, reference):
        return [call for call in self._call("GET", "/api/calls") if f"reference={reference}" in call["raw"]]


class Mails:
    def __init__(self, stack):
        self.url = f"http://127.0.0.1:{stack.ports['mail']}/api/messages"

    def all(self):
        with urllib.request.urlopen(self.url, timeout=TIMEOUT_S) as answer:
            return json.load(answer)

    def about(self, text):
        return [mail for mail in self.all() if text in mail["subject"] or text in mail["text"]]

    def wait_for(self, text, count, timeout=TIMEOUT_S):
        until(f"{count} mails about {text}", lambda: len(self.about(text)) >= count, timeout)
        return self.about(text)
