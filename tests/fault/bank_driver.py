"""The bank's notifications in bulk: many kept-alive connections, every call and its answer in a synced log.

The log has the form of the simulator's (truth.py reads both). Lines are synced in groups: an answer counts as got when its line is on
disk, and `wait_idle` returns after the last one is.
"""
import asyncio
import json
import os
import threading
import time

import spplus

CALL_TIMEOUT_S = 10
CALLS_PER_CONNECTION = 20  # then another connection: the kernel spreads them over the servers
SYSTEMPAY_RETRIES, STRIPE_RETRIES_MAX = 4, 200
STRIPE_PAUSE_MAX_S = 4.0


def make_raw(request, etat, bank_ref, change):
    """A notification of a payment, as the bank sends it or as somebody made it wrong."""
    if change == "amount":
        asked = dict(spplus.pairs(request))["montant"]
        return spplus.call(request, etat, bank_ref, {"montant": "1.01" if asked == "1.00" else "1.00"})
    if change == "reference":
        return spplus.call(request, etat, bank_ref, {"reference": "xyz20200101000000" + bank_ref[-3:]})
    if change == "resplit":
        return spplus.resplit(spplus.call(request, "12", bank_ref))
    raw = spplus.call(request, etat, bank_ref)
    if change == "seal":
        return raw[:-4] + ("0000" if raw[-4:] != "0000" else "1111")
    return raw


class Order:
    """A call to be made, and made again as its bank's custom is."""

    def __init__(self, at, raw, post=False, retries="none"):
        self.at, self.raw, self.post, self.retries, self.tries = at, raw, post, retries, 0

    def next_pause_s(self, status, answer):
        """None: the bank leaves it at that."""
        self.tries += 1
        if status == 200 and "spcheckok" in answer:
            return None
        if self.retries == "systempay" and self.tries <= SYSTEMPAY_RETRIES and not (status and status >= 400):
            return 1.5  # a quarter of an hour at the bank
        if self.retries == "stripe" and self.tries <= STRIPE_RETRIES_MAX and status != 403:
            return min(0.2 * 2**self.tries, STRIPE_PAUSE_MAX_S)
        return None


class Log:
    """Appends lines; `flush` returns when all of them are on disk."""

    def __init__(self, path):
        self.file = open(path, "a", encoding="utf-8")
        self.lines, self.synced = [], asyncio.Condition()

    async def write_groups(self):
        while True:
            await asyncio.sleep(0.02)
            await self.flush()

    async def flush(self):
        async with self.synced:
            lines, self.lines = self.lines, []
            if lines:
                await asyncio.get_running_loop().run_in_executor(None, self._write, lines)

    def _write(self, lines):
        self.file.writelines(lines)
        self.file.flush()
        os.fsync(self.file.fileno())


class Connection:
    def __init__(self, port):
        self.port, self.reader, self.writer, self.calls = port, None, None, 0

    async def call(self, raw, post):
        """(status, answer): status None is no answer, and why."""
        try:
            return await asyncio.wait_for(self._call(raw, post), CALL_TIMEOUT_S)
        except (OSError, EOFError, ValueError, asyncio.TimeoutError) as error:
            self.close()
            return None, f"no answer: {error!r}"

    async def _call(self, raw, post):
        if self.writer and self.reader.at_eof():
            self.close()  # the shop ended a silent connection, as it may: nothing was lost with it
        if self.writer is None:
            self.reader, self.writer = await asyncio.open_connection("127.0.0.1", self.port)
        if post:
            head = f"POST /banque/spplus HTTP/1.1\r\nHost: dp\r\nContent-Type: application/x-www-form-urlencoded\r\nContent-Length: {len(raw)}"
            self.writer.write(f"{head}\r\n\r\n{raw}".encode())
        else:
            self.writer.write(f"GET /banque/spplus?{raw} HTTP/1.1\r\nHost: dp\r\n\r\n".encode())
        head = (await self.reader.readuntil(b"\r\n\r\n")).decode().split("\r\n")
        fields = {name.lower(): value for name, _, value in (line.partition(": ") for line in head[1:])}
        answer = (await self.reader.readexactly(int(fields["content-length"]))).decode()
        self.calls += 1
        if self.calls >= CALLS_PER_CONNECTION or fields.get("connection") == "close":
            self.close()
        return int(head[0].split()[1]), answer

    def close(self):
        if self.writer:
            self.writer.close()
        self.reader = self.writer = None
        self.calls = 0


class BankDriver:
    def __init__(self, port, log_path, connections=24):
        self.port, self.log_path, self.n_connections = port, log_path, connections
        self.loop = asyncio.new_event_loop()
        self.answers = []  # (when, ms, status, whether acknowledged)
        self.log = self.queue = None
        self.open_orders = 0
        self.thread = threading.Thread(target=self.loop.run_forever, daemon=True)

    def start(self):
        async def begin():
            self.log, self.queue = Log(self.log_path), asyncio.PriorityQueue()
            self.tasks = [asyncio.create_task(self._make_calls()) for _ in range(self.n_connections)]
            self.tasks.append(asyncio.create_task(self.log.write_groups()))

        self.thread.start()
        asyncio.run_coroutine_threadsafe(begin(), self.loop).result()

    def submit(self, orders):
        """Orders whose `at` is a moment of time.monotonic(). Taken when it returns: wait_idle() counts them."""
        async def take():
            self._take(orders)

        asyncio.run_coroutine_threadsafe(take(), self.loop).result()

    def _take(self, orders):
        for order in orders:
            self.open_orders += 1
            delay_s = max(0.0, order.at - time.monotonic())
            self.loop.call_later(delay_s, self.queue.put_nowait, (order.at, id(order), order))

    async def _make_calls(self):
        connection = Connection(self.port)
        while True:
            _, _, order = await self.queue.get()
            begun = time.monotonic()
            status, answer = await connection.call(order.raw, order.post)
            ended = time.monotonic()
            self.answers.append((begun, (ended - begun) * 1000, status, "spcheckok" in answer))
            self.log.lines.append(json.dumps({"at": time.time(), "raw": order.raw, "method": "POST" if order.post else "GET",
                                              "status": status, "answer": answer}) + "\n")
            pause_s = order.next_pause_s(status, answer)
            self.open_orders -= 1
            if pause_s is not None:
                order.at = ended + pause_s
                self._take([order])

    def wait_idle(self, timeout_s):
        """Whether every order was carried out, and its line is on disk."""
        deadline = time.monotonic() + timeout_s
        while self.open_orders and time.monotonic() < deadline:
            time.sleep(0.05)
        asyncio.run_coroutine_threadsafe(self.log.flush(), self.loop).result()
        return self.open_orders == 0

    def stop(self):
        async def end():
            for task in self.tasks:
                task.cancel()
            await asyncio.gather(*self.tasks, return_exceptions=True)
            await self.log.flush()

        asyncio.run_coroutine_threadsafe(end(), self.loop).result()
        self.loop.call_soon_threadsafe(self.loop.stop)
        self.thread.join()


def percentile(values, share):
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, int(len(ordered) * share))] if ordered else 0.0
