"""Pages over plain HTTP: who may see what, what forms refuse, what stands in the headers."""
import re
import socket

import pytest
from client import Client, Mails, Parent, until

PAGES = ["/accueil", "/crediter", "/historique", "/historique/connexions", "/coordonnees", "/mot-de-passe"]


@pytest.mark.parametrize("path", [*PAGES, "/paiement/dem20260101000000aaa"])
def test_logged_out_visitors_are_sent_to_the_login_page(stack, path):
    answer = Client(stack).get(path)
    assert (answer.status, answer.location) == (303, "/connexion")


@pytest.mark.parametrize("path", [*PAGES, "/aide", "/retour-banque"])
def test_pages_carry_the_security_headers(stack, durand, path):
    answer = durand.get(path) if path != "/retour-banque" else Client(stack).get(path)
    assert answer.status == 200
    policy = answer.headers["Content-Security-Policy"]
    for part in ("default-src 'none'", "frame-ancestors 'none'", "base-uri 'none'", f"form-action 'self' http://127.0.0.1:{stack.ports['bank']}"):
        assert part in policy
    assert "script-src" not in policy and "unsafe-inline" not in policy
    assert answer.headers["X-Content-Type-Options"] == "nosniff"
    assert answer.headers["Cache-Control"] == "no-store"
    assert answer.headers["Cross-Origin-Opener-Policy"] == "same-origin"
    assert "<script" not in answer.text and "http://" not in re.sub(r"xmlns=\S+", "", answer.text)


def test_addresses_of_2009_and_unknown_ones(stack):
    client = Client(stack)
    for old, new in (("/aliseIndexClient.php", "/"), ("/aliEncaissement.php", "/crediter"),
                     ("/aliRecapEncaissement.php", "/crediter"), ("/aliConsultHisto.php", "/historique")):
        answer = client.get(old)
        assert (answer.status, answer.location) == (301, new)
    assert client.get("/nulle-part").status == 404
    answer = client.request("PUT", "/connexion")
    assert answer.status == 405 and "POST" in answer.headers["Allow"]
    assert client.request("POST", "/accueil", "").status == 405


def test_the_cookie_is_bound_and_changes_at_login(stack):
    client = Client(stack)
    page = client.get("/connexion")
    before = dict(client.cookies)
    answer = client.post("/connexion", {"identifiant": "durand", "mot_de_passe": "demo-cantine-2026", "csrf": page.page.fields["csrf"]})
    cookie = answer.headers["Set-Cookie"]
    assert "HttpOnly" in cookie and "SameSite=Lax" in cookie and "Path=/" in cookie
    assert client.cookies != before


def test_a_wrong_password_and_an_unknown_login_get_the_same_answer(stack):
    def refusal(login):
        client = Client(stack)
        csrf = client.get("/connexion").page.fields["csrf"]
        answer = client.post("/connexion", {"identifiant": login, "mot_de_passe": "wrong-password", "csrf": csrf})
        assert answer.status == 422
        return re.sub(r'name="csrf" value="[^"]*"', "", answer.text.replace(login, "LOGIN"))

    assert refusal("durand") == refusal("nobody")


@pytest.mark.parametrize("path, fields", [("/connexion", {"identifiant": "durand", "mot_de_passe": "demo-cantine-2026"}),
                                          ("/crediter", {"type": "avance"}), ("/coordonnees", {"nom": "X"}), ("/deconnexion", {})])
def test_a_form_without_its_token_is_refused(stack, durand, martin, path, fields):
    foreign = martin.get("/crediter").page.fields["csrf"]
    for token in (None, "", "x" * 43, foreign):
        assert durand.post(path, {**fields, **({"csrf": token} if token is not None else {})}).status == 403


def test_forms_that_no_browser_sends(durand):
    csrf = durand.get("/crediter").page.fields["csrf"]
    for body in (f"csrf={csrf}&type=avance&type=creance", f"csrf={csrf}&montant=%zz", f"csrf={csrf}&montant=%00",
                 f"csrf={csrf}&montant=%ff"):
        assert durand.request("POST", "/crediter", body).status == 400


def test_what_was_typed_is_kept_and_explained(durand):
    answer = durand.submit("/crediter", {"type": "avance", "compte": durand.accounts()[0], "montant": "quinze <b>",
                                         "courriel": "pas-une-adresse", "commentaires": "<script>alert(1)</script>"})
    assert answer.status == 422
    assert answer.page.fields["montant"] == "quinze <b>" and answer.page.fields["courriel"] == "pas-une-adresse"
    assert "<script>" not in answer.text and "&lt;script&gt;" in answer.text
    assert 'href="#montant"' in answer.text and 'href="#courriel"' in answer.text


def test_nobody_sees_another_familys_payment(durand, martin):
    reference = durand.credit()
    assert martin.get(f"/paiement/{reference}").status == 404
    assert martin.get(f"/crediter?reference={reference}").status == 404
    assert martin.submit(f"/paiement/{reference}/payer", {"moyen": "CBS"}, form="/crediter").status == 404
    assert martin.submit(f"/crediter?reference={reference}", {"type": "avance", "compte": martin.accounts()[0], "montant": "5",
                                                              "courriel": "a@example.org"}, form="/crediter").status == 404
    foreign = durand.accounts()[0]
    assert martin.submit("/crediter", {"type": "avance", "compte": foreign, "montant": "5",
                                       "courriel": "a@example.org"}).status == 422


def test_modify_gives_a_new_reference_and_ends_the_old_one(durand):
    old = durand.credit("15,50")
    form = durand.get(f"/crediter?reference={old}").page
    assert form.fields["montant"] == "15,50"
    answer = durand.post(f"/crediter?reference={old}", {"csrf": form.fields["csrf"], "type": "avance", "compte": durand.accounts()[1],
                                                        "montant": "16", "courriel": "x@example.org"})
    new = answer.location.removeprefix("/paiement/")
    assert new != old and durand.get(f"/paiement/{old}").status == 404
    recap = durand.get(f"/paiement/{new}").text
    assert "16,00" in recap and "15,50" not in recap
    assert durand.submit(f"/paiement/{old}/payer", {"moyen": "CBS"}, form=f"/paiement/{new}").status == 404
    durand.send(new)
    assert durand.get(f"/crediter?reference={new}").status == 303


def test_a_double_click_makes_one_payment(stack, durand):
    page = durand.get("/crediter").page
    fields = {"csrf": page.fields["csrf"], "jeton": page.fields["jeton"], "type": "avance", "compte": durand.accounts()[0],
              "montant": "7,77", "courriel": "a@example.org"}
    first, second = durand.post("/crediter", fields), durand.post("/crediter", fields)
    assert first.location == second.location
    assert stack.sql("SELECT COUNT(*) FROM transactions t JOIN users u ON u.id = t.user_id "
                     "WHERE u.login = 'durand' AND t.amount_cents = 777")[0][0] == "1"
    assert durand.post("/crediter", {**fields, "montant": "7,78"}).location != first.location


def test_paying_again_while_pending_sends_the_same_request(durand):
    reference = durand.credit()
    assert durand.send(reference) == durand.send(reference)


def test_several_lines_in_one_payment(stack, bank, durand):
    julia, charlie = durand.accounts()
    reference = durand.pay(bank, amount="10", compte=julia, compte_2=charlie, montant_2="20,5")
    durand.wait_for_state(reference, "AUTHORISED")
    assert stack.sql("SELECT l.book, l.account_id, l.amount_cents FROM ledger_entries l JOIN transactions t ON t.id = l.transaction_id "
                     f"WHERE t.reference = '{reference}' ORDER BY l.leg")[1:] == [["ACCOUNT", julia, "-1000"], ["ACCOUNT", charlie, "-2050"]]


def test_the_return_from_the_bank_changes_nothing(stack, durand):
    reference = durand.credit()
    durand.send(reference)
    for method, arguments in (("GET", {}), ("POST", {"body": f"reference={reference}&etat=1&refsfp=12345678"})):
        path = "/retour-banque" + ("" if arguments else f"?reference={reference}&etat=1&refsfp=12345678")
        answer = durand.request(method, path, **arguments)
        assert (answer.status, answer.location) == (303, f"/paiement/{reference}")
        visitor = Client(stack)
        answer = visitor.request(method, path, **arguments)
        assert answer.status == 200 and not visitor.cookies and reference not in answer.text
        assert "ne payez pas une seconde fois" in answer.text.lower().replace("\u00a0", " ")
    assert durand.state(reference) == "PENDING"


def test_history_pages_are_followed_by_key(stack):
    commensal = Parent(stack, "commensal").log_in()
    made = [commensal.credit(f"{n + 1},00") for n in range(30)]
    first = commensal.get("/historique")
    shown = re.findall(r"/paiement/(\w{20})", first.text)
    older = re.search(r"/historique\?avant=[\d.]+", first.text).group()
    shown += re.findall(r"/paiement/(\w{20})", commensal.get(older).text)
    assert list(dict.fromkeys(shown))[:30] == made[::-1]


def test_contact_details_are_changed_and_judged(martin):
    page = martin.get("/coordonnees").page
    fields = {name: page.fields[name] for name in ("nom", "prenom", "adresse1", "adresse2", "code_postal", "ville", "telephone", "courriel")}
    assert martin.submit("/coordonnees", {**fields, "courriel": "x"}).status == 422
    assert martin.submit("/coordonnees", {**fields, "nom": ""}).status == 422
    answer = martin.submit("/coordonnees", {**fields, "ville": "L'Haÿ-les-Roses <i>"})
    assert answer.status == 303
    assert "L&#39;Haÿ-les-Roses &lt;i&gt;" in martin.get("/accueil").text
    assert martin.submit("/coordonnees", fields).status == 303


def test_the_old_address_hears_of_a_new_one(stack, martin):
    page = martin.get("/coordonnees").page
    fields = {name: page.fields[name] for name in ("nom", "prenom", "adresse1", "adresse2", "code_postal", "ville", "telephone", "courriel")}
    old = fields["courriel"]
    before = len(Mails(stack).all())
    martin.submit("/coordonnees", {**fields, "courriel": "nouvelle.adresse@example.org"})
    notice = until("the notice", lambda: [mail for mail in Mails(stack).all()[before:] if mail["to"] == [old]])[0]
    assert "n…@example.org" in notice["text"] and "nouvelle.adresse" not in notice["raw"]
    martin.submit("/coordonnees", fields)
    until("the notice back", lambda: any(mail["to"] == ["nouvelle.adresse@example.org"] for mail in Mails(stack).all()[before:]))


def test_the_default_password_must_be_changed_at_first_login(stack):
    stack.sql("INSERT INTO users (school_id, external_id, login, role, password_hash, must_change_password, last_name, first_name, email) "
              "SELECT school_id, 'first-login', 'premier', role, password_hash, TRUE, 'Premier', 'Anne', 'anne@example.org' "
              "FROM users WHERE login = 'martin'")
    parent = Parent(stack, "premier")
    csrf = parent.get("/connexion").page.fields["csrf"]
    answer = parent.post("/connexion", {"identifiant": "premier", "mot_de_passe": parent.password, "csrf": csrf})
    assert answer.location == "/mot-de-passe"
    assert parent.get("/accueil").location == "/mot-de-passe"
    for password, confirmation in (("court", "court"), ("un-bon-mot-de-passe", "autre-chose-encore"), (parent.password, parent.password)):
        assert parent.submit("/mot-de-passe", {"mot_de_passe": password, "confirmation": confirmation}).status == 422
    old_cookies = dict(parent.cookies)
    answer = parent.submit("/mot-de-passe", {"mot_de_passe": "sept petits velours", "confirmation": "sept petits velours"})
    assert answer.status == 303 and parent.get("/accueil").status == 200
    stolen = Client(stack)
    stolen.cookies = old_cookies
    assert stolen.get("/accueil").location.startswith("/connexion")
    Parent(stack, "premier", "sept petits velours").log_in()
    again = {"mot_de_passe": "huit grands velours", "confirmation": "huit grands velours"}
    assert parent.submit("/mot-de-passe", again).status == 422
    answer = parent.submit("/mot-de-passe", {**again, "mot_de_passe_actuel": "pas le bon du tout"})
    assert answer.status == 422 and 'href="#mot_de_passe_actuel"' in answer.text
    notice = until("the notice", lambda: [mail for mail in Mails(stack).all() if mail["to"] == ["anne@example.org"]])[0]
    assert "mot de passe" in notice["subject"] and "premier" in notice["text"]


def test_logging_out_ends_the_session(durand):
    cookies = dict(durand.cookies)
    assert durand.submit("/deconnexion", {}, form="/accueil").location.startswith("/connexion")
    durand.cookies = cookies
    assert durand.get("/accueil").location.startswith("/connexion")


def test_a_forgotten_password_is_mailed_as_a_link_that_works_once(stack, mails):
    client = Client(stack)
    known = client.submit("/mot-de-passe-oublie", {"identifiant": "commensal"})
    unknown = client.submit("/mot-de-passe-oublie", {"identifiant": "nobody"})
    assert known.status == unknown.status == 200 and known.text == unknown.text
    links = until("the link is mailed", lambda: [link for mail in mails.about("identifiant\N{NO-BREAK SPACE}: commensal")
                                                 for link in re.findall(r"/mot-de-passe/[\w-]{43}", mail["text"])])
    path = links[0]
    assert stack.sql(f"SELECT COUNT(*) FROM password_tokens WHERE HEX(token_hash) = UPPER(SHA2('{path[14:]}', 256))")[0][0] == "1"
    fields = {"mot_de_passe": "demo-cantine-2026", "confirmation": "demo-cantine-2026"}
    assert client.submit(path, fields).status == 303
    assert client.get(path).status == 410
    assert client.submit(path, fields, form="/connexion").status == 410
    Parent(stack, "commensal").log_in()


def test_assets_are_cached_for_ever_and_revalidated(stack):
    client = Client(stack)
    path = re.search(r"/statique/site\.[0-9a-f]{16}\.css", client.get("/connexion").text).group()
    answer = client.get(path)
    assert answer.status == 200 and "immutable" in answer.headers["Cache-Control"]
    again = client.request("GET", path, headers={"If-None-Match": answer.headers["ETag"]})
    assert again.status == 304 and again.body == b""
    head = client.request("HEAD", path)
    assert head.status == 200 and head.body == b"" and head.headers["Content-Length"] == answer.headers["Content-Length"]


def test_smuggled_requests_are_refused(stack):
    for request in (b"POST /connexion HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
                    b"GET / HTTP/1.1\r\nHost: a\r\nX: b\r\n Content-Length: 3\r\n\r\n", b"GET / HTTP/1.1\r\nHost: a\nX: b\r\n\r\n",
                    b"GET / HTTP/1.1\r\n\r\n", b"GET / HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n"):
        with socket.create_connection(("127.0.0.1", stack.ports["http"]), timeout=5) as peer:
            peer.sendall(request)
            assert peer.recv(4096).startswith(b"HTTP/1.1 400 ")


def test_the_administration_port_tells(stack):
    admin = Client(stack, stack.ports["admin"])
    assert admin.get("/healthz").status == 200
    assert '"ready":true' in admin.get("/readyz").text and '"events_durable":true' in admin.get("/readyz").text
    assert "dp_bank_calls_total" in admin.get("/metrics").text
    worker = Client(stack, stack.ports["admin"] + 10)
    assert worker.get("/healthz").status == 200 and worker.get("/readyz").status == 200
    assert "# TYPE" in worker.get("/metrics").text
