"""A second school beside the demonstration one: the same people with a 2 behind their logins, another merchant at the bank."""
import shutil
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent.parent
OTHER_MERCHANT = "00000000000001-02"


def add_second_school(stack):
    folder = stack.state / "second-school"
    shutil.copytree(ROOT / "schema/demo", folder)
    for name, changes in {"school.ini": (("0130000A", "0130000B"), ("00000000000001-01", OTHER_MERCHANT), ("= dem", "= two")),
                          "families.csv": (("durand", "durand2"), ("martin", "martin2"), ("commensal;comm", "commensal2;comm"))}.items():
        text = (folder / name).read_text(encoding="utf-8")
        for old, new in changes:
            assert old in text, (name, old)
            text = text.replace(old, new)
        (folder / name).write_text(text, encoding="utf-8")
    stack.admin("import", folder, "--bank-url", f"http://127.0.0.1:{stack.ports['bank']}/paiement/init.do")
