"""Aide answers a question where it arises; what the law wants said stands on every page's foot, and says who answers."""
import re

import pytest
from client import Client

LEGAL = ["/accessibilite", "/mentions-legales", "/donnees-personnelles"]


def test_every_question_has_one_anchor(stack):
    text = Client(stack).get("/aide").text
    anchors = re.findall(r'<section class="answer" id="([\w-]+)"', text)
    assert len(anchors) >= 9 and len(set(anchors)) == len(anchors)
    assert re.findall(r'<li><a href="#([\w-]+)">', text) == anchors
    for anchor in anchors:
        question = re.search(rf'<a href="#{anchor}">([^<]+)</a>', text).group(1)
        assert re.search(rf'id="{anchor}".*\n<h2 id="q-[\w-]+">{re.escape(question)}</h2>', text), anchor


@pytest.mark.parametrize("name, anchor", [
    ("connexion", "oubli"), ("oubli-envoye", "oubli"), ("lien-perime", "oubli"), ("crediter", "compte"), ("recapitulatif", "securite"),
    ("paiement-pending", "paye-mais-rien"), ("retour-banque", "paye-mais-rien"), ("historique", "paye-mais-rien"),
    ("paiement-authorised", "courriel"), ("paiement-declined", "refus"), ("paiement-cancelled", "refus"),
    ("premier-mot-de-passe", "mot-de-passe"), ("nouveau-mot-de-passe", "mot-de-passe"), ("historique-connexions", "connexion")])
def test_each_page_links_to_its_question(walked, name, anchor):
    assert re.findall(r'href="/aide#([\w-]+)"', walked.text(name)) == [anchor]


def test_no_link_to_the_help_is_broken(walked):
    anchors = set(re.findall(r'<section class="answer" id="([\w-]+)"', walked.text("aide")))
    for name in walked.weights:
        text = walked.text(name)
        assert set(re.findall(r'href="/aide#([\w-]+)"', text)) <= anchors, name
        assert all(f'<a href="{path}">' in text for path in ["/aide", *LEGAL]), name


@pytest.mark.parametrize("path", LEGAL)
def test_legal_pages_are_for_everybody(stack, durand, path):
    visitor = Client(stack)
    page = visitor.get(path)
    assert page.status == 200 and not visitor.cookies
    assert "L'établissement scolaire qui vous a remis vos identifiants" in page.text and "gestionnaire@example.org" not in page.text
    mine = durand.get(path)
    assert mine.status == 200 and "Lycée de démonstration" in mine.text
    assert 'href="mailto:gestionnaire%40example.org"' in mine.text and "04 42 00 00 00" in mine.text
    assert visitor.request("POST", path, "").status == 405


def test_the_declaration_has_its_parts(stack):
    text = Client(stack).get("/accessibilite").text
    parts = ["partiellement conforme", "État de conformité", "Résultats des tests", "Contenus non accessibles",
             "Établissement de cette déclaration", "contact", "Voies de recours", "Défenseur des droits"]
    positions = [text.index(part) for part in parts]
    assert positions == sorted(positions) and stack.url in text


def test_the_operator_is_named(own_stack):
    stack = own_stack(workers=0, config_extra={
        "listen_extra": "[site]\noperator_name = Région <Sud> & Cie\noperator_address = 27 place Jules-Guesde, Marseille\n"
                        "operator_email = site@example.org\nhost_name = Hôte « du Lac », Sète\ndpo_email = dpo@example.org\n[listen]"})
    visitor = Client(stack)
    for path in LEGAL:
        assert "Région &lt;Sud&gt; &amp; Cie" in visitor.get(path).text
    assert "Hôte « du Lac », Sète" in visitor.get("/mentions-legales").text
    assert 'href="mailto:dpo%40example.org"' in visitor.get("/donnees-personnelles").text
    assert "L'établissement scolaire qui vous a remis" not in visitor.get("/accessibilite").text
