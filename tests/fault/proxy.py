"""A proxy of a TCP or unix socket that misbehaves on demand: connections cut, reset, delayed, swallowed, half closed.

    proxy = Proxy(listen, upstream); proxy.start(); … proxy.cut(); … proxy.close()

An address is a path (unix socket) or a port of the loopback. The proxy has a thread and a loop of its own; its methods may be called
from any thread and return when the fault is in force. It never repairs a stream: bytes that were swallowed end their connection.
"""
import asyncio
import os
import socket
import struct
import threading

CHUNK_BYTES = 65536
ABORT = struct.pack("ii", 1, 0)  # linger for 0 s: close sends RST
NORMAL, BLACK_HOLE, ANSWERS_LOST = "normal", "black hole", "answers lost"


class Link:
    """One connection and its other half."""

    def __init__(self, client, server):
        self.client, self.server = client, server
        self.damaged = False  # bytes were swallowed

    def close(self):
        for _, writer in (self.client, self.server):
            writer.close()

    def reset(self):
        for _, writer in (self.client, self.server):
            sock = writer.get_extra_info("socket")
            if sock.family != socket.AF_UNIX and sock.fileno() >= 0:  # there is no RST on a unix socket: an abrupt end is all it has
                sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, ABORT)
            writer.transport.abort()

    def half_close(self):
        """The client is told that nothing more will come; what it still says is passed on."""
        _, writer = self.client
        if writer.can_write_eof() and not writer.is_closing():
            writer.write_eof()


class Proxy:
    def __init__(self, listen, upstream):
        self.listen, self.upstream = listen, upstream
        self.mode, self.delay_s = NORMAL, 0.0
        self.links = set()
        self.loop = asyncio.new_event_loop()
        self.server = None
        self.thread = threading.Thread(target=self.loop.run_forever, daemon=True)

    # --- the loop's side -------------------------------------------------------------------------------------------

    async def _listen(self):
        if isinstance(self.listen, int):
            self.server = await asyncio.start_server(self._serve, "127.0.0.1", self.listen)
        else:
            self.server = await asyncio.start_unix_server(self._serve, str(self.listen))
            os.chmod(self.listen, 0o700)

    async def _connect(self):
        if isinstance(self.upstream, int):
            return await asyncio.open_connection("127.0.0.1", self.upstream)
        return await asyncio.open_unix_connection(str(self.upstream))

    async def _serve(self, reader, writer):
        try:
            upstream = await self._connect()
        except OSError:
            writer.close()
            return
        link = Link((reader, writer), upstream)
        self.links.add(link)
        try:
            await asyncio.gather(self._pass(link, reader, upstream[1], BLACK_HOLE), self._pass(link, upstream[0], writer, ANSWERS_LOST))
        finally:
            self.links.discard(link)
            link.close()

    async def _pass(self, link, reader, writer, swallowed_in):
        """Until the end of the stream: bytes from one side to the other. An answer is lost in a black hole, too."""
        try:
            while chunk := await reader.read(CHUNK_BYTES):
                if self.delay_s:
                    await asyncio.sleep(self.delay_s)
                if self.mode in (swallowed_in, BLACK_HOLE):
                    link.damaged = True
                    continue
                writer.write(chunk)
                await writer.drain()
            if writer.can_write_eof() and not writer.is_closing():
                writer.write_eof()
        except (OSError, RuntimeError):
            link.reset()

    def _each(self, act):
        async def do():
            for link in list(self.links):
                act(link)

        asyncio.run_coroutine_threadsafe(do(), self.loop).result()

    # --- what others call ------------------------------------------------------------------------------------------

    def start(self):
        self.thread.start()
        asyncio.run_coroutine_threadsafe(self._listen(), self.loop).result()

    def cut(self):
        self._each(Link.close)

    def reset(self):
        self._each(Link.reset)

    def half_close(self):
        self._each(Link.half_close)

    def delay(self, seconds):
        self.delay_s = seconds

    def swallow(self, mode):
        self.mode = mode

    def heal(self):
        self.mode, self.delay_s = NORMAL, 0.0
        self._each(lambda link: link.close() if link.damaged else None)

    def close(self):
        async def end():
            self.server.close()
            for link in list(self.links):
                link.reset()
            await asyncio.sleep(0)
            for task in asyncio.all_tasks() - {asyncio.current_task()}:
                task.cancel()

        asyncio.run_coroutine_threadsafe(end(), self.loop).result()
        self.loop.call_soon_threadsafe(self.loop.stop)
        self.thread.join()
