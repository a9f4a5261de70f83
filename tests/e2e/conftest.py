"""Fixtures: a whole private stack on free ports, parents with a cookie jar, a bank to be told what to do, a browser."""
import os
import shutil
import sys
import tempfile
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent.parent
sys.path.insert(0, str(ROOT / "script"))
sys.path.insert(0, str(Path(__file__).resolve().parent))
sys.path.insert(0, str(ROOT / "tests/bank_simulator"))
sys.path.insert(0, str(ROOT / "tests/fault"))

from client import Bank, Mails, Parent  # noqa: E402
from second_school import add_second_school  # noqa: E402
from walk import walk  # noqa: E402
from stack import Stack, free_block, free_port  # noqa: E402

SANITIZER_MARKS = ("AddressSanitizer", "LeakSanitizer", "runtime error:", "UndefinedBehaviorSanitizer")


def make_stack(**options):
    state = Path(tempfile.mkdtemp(prefix="dp-e2e-"))
    ports = {"http": free_port(), "admin": free_block(20), "bank": free_port(), "mail": free_port(), "smtp": free_port()}
    return Stack(state, os.environ["DP_BUILD_DIR"], ports, **options)


def sanitizer_reports(stack):
    found = []
    for log in sorted((stack.state / "log").glob("dp-*.log")):
        text = log.read_text(errors="replace")
        at = min((text.find(mark) for mark in SANITIZER_MARKS if mark in text), default=-1)
        if at >= 0:
            found.append(f"{log.name}: {text[max(0, at - 200):at + 3000]}")
    return found


def finish(stack):
    """Every test of a stack ends here: our programs end by themselves with 0, and no sanitizer has spoken."""
    codes = stack.stop()
    reports = sanitizer_reports(stack)
    assert not reports, "\n".join(reports)
    for name, code in codes.items():
        if name.startswith("dp-"):
            assert code == 0, f"{name} ended with {code}: {(stack.state / 'log' / (name + '.log')).read_text()[-2000:]}"
    shutil.rmtree(stack.state, ignore_errors=True)


@pytest.fixture(scope="session")
def stack():
    """One server, one worker, for all tests that break nothing."""
    stack = make_stack(restart=False, config_extra={"listen_extra": "rate_per_second = 1000\nrate_burst = 10000"})
    try:
        stack.start()
    except BaseException:
        stack.stop()
        raise
    yield stack
    finish(stack)


@pytest.fixture(scope="module")
def module_stack():
    """A stack for all tests of a file that write what no program would."""
    stack = make_stack(restart=False, config_extra={"listen_extra": "rate_per_second = 1000\nrate_burst = 10000"})
    try:
        stack.start()
    except BaseException:
        stack.stop()
        raise
    yield stack
    finish(stack)


@pytest.fixture
def own_stack():
    """A function that starts a stack of the test's own; ended with the test."""
    stacks = []

    def start(**options):
        stack = make_stack(**{"restart": False, **options})
        stacks.append(stack)
        stack.start()
        return stack

    yield start
    for stack in stacks:
        finish(stack)


@pytest.fixture
def bank(stack):
    bank = Bank(stack)
    bank.behave()
    return bank


@pytest.fixture
def mails(stack):
    return Mails(stack)


@pytest.fixture(scope="session")
def second_school(stack):
    """Its parents are durand2 and martin2."""
    add_second_school(stack)


@pytest.fixture
def durand(stack):
    return Parent(stack, "durand").log_in()


@pytest.fixture
def martin(stack):
    return Parent(stack, "martin").log_in()


@pytest.fixture(scope="session")
def walked(tmp_path_factory):
    """Every page in each of its states, kept as files: see walk.py. Its made-up payments need a stack of their own."""
    stack = make_stack(restart=False, config_extra={"listen_extra": "rate_per_second = 1000\nrate_burst = 10000"})
    try:
        stack.start()
        bank = Bank(stack)
        bank.behave()
        pages = walk(stack, bank, Mails(stack), tmp_path_factory.mktemp("pages"))
    except BaseException:
        stack.stop()
        raise
    finish(stack)
    return pages


@pytest.fixture(scope="session")
def browser():
    from selenium import webdriver
    from selenium.webdriver.chrome.service import Service

    options = webdriver.ChromeOptions()
    options.binary_location = "/usr/bin/chromium"
    for argument in ("--headless=new", "--no-sandbox", "--disable-dev-shm-usage", "--disable-background-networking",
                     "--disable-component-update", "--disable-sync", "--no-first-run", "--window-size=1280,900"):
        options.add_argument(argument)
    driver = webdriver.Chrome(options=options, service=Service("/usr/bin/chromedriver"))
    driver.set_page_load_timeout(30)
    yield driver
    driver.quit()
