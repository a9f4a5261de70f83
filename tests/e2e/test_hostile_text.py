"""Hostile text in every field of every form and in imported names: refused in words, or harmless wherever it comes out again."""
import csv
import email
import email.policy
import io
import re
import urllib.parse
from html.parser import HTMLParser
from pathlib import Path

import pytest
from client import PASSWORD, Client, Parent

DEMO = Path(__file__).resolve().parent.parent.parent / "schema/demo"

MARKUP = "</textarea></title><script>alert(1)</script><b id=x>"
QUOTES = "\"'` onfocus='alert(1)' {{page.csrf}} {{{x}}} &lt; %s %n"
FOUR_BYTES = "Zo\u00eb \U0001f955\U0001d11e \U0001f469\u200d\U0001f373 \u05d0\u05d1"
FORMULA = "=HYPERLINK(\"http://evil.example\")"
TURNED = "gpj.\u202eexe \u2066x\u2069"
INJECTION = "x\r\nBcc: thief@evil.example\r\n\r\nbody"
LINES = "x\u2028y\u0085z\x1b[31m"
LONG = "\u00e9\u20ac" * 3000
TEXTS = {"markup": MARKUP, "quotes": QUOTES, "four bytes": FOUR_BYTES, "formula": FORMULA, "turned": TURNED,
         "injection": INJECTION, "lines": LINES, "long": LONG}
INVISIBLE = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\u2028-\u202e\u2066-\u2069]")
# Everything that our templates ever write.
TAGS = set("html head meta title link body a header div p img span strong form input button main h1 h2 section address ul ol li br table "
           "caption thead tbody tr th td time footer nav label select option textarea fieldset legend dl dt dd small kbd code details "
           "summary".split())


class Harmless(HTMLParser):
    def __init__(self, text, tags):
        super().__init__()
        self.faults, self.tags = [], tags
        self.feed(text)
        self.close()

    def handle_starttag(self, tag, attributes):
        if tag not in self.tags:
            self.faults.append(f"<{tag}>")
        for name, value in attributes:
            address = name in ("href", "src", "action", "formaction")
            if name.startswith("on") or (address and re.match(r"\s*(javascript|data|//)", value or "", re.I)) or value == "x":
                self.faults.append(f"<{tag} {name}={value!r}>")


def assert_harmless(answer):
    assert answer.status in (200, 303, 400, 403, 404, 410, 413, 414, 422, 429), (answer.status, answer.text[:500])
    assert "\n" not in answer.location and "evil" not in str(answer.headers)
    if answer.text:
        assert not Harmless(answer.text, TAGS).faults
        assert "<script" not in answer.text and "{{" not in answer.text.replace("{{page.csrf}} {{{x}}}", "")


def assert_shows(answer, text):
    """The text itself, as text: neither lost nor markup."""
    escaped = text
    for char, entity in (("&", "&amp;"), ("<", "&lt;"), (">", "&gt;"), ('"', "&quot;"), ("'", "&#39;")):
        escaped = escaped.replace(char, entity)
    assert escaped in answer.text


def assert_refused_or_clean(answer, parent, pages):
    """422 with a message at the field, or taken and nowhere visible as anything but text."""
    assert_harmless(answer)
    if answer.status == 422:
        assert 'aria-invalid="true"' in answer.text or 'id="type-erreur"' in answer.text
        return
    assert answer.status == 303, answer.status
    for path in pages:
        page = parent.get(path)
        assert_harmless(page)
        assert not INVISIBLE.search(page.text), path


# --- a family with such names, by import -------------------------------------------------------------------------------


def write_family(folder, **changes):
    """A school of its own with one parent and one pupil."""
    row = {"personne": "H1", "identifiant": "hostile", "role": "parent", "nom": "Hoste", "prenom": "Il", "adresse1": "", "adresse2": "",
           "code_postal": "13000", "ville": "Aix", "telephone": "", "courriel": "hostile@example.org", "mot_de_passe": PASSWORD,
           "compte": "H1", "nom_compte": "Hoste", "prenom_compte": "Zoé", "classe": "6e", "libelle": "Forfait", "school": "Collège", **changes}
    folder.mkdir(exist_ok=True)
    school = (DEMO / "school.ini").read_text().replace("0130000A", "0139876H").replace("Lycée de démonstration", row["school"])
    (folder / "school.ini").write_text(school)
    (folder / "logo.png").write_bytes((DEMO / "logo.png").read_bytes())
    columns = (DEMO / "families.csv").read_text().splitlines()[0].split(";")
    with open(folder / "families.csv", "w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file, delimiter=";")
        writer.writerows([columns, [row.get(name, "") for name in columns]])
    with open(folder / "claims.csv", "w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file, delimiter=";")
        writer.writerows([["numero", "compte", "libelle", "echeance", "montant", "prelevement"],
                          ["h1", "H1", row["libelle"], "31/01/2027", "158,50", "non"]])


@pytest.fixture(scope="module")
def family(stack, tmp_path_factory):
    """Names that an import takes: each is as hostile as its column is wide."""
    folder = tmp_path_factory.mktemp("hostile") / "school"
    write_family(folder, nom=MARKUP, prenom=FOUR_BYTES, adresse1=QUOTES, ville="<i>Aix</i>", nom_compte=FORMULA, prenom_compte=MARKUP,
                 classe="<u>6e", libelle=MARKUP + QUOTES, school="Collège <script>alert(1)</script> \"x\"")
    stack.admin("import", folder, "--bank-url", f"http://127.0.0.1:{stack.ports['bank']}/paiement/init.do")
    return Parent(stack, "hostile").log_in()


@pytest.mark.parametrize("column", ["nom", "prenom", "adresse1", "adresse2", "ville", "nom_compte", "prenom_compte", "classe", "libelle", "courriel"])
@pytest.mark.parametrize("text", ["turned", "injection", "lines", "long"])
def test_an_import_refuses_what_nobody_can_read(stack, tmp_path, column, text):
    write_family(tmp_path / "school", identifiant="other", personne="H2", **{column: TEXTS[text]})
    done = stack.admin("import", tmp_path / "school", "--dry-run", check=False)
    assert done.returncode == 1 and column in done.stderr and "nothing was imported" in done.stderr
    assert "\x1b" not in done.stderr


@pytest.mark.parametrize("text", ["turned", "lines", "long"])
def test_an_import_refuses_such_a_schools_name(stack, tmp_path, text):
    write_family(tmp_path / "school", school=TEXTS[text])
    done = stack.admin("import", tmp_path / "school", "--dry-run", check=False)
    assert done.returncode == 1 and "[school] name" in done.stderr


def test_imported_names_are_text_on_every_page(family):
    reference = family.credit("15,50", commentaires=MARKUP + "\n" + QUOTES + "\n" + FOUR_BYTES)
    for path in ("/accueil", "/crediter", f"/paiement/{reference}", f"/crediter?reference={reference}", "/historique", "/coordonnees",
                 "/historique/connexions", "/aide", "/accessibilite", "/mentions-legales", "/donnees-personnelles"):
        page = family.get(path)
        assert_harmless(page)
        assert_shows(page, MARKUP)  # the parent's name, in the header
    recap = family.get(f"/paiement/{reference}")
    for text in (FORMULA, QUOTES, FOUR_BYTES):
        assert_shows(recap, text)
    assert family.get(f"/crediter?reference={reference}").page.fields["courriel"] == "parent@example.org"


def test_the_file_for_spreadsheets_holds_no_formula(family):
    family.credit("15,50")
    path = re.search(r'href="(/historique[^"]*csv[^"]*)"', family.get("/historique").text).group(1).replace("&amp;", "&")
    answer = family.get(path)
    assert answer.status == 200 and answer.headers["Content-Type"].startswith("text/csv")
    rows = list(csv.reader(io.StringIO(answer.text.lstrip("\ufeff")), delimiter=";"))
    assert any(FORMULA in cell for row in rows for cell in row)
    for row in rows[1:]:
        assert not [cell for cell in row if re.match(r"[=@\t\r]|[+-](?![\d, ]+$)", cell)]


# --- both mails --------------------------------------------------------------------------------------------------------

MAIL_TAGS = set("html head meta title body div p h1 h2 h3 table tbody tr td th strong br a span ul li dl dt dd small hr style pre".split())


def assert_mail_is_harmless(mail):
    message = email.message_from_string(mail["raw"], policy=email.policy.default)
    names = [name.lower() for name in message.keys()]
    for name in ("from", "to", "subject", "date", "message-id", "mime-version", "content-type"):
        assert names.count(name) == 1, names
    assert not {"bcc", "cc", "x"} & set(names) and len(message["to"].addresses) == 1 and not message.defects
    assert not INVISIBLE.search(str(message["subject"])) and "\n" not in str(message["subject"])
    head = mail["raw"].replace("\r\n", "\n").split("\n\n")[0]
    assert max(len(line.encode()) for line in head.split("\n")) <= 998
    assert not Harmless(mail["html"], MAIL_TAGS).faults and "<script" not in mail["html"]
    assert not INVISIBLE.search(mail["text"]) and not INVISIBLE.search(mail["html"])
    return message


@pytest.mark.parametrize("name", [MARKUP, QUOTES, FOUR_BYTES, FORMULA, "\U0001f955" * 80])
def test_both_mails_carry_it_as_text(family, bank, mails, name):
    page = family.get("/coordonnees").page
    fields = {**{field: page.fields[field] for field in ("prenom", "adresse1", "adresse2", "code_postal", "ville", "telephone", "courriel")}}
    assert family.submit("/coordonnees", {**fields, "nom": name}).status == 303
    comment = f"{name}\nBcc: thief@evil.example\n\n.\nQUIT\n{MARKUP}"
    reference = family.pay(bank, commentaires=comment)
    family.wait_for_state(reference, "AUTHORISED")
    parents, bursars = sorted(mails.wait_for(reference, 2), key=lambda mail: mail["to"] != ["parent@example.org"])
    for mail in (parents, bursars):
        message = assert_mail_is_harmless(mail)
        assert reference in str(message["subject"]) and name in mail["text"] and "QUIT" in mail["text"]
    assert name in bursars["subject"] and bursars["to"] == ["gestionnaire@example.org"]


# --- every field of every form -----------------------------------------------------------------------------------------


@pytest.mark.parametrize("field", ["nom", "prenom", "adresse1", "adresse2", "code_postal", "ville", "telephone", "courriel"])
def test_contact_details(martin, field):
    page = martin.get("/coordonnees").page
    before = {name: page.fields[name] for name in ("nom", "prenom", "adresse1", "adresse2", "code_postal", "ville", "telephone", "courriel")}
    try:
        for kind, text in TEXTS.items():
            answer = martin.submit("/coordonnees", {**before, field: text})
            assert_refused_or_clean(answer, martin, ["/accueil", "/coordonnees"])
            assert answer.status == 422 or kind not in ("turned", "injection", "lines", "long"), kind
            if answer.status == 303:
                assert martin.get("/coordonnees").page.fields[field] == text
    finally:
        assert martin.submit("/coordonnees", before).status == 303


@pytest.mark.parametrize("field", ["montant", "courriel", "commentaires", "type", "compte", "creance", "jeton", "montant_2", "compte_2"])
def test_credit_form(martin, field):
    good = {"type": "avance", "compte": martin.accounts()[0], "montant": "5", "courriel": "a@example.org", "commentaires": ""}
    for kind, text in TEXTS.items():
        answer = martin.submit("/crediter", {**good, field: text})
        assert_refused_or_clean(answer, martin, [answer.location or "/accueil", "/historique"])
        if field == "commentaires":
            # Line ends are its own; what follows them is no header.
            assert answer.status == (422 if kind in ("turned", "lines", "long") else 303), kind
        elif field in ("montant", "courriel", "type", "compte"):
            assert answer.status == 422, kind


@pytest.mark.parametrize("path, field, others", [
    ("/connexion", "identifiant", {"mot_de_passe": "x"}), ("/connexion", "mot_de_passe", {"identifiant": "nobody-hostile"}),
    ("/mot-de-passe-oublie", "identifiant", {})])
def test_forms_before_the_login(stack, path, field, others):
    for text in TEXTS.values():
        answer = Client(stack).submit(path, {**others, field: text})
        assert_harmless(answer)
        assert answer.status in (200, 422, 429)


def test_passwords_are_never_shown_again(martin):
    for text in TEXTS.values():
        answer = martin.submit("/mot-de-passe", {"mot_de_passe": text, "confirmation": text + "x"})
        assert_harmless(answer)
        assert answer.status in (413, 422) and text.strip()[:20] not in answer.text


@pytest.mark.parametrize("text", TEXTS.values(), ids=TEXTS.keys())
def test_addresses_and_headers(martin, text):
    quoted = urllib.parse.quote(text[:500], safe="")
    for path in (f"/paiement/{quoted}", f"/mot-de-passe/{quoted}", f"/ecole/{quoted}", f"/{quoted}", f"/connexion?session={quoted}",
                 f"/crediter?reference={quoted}", f"/crediter?creance={quoted}", f"/historique?avant={quoted}&compte={quoted}&etat={quoted}&annee={quoted}",
                 f"/retour-banque?reference={quoted}", f"/accueil?coordonnees={quoted}", f"/statique/{quoted}"):
        assert_harmless(martin.get(path))
    agent = text[:500].replace("\r\n", " ").replace("\x1b", "").encode("utf-8").decode("latin-1").replace("\x85", "")
    visitor = Parent(martin.stack, "martin")
    csrf = visitor.get("/connexion").page.fields["csrf"]
    visitor.post("/connexion", {"identifiant": "martin", "mot_de_passe": PASSWORD, "csrf": csrf}, **{"User-Agent": agent})
    page = visitor.get("/historique/connexions")
    assert_harmless(page)
    assert page.status == 200


def test_the_check_itself_can_fail():
    for text in ("<script>1</script>", "<p onclick='x()'>", "<a href=' javascript:x'>", "<b id=x>", "<iframe>"):
        assert Harmless(text, TAGS).faults, text
    assert INVISIBLE.search("a\u202eb") and not INVISIBLE.search(FOUR_BYTES + QUOTES + MARKUP)
