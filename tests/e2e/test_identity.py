"""A school's own look: which files its pages load, and how these are served."""
import hashlib
import re

import pytest
from client import Client
from test_story import arrive

FILE = re.compile(r'"(/ecole/[0-9a-f]{32}\.(?:css|png|webp))"')


@pytest.fixture
def files(durand):
    return FILE.findall(durand.get("/accueil").text)


def test_pages_of_a_school_load_its_sheet_and_logo(durand, files):
    assert [path.rsplit(".", 1)[1] for path in files] == ["css", "png"]
    text = durand.get("/historique").text
    assert FILE.findall(text) == files and text.index("/statique/site.") < text.index(files[0])
    assert f'<img class="logo" src="{files[1]}" alt="" width="40" height="40">' in text
    assert "Lycée de démonstration" in text


def test_pages_without_a_school_have_the_sites_own_look(stack):
    text = Client(stack).get("/connexion").text
    assert "/ecole/" not in text and 'class="logo"' not in text


def test_a_school_without_identity_keeps_the_sites_own_look(stack, durand):
    (hashes,) = stack.sql("SELECT sheet_hash, logo_hash FROM schools WHERE uai = '0130000A'")
    stack.sql("UPDATE schools SET sheet_hash = NULL, logo_hash = NULL WHERE uai = '0130000A'")
    try:
        text = durand.get("/accueil").text
        assert "/ecole/" not in text and 'class="logo"' not in text and "Lycée de démonstration" in text
    finally:
        stack.sql(f"UPDATE schools SET sheet_hash = '{hashes[0]}', logo_hash = '{hashes[1]}' WHERE uai = '0130000A'")


@pytest.mark.parametrize("index, kind", [(0, "text/css; charset=utf-8"), (1, "image/png")])
def test_files_are_kept_for_ever_under_their_hash(stack, files, index, kind):
    visitor, path = Client(stack), files[index]
    answer = visitor.request("GET", path, headers={"Accept": "*/*"})
    assert answer.status == 200 and answer.headers["Content-Type"] == kind
    assert answer.headers["Cache-Control"] == "public, max-age=31536000, immutable" and not answer.headers.get("Set-Cookie")
    assert answer.headers["X-Content-Type-Options"] == "nosniff"
    digits = re.search(r"[0-9a-f]{32}", path).group()
    assert answer.headers["ETag"] == f'"{digits}"' and hashlib.sha256(answer.body).hexdigest()[:32] == digits
    head = visitor.request("HEAD", path)
    assert head.status == 200 and head.body == b"" and head.headers["Content-Length"] == str(len(answer.body))
    again = visitor.request("GET", path, headers={"If-None-Match": f'W/"{digits}"'})
    assert again.status == 304 and again.body == b"" and again.headers["ETag"] == f'"{digits}"'
    assert visitor.request("GET", path, headers={"If-None-Match": '"other"'}).status == 200
    assert visitor.request("POST", path, "").status == 405


def test_other_names_are_not_found(stack, files):
    sheet, logo = files
    for path in ("/ecole/", "/ecole/1.css", "/ecole/x", f"{sheet[:-4]}.png", f"{logo[:-4]}.webp", f"{logo[:-4]}.svg", sheet[:-4],
                 sheet.upper().replace("/ECOLE/", "/ecole/"), "/ecole/" + "0" * 32 + ".css", f"{sheet}.css", f"{sheet[:-4]}%00.css",
                 "/ecole/" + "'" * 32 + ".css", "/ecole/..%2f..%2fdp.conf"):
        assert Client(stack).request("GET", path).status in (404, 400), path


def test_the_accents_reach_the_page(browser, stack):
    """The sheet is accepted under the security policy, and wins over the site's own."""
    browser.execute_cdp_cmd("Network.clearBrowserCookies", {})
    browser.get(stack.url + "/connexion")
    for name, text in (("identifiant", "durand"), ("mot_de_passe", "demo-cantine-2026")):
        browser.find_element("name", name).send_keys(text)
    browser.find_element("css selector", "main button[type=submit]").click()
    arrive(browser, stack.url + "/accueil")
    style = "return getComputedStyle(document.documentElement).getPropertyValue('--accent').trim()"
    colours = {}
    for scheme in ("light", "dark"):
        browser.execute_cdp_cmd("Emulation.setEmulatedMedia", {"features": [{"name": "prefers-color-scheme", "value": scheme}]})
        colours[scheme] = browser.execute_script(style)
    browser.execute_cdp_cmd("Emulation.setEmulatedMedia", {"media": "print", "features": []})
    colours["print"] = browser.execute_script(style)
    browser.execute_cdp_cmd("Emulation.setEmulatedMedia", {"media": "", "features": []})
    assert colours == {"light": "#7b2d5e", "dark": "#b78da7", "print": "#000"}
    logo = browser.find_element("css selector", "img.logo")
    assert browser.execute_script("return arguments[0].naturalWidth", logo) == 96 and logo.size["height"] == 40
    browser.execute_cdp_cmd("Network.clearBrowserCookies", {})
