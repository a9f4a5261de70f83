"""A repeated mail is excused by what could part its final dot from SENT, and by nothing else."""
import pytest
from explanations import Explanations
from schedule import FaultPlan

pytestmark = pytest.mark.smoke
LEASE_S, AT = 15, 1000.0


def fault(kind, target, begun, ended=None):
    return FaultPlan(0.0, kind, target, 0.0, 0), AT + begun, AT + (begun if ended is None else ended)


@pytest.mark.parametrize("faults, excused", [
    ([], False),
    ([fault("kill", "dp-worker-0", 0.3)], True),
    ([fault("kill", "dp-worker-0", 9.0)], False),
    ([fault("kill", "dp-worker-0", -9.0)], False),
    ([fault("kill", "dp-server-0", 0.3)], False),
    ([fault("terminate", "dp-worker-0", 0.3)], False),
    ([fault("line-reset", "mariadb", 0.1)], False),
    ([fault("line-reset", "redis", 0.1)], False),
    ([fault("line-answers-lost", "smtp", -1.0, 0.4)], True),
    ([fault("line-answers-lost", "smtp", -3.0, -1.0)], False),
    ([fault("mail-slow", "smtp-replies", -2.0, 3.0)], True),
    ([fault("down", "mariadb", 1.0, 8.0), fault("kill", "dp-worker-1", 9.0)], True),
    ([fault("down", "mariadb", 1.0, 8.0), fault("kill", "dp-worker-1", 12.0)], False),
    ([fault("stop", "dp-worker-1", 0.1, 20.0)], True),
])
def test_what_excuses_a_copy(faults, excused):
    copies = [{"at": AT, "message_id": "a"}, {"at": AT + 30, "message_id": "a"}]
    assert bool(Explanations(faults, LEASE_S).explain(copies)) == excused
