"""What happens while a program is armed. A scenario is a generator: what it does before its first yield is prepared with everything
unarmed; after it, each yield is a moment to see whether the program has died. What it takes away it gives back when it is closed."""
import signal
import time

from crash_drill import GONE, Parent, quoted, spplus
from redis_dump import make_old

DUE_S = 1.2   # a record of the journal is due after a second
IDLE_S = 0.6  # an entry may be claimed after 0.4 s
LONG_S = 30


def linger(seconds=LONG_S):
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        time.sleep(0.02)
        yield


def some_calls(drill, purchases):
    for purchase in purchases:
        for report in drill.reports(purchase):
            yield report


# --- the bank calls, parents pay ---------------------------------------------------------------------------------------


def calls(drill, occurrence):
    """Of payments made before: nothing but the bank speaks to the server."""
    purchases = [drill.buy() for _ in range(occurrence // 4 + 1)]
    yield
    for report in some_calls(drill, purchases):
        drill.call(*report)
        yield
    yield from linger()


def repeats(drill, occurrence):
    """The same call again and again."""
    report = next(drill.reports(drill.buy()))
    yield
    for _ in range(occurrence + 1):
        drill.call(*report)
        yield
    yield from linger(5)


def pages(drill, occurrence):
    """A form offers a family's claims up to a limit, so only some of these payments, which nobody settles, have one."""
    yield
    for number in range(occurrence + 1):
        drill.buy(claim=number % 4 == 0)
        yield
    yield from linger(5)


def traffic(drill, occurrence):
    """Parents pay and the bank calls, as long as it takes."""
    yield
    for _ in range(8 * occurrence + 8):
        purchase = drill.buy()
        yield
        for report in drill.reports(purchase):
            drill.call(*report)
            yield
    yield from linger()


def long_calls(drill, occurrence):
    """Eight of them fill a segment."""
    yield
    for _ in range(9 * occurrence + 9):
        drill.big_call()
        yield
    yield from linger(5)


# --- starts ------------------------------------------------------------------------------------------------------------


def after_a_kill(drill, occurrence):
    """The server has died with calls that its journal has not let go."""
    purchase = drill.buy()
    for report in drill.reports(purchase):
        drill.call(*report)
    drill.kill("server")
    yield
    yield from linger()


def three_journals(drill, occurrence):
    """Three servers die with full journals while Redis is down; the first that comes back adopts them all."""
    purchases = [drill.buy() for _ in range(4)]
    drill.launch("server", 1)
    drill.launch("server", 2)
    drill.halt("worker")
    drill.stack.children.pop("redis").stop()
    for report in some_calls(drill, purchases):
        drill.call(*report)
    for instance in range(3):
        drill.kill("server", instance)
    for instance in (1, 2):
        drill.stack.children.pop(f"dp-server-{instance}")
    yield
    yield from linger()


def due_and_unknown(drill, occurrence):
    """Calls in the journal of a dead server that no worker has applied and the stream has lost."""
    purchases = [drill.buy() for _ in range(occurrence // 4 + 1)]
    drill.halt("worker")
    for report in some_calls(drill, purchases):
        drill.call(*report)
    drill.kill("server")
    drill.stack.redis("DEL", "dp:events")
    time.sleep(DUE_S)
    yield
    yield from linger()


def due_and_applied(drill, occurrence):
    """Calls in the journal of a dead server that are in the inbox."""
    purchases = [drill.buy() for _ in range(occurrence // 4 + 1)]
    for report in some_calls(drill, purchases):
        drill.call(*report)
    drill.kill("server")
    time.sleep(DUE_S)
    yield
    yield from linger()


# --- ends --------------------------------------------------------------------------------------------------------------


def server_is_stopped(drill, occurrence):
    purchases = [drill.buy() for _ in range(2)]
    yield
    for report in some_calls(drill, purchases):
        drill.call(*report)
        yield
    drill.child("server").send_signal(signal.SIGTERM)
    yield from linger()


def worker_is_stopped(drill, occurrence):
    purchases = [drill.buy() for _ in range(2)]
    yield
    for report in some_calls(drill, purchases):
        drill.call(*report)
        yield
    drill.child("worker").send_signal(signal.SIGTERM)
    yield from linger()


# --- what the worker does beside payments --------------------------------------------------------------------------------


def ghost(drill, occurrence):
    """Another consumer has read the entries, and is gone."""
    purchases = [drill.buy() for _ in range(occurrence + 1)]
    drill.halt("worker")
    for report in some_calls(drill, purchases):
        drill.call(*report)
    drill.stack.redis("XREADGROUP", "GROUP", "workers", "ghost", "COUNT", "1000", "STREAMS", "dp:events", ">")
    time.sleep(IDLE_S)
    yield
    yield from linger()


def poison(drill, occurrence):
    drill.halt("worker")
    drill.poison(occurrence)
    purchase = drill.buy()
    for report in drill.reports(purchase):
        drill.call(*report)
    yield
    yield from linger()


def lost_group(drill, occurrence):
    yield
    for _ in range(occurrence):
        drill.stack.redis("XGROUP", "DESTROY", "dp:events", "workers")
        for _moment in linger(10):
            yield
            if "workers" in drill.stack.redis("XINFO", "GROUPS", "dp:events"):
                break
    yield from linger(5)


def old_consumers(drill, occurrence):
    """Consumers that nobody has heard of for two hours."""
    names = [f"gone{number}" for number in range(occurrence)]
    for name in names:
        drill.stack.redis("XGROUP", "CREATECONSUMER", "dp:events", "workers", name)
    make_old(drill.stack.redis_socket, "dp:events", names, 2 * 3600 * 1000)
    yield
    yield from linger()


def expiry(drill, occurrence):
    """Payments past their end, some sent to the bank; it accepts one after all."""
    purchases = [drill.buy(send=number % 2 == 0) for number in range(4)]
    drill.halt("worker")
    drill.hurried = True
    drill.stack.sql("UPDATE transactions SET expires_at = UTC_TIMESTAMP(6) - INTERVAL 1 HOUR, created_at = UTC_TIMESTAMP(6) - INTERVAL 25 HOUR "
                    f"WHERE reference IN ({quoted(purchase.reference for purchase in purchases)})")
    yield
    for report in drill.reports(purchases[0]):
        drill.call(*report)
        yield
    yield from linger()


def silent_bank(drill, occurrence):
    """The cards are typed and the bank never calls: it is asked."""
    drill.bank.behave(mode="none")
    purchases = [drill.buy() for _ in range(occurrence + 1)]
    for purchase in purchases:
        drill.bank.type_card(purchase.reference, spplus.CARD_ACCEPTED)
        drill.asked.add(purchase.reference)
        purchase.paid = purchase.is_called = True
    drill.bank.behave()
    drill.halt("worker")
    drill.hurried = True
    drill.stack.sql("UPDATE transactions SET sent_at = sent_at - INTERVAL 4 MINUTE WHERE reference IN "
                    f"({quoted(purchase.reference for purchase in purchases)})")
    yield
    yield from linger()


# --- mails ---------------------------------------------------------------------------------------------------------------


def resets(drill, occurrence):
    """Forgotten passwords; a person gets three mails an hour, so the earlier ones are made old."""
    yield
    for number in range(6 * occurrence + 12):
        forget(drill, number)
        yield
    yield from linger()


def forget(drill, number):
    if number % 3 == 0:
        drill.stack.sql("UPDATE mail_outbox SET created_at = created_at - INTERVAL 2 HOUR WHERE kind = 'PASSWORD_RESET' AND status = 'SENT'")
    drill.forget_password(("durand", "martin", "commensal")[number % 3])


def refused_resets(drill, occurrence):
    """The link of a mail that was not taken must not work."""
    drill.refuse_mails(*["451 4.3.0 later"] * 30)
    yield
    for number in range(occurrence + 1):
        forget(drill, number)
        yield
    yield from linger()


def refused_mails(drill, occurrence):
    drill.refuse_mails(*["451 4.3.0 later", "550 5.1.1 nobody here"] * 30)
    yield from traffic(drill, occurrence)


def slow_mails(drill, occurrence):
    """The mail server hangs: what was claimed with the first mail goes back."""
    catcher = drill.stack.children["mail-catcher"]
    drill.halt("worker")
    purchases = [drill.buy() for _ in range(4)]
    for report in some_calls(drill, purchases):
        drill.call(*report)
    drill.hurried = True
    catcher.send_signal(signal.SIGSTOP)
    try:
        yield
        yield from linger()
    finally:
        catcher.send_signal(signal.SIGCONT)


def notices(drill, occurrence):
    """Somebody changes their address: the old one is told."""
    parent = Parent(drill.stack, "martin").log_in()
    yield
    for number in range(occurrence + 1):
        change_address(parent)
        yield
    yield from linger()


def given_up(drill, occurrence):
    """Payments left at the bank are given up; after the kill the last one is paid all the same. Two may be of one batch."""
    yield
    for _ in range(2 * occurrence + 2):
        give_up(drill.buy())
        yield
    yield from linger()


def give_up(purchase):
    try:
        if purchase.request:
            assert purchase.parent.submit(f"/paiement/{purchase.reference}/abandonner", {}).status == 303
    except GONE:
        pass


def change_address(parent):
    names = ("nom", "prenom", "adresse1", "adresse2", "code_postal", "ville", "telephone")
    try:
        form = parent.get("/coordonnees").page.fields
        fields = {name: form[name] for name in names}
        assert parent.submit("/coordonnees", {**fields, "courriel": f"martin{time.time_ns()}@example.org"}).status == 303
    except GONE:
        pass
