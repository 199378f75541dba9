"""Measures the embedder as a process, on its link: how soon it is ready, what two of them share, how much
faster two are than one, how long a question waits while the queue is full, and what it does when idle; and
how near to f32 the vectors of real chunks are, those of a folder where a Quire has read PDFs."""

import argparse
import array
import contextlib
import itertools
import math
import os
import random
import re
import secrets
import shutil
import sqlite3
import statistics
import subprocess
import tempfile
import time
from pathlib import Path

import zmq

from shelf import cpu_seconds, report, say, table   # first: it says where link is

from link import decode, encode

TASK_TEXTS = 16         # of a task of chunks, as the answerer's default
CHUNK_WORDS = 300       # more than 256 pieces, so that all chunks are as long as may be
QUESTION_WORDS = 10
BETWEEN_QUESTIONS_S = 0.04


def many_chunks(model):
    """Tasks of texts that are cut to the longest sequence."""
    texts = [words_of(model, CHUNK_WORDS) for _ in range(64)]
    return lambda: random.sample(texts, TASK_TEXTS)


class Embedder:
    """A process that works for `address`."""

    def __init__(self, model, address, **settings):
        environment = {**os.environ, "QUIRE_MODEL_DIR": str(model), "QUIRE_DATA_DIR": "/nowhere",
                       "QUIRE_EMBEDDER_EMBED_CONNECT": address, **settings}
        began = time.monotonic()
        self.process = subprocess.Popen([Path(os.environ["QUIRE_BUILD_DIR"]) / "bin" / "quire-embedder"],
                                        env=environment, stderr=subprocess.PIPE, text=True)
        self.lines = []
        while not self.lines or " started " not in self.lines[-1]:
            self.lines.append(self.process.stderr.readline())
            if not self.lines[-1]:
                raise RuntimeError("".join(self.lines))
        self.ready_ms = (time.monotonic() - began) * 1000
        self.ready_cpu_ms = self.cpu_seconds() * 1000

    def cpu_seconds(self):
        return cpu_seconds(self.process.pid)

    def weights(self):
        return next(re.search(r"weights=(\w+)", line)[1] for line in self.lines if "model_loaded" in line)

    def megabytes(self, name=None):
        """(resident, its own share of that) of all it has, or of the mapped files of that name."""
        text = Path(f"/proc/{self.process.pid}/smaps").read_text()
        maps = re.split(r"^(?=[0-9a-f]+-[0-9a-f]+ )", text, flags=re.M)[1:]
        return tuple(sum(int(re.search(rf"^{field}: +(\d+)", one, re.M)[1]) for one in maps
                         if name is None or name in one.split("\n")[0]) / 1024 for field in ("Rss", "Pss"))

    def end(self):
        self.process.terminate()
        self.process.wait()


class Answerer:
    """Who the embedders work for. It keeps the queues of all that said hello as full as they allow."""

    def __init__(self, address):
        self.context = zmq.Context()
        self.socket = self.context.socket(zmq.ROUTER)
        self.socket.linger = 0
        self.socket.bind(address)
        self.instance = secrets.randbits(63) | 1
        self.credit, self.tasks = {}, {}    # of each embedder
        self.last_task, self.pieces = 0, 0
        self.answers = {}                   # questions' tasks -> when the vector came
        self.vectors = {}                   # tasks whose vectors are wanted -> they, or None
        self.chunks = None                  # what the queues are filled with

    def close(self):
        self.socket.close()
        self.context.term()

    def give(self, embedder, texts, urgent):
        self.last_task += 1
        self.socket.send_multipart([embedder, encode("embed_texts", task=self.last_task, urgent=int(urgent),
                                                     texts=texts)])
        return self.last_task

    def fill(self):
        for embedder, credit in self.credit.items():
            while self.chunks and self.tasks[embedder] < credit:
                self.give(embedder, self.chunks(), False)
                self.tasks[embedder] += 1

    def turn(self, seconds):
        if not self.socket.poll(max(seconds, 0) * 1000):
            return
        embedder, data = self.socket.recv_multipart()
        message = decode(data)
        if message["name"] == "hello":
            self.credit[embedder] = message["credit"]
            self.tasks.setdefault(embedder, 0)
            self.socket.send_multipart([embedder, encode("welcome", role="answerer", credit=0,
                                                         instance=self.instance, metrics="")])
        elif message["name"] == "goodbye":
            self.credit.pop(embedder, None)
        elif message["name"] == "texts_embedded" and message["task"] in self.answers:
            self.answers[message["task"]] = time.monotonic()
        elif message["name"] == "texts_embedded" and message["task"] in self.vectors:
            self.vectors[message["task"]] = message["vectors"]
        elif message["name"] == "texts_embedded":
            self.tasks[embedder] -= 1
            self.pieces += sum(min(256, int.from_bytes(message["pieces"][i:i + 4], "little"))
                               for i in range(0, len(message["pieces"]), 4))
        self.fill()

    def turn_until(self, condition):
        while not condition():
            self.turn(0.05)

    def work(self, chunks, seconds):
        """Full queues for so long, after a start. Returns pieces a second."""
        self.chunks = chunks
        self.fill()
        self.turn_until(lambda began=self.pieces: self.pieces > began)
        began, pieces = time.monotonic(), self.pieces
        while time.monotonic() - began < seconds:
            self.turn(0.05)
        rate = (self.pieces - pieces) / (time.monotonic() - began)
        self.chunks = None
        self.turn_until(lambda: not any(self.tasks[embedder] for embedder in self.credit))
        return rate

    def ask(self, text):
        """The milliseconds until the question's vector is there."""
        began, task = time.monotonic(), self.give(next(iter(self.credit)), [text], True)
        self.answers[task] = None
        self.turn_until(lambda: self.answers[task])
        return (self.answers.pop(task) - began) * 1000


    def vectors_of(self, texts):
        """A vector of unit length for each text."""
        task = self.give(next(iter(self.credit)), texts, False)
        self.vectors[task] = None
        self.turn_until(lambda: self.vectors[task] is not None)
        numbers = array.array("f", self.vectors.pop(task))
        return list(itertools.batched(numbers, len(numbers) // len(texts)))


def words_of(model, count):
    words = [word for word in (model / "vocab.txt").read_text().split() if word.isascii() and word.isalpha()]
    return " ".join(random.choices(words, k=count))


@contextlib.contextmanager
def running(options, model, count, **settings):
    """So many embedders, and who they work for."""
    with tempfile.TemporaryDirectory() as folder:
        address = f"ipc://{folder}/embed"
        answerer = Answerer(address)
        embedders = []
        try:
            settings = {"QUIRE_EMBEDDER_PRECISION": options.precision, **settings}
            embedders += [Embedder(model, address, **settings) for _ in range(count)]
            answerer.turn_until(lambda: len(answerer.credit) == count)
            yield answerer, embedders
        finally:
            for embedder in embedders:
                embedder.end()
            answerer.close()


def measure_start(options, model):
    """Milliseconds until ready, and of processor time, when the file is made and when it is there."""
    def start(folder):
        embedder = Embedder(folder, "ipc:///tmp/nobody", QUIRE_EMBEDDER_PRECISION=options.precision)
        embedder.end()
        return embedder.ready_ms, embedder.ready_cpu_ms, embedder.weights()

    starts = {"made": [], "found": []}
    for _ in range(options.starts):
        for file in model.glob("*.packed"):
            file.unlink()
        starts["made"].append(start(model))
        starts["found"].append(start(model))
    assert all(weights == "mapped" for kind in starts.values() for *_, weights in kind), starts
    return {kind: [round(statistics.median(one[i] for one in all_of), 1) for i in (0, 1)]
            for kind, all_of in starts.items()}


def measure_sharing(options, model):
    with running(options, model, 2, QUIRE_EMBEDDER_THREADS="1") as (answerer, embedders):
        answerer.work(many_chunks(model), 3)
        return [{"all": one.megabytes(), "packed": one.megabytes(".packed"),
                 "model": one.megabytes("model.safetensors")} for one in embedders]


def measure_rates(options, model):
    """(pieces a second, pieces a second of processor time) of one embedder with one thread and of two, in
    turns."""
    rates, chunks = {1: [], 2: []}, many_chunks(model)
    for _ in range(options.rounds):
        for count in rates:
            with running(options, model, count, QUIRE_EMBEDDER_THREADS="1") as (answerer, embedders):
                answerer.work(chunks, 0.5)
                pieces, before = answerer.pieces, sum(one.cpu_seconds() for one in embedders)
                rate = answerer.work(chunks, options.seconds)
                spent = sum(one.cpu_seconds() for one in embedders) - before
                rates[count].append((rate, (answerer.pieces - pieces) / spent))
    return rates


def measure_questions(options, model):
    """Milliseconds of questions, with nothing else to do and with full queues."""
    chunks = many_chunks(model)
    with running(options, model, 1, QUIRE_EMBEDDER_THREADS=options.threads) as (answerer, _embedders):
        def ask_many():
            waits = []
            for _ in range(options.questions):
                waits.append(answerer.ask(words_of(model, QUESTION_WORDS)))
                until = time.monotonic() + BETWEEN_QUESTIONS_S * random.uniform(0.5, 1.5)
                while time.monotonic() < until:
                    answerer.turn(until - time.monotonic())
            return sorted(waits)

        answerer.work(chunks, 1)
        ask_many()
        idle = ask_many()
        answerer.chunks = chunks
        answerer.fill()
        full = ask_many()
        answerer.chunks = None
        return {"nothing else to do": idle, "queue full": full}


def measure_idle(options, model):
    """Percent of a processor of an embedder that waits."""
    with running(options, model, 1) as (answerer, (embedder,)):
        began, before = time.monotonic(), embedder.cpu_seconds()
        while time.monotonic() - began < options.idle:
            answerer.turn(1)
        return 100 * (embedder.cpu_seconds() - before) / (time.monotonic() - began)


def real_chunks(data, count):
    """As many chunks of the folder's store, evenly over all of them."""
    with contextlib.closing(sqlite3.connect(f"file:{data}/store.sqlite?mode=ro", uri=True)) as store:
        rows = store.execute("SELECT text, start, end FROM chunks JOIN pages ON pages.number = chunks.page"
                             " WHERE state = 1 ORDER BY id").fetchall()
    step = max(1, len(rows) // count)
    return [text[start:end] for text, start, end in rows[::step][:count]]


def measure_quality(options, model):
    """The cosines to f32 of each precision that this processor has, by chunk."""
    texts, vectors = real_chunks(options.data, options.chunks), {}
    for precision in ("f32", "bf16", "int8"):
        try:
            with running(options, model, 1, QUIRE_EMBEDDER_PRECISION=precision) as (answerer, _embedders):
                vectors[precision] = [vector for some in itertools.batched(texts, TASK_TEXTS)
                                      for vector in answerer.vectors_of(list(some))]
        except RuntimeError as error:   # the log of an embedder that did not start
            say(f"{precision} left out: {str(error).strip()}")
    return {precision: sorted(map(math.sumprod, vectors["f32"], own))
            for precision, own in vectors.items() if precision != "f32"}


def model_copy(folder):
    """The model in a folder of its own, so that no file of packed weights is there yet."""
    model = Path(os.environ["QUIRE_MODEL_DIR"])
    for name in ("model.safetensors", "vocab.txt"):
        shutil.copyfile(model / name, Path(folder) / name)
    return Path(folder)


def start_table(start):
    return table(["", "", "by the clock", "processor"],
                 [[f"ready, packed weights {kind}", "ms", *times] for kind, times in start.items()])


def sharing_table(sharing):
    return table(["two embedders, MB", "resident", "own share"],
                 [[f"{part}, {name}", *(round(size, 1) for size in one[part])]
                  for name, one in zip("AB", sharing) for part in ("all", "packed", "model")])


def rates_table(rates):
    """Other programs on the machine take away from two more than from one; from processor time, nothing."""
    rows = []
    for i, name in enumerate(("by the clock", "by processor time, a core each")):
        ratio = statistics.median(two[i] / one[i] for one, two in zip(rates[1], rates[2])) * (1, 2)[i]
        one, two = (statistics.median(rate[i] for rate in rates[count]) for count in (1, 2))
        rows.append([name, round(one), round(two * (1, 2)[i]), round(ratio, 2)])
    return table(["pieces a second", "one", "two", "ratio"], rows)


def questions_table(waits):
    return table(["a question's vector, ms", "p50", "p95", "most"],
                 [[name, *(round(ms[int((len(ms) - 1) * share)], 1) for share in (.5, .95, 1))]
                  for name, ms in waits.items()])


def idle_table(percent):
    return f"idle: {percent:.2f} % of a processor"


def quality_table(cosines):
    return table(["cosine to f32", "chunks", "mean", "least"],
                 [[precision, len(own), f"{statistics.mean(own):.5f}", f"{own[0]:.5f}"]
                  for precision, own in cosines.items()])


PARTS = {"start": (measure_start, start_table), "sharing": (measure_sharing, sharing_table),
         "rates": (measure_rates, rates_table), "questions": (measure_questions, questions_table),
         "idle": (measure_idle, idle_table), "quality": (measure_quality, quality_table)}


def main():
    parser = argparse.ArgumentParser(prog="bench embedder", description=__doc__)
    parser.add_argument("parts", nargs="*", metavar="PART", help=f"some of {', '.join(PARTS)} (all)")
    parser.add_argument("--precision", default="auto")
    parser.add_argument("--threads", default="1", help="of the embedder that is asked questions")
    parser.add_argument("--starts", type=int, default=7)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--seconds", type=float, default=5, help="of a round")
    parser.add_argument("--questions", type=int, default=100)
    parser.add_argument("--idle", type=float, default=60, help="seconds")
    parser.add_argument("--data", type=Path, help="the data folder of a Quire, for quality")
    parser.add_argument("--chunks", type=int, default=1000, help="of them")
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()
    if "quality" in options.parts and not options.data:
        parser.error("quality needs the chunks of --data")
    results, tables = {}, []
    with tempfile.TemporaryDirectory() as folder:
        model = model_copy(folder)
        for part in options.parts or [part for part in PARTS if part != "quality" or options.data]:
            say(part)
            measure, shape = PARTS[part]
            results[part] = measure(options, model)
            tables.append(shape(results[part]))
    report(options, results, "\n\n".join(tables))


if __name__ == "__main__":
    main()
