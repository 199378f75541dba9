"""A service whose links go over TCP and through proxies that can be slow, silent, or cut."""

import asyncio
import threading

from service import free_port

LINKS = {   # link: (who binds, who connects)
    "extract": ("GATEWAY_EXTRACT_BIND", "EXTRACTOR_EXTRACT_CONNECT"),
    "pages": ("ANSWERER_PAGES_BIND", "EXTRACTOR_PAGES_CONNECT"),
    "embed": ("ANSWERER_EMBED_BIND", "EMBEDDER_EMBED_CONNECT"),
    "ask": ("ANSWERER_ASK_BIND", "GATEWAY_ASK_CONNECT"),
}
BINDER = {"extract": "gateway", "pages": "answerer", "embed": "answerer", "ask": "answerer"}
READ_BYTES = 65536


class Proxy:
    """Passes connections on to a port. All changes may be made from any thread."""

    def __init__(self, target):
        self.target = target
        self.port = free_port()
        self.delay = 0       # seconds that every piece waits, so that it limits the speed too
        self.writers = set()
        self.loop = asyncio.new_event_loop()
        started = threading.Event()
        self.thread = threading.Thread(target=self._run, args=(started,), daemon=True)
        self.thread.start()
        started.wait()

    def _run(self, started):
        asyncio.set_event_loop(self.loop)
        self.inward, self.outward = asyncio.Event(), asyncio.Event()   # to the binder, and from it
        self.inward.set()
        self.outward.set()
        self.server = self.loop.run_until_complete(
            asyncio.start_server(self._serve, "127.0.0.1", self.port))
        started.set()
        self.loop.run_forever()

    async def _serve(self, reader, writer):
        try:
            to_reader, to_writer = await asyncio.open_connection("127.0.0.1", self.target)
        except OSError:
            writer.close()
            return
        ends = {writer, to_writer}
        self.writers |= ends
        try:
            await asyncio.gather(self._pass(reader, to_writer, self.inward),
                                 self._pass(to_reader, writer, self.outward))
        except OSError:
            pass
        finally:
            for end in ends:
                end.transport.abort()
            self.writers -= ends

    async def _pass(self, reader, writer, open_gate):
        while data := await reader.read(READ_BYTES):
            if self.delay:
                await asyncio.sleep(self.delay)
            await open_gate.wait()
            writer.write(data)
            await writer.drain()
        raise ConnectionResetError

    def _do(self, call):
        self.loop.call_soon_threadsafe(call)

    def stall(self, inward=True, outward=True):
        """Nothing passes any more, and nobody is told: half-open connections."""
        for gate, closed in ((self.inward, inward), (self.outward, outward)):
            if closed:
                self._do(gate.clear)

    def release(self):
        self._do(self.inward.set)
        self._do(self.outward.set)

    def cut(self):
        """Resets all connections; new ones are taken. When it is back they are gone."""
        async def reset():
            for writer in self.writers:
                writer.transport.abort()
            self.writers.clear()

        asyncio.run_coroutine_threadsafe(reset(), self.loop).result()

    def close(self):
        """Ends everything that it passes on; then the loop has nothing left to do."""
        async def end():
            self.server.close()
            tasks = asyncio.all_tasks() - {asyncio.current_task()}
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)

        asyncio.run_coroutine_threadsafe(end(), self.loop).result()
        self._do(self.loop.stop)
        self.thread.join()
        self.loop.close()


class Network:
    """The settings and the proxies of one service: network.proxies ["extract"]."""

    def __init__(self):
        self.proxies, self.ports, self.settings = {}, {}, {}
        for link, (bind, connect) in LINKS.items():
            port = self.ports[link] = free_port()
            self.proxies[link] = Proxy(port)
            self.settings[f"QUIRE_{bind}"] = f"tcp://127.0.0.1:{port}"
            self.settings[f"QUIRE_{connect}"] = f"tcp://127.0.0.1:{self.proxies[link].port}"

    def close(self):
        for proxy in self.proxies.values():
            proxy.close()
