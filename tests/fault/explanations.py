"""Why a mail was caught more than once: which fault lay between its final dot and the row that says SENT."""

# Between the catcher's line and the worker's commit: the way of the 250 and of the UPDATE. A time-out is noticed one second later.
BEFORE_S, AFTER_S = 0.5, 2.0
SMTP_TARGETS = ("smtp", "smtp-replies", "mail-catcher")
WORKER_DEATHS = ("kill", "kill-before-commit", "kill-before-acknowledgement")


def parts_the_answer(plan):
    """Whether such a fault can keep a worker from hearing the answer to its final dot, or end it before it has written SENT. A worker
    told to end, or whose connection to the database is cut, has no excuse."""
    return plan.target in SMTP_TARGETS or (plan.kind in WORKER_DEATHS and plan.target.startswith("dp-worker"))


def holds_up(plan):
    """Whether such a fault makes the time longer that passes between the two."""
    return plan.target in ("mariadb", "db") or (plan.kind == "stop" and plan.target.startswith("dp-worker"))


class Explanations:
    """`faults`: (plan, wall clock when it began, when it was healed)."""

    def __init__(self, faults, lease_s):
        self.lease_s = lease_s
        self.parting = [fault for fault in faults if parts_the_answer(fault[0])]
        self.holding = sorted((fault for fault in faults if holds_up(fault[0])), key=lambda fault: fault[1])
        self.told = []

    def explain(self, copies):
        """A reason for each copy but the last, or None."""
        reasons = [self._reason(copy["at"]) for copy in sorted(copies, key=lambda copy: copy["at"])[:-1]]
        if not all(reasons):
            return None
        self.told.append({"message_id": copies[0]["message_id"], "copies": len(copies), "because": reasons})
        return reasons

    def _window_end(self, at):
        """Until when the row may not say SENT yet, for all that the worker could do."""
        end = at + AFTER_S
        for _, begun, ended in self.holding:
            if begun <= end and ended >= at:
                end = max(end, ended + AFTER_S)
        return end

    def _reason(self, at):
        """The fault nearest to the moment at which the copy was taken; failing that, a delay beyond the lease."""
        end = self._window_end(at)
        near = [(abs(begun - at), f"{plan.kind} {plan.target}") for plan, begun, ended in self.parting
                if begun <= end and ended + BEFORE_S >= at]
        if near:
            return min(near)[1]
        return "held up beyond its lease" if end - at > self.lease_s else None
