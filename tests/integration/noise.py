"""Random bytes on the TCP ports of links, as from whoever reaches them and speaks something else."""

import random
import socket
import threading
import time

LINKS = {"extract": ("GATEWAY_EXTRACT_BIND", "EXTRACTOR_EXTRACT_CONNECT"),
         "pages": ("ANSWERER_PAGES_BIND", "EXTRACTOR_PAGES_CONNECT"),
         "embed": ("ANSWERER_EMBED_BIND", "EMBEDDER_EMBED_CONNECT"),
         "ask": ("ANSWERER_ASK_BIND", "GATEWAY_ASK_CONNECT")}

GREETING = bytes([0xff, 0, 0, 0, 0, 0, 0, 0, 1, 0x7f, 3, 0])
MECHANISMS = (b"NULL", b"CURVE", b"PLAIN")
REST_S = 0.005   # between two connections of one port


def tcp_settings(ports):
    """The settings by which all links are on TCP: ports is {link: port}."""
    return {f"QUIRE_{name}": f"tcp://127.0.0.1:{ports[link]}"
            for link, names in LINKS.items() for name in names}


def some_bytes(chance):
    """Noise; or a greeting of ZeroMQ with noise behind it, which gets further."""
    noise = chance.randbytes(chance.choice((1, 10, 64, 500, 5000, 70_000)))
    kind = chance.randrange(3)
    if kind == 0:
        return noise
    if kind == 1:
        return b"\xff" + noise
    return GREETING + chance.choice(MECHANISMS).ljust(20, b"\0") + bytes(32) + noise


class Noise:
    """Makes noise on ports until it is stopped, each from a thread of its own."""

    def __init__(self, ports, seed):
        self.connections = 0
        self.going = True
        self.lock = threading.Lock()
        self.threads = [threading.Thread(target=self._run, args=(port, random.Random(f"{seed} {port}")))
                        for port in ports]
        for thread in self.threads:
            thread.start()

    def _run(self, port, chance):
        while self.going:
            with socket.create_connection(("127.0.0.1", port), timeout=10) as connection:
                with self.lock:
                    self.connections += 1
                try:
                    connection.sendall(some_bytes(chance))
                except OSError:
                    pass   # it has been hung up on
            time.sleep(REST_S)

    def stop(self):
        self.going = False
        for thread in self.threads:
            thread.join()
