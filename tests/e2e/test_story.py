"""The story: from login to two e-mails, in Chromium."""
from selenium.webdriver.common.by import By
from selenium.webdriver.support.ui import Select, WebDriverWait


def click(browser, selector):
    browser.find_element(By.CSS_SELECTOR, selector).click()


def type_into(browser, name, text):
    field = browser.find_element(By.NAME, name)
    field.clear()
    field.send_keys(text)


def arrive(browser, prefix):
    """A click returns before a chain of redirects has ended."""
    WebDriverWait(browser, 20).until(lambda b: b.current_url.startswith(prefix))


def log_in(browser, stack, login="durand"):
    browser.get(stack.url + "/aide")  # cookies are deleted for the page that is open
    browser.delete_all_cookies()
    browser.get(stack.url + "/")
    type_into(browser, "identifiant", login)
    type_into(browser, "mot_de_passe", "demo-cantine-2026")
    click(browser, "main button[type=submit]")
    arrive(browser, stack.url + "/accueil")


def test_a_parent_settles_the_claim_and_two_mails_arrive(browser, stack, bank, mails):
    log_in(browser, stack)
    assert "Jean Durand" in browser.find_element(By.TAG_NAME, "body").text
    assert "158,50" in browser.find_element(By.TAG_NAME, "body").text

    browser.find_element(By.PARTIAL_LINK_TEXT, "Créditer un compte").click()
    arrive(browser, stack.url + "/crediter")
    click(browser, "input[name=type][value=creance]")
    accounts = Select(browser.find_element(By.NAME, "compte"))
    accounts.select_by_visible_text(next(o.text for o in accounts.options if "Julia" in o.text))
    claims = Select(browser.find_element(By.NAME, "creance"))
    claims.select_by_visible_text(next(o.text for o in claims.options if "158,50" in o.text))
    type_into(browser, "courriel", "jean.durand@example.org")
    type_into(browser, "commentaires", "Veuillez trouver mon paiement. Bonne réception !")
    click(browser, "main form button[type=submit]")

    arrive(browser, stack.url + "/paiement/")
    recap = browser.find_element(By.TAG_NAME, "main").text
    reference = browser.current_url.rsplit("/", 1)[1]
    assert "Récapitulatif du paiement" in recap and reference in recap
    for text in ("158,50", "Julia", "Durand", "jean.durand@example.org", "Bonne réception !"):
        assert text in recap
    click(browser, "button[name=moyen]")

    arrive(browser, bank.url)
    assert browser.find_element(By.ID, "reference").text == reference
    assert browser.find_element(By.ID, "montant").text.startswith("158.50")
    type_into(browser, "carte", "1234567890123456")
    click(browser, "#valider")

    arrive(browser, f"{stack.url}/paiement/{reference}")
    WebDriverWait(browser, 20).until(
        lambda b: b.find_element(By.CSS_SELECTOR, "[data-state]").get_attribute("data-state") == "AUTHORISED")
    assert browser.find_element(By.CSS_SELECTOR, "[data-state]").text == "Paiement validé"

    browser.get(stack.url + "/historique")
    row = next(r for r in browser.find_elements(By.CSS_SELECTOR, "tbody tr") if "158,50" in r.text)
    assert "Julia Durand" in row.text and "Paiement validé" in row.text

    both = mails.wait_for(reference, 2)
    assert len(both) == 2
    assert sorted(recipient for mail in both for recipient in mail["to"]) == sorted(
        ["jean.durand@example.org", stack.sql("SELECT bursar_email FROM schools")[0][0]])
    bursars = next(mail for mail in both if mail["to"] != ["jean.durand@example.org"])
    assert "Bonne réception !" in bursars["text"] and "158,50" in bursars["text"]

    assert stack.sql("SELECT SUM(amount_cents) FROM ledger_entries")[0][0] == "0"
    assert stack.sql("SELECT amount_cents - settled_cents FROM claims WHERE amount_cents = 15850")[0][0] == "0"
    assert bank.calls(reference)[0]["answer"].startswith("spcheckok")


def test_a_refused_card_is_shown_and_can_be_paid_again(browser, stack, bank):
    log_in(browser, stack)
    browser.get(stack.url + "/crediter")
    click(browser, "input[name=type][value=avance]")
    Select(browser.find_element(By.NAME, "compte")).select_by_index(1)
    type_into(browser, "montant", "12,30")
    click(browser, "main form button[type=submit]")
    arrive(browser, stack.url + "/paiement/")
    first = browser.current_url.rsplit("/", 1)[1]
    click(browser, "button[name=moyen]")
    arrive(browser, bank.url)
    type_into(browser, "carte", "0000000000000000")
    click(browser, "#valider")
    arrive(browser, stack.url + "/paiement/")
    WebDriverWait(browser, 20).until(
        lambda b: b.find_element(By.CSS_SELECTOR, "[data-state]").get_attribute("data-state") == "DECLINED")
    assert browser.find_element(By.CSS_SELECTOR, "[data-state]").text == "Paiement refusé"
    click(browser, "main form[action='/crediter'] button")
    WebDriverWait(browser, 20).until(lambda b: first not in b.current_url)
    second = browser.current_url.rsplit("/", 1)[1]
    assert second != first and "12,30" in browser.find_element(By.TAG_NAME, "main").text
