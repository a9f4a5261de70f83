"""Everything else a family does on the site, in Chromium: lost passwords, contact details, history, devices, help, and staff."""
import re

from client import Parent, until
from selenium.webdriver.common.by import By
from selenium.webdriver.support.ui import Select, WebDriverWait
from test_story import arrive, click, log_in, type_into

PASSWORD = "demo-cantine-2026"


def text(browser):
    return browser.find_element(By.TAG_NAME, "main").text


def test_a_lost_password_is_replaced_by_mail(browser, stack, mails):
    before = len(mails.all())
    browser.get(stack.url + "/aide")
    browser.delete_all_cookies()
    browser.get(stack.url + "/connexion")
    browser.find_element(By.LINK_TEXT, "Mot de passe oublié ?").click()
    arrive(browser, stack.url + "/mot-de-passe-oublie")
    type_into(browser, "identifiant", "commensal")
    click(browser, "main form button[type=submit]")
    WebDriverWait(browser, 20).until(lambda b: not b.find_elements(By.NAME, "identifiant"))
    link = until("the mail", lambda: [m for mail in mails.all()[before:] for m in re.findall(r"http\S+/mot-de-passe/[\w-]{43}", mail["text"])])[0]

    browser.get(link)
    type_into(browser, "mot_de_passe", PASSWORD)
    type_into(browser, "confirmation", PASSWORD)
    click(browser, "main form button[type=submit]")
    arrive(browser, stack.url + "/connexion")
    type_into(browser, "identifiant", "commensal")
    type_into(browser, "mot_de_passe", PASSWORD)
    click(browser, "main button[type=submit]")
    arrive(browser, stack.url + "/accueil")
    browser.get(link)
    assert "plus valable" in text(browser) or "expiré" in text(browser) or "déjà" in text(browser)


def test_contact_details_are_changed(browser, stack):
    log_in(browser, stack, "martin")
    browser.find_element(By.PARTIAL_LINK_TEXT, "Modifier mes coordonnées").click()
    arrive(browser, stack.url + "/coordonnees")
    old = browser.find_element(By.NAME, "ville").get_attribute("value")
    type_into(browser, "ville", "Saint-Rémy-de-Provence")
    click(browser, "main form button[type=submit]")
    arrive(browser, stack.url + "/accueil")
    assert "enregistrées" in text(browser) and "Saint-Rémy-de-Provence" in text(browser)
    stack.sql(f"UPDATE users SET city = '{old}' WHERE login = 'martin'")


def test_the_history_is_narrowed_and_taken_away(browser, stack):
    parent = Parent(stack, "durand").log_in()
    created = parent.credit("21,21")
    log_in(browser, stack)
    browser.find_element(By.PARTIAL_LINK_TEXT, "Consulter mon historique").click()
    arrive(browser, stack.url + "/historique")
    Select(browser.find_element(By.NAME, "etat")).select_by_value("attente")
    click(browser, "main form button[type=submit]")
    arrive(browser, stack.url + "/historique?")
    states = {tag.get_attribute("data-state") for tag in browser.find_elements(By.CSS_SELECTOR, "tbody [data-state]")}
    assert states <= {"CREATED", "PENDING"} and "21,21" in text(browser)
    address = browser.find_element(By.PARTIAL_LINK_TEXT, "tableur").get_attribute("href")
    lines = parent.get(address.removeprefix(stack.url)).body.decode("utf-8-sig").splitlines()
    assert any(created in line and "21,21" in line for line in lines) and all("validé" not in line for line in lines)


def test_other_devices_are_logged_out(browser, stack):
    telephone = Parent(stack, "martin").log_in()
    log_in(browser, stack, "martin")
    browser.get(stack.url + "/historique/connexions")
    assert "127.0.0" in text(browser)
    click(browser, "form[action='/historique/connexions/deconnecter'] button")
    WebDriverWait(browser, 20).until(lambda b: b.find_elements(By.CSS_SELECTOR, "[role=status]"))
    assert telephone.get("/accueil").location.startswith("/connexion")
    browser.get(stack.url + "/accueil")
    assert browser.current_url == stack.url + "/accueil"


def test_help_answers_where_the_question_arises(browser, stack):
    browser.get(stack.url + "/aide")
    browser.delete_all_cookies()
    browser.get(stack.url + "/connexion")
    browser.find_element(By.PARTIAL_LINK_TEXT, "oubli des identifiants").click()
    arrive(browser, stack.url + "/aide#oubli")
    top = browser.execute_script("return document.getElementById('oubli').getBoundingClientRect().top")
    assert 0 <= top < browser.execute_script("return innerHeight")


def test_staff_pay_for_their_own_account(browser, stack, bank):
    log_in(browser, stack, "commensal")
    browser.find_element(By.PARTIAL_LINK_TEXT, "Créditer un compte").click()
    arrive(browser, stack.url + "/crediter")
    assert "élève" not in text(browser)
    click(browser, "input[name=type][value=avance]")
    type_into(browser, "montant", "33,30")
    click(browser, "main form button[type=submit]")
    arrive(browser, stack.url + "/paiement/")
    click(browser, "button[name=moyen]")
    arrive(browser, bank.url)
    click(browser, "#valider")
    arrive(browser, stack.url + "/paiement/")
    WebDriverWait(browser, 20).until(
        lambda b: b.find_element(By.CSS_SELECTOR, "[data-state]").get_attribute("data-state") == "AUTHORISED")
