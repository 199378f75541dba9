"""Python's usual parts in a row, as a rival for `bench ingest --rivals`: PyMuPDF reads the pages,
windows of 256 word pieces are embedded by ONNX Runtime in int8, and FAISS keeps the vectors.

    pipeline.py THREADS MODEL_FOLDER ONNX_MODEL < paths, one a line

THREADS are ONNX Runtime's. It prints one object: what it took in and what that took, in all and of
each part. It does less than Quire: no word boxes, no index of words, no store, windows that do not overlap,
and a PDF that ends its parser ends it.
"""

import json
import resource
import sys
import tempfile
import time

import faiss
import numpy
import onnxruntime
import pymupdf
from tokenizers import BertWordPieceTokenizer

WIDTH = 384
PIECES = 256            # of one window, [CLS] and [SEP] included
BEGIN, END = 101, 102   # [CLS], [SEP]


class Clock:
    """Processor seconds of the whole process, by the part that it was in."""

    def __init__(self):
        self.parts, self.last = {}, time.process_time()

    def was_in(self, part):
        now = time.process_time()
        self.parts[part] = self.parts.get(part, 0) + now - self.last
        self.last = now


def windows(ids):
    step = PIECES - 2
    return [[BEGIN, *ids[start:start + step], END] for start in range(0, len(ids), step)]


def load(threads, model_folder, onnx_model):
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = threads
    options.add_session_config_entry("session.intra_op.allow_spinning", "0")    # its threads wait asleep
    session = onnxruntime.InferenceSession(onnx_model, options, providers=["CPUExecutionProvider"])
    return BertWordPieceTokenizer(f"{model_folder}/vocab.txt", lowercase=True), session


def take_in(path, tokenizer, session, index, clock, counts):
    try:
        document = pymupdf.open(path)
        pages = 0 if document.needs_pass else len(document)
    except (pymupdf.FileDataError, pymupdf.EmptyFileError):
        pages = 0
    counts["files_failed"] += not pages
    for number in range(pages):
        text = document[number].get_text()
        clock.was_in("reading")
        chunks = windows(tokenizer.encode(text, add_special_tokens=False).ids)
        clock.was_in("word pieces")
        for chunk in chunks:
            vector = session.run(None, {"input_ids": numpy.array([chunk])})[0]
            clock.was_in("embedding")
            index.add(vector)
            clock.was_in("index")
        counts["pages"] += 1
        counts["pages_empty"] += not chunks
        counts["chunks"] += len(chunks)
        counts["tokens"] += sum(map(len, chunks))


def main():
    threads, model_folder, onnx_model = sys.argv[1:]
    began, clock = time.monotonic(), Clock()
    tokenizer, session = load(int(threads), model_folder, onnx_model)
    clock.was_in("start")
    counts = {"files_failed": 0, "pages": 0, "pages_empty": 0, "chunks": 0, "tokens": 0}
    index = faiss.IndexFlatIP(WIDTH)
    pymupdf.TOOLS.mupdf_display_errors(False)
    for path in sys.stdin.read().splitlines():
        take_in(path, tokenizer, session, index, clock, counts)
    with tempfile.NamedTemporaryFile() as file:
        faiss.write_index(index, file.name)
    clock.was_in("index")
    print(json.dumps({**counts, "seconds": time.monotonic() - began, "cpu_seconds": sum(clock.parts.values()),
                      "cpu_by_part": clock.parts,
                      "peak_mb": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024}))


main()
