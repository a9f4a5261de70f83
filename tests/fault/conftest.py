"""The fault suite imports what the end-to-end tests use. It runs programs built without sanitizers (libfaketime needs that)."""
import os
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent.parent
for folder in ("script", "tests/e2e", "tests/bank_simulator", "tests/fault"):
    sys.path.insert(0, str(ROOT / folder))


@pytest.fixture(scope="session")
def build():
    return os.environ["DP_BUILD_DIR"]


@pytest.fixture
def results(tmp_path):
    """Where the logs of a failing seed are kept."""
    return Path(os.environ.get("DP_STATE_DIR", tmp_path)) / "fault"
