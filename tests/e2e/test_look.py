"""How pages look: nothing overflows, what is read in order stands in order, the keyboard goes the same way, pages are light.

To see for yourself: DP_SCREENSHOT_DIR=/tmp/pages script/test e2e -k look
writes every page in each state at 360 and 1280 px, some in the dark and in forced colours, and what is printed as PDF.
"""
import os
from pathlib import Path

import pytest
import screen
from selenium.webdriver.common.by import By
from selenium.webdriver.common.keys import Keys

WIDTHS = (320, 360, 1280)
WIDTH_OF_LARGE_TEXT = 640  # 200 % on a screen of 1280: a larger text moves the break-points too
CSS_BYTES_MAX, PAGE_BYTES_MAX = 12 * 1024, 30_000

OVERFLOW = "return document.scrollingElement.scrollWidth - document.documentElement.clientWidth"

# Each visible text, in the order of the document, stands below or beside the one before it. What warns of the session's end
# lies over the page.
OUT_OF_ORDER = """
const found = [], walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
let last = null;
for (let node = walker.nextNode(); node; node = walker.nextNode()) {
    const parent = node.parentElement;
    if (!node.data.trim() || parent.closest("select, textarea, .hidden, .skip, .session") || !parent.checkVisibility()) continue;
    const range = document.createRange();
    range.selectNodeContents(node);
    const box = range.getBoundingClientRect();
    if (!box.height) continue;
    if (last && box.bottom <= last.top) found.push(`${node.data.trim()} above ${last.text}`);
    last = {top: box.top, text: node.data.trim()};
}
return found;
"""

FOCUSABLE = "a[href], button, input:not([type=hidden]), select, textarea"
# What a keyboard reaches, in the order of the document; those above the one before are out of order.
TAB_ORDER = f"""
const found = [];
let last = null;
for (const element of document.querySelectorAll("{FOCUSABLE}, [tabindex]")) {{
    if (element.tabIndex > 0) found.push(`tabindex of ${{element.outerHTML}}`);
    if (element.tabIndex < 0 || element.closest(".skip, .session") || !element.checkVisibility()) continue;
    const box = element.getBoundingClientRect();
    if (last && box.bottom <= last.top) found.push(`${{element.outerHTML}} is above the one before`);
    last = box;
}}
return found;
"""
FOCUSED = """
const element = document.activeElement, box = element.getBoundingClientRect(), style = getComputedStyle(element);
return [element.outerHTML, style.outlineStyle !== "none" && parseFloat(style.outlineWidth) >= 2,
        box.bottom > 0 && box.top < innerHeight];
"""


@pytest.fixture(scope="module")
def page(browser):
    yield browser
    screen.forget(browser)


def photograph_all(page, walked, folder):
    folder.mkdir(parents=True, exist_ok=True)
    for name, address in walked.pages.items():
        for label, options in (("360", {"width": 360}), ("1280", {}), ("360-dark", {"width": 360, "scheme": "dark"}),
                               ("360-forced", {"width": 360, "forced_colors": True})):
            screen.show(page, address, **options)
            screen.photograph(page, folder / f"{name}-{label}.png")
    for name in ("recapitulatif", "recapitulatif-quatre-lignes", "paiement-authorised", "historique"):
        screen.show(page, walked.pages[name])
        screen.print_page(page, folder / f"{name}.pdf")


@pytest.fixture(scope="module")
def measured(page, walked):
    """{what: [where it is wrong]}, each page being loaded once."""
    found = {"overflow": [], "reading": [], "keyboard": []}
    for name, address in walked.pages.items():
        screen.show(page, address, width=360)
        found["reading"] += [f"{name}: {line}" for line in page.execute_script(OUT_OF_ORDER)]
        found["keyboard"] += [f"{name}: {line}" for line in page.execute_script(TAB_ORDER)]
        for width in WIDTHS:
            screen.set_up(page, width=width)
            if page.execute_script(OVERFLOW) > 0:
                found["overflow"].append(f"{name} at {width} px")
        page.execute_script("document.documentElement.style.fontSize = '200%'")
        screen.set_up(page, width=WIDTH_OF_LARGE_TEXT)
        if page.execute_script(OVERFLOW) > 0:
            found["overflow"].append(f"{name} with text at 200 %")
    if "DP_SCREENSHOT_DIR" in os.environ:
        photograph_all(page, walked, Path(os.environ["DP_SCREENSHOT_DIR"]))
    return found


@pytest.mark.parametrize("what", ["overflow", "reading", "keyboard"])
def test_nothing_overflows_and_what_is_seen_is_what_is_read(measured, what):
    assert not measured[what], "\n".join(measured[what])


@pytest.mark.parametrize("name", ["connexion", "accueil", "crediter", "recapitulatif", "paiement-pending"])
def test_the_keyboard_reaches_everything_and_shows_where_it_is(page, walked, name):
    screen.show(page, walked.pages[name])
    expected = [element.get_attribute("outerHTML") for element in page.find_elements(By.CSS_SELECTOR, FOCUSABLE)
                if element.get_attribute("tabindex") != "-1" and element.get_attribute("type") != "radio"
                and not element.find_elements(By.XPATH, "ancestor::*[@class='session']")]  # hidden until its time
    reached = []
    for _ in range(len(expected) + 1):
        page.switch_to.active_element.send_keys(Keys.TAB)
        html, outlined, in_view = page.execute_script(FOCUSED)
        assert outlined and in_view, html
        if 'type="radio"' not in html:
            reached.append(html)
        if len(reached) == len(expected):
            break
    assert reached == expected


def test_a_refused_form_has_the_focus_on_what_is_wrong(page, walked):
    screen.show(page, walked.pages["crediter-erreurs"])
    assert page.title.startswith("Erreur")
    assert page.switch_to.active_element.get_attribute("role") == "alert"
    page.switch_to.active_element.send_keys(Keys.TAB)
    assert page.switch_to.active_element.get_attribute("href").endswith("#type")


@pytest.mark.parametrize("name", ["recapitulatif", "recapitulatif-commensal", "paiement-authorised"])
def test_what_is_printed_is_one_sheet(page, walked, name):
    screen.show(page, walked.pages[name])
    assert screen.pages_printed(page) == 1


def test_pages_are_light(walked):
    css = [size for path, (_, size) in walked.assets.items() if path.startswith("/statique/site.")]
    assert len(css) == 1 and css[0] < CSS_BYTES_MAX
    heavy = {name: size for name, size in walked.weights.items() if size >= PAGE_BYTES_MAX}
    assert not heavy


def test_nothing_moves_and_nothing_runs(walked):
    for name, address in walked.pages.items():
        text = Path(address.removeprefix("file://")).read_text(encoding="utf-8")
        assert "<script" not in text and "javascript:" not in text, name
        assert "transition" not in text and "animation" not in text, name
