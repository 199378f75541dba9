"""A gateway of the tests' own on the link `ask`: it speaks the messages of common/messages.def, which
it reads from there, so that what the answerer says is seen message by message."""

import json
import re
import secrets
import struct
import time
from pathlib import Path

import zmq

TABLE = Path(__file__).resolve().parents[2] / "common" / "messages.def"
HELLO_S = 0.5
SILENCE_S = 3     # the answerer takes who is silent for longer, though not much, as lost


def _read_table():
    """{name: (id, [(type, field), …])} and the version."""
    text = re.sub(r"/\*.*?\*/", "", TABLE.read_text(), flags=re.S).replace("\\\n", " ")
    fields = {name: re.findall(r"F \((\w+), *(\w+),", line)
              for name, line in re.findall(r"#define (\w+)\(F\)(.*)", text)}
    names = re.findall(r"^MESSAGE \(\w+, *(\w+),.*, *(\w+)\)$", text, re.M)
    messages = {name: (number, fields[table]) for number, (name, table) in enumerate(names, 1)}
    return messages, int(re.search(r"MESSAGE_VERSION (\d+)", text).group(1))


MESSAGES, VERSION = _read_table()
BY_ID = {number: (name, fields) for name, (number, fields) in MESSAGES.items()}
NUMBERS = {"u32": "<I", "u64": "<Q", "f32": "<f"}


def _pack(kind, value):
    if kind in NUMBERS:
        return struct.pack(NUMBERS[kind], value or 0)
    if kind == "strings":
        return struct.pack("<I", len(value or ())) + b"".join(_pack("string", text) for text in value or ())
    data = value.encode() if isinstance(value, str) else value or b""
    return struct.pack("<I", len(data)) + data + (b"\0" if kind == "string" else b"")


def encode(name, **values):
    number, fields = MESSAGES[name]
    unknown = set(values) - {field for _, field in fields}
    assert not unknown, f"{name} has no {unknown}"
    return bytes([VERSION, number]) + b"".join(_pack(kind, values.get(field)) for kind, field in fields)


def _unpack(kind, data, at):
    if kind in NUMBERS:
        return struct.unpack_from(NUMBERS[kind], data, at)[0], at + struct.calcsize(NUMBERS[kind])
    size, at = struct.unpack_from("<I", data, at)[0], at + 4
    if kind == "strings":
        texts = []
        for _ in range(size):
            text, at = _unpack("string", data, at)
            texts.append(text)
        return texts, at
    value = data[at:at + size]
    return (value.decode(), at + size + 1) if kind == "string" else (value, at + size)


def decode(data):
    assert data[0] == VERSION, data[:2]
    name, fields = BY_ID[data[1]]
    at, values = 2, {"name": name}
    for kind, field in fields:
        values[field], at = _unpack(kind, data, at)
    assert at == len(data), (name, at, len(data))
    return values


class Answer:
    """The messages that came for one request, in order."""

    def __init__(self, messages):
        self.messages = messages
        self.kinds = [message["name"] for message in messages]
        self.end = messages[-1]
        self.found = next((json.loads(message["json"])["data"] for message in messages
                           if message["name"] == "answer_found"), None)
        self.text = "".join(message["text"] for message in messages if message["name"] == "answer_delta")
        self.citations = [json.loads(message["json"]) for message in messages
                          if message["name"] == "answer_citation"]
        self.unsupported = [self.text[start:end]
                            for start, end in json.loads(self.end.get("unsupported") or "[]")]


class Link:
    """A gateway that is there from when it is made until it is closed."""

    def __init__(self, address, most_queued=1000):
        self.context = zmq.Context()
        self.socket = self.context.socket(zmq.DEALER)
        self.socket.linger = 0
        self.socket.rcvhwm = most_queued
        self.socket.connect(address)
        self.instance = secrets.randbits(63) | 1
        self.last_request = 0
        self.inbox = {}
        self.said = 0.0
        self.wait_until(lambda: self.welcomed, 10, "a welcome")

    welcomed = False

    def close(self):
        """Goes with a goodbye."""
        self._send("goodbye", instance=self.instance)
        self.socket.linger = 1000
        self.vanish()

    def vanish(self):
        """Is gone without a word."""
        self.socket.close()
        self.context.term()

    def _turn(self):
        """Says hello now and then, and takes in what is there."""
        if time.monotonic() - self.said > HELLO_S:
            self.said = time.monotonic()
            self._send("hello", role="gateway", instance=self.instance, credit=0, express=0, metrics="")
        if not self.socket.poll(50):
            return
        message = decode(self.socket.recv())
        if message["name"] == "welcome":
            self.welcomed = True
        elif "request" in message:
            self.inbox.setdefault(message["request"], []).append(message)

    def wait_until(self, condition, within, what):
        end = time.monotonic() + within
        while not condition():
            if time.monotonic() > end:
                came = {request: [message["name"] for message in messages[-3:]]
                        for request, messages in list(self.inbox.items())[-5:]}
                raise TimeoutError(f"waited {within} s for {what}; lately came {came}")
            self._turn()

    def _send(self, name, **values):
        self.socket.send(encode(name, **values))

    def begin(self, name, **values):
        """Sends a request. Returns its number. Who was silent says hello first."""
        if time.monotonic() - self.said > SILENCE_S:
            self.welcomed = False
            self.wait_until(lambda: self.welcomed, 10, "a welcome")
        self.last_request += 1
        self._send(name, request=self.last_request, **values)
        return self.last_request

    def cancel(self, request):
        self._send("cancel_answer", request=request)

    def messages(self, request):
        return self.inbox.get(request, [])

    def wait_for(self, request, condition, within=30, what="what a request waits for"):
        """Waits until condition (messages of the request) is true."""
        self.wait_until(lambda: condition(self.messages(request)), within, what)
        return self.messages(request)

    def ask(self, name, **values):
        """One request, one answer."""
        request = self.begin(name, **values)
        return self.wait_for(request, bool)[0]

    def begin_answer(self, question, store="default", **values):
        turns = question if isinstance(question, list) else [{"role": "user", "content": question}]
        stores = store if isinstance(store, list) else [store]
        fields = {"limit": 10, "ranker": "fused", **values}
        return self.begin("answer", store_ids=stores, turns=json.dumps(turns), **fields)

    def end_answer(self, request, within=30):
        self.wait_for(request, lambda messages: any(
            message["name"] in ("answer_ended", "request_failed") for message in messages), within,
            "an answer's end")
        return Answer(self.messages(request))

    def answer(self, question, store="default", within=30, **values):
        return self.end_answer(self.begin_answer(question, store, **values), within)

    def turn_until_silent(self, seconds):
        """Takes in what still comes, until nothing has come for so long."""
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            before = sum(map(len, self.inbox.values()))
            self._turn()
            if sum(map(len, self.inbox.values())) != before:
                end = time.monotonic() + seconds
