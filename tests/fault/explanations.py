"""Why a mail was caught more than once: which fault lay between its final dot and the row that says SENT."""

# Between the catcher's line and the worker's commit: the way of the 250 and of the UPDATE. A time-out is noticed one second later.
BEFORE_S, AFTER_S = 0.5, 2.0
SMTP_TARGETS = ("smtp", "smtp-replies", "mail-catcher")
WORKER_DEATHS = ("kill", "kill-before-commit", "kill-before-acknowledgement")


def is_in_the_mail_window(plan, lasted_s, lease_s):
    """Whether such a fault can keep a worker from hearing the answer to its final dot, or from writing SENT within its lease. A worker
    told to end, or whose connection to the database is cut, has no excuse."""
    if plan.target in SMTP_TARGETS or (plan.kind in WORKER_DEATHS and plan.target.startswith("dp-worker")):
        return True
    holds_up = plan.target.startswith("dp-worker") or plan.target == "mariadb" or (plan.kind == "disk-full" and plan.target == "db")
    return holds_up and lasted_s > lease_s / 2


class Explanations:
    """`faults`: (plan, wall clock when it began, when it was healed)."""

    def __init__(self, faults, lease_s):
        self.faults = [fault for fault in faults if is_in_the_mail_window(fault[0], fault[2] - fault[1], lease_s)]
        self.told = []

    def explain(self, copies):
        """A reason for each copy but the last, or None."""
        reasons = [self._reason(copy["at"]) for copy in sorted(copies, key=lambda copy: copy["at"])[:-1]]
        if not all(reasons):
            return None
        self.told.append({"message_id": copies[0]["message_id"], "copies": len(copies), "because": reasons})
        return reasons

    def _reason(self, at):
        """The fault nearest to the moment at which the copy was taken."""
        near = [(abs(begun - at), f"{plan.kind} {plan.target}") for plan, begun, ended in self.faults
                if begun - AFTER_S <= at <= ended + BEFORE_S]
        return min(near)[1] if near else None
