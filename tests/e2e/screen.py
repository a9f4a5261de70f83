"""How the browser shows a kept page: width, colour scheme, forced colours, print."""
import base64
import re

HEIGHT = 900


def set_up(browser, width=1280, scheme="light", forced_colors=False):
    """Also turns the page that is shown: no second load is needed."""
    browser.execute_cdp_cmd("Emulation.setDeviceMetricsOverride",
                            {"width": width, "height": HEIGHT, "deviceScaleFactor": 1, "mobile": False})
    browser.execute_cdp_cmd("Emulation.setEmulatedMedia", {"features": [
        {"name": "prefers-color-scheme", "value": scheme},
        {"name": "forced-colors", "value": "active" if forced_colors else "none"}]})


def show(browser, address, **options):
    set_up(browser, **options)
    browser.get(address)


def forget(browser):
    """The browser as other tests expect it."""
    browser.execute_cdp_cmd("Emulation.clearDeviceMetricsOverride", {})
    browser.execute_cdp_cmd("Emulation.setEmulatedMedia", {"features": []})
    browser.get("about:blank")


def photograph(browser, path):
    size = browser.execute_script("return [innerWidth, document.documentElement.scrollHeight]")
    shot = browser.execute_cdp_cmd("Page.captureScreenshot", {
        "captureBeyondViewport": True, "clip": {"x": 0, "y": 0, "width": size[0], "height": size[1], "scale": 1}})
    path.write_bytes(base64.b64decode(shot["data"]))


def pages_printed(browser):
    """How many sheets of A4 the page on show takes."""
    printed = browser.execute_cdp_cmd("Page.printToPDF", {"preferCSSPageSize": True, "paperWidth": 8.27, "paperHeight": 11.69})
    return len(re.findall(rb"/Type\s*/Page\b", base64.b64decode(printed["data"])))


def print_page(browser, path):
    printed = browser.execute_cdp_cmd("Page.printToPDF", {"preferCSSPageSize": True})
    path.write_bytes(base64.b64decode(printed["data"]))
