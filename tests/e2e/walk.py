"""Every page in each of its states, as families meet them: for test_accessibility.py and test_look.py.

Each state is fetched once over plain HTTP while it lasts (payments closed, a form refused, a link used) and kept as a
file with its style sheet and images inside, so that the browser can look at it as often and at as many widths as wanted.
"""
import base64
import re
import secrets
import urllib.request

from client import PASSWORD, TIMEOUT_S, Client, Parent, until

ACCEPTED, REFUSED = "1234567890123456", "0000000000000000"
LONG_COMMENT = ("Bonjour,\n\nveuillez trouver mon paiement pour les trois enfants.\nMerci de me dire si le compte de Marie-Charlotte "
                "est bien à jour : " + "elle a mangé tous les jours au premier trimestre, " * 6 +
                "\n\nhttps://exemple.fr/une-adresse-tres-longue-qui-ne-se-coupe-nulle-part-et-qui-deborderait-sur-un-telephone\nBonne réception !")
ASSET = re.compile(r'"(/(?:statique|ecole|session)/[^"]+)"')
BANK_CODES = {"CANCELLED": "12", "DECLINED": "2", "AUTHORISED": "1", "CAPTURED": "4", "SETTLED": "10", "REVERSED": "20", "REFUNDED": "17"}
STATES = ("PENDING", "CANCELLED", "DECLINED", "EXPIRED", "AUTHORISED", "CAPTURED", "SETTLED", "REVERSED", "REFUNDED")


def at_clock(page, clock):
    """The page as it is seen when the session is about to end, or has."""
    text = re.sub(r'<link rel="stylesheet" href="/session/\d+-\d+\.css">\n', "", page.text)
    page.text = text.replace("</head>", f'<link rel="stylesheet" href="/session/{clock}.css">\n</head>')
    return page


class Walk:
    def __init__(self, stack, folder):
        self.stack, self.folder = stack, folder
        self.pages = {}    # name: address of the kept page
        self.refreshes = set()  # names of pages that ask for themselves again
        self.weights = {}  # name: bytes that a first visitor's browser fetches for it
        self.answers = {}  # name: how many answers these are
        self.assets = {}   # path: (data: address, bytes)
        self.n_payments = 0

    # --- keeping -----------------------------------------------------------------------------------------------------

    def keep(self, name, answer, status=200):
        assert answer.status == status, (name, answer.status, answer.text[:1500])
        if "Refresh" in answer.headers:
            self.refreshes.add(name)
        assets = {path: self.asset(path) for path in ASSET.findall(answer.text)}
        self.answers[name] = 1 + len(assets)
        self.weights[name] = len(answer.body) + sum(size for _, size in assets.values())
        self.keep_text(name, ASSET.sub(lambda found: f'"{assets[found[1]][0]}"', answer.text))

    def asset(self, path):
        if path not in self.assets:
            with urllib.request.urlopen(self.stack.url + path, timeout=TIMEOUT_S) as answer:
                body = answer.read()
                kind = answer.headers["Content-Type"].replace(" ", "")
                self.assets[path] = (f"data:{kind};base64,{base64.b64encode(body).decode()}", len(body))
        return self.assets[path]

    def keep_text(self, name, text):
        path = self.folder / f"{name}.html"
        path.write_text(text, encoding="utf-8")
        self.pages[name] = path.as_uri()

    def keep_url(self, name, url):
        with urllib.request.urlopen(url, timeout=TIMEOUT_S) as answer:
            self.keep_text(name, answer.read().decode())

    def text(self, name):
        """The HTML as it was sent, but for the addresses of its assets."""
        return (self.folder / f"{name}.html").read_text(encoding="utf-8")

    def keep_notice(self, mails, name, login, subject):
        mail = until(f"the mail to {login}: {subject}",
                     lambda: [m for m in mails.all() if f"{login}.une" in m["to"][0] and subject in m["subject"]])[0]
        self.keep_text(name, mail["html"])

    # --- people and payments -----------------------------------------------------------------------------------------

    def person(self, login, first, last, role="PARENT", must_change=False):
        self.stack.sql(
            "INSERT INTO users (school_id, external_id, login, role, password_hash, must_change_password, last_name, first_name, "
            f"address1, address2, postcode, city, phone, email) SELECT school_id, '{login}', '{login}', '{role}', password_hash, "
            f"{int(must_change)}, '{last}', '{first}', '12 bis chemin de la Bastide-des-Jourdans', 'Résidence Les Micocouliers, bât. C', "
            "'13090', 'Aix-en-Provence', '06 00 00 00 09', "
            f"'{login}.une.adresse.plutot.longue@messagerie-academique.example.org' FROM users WHERE login = 'durand'")
        return Parent(self.stack, login)

    def account(self, login, first, last, class_name):
        key = secrets.token_hex(6)
        self.stack.sql(
            "INSERT INTO accounts (school_id, external_id, last_name, first_name, class_name) "
            f"SELECT school_id, '{key}', '{last}', '{first}', '{class_name}' FROM users WHERE login = '{login}';"
            "INSERT INTO account_payers (account_id, user_id) SELECT a.id, u.id FROM accounts a, users u "
            f"WHERE a.external_id = '{key}' AND u.login = '{login}'")
        return self.stack.sql(f"SELECT id FROM accounts WHERE external_id = '{key}'")[0][0]

    def claim(self, account, label, due, cents, direct_debit=0):
        number = secrets.token_hex(4)
        self.stack.sql("INSERT INTO claims (school_id, account_id, number, label, due_date, amount_cents, direct_debit) "
                       f"SELECT school_id, id, '{number}', '{label}', '{due}', {cents}, {direct_debit} FROM accounts WHERE id = {account}")
        return self.stack.sql(f"SELECT id FROM claims WHERE number = '{number}'")[0][0]

    def payment(self, login, state, accounts, claim="NULL", age="0 HOUR", cents=15850):
        """A payment of that state, as the worker would leave it. In one transaction: an old one would expire before it is whole."""
        self.n_payments += 1
        reference = f"dem20260329104212{self.n_payments:03d}"
        accepted = state in STATES[STATES.index("AUTHORISED"):] if state in STATES else False
        moment = f"UTC_TIMESTAMP(6) - INTERVAL {age}"
        statements = [
            "INSERT INTO transactions (reference, school_id, user_id, contract_id, kind, state, amount_cents, email, comment, created_at, "
            "sent_at, expires_at, bank_request, bank_ref, accepted_at) SELECT "
            f"'{reference}', u.school_id, u.id, s.contract_id, '{'ADVANCE' if claim == 'NULL' else 'CLAIM'}', 'CREATED', "
            f"{cents * len(accounts)}, u.email, 'Merci !', {moment}, {moment}, UTC_TIMESTAMP(6) + INTERVAL 1 DAY, 'siret=1', "
            f"{repr('%08d' % self.n_payments) if accepted else 'NULL'}, {moment if accepted else 'NULL'} "
            f"FROM users u JOIN school_contracts s ON s.school_id = u.school_id WHERE u.login = '{login}'"]
        for position, account in enumerate(accounts, 1):
            statements.append("INSERT INTO transaction_lines (transaction_id, revision, position, account_id, claim_id, amount_cents) "
                              f"SELECT id, 1, {position}, {account}, {claim}, {cents} FROM transactions WHERE reference = '{reference}'")
        statements.append(f"UPDATE transactions SET state = '{state}' WHERE reference = '{reference}'")
        before = "PENDING"
        for step in (["AUTHORISED"] if accepted and state != "AUTHORISED" else []) + ([state] if state != "PENDING" else []):
            statements.append(f"INSERT INTO transaction_history (transaction_id, from_state, to_state, bank_code, at) SELECT id, '{before}', "
                              f"'{step}', '{BANK_CODES.get(step, '')}', {moment} FROM transactions WHERE reference = '{reference}'")
            before = step
        if accepted:
            statements.append(f"INSERT INTO receipts (transaction_id, school_id, year, number) SELECT id, school_id, 2026, "
                              f"{900000 + self.n_payments} FROM transactions WHERE reference = '{reference}'")
        self.stack.sql("; ".join(["START TRANSACTION", *statements, "COMMIT"]))
        return reference

    def sign(self, reference, kind):
        """What the payer did, without the event that tells the workers."""
        self.stack.sql(f"INSERT INTO payer_signs (transaction_id, kind) SELECT id, '{kind}' FROM transactions WHERE reference = '{reference}'")

    # --- the walk ----------------------------------------------------------------------------------------------------

    def logged_out(self):
        visitor = Client(self.stack)
        self.keep("connexion", visitor.get("/connexion"))
        self.keep("connexion-vide", visitor.submit("/connexion", {"identifiant": "", "mot_de_passe": ""}), 422)
        self.keep("connexion-refusee", visitor.submit("/connexion", {"identifiant": "inconnu", "mot_de_passe": "x"}), 422)
        for _ in range(4):
            visitor.submit("/connexion", {"identifiant": "impatient", "mot_de_passe": "x"})
        self.keep("connexion-attendre", visitor.submit("/connexion", {"identifiant": "impatient", "mot_de_passe": "x"}), 429)
        self.keep("connexion-expiree", visitor.get("/connexion?session=expiree"))
        self.keep("connexion-deconnecte", visitor.get("/connexion?session=fermee"))
        self.keep("connexion-nouveau-mot-de-passe", visitor.get("/connexion?mot-de-passe=enregistre"))
        visitor.get("/historique")
        self.keep("connexion-page-voulue", visitor.get("/connexion"))
        visitor.post("/coordonnees", {"nom": "Durand"})
        self.keep("connexion-saisie-perdue", visitor.get("/connexion?session=expiree"))
        self.keep("aide", visitor.get("/aide"))
        self.keep("accessibilite", visitor.get("/accessibilite"))
        self.keep("mentions-legales", visitor.get("/mentions-legales"))
        self.keep("donnees-personnelles", visitor.get("/donnees-personnelles"))
        self.keep("retour-banque", visitor.get("/retour-banque?reference=dem20260329104212AAA"))
        self.keep("erreur-404", visitor.get("/nulle-part"), 404)
        self.keep("erreur-403", visitor.post("/connexion", {"identifiant": "durand"}), 403)
        self.keep("erreur-405", visitor.request("POST", "/accueil", ""), 405)

    def forgotten(self, mails, login):
        visitor = Client(self.stack)
        self.keep("oubli", visitor.get("/mot-de-passe-oublie"))
        self.keep("oubli-vide", visitor.submit("/mot-de-passe-oublie", {"identifiant": ""}), 422)
        self.keep("oubli-envoye", visitor.submit("/mot-de-passe-oublie", {"identifiant": login}))
        mail = until("the mail with the link", lambda: [m for m in mails.all() if f"{login}.une" in m["to"][0] and "/mot-de-passe/" in m["text"]])[-1]
        self.keep_text("courriel-lien", mail["html"])
        path = re.search(r"/mot-de-passe/[\w-]+", mail["text"]).group()
        self.keep("nouveau-mot-de-passe", visitor.get(path))
        self.keep("nouveau-mot-de-passe-erreurs", visitor.submit(path, {"mot_de_passe": "court", "confirmation": "autre"}), 422)
        new = {"mot_de_passe": PASSWORD + "-bis", "confirmation": PASSWORD + "-bis"}
        assert visitor.submit(path, new).location.startswith("/connexion")
        self.keep("lien-perime", visitor.get(path), 410)
        self.keep_notice(mails, "courriel-mot-de-passe-change", login, "mot de passe a été changé")

    def new_family(self):
        parent = self.person("page-nouveau", "Zoé", "Petit", must_change=True)
        csrf = parent.get("/connexion").page.fields["csrf"]
        assert parent.post("/connexion", {"identifiant": "page-nouveau", "mot_de_passe": PASSWORD, "csrf": csrf}).location == "/mot-de-passe"
        self.keep("premier-mot-de-passe", parent.get("/mot-de-passe"))
        self.keep("premier-mot-de-passe-erreurs", parent.submit("/mot-de-passe", {"mot_de_passe": "azertyuiop12", "confirmation": ""}), 422)
        mine = {"mot_de_passe": "trois tasses de chocolat", "confirmation": "trois tasses de chocolat"}
        answer = parent.submit("/mot-de-passe", mine)
        self.keep("accueil-sans-creance", parent.get(answer.location))
        self.keep("crediter-sans-compte", parent.get("/crediter"))
        self.keep("historique-vide", parent.get("/historique"))
        self.account("page-nouveau", "Tom", "Petit", "6e A")
        self.keep("mot-de-passe", parent.get("/mot-de-passe"))
        self.keep("crediter-un-compte", parent.get("/crediter"))
        parent.credit("20")
        self.keep("historique-une-ligne", parent.get("/historique"))

    @staticmethod
    def fields(parent, path):
        """What a browser sends of the form at `path`, but its buttons."""
        return {name: value for name, value in parent.get(path).page.fields.items() if name not in ("ajouter", "retirer", "csrf")}

    def lines(self, parent, accounts, claims):
        """The form with lines that come and go."""
        every = self.fields(parent, "/crediter?tout=oui")
        self.keep("crediter-tout", parent.get("/crediter?tout=oui"))
        self.keep("crediter-ligne-ajoutee", parent.submit("/crediter", {**every, "ajouter": "ligne"}))
        self.keep("crediter-ligne-retiree", parent.submit("/crediter", {**every, "retirer": "1"}))
        self.keep("crediter-aucune-cochee", parent.get("/crediter?cochees=oui"))
        self.keep("crediter-creances-reglees", parent.get(f"/crediter?creance={claims[0]}&creance=999999998&creance=999999999"))
        self.keep("crediter-un-compte-choisi", parent.get(f"/crediter?compte={accounts[0]}"))
        above = {"type": "avance", "courriel": "a@example.org", "compte": accounts[0], "montant": "6000", "compte_2": accounts[1], "montant_2": "6000"}
        self.keep("crediter-total-trop-eleve", parent.submit("/crediter", above), 422)
        self.stack.sql("UPDATE schools SET part_payment_allowed = TRUE")
        self.keep("crediter-tout-en-parties", parent.get("/crediter?tout=oui"))
        self.stack.sql("UPDATE schools SET part_payment_allowed = FALSE")

    def balances(self, login, accounts):
        """One below zero with payments since, by another too; one with its hour and a payment taken back; one of which nothing is said."""
        self.stack.sql(f"UPDATE accounts SET balance_cents = -123456, balance_at = '2026-11-01 23:00' WHERE id = {accounts[0]};"
                       f"UPDATE accounts SET balance_cents = 2340, balance_at = '2026-10-02 16:30' WHERE id = {accounts[1]}")
        self.person("page-autre-payeur", "Marc", "de La Rochefoucauld-Montmorency")
        payments = [(login, accounts[0], 5000), ("page-autre-payeur", accounts[0], 3000), (login, accounts[1], 2000), (login, accounts[1], -2000)]
        for number, (payer, account, cents) in enumerate(payments):
            reference = self.payment(payer, "SETTLED", [account], cents=abs(cents), age="1 MINUTE")
            self.stack.sql("INSERT INTO ledger_entries (contract_id, transaction_id, kind, leg, book, account_id, amount_cents, bank_ref, event_id) "
                           f"SELECT contract_id, id, '{'PAYMENT' if cents > 0 else 'REVERSAL'}', 1, 'ACCOUNT', {account}, {-cents}, 'solde{number}', "
                           f"REPEAT('x', 32) FROM transactions WHERE reference = '{reference}'")

    def forms(self, parent, accounts, claims):
        claim, other = claims
        form = parent.get("/crediter")
        self.keep("crediter", form)
        self.keep("crediter-creance", parent.get(f"/crediter?creance={claim}"))
        wrong = {"type": "", "compte": "", "montant": "quinze", "courriel": "pas-une-adresse", "commentaires": "x" * 1001}
        self.keep("crediter-erreurs", parent.submit("/crediter", wrong), 422)
        lines = {"type": "creance", "compte": accounts[0], "creance": claim, "montant": "99999", "courriel": "a@example.org"}
        for n in range(2, 6):
            lines.update({f"compte_{n}": accounts[n % 3], f"montant_{n}": "5", f"creance_{n}": other if n == 2 else ""})
        self.keep("crediter-cinq-lignes", parent.submit("/crediter", lines), 422)
        self.keep("recapitulatif", parent.get("/paiement/" + parent.credit("20", compte=accounts[0])))
        only = parent.submit("/crediter", {"type": "creance", "compte": "", "creance": other, "montant": "", "courriel": "a@example.org"})
        self.keep("recapitulatif-creance-seule", parent.get(only.location))
        many = {f"{name}_{n}": value for n in range(2, 5) for name, value in (("compte", accounts[n % 3]), ("montant", "1158,5"))}
        reference = parent.credit("", type="creance", compte=accounts[0], creance=claim, commentaires=LONG_COMMENT, **many)
        self.keep("recapitulatif-quatre-lignes", parent.get(f"/paiement/{reference}"))
        self.keep("modifier", parent.get(f"/crediter?reference={reference}"))
        self.keep("coordonnees", parent.get("/coordonnees"))
        self.keep("coordonnees-erreurs", parent.submit("/coordonnees", {"nom": "", "prenom": "x" * 81, "adresse1": "x" * 121, "adresse2": "",
                                                                       "code_postal": "x" * 11, "ville": "", "telephone": "abc", "courriel": "abc"}), 422)
        return reference

    def two_payers(self, bank, mails):
        """Parents who live apart, and what each is told of the other's payments."""
        parent, other = self.person("page-garde", "Aurélie", "Nguyen-Lefebvre"), self.person("page-garde-bis", "Sébastien", "Lefebvre")
        account = self.account("page-garde", "Marie-Lou", "Lefebvre", "5e D")
        self.stack.sql(f"INSERT INTO account_payers (account_id, user_id) SELECT {account}, id FROM users WHERE login = 'page-garde-bis'")
        held, settled, part = (self.claim(account, label, "2027-01-31", cents) for label, cents in (
            ("Demi-pension, 1er trimestre", 15850), ("Voyage à Marseille, solde", 4500), ("Internat, décembre", 21000)))
        own = self.claim(account, "Classe de neige, acompte", "2027-02-28", 9000)
        debited = self.claim(account, "Demi-pension, 2e trimestre", "2027-04-30", 15850, direct_debit=1)
        self.stack.sql("UPDATE schools SET part_payment_allowed = TRUE")
        for person in (parent, other):
            person.log_in()

        def reference(person, claim, amount, **more):
            return person.credit(amount, type="creance", compte=account, creance=claim, **more)

        early = reference(parent, held, "158,50", creance_2=settled, compte_2=account, montant_2="45", creance_3=part, compte_3=account,
                          montant_3="210", creance_4=own, compte_4=account, montant_4="90")
        late = reference(parent, own, "90")
        for claim, amount in ((settled, "45"), (part, "50")):
            paid = reference(other, claim, amount)
            bank.open(other.send(paid))
            bank.type_card(paid, ACCEPTED)
            other.wait_for_state(paid, "AUTHORISED")
        other.send(reference(other, held, "158,50"))
        bank.open(parent.send(late))
        self.keep("accueil-deux-payeurs", parent.get("/accueil"))
        self.keep("crediter-deux-payeurs", parent.get("/crediter"))
        self.keep("recapitulatif-refuse", parent.get(f"/paiement/{early}"))
        form = {"type": "creance", "compte": account, "montant": "", "courriel": "a@example.org"}
        self.keep("crediter-creance-prise", parent.submit("/crediter", {**form, "creance": held}), 422)
        self.keep("crediter-prelevement", parent.submit("/crediter", {**form, "creance": debited}), 422)
        self.stack.sql(f"UPDATE claims SET reserved_until = UTC_TIMESTAMP(6) WHERE id = {own}")
        taken = reference(other, own, "90")
        bank.open(other.send(taken))
        self.keep("paiement-non-repris", parent.get(f"/paiement/{late}?actualisation=non"))
        for person, accepted in ((other, taken), (parent, late)):
            bank.type_card(accepted, ACCEPTED)
            person.wait_for_state(accepted, "AUTHORISED")
        self.keep("paiement-en-trop", parent.get(f"/paiement/{late}"))
        for mail in mails.wait_for(late, 3):
            self.keep_text("courriel-parent-en-trop" if "parent@" in mail["to"][0] else
                           "courriel-gestionnaire-en-trop" if "reçu" in mail["subject"] else "courriel-dossier-en-trop", mail["html"])
        self.stack.sql("UPDATE schools SET part_payment_allowed = FALSE")

    def family(self):
        login = "page-famille"
        parent = self.person(login, "Marie-Charlotte-Élisabeth", "de La Rochefoucauld-Montmorency")
        accounts = [self.account(login, first, "de La Rochefoucauld-Montmorency", class_name) for first, class_name in
                    (("Anne-Sophie-Victoire", "Terminale STMG 2"), ("Jean-Baptiste-Emmanuel", "2de GT 11"), ("Léo", "3e B"))]
        late = self.claim(accounts[0], "Demi-pension, 1er trimestre, forfait cinq jours avec régularisation des absences", "2026-01-31", 115850)
        claim = self.claim(accounts[1], "Demi-pension, 1er trimestre", "2027-01-31", 15850)
        self.claim(accounts[2], "Voyage à Marseille, solde", "2027-02-15", 4500, direct_debit=1)
        parent.log_in()
        self.keep("accueil", parent.get("/accueil"))
        self.balances(login, accounts)
        self.keep("accueil-soldes", parent.get("/accueil"))
        self.lines(parent, accounts, (late, claim))
        self.keep("accueil-coordonnees", parent.get("/accueil?coordonnees=enregistrees"))
        self.keep("aide-connecte", parent.get("/aide"))
        self.keep("mes-donnees", parent.get("/mes-donnees"))
        self.keep("mes-donnees-trop-lourdes", parent.get("/mes-donnees?fichier=trop-lourd"))
        self.session(parent)
        self.keep("donnees-personnelles-connecte", parent.get("/donnees-personnelles"))
        recap = self.forms(parent, accounts, (late, claim))
        for state in STATES:
            reference = self.payment(login, state, accounts[:1], claim=late)
            if state not in ("CAPTURED", "SETTLED"):  # shown as AUTHORISED is
                self.keep(f"paiement-{state.lower()}", parent.get(f"/paiement/{reference}"))
            if state == "PENDING":
                self.stack.sql(f"UPDATE claims SET reserved_for = '{reference}', reserved_until = UTC_TIMESTAMP(6) + INTERVAL 1 HOUR WHERE id = {late}")
                self.keep("accueil-paiement-en-cours", parent.get("/accueil"))
                self.keep("paiement-pending-arrete", parent.get(f"/paiement/{reference}?actualisation=non"))
                self.stack.sql(f"UPDATE claims SET reserved_for = NULL, reserved_until = NULL WHERE id = {late}")
        self.open_payments(parent, login, accounts)
        self.keep("recapitulatif-semblable", parent.get("/paiement/" + parent.credit("158,50", compte=accounts[0])))
        for day in range(30):
            self.payment(login, STATES[day % len(STATES)], accounts[: 1 + day % 3], age=f"{day + 1} DAY")
        first = parent.get("/historique")
        self.keep("historique", first)
        self.keep("historique-suite", parent.get(re.search(r'href="(/historique\?avant=[^"]+)"', first.text).group(1)))
        self.keep("attestation", parent.get("/historique/attestation?annee=2026"))
        self.keep("attestation-vide", parent.get("/historique/attestation?annee=2019"))
        self.logins(parent, login)
        self.keep("erreur-404-connecte", parent.get("/paiement/dem20260101000000AAA"), 404)
        self.closed(parent, recap)
        self.keep("erreur-503", self.unknown_contract(parent, accounts), 503)

    def session(self, parent):
        """The warning as it is seen in its time, before and after the end; and the page that it opens."""
        end = Parent(self.stack, parent.login).log_in()
        self.keep("session-reconnecte", end.get("/session"))
        for name, clock in (("accueil-session-bientot-finie", "0-604800"), ("accueil-session-finie", "0-0")):
            self.keep(name, at_clock(parent.get("/accueil"), clock))
        age = "redis.call('HINCRBY', key, 'created', -ARGV[1] * 1000000)"
        self.stack.redis("EVAL", f"for _, key in ipairs(redis.call('KEYS', 'dp:session:*')) do {age} end return 0", "0", "60")
        self.keep("session-prolongee", parent.get("/session"))
        self.stack.redis("EVAL", f"for _, key in ipairs(redis.call('KEYS', 'dp:session:*')) do {age} end return 0", "0", str(12 * 3600 - 900))
        self.keep("session-derniere", parent.get("/session"))
        self.keep("accueil-session-derniere", at_clock(parent.get("/accueil"), "0-604800"))
        parent.cookies.clear()
        parent.log_in()

    def open_payments(self, parent, login, accounts):
        """At the bank for long, given up, late in being given up, looked at by the school; and a payment left before the bank."""
        long = self.payment(login, "PENDING", accounts[:2], age="3 HOUR")
        self.sign(long, "RETURN")
        self.keep("paiement-pending-longtemps", parent.get(f"/paiement/{long}"))
        self.keep("abandonner", parent.get(f"/paiement/{long}/abandonner"))
        self.sign(long, "DISCARD")
        self.keep("paiement-abandon-en-cours", parent.get(f"/paiement/{long}"))
        self.stack.sql("UPDATE payer_signs SET at = at - INTERVAL 1 HOUR WHERE kind = 'DISCARD'")
        self.keep("paiement-abandon-tarde", parent.get(f"/paiement/{long}"))
        for name, given_up in (("paiement-abandonne", long), ("paiement-abandonne-avant", parent.credit("20", compte=accounts[0]))):
            if given_up != long:
                self.keep("abandonner-avant", parent.get(f"/paiement/{given_up}/abandonner"))
                self.keep("accueil-paiement-prepare", parent.get("/accueil"))
            parent.submit(f"/paiement/{given_up}/abandonner", {})
            parent.wait_for_state(given_up, "CANCELLED")
            self.keep(name, parent.get(f"/paiement/{given_up}"))
        review = self.payment(login, "EXPIRED", accounts[:1])
        self.stack.sql(f"UPDATE transactions SET review = TRUE WHERE reference = '{review}'")
        self.keep("paiement-a-verifier", parent.get(f"/paiement/{review}"))

    def problem(self, parent, mails, reference):
        path = f"/paiement/{reference}/probleme"
        self.keep("probleme", parent.get(path))
        self.keep("probleme-erreurs", parent.submit(path, {"message": "aïe"}), 422)
        parent.submit(path, {"message": LONG_COMMENT})
        mail = until("the mail of the problem", lambda: [m for m in mails.about(reference) if "Problème signalé" in m["subject"]])[0]
        self.keep_text("courriel-probleme", mail["html"])
        self.keep("paiement-probleme-signale", parent.get(f"/paiement/{reference}"))
        for number in range(2):
            parent.submit(path, {"message": f"Toujours rien, message {number}"})
        self.keep("probleme-trop", parent.get(path))

    def logins(self, parent, login):
        self.stack.sql("INSERT INTO login_history (user_id, at, success, address, user_agent) SELECT u.id, UTC_TIMESTAMP(6) - INTERVAL s.seq DAY, "
                       "s.seq % 3, IF(s.seq % 2, '192.0.2.7', '2001:db8:1234:5678::9'), "
                       "'Mozilla/5.0 (Windows NT 10.0; Win64; x64; rv:131.0) Gecko/20100101 Firefox/131.0' "
                       f"FROM users u, seq_1_to_40 s WHERE u.login = '{login}'")
        first = parent.get("/historique/connexions")
        self.keep("historique-connexions", first)
        self.keep("historique-connexions-suite", parent.get(re.search(r'href="(/historique/connexions\?avant=[^"]+)"', first.text).group(1)))
        ended = parent.submit("/historique/connexions/deconnecter", {}, form="/historique/connexions")
        self.keep("historique-connexions-seul", parent.get(ended.location))

    def forty_claims(self):
        """As much as a form or the home page ever has to show."""
        parent = self.person("page-quarante", "Aline", "Petit")
        accounts = [self.account("page-quarante", first, "Petit", "6e C") for first in ("Lou", "Mia")]
        for n in range(40):
            self.claim(accounts[n % 2], f"Demi-pension, mois {n + 1}", f"2027-01-{n % 28 + 1:02d}", 4250 + n)
        parent.log_in()
        self.keep("accueil-quarante-creances", parent.get("/accueil"))
        self.keep("crediter-quarante-creances", parent.get("/crediter"))
        self.keep("crediter-vingt-lignes", parent.get("/crediter?tout=oui"))
        every = self.fields(parent, "/crediter?tout=oui")
        self.keep("crediter-lignes-pleines", parent.submit("/crediter", {**every, "ajouter": "ligne"}))
        for day in range(16):
            self.payment("page-quarante", "SETTLED", accounts[day % 2:], age=f"{day} DAY")
        self.keep("attestation-par-mois", parent.get("/historique/attestation?annee=2026"))
        self.keep("recapitulatif-vingt-lignes", parent.get(parent.submit("/crediter", every).location))

    def closed(self, parent, recap):
        school = "(SELECT school_id FROM users WHERE login = 'page-famille')"
        self.stack.sql(f"UPDATE schools SET payments_open = FALSE WHERE id = {school}")
        try:
            self.keep("accueil-ferme", parent.get("/accueil"))
            self.keep("crediter-ferme", parent.get("/crediter"))
            self.keep("recapitulatif-ferme", parent.get(f"/paiement/{recap}"))
        finally:
            self.stack.sql(f"UPDATE schools SET payments_open = TRUE WHERE id = {school}")

    def unknown_contract(self, parent, accounts):
        """A payment of a contract whose key this server cannot open."""
        reference = self.payment("page-famille", "PENDING", accounts[:1])
        self.stack.sql("INSERT INTO bank_contracts (gateway, merchant_id, payment_url, sealed_key) "
                       "VALUES ('spplus', '00000000000009-09', 'http://127.0.0.1:1/', 'x');"
                       "UPDATE transactions SET contract_id = LAST_INSERT_ID() WHERE reference = '" + reference + "'")
        return parent.submit(f"/paiement/{reference}/payer", {"moyen": "CBS"}, form="/coordonnees")

    def commensal(self, mails):
        parent = self.person("page-commensal", "Nadia", "Bernard", role="COMMENSAL")
        self.account("page-commensal", "Nadia", "Bernard", "")
        parent.log_in()
        self.keep("accueil-commensal", parent.get("/accueil"))
        self.keep("crediter-commensal", parent.get("/crediter"))
        self.keep("recapitulatif-commensal", parent.get("/paiement/" + parent.credit("20")))
        parent.submit("/coordonnees", {**parent.get("/coordonnees").page.fields, "courriel": "nadia.bernard@example.org"})
        self.keep_notice(mails, "courriel-adresse-changee", "page-commensal", "courriel a été changée")

    def real_payments(self, bank, mails):
        """The bank's page, the mail catcher's page and the mails of a payment that was really made, and then rejected."""
        parent = self.person("page-payeur", "Karim", "Benali")
        account = self.account("page-payeur", "Inès", "Benali", "1re G3")
        self.claim(account, "Demi-pension, 1er trimestre", "2027-01-31", 15850)
        parent.log_in()
        self.keep("accueil-une-creance", parent.get("/accueil"))
        fields = {"type": "creance", "courriel": "karim.benali@example.org", "commentaires": "Avis reçu hier.\nBonne réception !"}
        reference = parent.credit("158,50", **fields)
        address = parent.send(reference)
        self.keep_url("banque", address)
        bank.type_card(reference, ACCEPTED)
        for mail in mails.wait_for(reference, 2):
            self.keep_text("courriel-gestionnaire" if "gestionnaire" in mail["to"][0] else "courriel-parent", mail["html"])
        self.keep("paiement-avec-recu", parent.get(f"/paiement/{reference}"))
        self.problem(parent, mails, reference)
        bank.send(reference=reference, etat="20")
        rejected = until("the mail of the rejection", lambda: [m for m in mails.about(reference) if "rejeté" in m["subject"]])
        self.keep_text("courriel-rejet", rejected[0]["html"])
        self.keep("paiement-recu-annule", parent.get(f"/paiement/{reference}"))
        other = parent.credit("12")
        bank.open(parent.send(other))
        bank.send(reference=other, etat="1", changes={"montant": "1.00"})
        review = until("the mail of the review", lambda: [m for m in mails.about(other) if "gestionnaire" in m["to"][0]])
        self.keep_text("courriel-dossier", review[0]["html"])
        self.keep_url("boite-aux-lettres", mails.url.removesuffix("api/messages"))


def walk(stack, bank, mails, folder):
    walk = Walk(stack, folder)
    walk.logged_out()
    walk.family()
    walk.new_family()
    walk.forty_claims()
    walk.two_payers(bank, mails)
    walk.commensal(mails)
    walk.real_payments(bank, mails)
    walk.forgotten(mails, "page-famille")
    return walk
