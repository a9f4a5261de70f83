"""Nothing lost, nothing doubled: what the runs of the benchmarks end with.

`check_calls` compares what dp-server has acknowledged with its stream and its journal; `check_mails` what stands in the outbox with
what the mail server took, by the checker of the fault tests.
"""
import collections
import re
import sys
import time
from pathlib import Path
from types import SimpleNamespace

TESTS = Path(__file__).resolve().parent.parent
sys.path[:0] = [str(TESTS / "fault"), str(TESTS / "e2e"), str(TESTS / "bank_simulator"), str(TESTS.parent / "script")]

import checker  # noqa: E402
from stack import run  # noqa: E402
from tables import rows  # noqa: E402

STREAM_ID = re.compile(rb"^id\n([0-9a-f]{64})$", re.MULTILINE)
MAGIC, HEAD, TAIL = b"DPJ1", 56, 8  # common/journal_record.h
SETTLE_S = 0.5  # for calls whose caller left with the end of the load


def stream_ids(stack):
    entries = run(["redis-cli", "-s", stack.redis_socket, "--raw", "XRANGE", "dp:events", "-", "+"]).stdout
    return [match.decode() for match in STREAM_ID.findall(entries.encode())]


def segment_ids(data):
    at = 0
    while at < len(data):
        assert data[at:at + 4] == MAGIC, f"no record at {at}"
        yield data[at + 16:at + 48].hex()
        at += HEAD + int.from_bytes(data[at + 4:at + 8], "little") + TAIL


def journal_ids(stack):
    return [ident for path in (stack.state / "journal").rglob("*.log") for ident in segment_ids(path.read_bytes())]


def check_calls(stack, acknowledged, under_way_max):
    """Each acknowledged call is in the stream once and in the journal once, and nothing else is but what was under way at the end."""
    time.sleep(SETTLE_S)
    stream, journal = stream_ids(stack), journal_ids(stack)
    for name, found in (("stream", stream), ("journal", journal)):
        twice = [ident for ident, count in collections.Counter(found).items() if count > 1]
        assert not twice, f"{len(twice)} calls stand in the {name} more than once: {twice[:3]}"
        assert acknowledged <= len(found) <= acknowledged + under_way_max, (name, len(found), acknowledged)
    assert set(stream) == set(journal), f"{len(set(stream) ^ set(journal))} calls stand in one of stream and journal only"


def check_mails(stack, taken, first_id):
    """`taken`: "message-id recipient" of each mail that the server took. No second copy has an excuse here."""
    copies = collections.defaultdict(list)
    for line in taken.read_text().splitlines():
        message_id, recipient = line.split(" ")
        copies[message_id].append({"to": [recipient], "digest": ""})
    outbox = rows(stack, "id, kind, transaction_id, review_id, recipient, status, attempt", f"mail_outbox WHERE id >= {first_id}")
    evidence = SimpleNamespace(tables=SimpleNamespace(outbox=outbox), mails=copies)
    faults = [*checker.check_mails(evidence, lambda repeated: None), *(row for row in outbox if row.attempt != "1")]
    assert not faults, f"{len(faults)} faults: {faults[:3]}"
