"""Measures how many tokens (word pieces) a second one thread turns into vectors: Quire, ONNX Runtime
and sentence-transformers on PyTorch, with the same weights, in one run.

The engines take turns, so that what else runs on the machine is the same for all; of the turns the
median counts. Seconds are processor time of the thread. `share` is that of the processor time which
the matrix products alone need (bench_model). With AMX all is measured twice, the second time without
it. The vectors are compared with those of Quire in f32, over the texts of tests/golden."""

import argparse
import base64
import json
import math
import operator
import os
import statistics
import subprocess
import sys
import tempfile
from contextlib import ExitStack
from pathlib import Path

from shelf import running_service, say
from speed import machine, markdown, write_part

HERE = Path(__file__).resolve().parent
LENGTHS = (16, 64, 128, 256)
BASELINE = ("ONNX Runtime", "int8")
RIVALS = [("ONNX Runtime", "f32"), ("ONNX Runtime", "int8"),
          ("ONNX Runtime, fused attention", "f32"), ("ONNX Runtime, fused attention", "int8"),
          ("sentence-transformers", "f32"), ("sentence-transformers", "bf16")]
PRECISIONS = ("f32", "bf16", "int8")
LONGEST = 256


# -- engines ----------------------------------------------------------------------------------------

class Refused(Exception):
    """An engine does not run here; says why."""


class Rival:
    """A process of rivals.py."""

    def __init__(self, engine, precision, onnx_folder, prefix):
        self.engine, self.precision = engine, precision
        self.process = subprocess.Popen(
            [*prefix, os.environ["QUIRE_RIVALS_PYTHON"], HERE / "rivals.py", engine, precision,
             os.environ["QUIRE_MODEL_DIR"], onnx_folder],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        self.version = self._answer()["version"]

    def _answer(self):
        line = self.process.stdout.readline()
        if not line:
            raise Refused(self.process.stderr.read().strip().rpartition("\n")[2])
        return json.loads(line)

    def _ask(self, **question):
        print(json.dumps(question), file=self.process.stdin, flush=True)
        return self._answer()

    def turn(self):
        return {length: {"tokens_s": self._ask(length=length)["tokens_s"]} for length in LENGTHS}

    def vectors(self, records):
        return [self._ask(ids=record["ids"])["vector"] for record in records]

    def close(self):
        self.process.stdin.close()
        self.process.stdout.close()
        self.process.stderr.close()
        self.process.wait()


class Quire:
    """bench_model, started for each turn; its vectors are those of /v1/embeddings."""

    engine = "Quire"

    def __init__(self, precision, prefix):
        self.precision, self.prefix = precision, prefix
        self.first = self._run()        # fails at once where the precision can't be had
        self.version = self.first["processor"]

    def _run(self):
        program = Path(os.environ["QUIRE_BUILD_DIR"], "bin", "bench_model")
        run = subprocess.run([*self.prefix, program, os.environ["QUIRE_MODEL_DIR"], self.precision, "--json"],
                             capture_output=True, text=True)
        if run.returncode:
            raise Refused(run.stderr.strip().rpartition("\n")[2])
        return json.loads(run.stdout)

    def turn(self):
        run, self.first = self.first or self._run(), None
        return {row["pieces"]: row for row in run["lengths"] if row["pieces"] in LENGTHS}

    def vectors(self, records):
        options = argparse.Namespace(set=[f"QUIRE_EMBEDDER_PRECISION={self.precision}"], data=None)
        with running_service(options) as service:
            answer = service.http.post("/v1/embeddings", json={
                "model": "all-MiniLM-L6-v2", "input": [record["text"] for record in records]})
            return [item["embedding"] for item in answer.raise_for_status().json()["data"]]

    def close(self):
        pass


def started(make, name, precision):
    try:
        return make()
    except Refused as refused:
        say(f"left out: {name} {precision}: {refused}")
        return None


def start_engines(onnx_folder, prefix, stack):
    makers = [("Quire", precision, lambda precision=precision: Quire(precision, prefix))
              for precision in PRECISIONS]
    makers += [(name, precision, lambda name=name, precision=precision: Rival(name, precision, onnx_folder, prefix))
               for name, precision in RIVALS]
    engines = []
    for name, precision, make in makers:
        say(f"starting {name} {precision}")
        engine = started(make, name, precision)
        if engine:
            engines.append(engine)
            stack.callback(engine.close)
    return engines


# -- measuring --------------------------------------------------------------------------------------

def measure(engines, turns):
    """Medians, a row for each engine and length."""
    results = {(engine, length): [] for engine in engines for length in LENGTHS}
    for turn in range(turns):
        for engine in engines:
            say(f"turn {turn + 1} of {turns}: {engine.engine} {engine.precision}")
            for length, figures in engine.turn().items():
                results[engine, length].append(figures)
    rows = [{"engine": engine.engine, "precision": engine.precision, "length": length,
             "tokens_s": statistics.median(turn["tokens_s"] for turn in figures),
             "share": statistics.median(turn["share"] for turn in figures) if "share" in figures[0] else None}
            for (engine, length), figures in results.items()]
    for row in rows:
        row["ratio"] = row["tokens_s"] / baseline(rows, row["length"])
    return rows


def baseline(rows, length):
    """The faster one of ONNX Runtime's int8 models."""
    name, precision = BASELINE
    return max(row["tokens_s"] for row in rows
               if row["engine"].startswith(name) and row["precision"] == precision and row["length"] == length)


def cosine(a, b):
    return sum(map(operator.mul, a, b)) / math.sqrt(sum(x * x for x in a) * sum(x * x for x in b))


def cosines(engines):
    """How near the vectors of each engine are to those of Quire in f32."""
    golden = json.loads((HERE.parent / "tests" / "golden" / "embeddings.json").read_text())["texts"]
    records = [record for record in golden if "\0" not in record["text"] and 2 < record["pieces"] <= LONGEST]
    vectors = {}
    for engine in engines:
        say(f"vectors: {engine.engine} {engine.precision}")
        vectors[engine.engine, engine.precision] = engine.vectors(records)
    exact = vectors["Quire", "f32"]
    rows = []
    for (name, precision), own in vectors.items():
        near = [cosine(*pair) for pair in zip(own, exact)]
        rows.append({"engine": name, "precision": precision, "texts": len(near),
                     "mean": statistics.mean(near), "least": min(near)})
    return rows


def run(turns):
    with tempfile.TemporaryDirectory() as folder:
        say("writing the model for ONNX Runtime")
        subprocess.run([os.environ["QUIRE_RIVALS_PYTHON"], HERE / "minilm_onnx.py",
                        os.environ["QUIRE_MODEL_DIR"], folder], check=True, stderr=subprocess.DEVNULL)
        result = {"machine": machine(), "speed": {}}
        ways = {"all instructions": []}
        if "amx_int8" in result["machine"]["instructions"]:
            ways["without AMX"] = [sys.executable, HERE / "without_amx.py"]
        for way, prefix in ways.items():
            with ExitStack() as stack:
                engines = start_engines(folder, prefix, stack)
                if not prefix:
                    result["versions"] = {engine.engine: engine.version for engine in engines}
                    result["cosines"] = cosines(engines)
                result["speed"][way] = measure(engines, turns)
    return result


# -- what is printed --------------------------------------------------------------------------------

def shown(result):
    parts = []
    for way, rows in result["speed"].items():
        parts += [f"### One thread, {way}", markdown(
            ["engine", "precision", "length", "tokens/s", "× ONNX Runtime int8", "share"],
            [(row["engine"], row["precision"], row["length"], f"{row['tokens_s']:,.0f}",
              f"{row['ratio']:.2f}", f"{row['share']:.2f}" if row["share"] else "") for row in rows])]
    parts += ["### Vectors", "Cosine to those of Quire in f32, "
              f"over {result['cosines'][0]['texts']} texts of tests/golden/embeddings.json.", markdown(
                  ["engine", "precision", "mean", "least"],
                  [(row["engine"], row["precision"], f"{row['mean']:.5f}", f"{row['least']:.5f}")
                   for row in result["cosines"]])]
    versions = "; ".join(f"{name} {version}" for name, version in result["versions"].items()
                         if name != "Quire")
    parts.append(f"Versions: {versions}.")
    return "\n\n".join(parts)


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--turns", type=int, default=3, help="how often each engine is measured (default: 3)")
    parser.add_argument("--json", action="store_true", help="print JSON instead of tables")
    options = parser.parse_args()
    result = run(options.turns)
    write_part("embed", f"scripts/bench embed --turns {options.turns}", result["machine"], shown(result))
    print(json.dumps(result, indent=2) if options.json else shown(result))


main()
