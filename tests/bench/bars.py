"""The bars: what was aimed at, what was measured, and whether that is enough."""
import growth
import measure
import report

FASTIFY, PHP, NGINX = "Fastify 4", "PHP-FPM 8.2", "nginx `return 200`"
NODE_SET, NODE_SINGLE, BULLMQ = ("Node, set-based, 100 at once", "Node, one transaction an event, 16 at once", "BullMQ, 16 at once")
US, BULK, BULK_TWO = "dp-worker", "bulk limit of MariaDB, 1 connection", "bulk limit of MariaDB, 2 connections"
ONE, TWO = "dp-worker, one consumer each", "dp-worker × 2, one consumer each"


def against(peer, field, inverse=False):
    """The median of the turns' ratios: ours divided by the peer's."""
    def value(results):
        ours, *_ = results.values()
        pair = (results[peer], ours) if inverse else (ours, results[peer])
        return measure.median(measure.ratios(*(report.column(turns, field) for turns in pair)))
    return value


def two_to_one(results):
    return measure.median(measure.ratios(report.column(results[TWO], "per_second"), report.column(results[ONE], "per_second")))


def least_margin(results):
    """The nearest peer's p99 divided by ours; nginx keeps nothing and is no peer in this."""
    ours, *_ = results.values()
    return min(measure.median(measure.ratios(report.column(turns, "p99_us"), report.column(ours, "p99_us")))
               for name, turns in results.items() if name in (FASTIFY, PHP))


AT_MOST, AT_LEAST = "≤", "≥"
BARS = [
    ("callback", "CPU per call to Fastify's", AT_MOST, 1 / 4, against(FASTIFY, "web_cpu")),
    ("callback", "CPU per call to PHP-FPM's", AT_MOST, 1 / 15, against(PHP, "web_cpu")),
    ("callback", "CPU per call to nginx's", AT_MOST, 1.5, against(NGINX, "web_cpu")),
    ("callback", "peak rate to Fastify's", AT_LEAST, 2, against(FASTIFY, "per_second")),
    ("callback", "peak rate to PHP-FPM's", AT_LEAST, 8, against(PHP, "per_second")),
    ("callback", "peak rate to nginx's", AT_LEAST, 0.5, against(NGINX, "per_second")),
    ("callback", "calls a disk flush", AT_LEAST, 20, lambda results: measure.median([turn.answered / turn.flushes for turn in results["dp-server"]])),
    ("rate", "p99 of the nearest peer to ours", AT_LEAST, 1, least_margin),
    ("history", "CPU per page to Fastify's", AT_MOST, 1 / 3, against(FASTIFY, "web_cpu")),
    ("history", "CPU per page to PHP-FPM's", AT_MOST, 1 / 4, against(PHP, "web_cpu")),
    ("history", "rate to Fastify's", AT_LEAST, 1.6, against(FASTIFY, "per_second")),
    ("worker", "events/s to BullMQ's", AT_LEAST, 8, against(BULLMQ, "per_second")),
    ("worker", "events/s to Node's, one transaction each", AT_LEAST, 4, against(NODE_SINGLE, "per_second")),
    ("worker", "events/s to Node's, set-based", AT_LEAST, 1.2, against(NODE_SET, "per_second")),
    ("worker", "two workers to one, one consumer each", AT_LEAST, 1.5, two_to_one),
    ("worker", "events/s to MariaDB's own over one connection", AT_LEAST, 0.8, against(BULK, "per_second")),
    ("worker", "events/s to MariaDB's own over two connections", AT_LEAST, 0.8, against(BULK_TWO, "per_second")),
    ("backlog", "last tenth's rate to the first's", AT_LEAST, 0.9, lambda results: results[1][-1].per_second / results[1][0].per_second),
    ("backlog", "MiB at most", AT_MOST, 24, lambda results: max(report.column(results[1], "pss_mib"))),
    ("mail", "mails/s", AT_LEAST, 500, lambda results: measure.median(report.column(results[US], "per_second"))),
    ("memory", "MiB with 64 busy connections", AT_MOST, 12, lambda results: results["busy"].peak_mib),
    ("memory", "bytes an idle connection", AT_MOST, 1500, lambda results: results["dp-server"].bytes_each),
    ("memory", "MiB with 10 000 idle connections", AT_MOST, 25, lambda results: results["dp-server"].mib[-1]),
    ("growth", "the page that grew most, to itself among 1 000 payments", AT_MOST, 1.3, growth.dearest),
]


def figure(value):
    return f"{value:.0f}" if value >= 100 else f"{value:.2g}" if value < 1 else f"{value:.1f}"


def table(measured):
    """`measured`: results by work; a work that was not run has no rows."""
    lines = ["| work | | bar | measured | |", "|---|---|---|---|---|"]
    for work, what, sense, bar, value_of in BARS:
        if work in measured:
            value = value_of(measured[work])
            reached = value <= bar if sense == AT_MOST else value >= bar
            lines.append(report.row(work, what, f"{sense} {figure(bar)}", figure(value), "reached" if reached else "**not reached**"))
    return "\n".join(lines)
