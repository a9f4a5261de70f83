"""The tables: results of one work as they stand in the document."""
import measure

IDLE_COLUMNS = "| | MiB with 1 | with 100 | with 10 000 | bytes each |\n|---|---|---|---|---|"


def column(turns, field, scale=1):
    return [getattr(turn, field) * scale for turn in turns]


def median(turns, field, digits=0, scale=1):
    return f"{measure.median(column(turns, field, scale)):.{digits}f}"


def ratio(ours, theirs, field):
    """Ours divided by theirs, turn by turn; nothing beside ourselves."""
    return "" if ours is theirs else measure.spread(measure.ratios(column(ours, field), column(theirs, field)))


def row(*cells):
    return f"| {' | '.join(cells)} |"


def web(results):
    """One row a peer, ours first; the last two columns are ours divided by theirs."""
    ours, *_ = results.values()
    lines = ["| | req/s | p50 ms | p99 ms | web CPU-s/10k | stores CPU-s/10k | PSS MiB | CPU, ours to theirs | rate, ours to theirs |",
             "|---|---|---|---|---|---|---|---|---|"]
    for name, turns in results.items():
        lines.append(row(name, median(turns, "per_second"), median(turns, "p50_us", 2, 1e-3), median(turns, "p99_us", 2, 1e-3),
                         measure.spread(column(turns, "web_cpu"), 3), median(turns, "store_cpu", 2), median(turns, "pss_mib", 1),
                         ratio(ours, turns, "web_cpu"), ratio(ours, turns, "per_second")))
    return "\n".join(lines)


def browsing(results):
    ours, *_ = results.values()
    lines = ["| | call p50 ms | call p99 ms | call at most ms | pages/s | page p99 ms | call p99, ours to theirs |", "|---|---|---|---|---|---|---|"]
    for name, turns in results.items():
        pages = [turn.pages for turn in turns]
        lines.append(row(name, median(turns, "p50_us", 2, 1e-3), median(turns, "p99_us", 2, 1e-3), median(turns, "max_us", 1, 1e-3),
                         median(pages, "per_second"), median(pages, "p99_us", 1, 1e-3), ratio(ours, turns, "p99_us")))
    return "\n".join(lines)


def callback(results):
    ours, *_ = results.values()
    calls = measure.spread([turn.answered / turn.flushes for turn in ours], 1)
    return f"{web(results)}\n\n{calls} calls for each flush of the journal's disk. Stream and journal hold each acknowledged call once."


def worker(results):
    ours, *_ = results.values()
    lines = ["| | events/s | own CPU-s/10k | stores CPU-s/10k | PSS MiB | rate, ours to theirs |", "|---|---|---|---|---|---|"]
    for name, turns in results.items():
        lines.append(row(name, measure.spread(column(turns, "per_second"), 0), measure.spread(column(turns, "own_cpu")),
                         measure.spread(column(turns, "store_cpu")), median(turns, "pss_mib", 1), ratio(ours, turns, "per_second")))
    return "\n".join(lines)


def backlog(results):
    """`results`: the whole of it, and its tenths."""
    whole, tenths = results
    return "\n".join([
        row("tenth", *map(str, range(1, 11)), "all"), "|---" * 12 + "|",
        row("events/s", *(f"{tenth.per_second:.0f}" for tenth in tenths), f"{whole.per_second:.0f}"),
        row("PSS MiB, at most", *(f"{tenth.pss_mib:.1f}" for tenth in tenths), f"{max(column(tenths, 'pss_mib')):.1f}")])


def mail(results):
    return worker(results).replace("events/s", "mails/s") + "\n\nEach mail came once, at its first attempt, and is marked so."


def memory(results):
    busy = results["busy"]
    lines = [f"dp-server with 64 busy connections: {busy.peak_mib:.1f} MiB at most, over {busy.calls} calls that no worker took away. "
             "With idle keep-alive connections, after one call each:", "", IDLE_COLUMNS]
    for name, idle in results.items():
        if name != "busy":
            lines.append(row(name, *(f"{mib:.1f}" for mib in idle.mib), f"{idle.bytes_each:.0f}"))
    return "\n".join(lines)


def limits(results):
    return "\n".join(["| | a second |", "|---|---|", *(row(name, measure.spread(rates, 0)) for name, rates in results.items())])


def instructions(rows):
    return "\n".join(["| | kept before | now |", "|---|---|---|", *(row(*cells) for cells in rows)])
