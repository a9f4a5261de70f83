"""axe-core finds nothing against WCAG 2.2 AA on any page, in any of its states, in light and in dark.

axe-core is the npm package pinned in package-lock.json beside this file; script/test installs it (npm ci).
"""
from pathlib import Path

import pytest
import screen

AXE = Path(__file__).parent / "node_modules/axe-core/axe.min.js"
WCAG = {"type": "tag", "values": ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa"]}
# What depends on colours and sizes is looked at again in the dark, on a phone.
LOOKS = {"type": "rule", "values": ["color-contrast", "target-size", "link-in-text-block"]}

RUN = """
const done = arguments[arguments.length - 1];
axe.run(document, {runOnly: arguments[0], resultTypes: ["violations"]}).then(
    found => done(found.violations.flatMap(v => v.nodes.map(n => `${v.id}: ${n.html} (${n.failureSummary})`))),
    error => done([String(error)]));
"""


@pytest.fixture(scope="module")
def axe(browser):
    """A function that runs axe on a page as it is shown."""
    source = AXE.read_text(encoding="utf-8")

    def run(only):
        if not browser.execute_script("return 'axe' in window"):
            browser.execute_script(source)
        return browser.execute_async_script(RUN, only)

    yield run
    screen.forget(browser)


def test_no_page_breaks_wcag(browser, axe, walked):
    found = []
    for name, address in walked.pages.items():
        screen.show(browser, address)
        found += [f"{name}: {violation}" for violation in axe(WCAG)]
        # A mail sets no colours: in the dark they are the mail program's, and axe takes its paper for white.
        if not name.startswith("courriel-"):
            screen.set_up(browser, width=360, scheme="dark")
            found += [f"{name}, dark, 360 px: {violation}" for violation in axe(LOOKS)]
    assert not found, "\n".join(found)


def test_axe_finds_what_is_wrong(browser, axe, walked):
    screen.show(browser, walked.pages["connexion"])
    browser.execute_script("document.querySelector('label[for=identifiant]').remove()")
    assert any(violation.startswith("label:") for violation in axe(WCAG))
