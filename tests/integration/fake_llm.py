"""A language model's server that does what a test says, byte by byte: each request is answered by the
next play, a function of the connection; the last one again and again."""

import json
import socket
import ssl
import threading
import time

TIMEOUT_S = 20


def chunk(text=None, finish=None, **more):
    """One event of a streamed chat completion."""
    delta = {} if text is None else {"content": text}
    return event({"id": "c", "object": "chat.completion.chunk", "model": "fake",
                  "choices": [{"index": 0, "delta": delta, "finish_reason": finish}], **more})


def event(value):
    return b"data: " + json.dumps(value).encode() + b"\n\n"


def usage(prompt=100, completion=20):
    return event({"choices": [], "usage": {"prompt_tokens": prompt, "completion_tokens": completion}})


DONE = b"data: [DONE]\n\n"


def stream(*texts, finish="stop"):
    """A whole stream as bytes."""
    return b"".join(map(chunk, texts)) + chunk(finish=finish) + usage() + DONE


class Connection:
    """A request, and what is sent back for it."""

    def __init__(self, server, sock, headers, body):
        self.server, self.socket, self.headers, self.body = server, sock, headers, body

    def head(self, status=200, kind="text/event-stream", **headers):
        lines = [f"HTTP/1.1 {status} Whatever", f"Content-Type: {kind}", "Connection: close"]
        lines += [f"{name.replace('_', '-')}: {value}" for name, value in headers.items()]
        self.socket.sendall("\r\n".join([*lines, "", ""]).encode())

    def send(self, data):
        self.socket.sendall(data)

    def send_bytewise(self, data, pause=0):
        for at in range(len(data)):
            self.socket.sendall(data[at:at + 1])
            if pause:
                time.sleep(pause)

    def await_hangup(self):
        """Returns when the client has closed its end."""
        self.socket.settimeout(TIMEOUT_S)
        while self.socket.recv(1024):
            pass
        self.server.hangups += 1


def says(*texts, finish="stop"):
    def play(connection):
        connection.head()
        connection.send(stream(*texts, finish=finish))
    return play


def fails(status, body=None, **headers):
    def play(connection):
        connection.head(status, "application/json", **headers)
        connection.send(json.dumps(body or {"error": {"message": "no", "code": status}}).encode())
    return play


class FakeLLM:
    """tls: an ssl.SSLContext; a client that does not trust it hangs up."""

    def __init__(self, address="127.0.0.1", tls=None):
        self.listener, self.tls = socket.create_server((address, 0)), tls
        self.url = f"{'https' if tls else 'http'}://{address}:{self.listener.getsockname()[1]}/v1"
        self.plays, self.requests, self.hangups, self.failures = [], [], 0, []
        threading.Thread(target=self._accept, daemon=True).start()

    def will(self, *plays):
        """What it does from now on."""
        self.plays, self.requests, self.hangups, self.failures = list(plays), [], 0, []

    def close(self):
        self.listener.close()

    def _accept(self):
        while True:
            try:
                sock, _ = self.listener.accept()
            except OSError:
                return
            sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            threading.Thread(target=self._serve, args=(sock,), daemon=True).start()

    def _serve(self, sock):
        with sock:
            try:
                self._play(self.tls.wrap_socket(sock, server_side=True) if self.tls else sock)
            except (BrokenPipeError, ConnectionResetError, ssl.SSLError):
                self.hangups += 1
            except Exception as error:
                self.failures.append(repr(error))

    def _play(self, sock):
        sock.settimeout(TIMEOUT_S)
        data = b""
        while b"\r\n\r\n" not in data:
            data += sock.recv(65536)
        head, body = data.split(b"\r\n\r\n", 1)
        lines = head.decode().split("\r\n")
        headers = {name.lower(): value for name, value in (line.split(": ", 1) for line in lines[1:])}
        while len(body) < int(headers.get("content-length", 0)):
            body += sock.recv(65536)
        request = json.loads(body)
        self.requests.append((lines[0], headers, request))
        play = self.plays.pop(0) if len(self.plays) > 1 else self.plays[0]
        play(Connection(self, sock, headers, request))
