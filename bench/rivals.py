"""An engine that Quire is measured against, as a process that does as it is told.

    rivals.py ENGINE PRECISION MODEL_FOLDER ONNX_FOLDER

It says {"version": …} when it is ready. Then each line of its input is an object, and so is each
answer: {"length": n} is a sequence to encode for a while, {"tokens_s": …} how many tokens a second of
processor time that gave; {"ids": […]} is a sequence, {"vector": […]} its vector. One thread does all.
ONNX_FOLDER is what minilm_onnx.py made.
"""

import json
import os
import sys
import tempfile
import time
from pathlib import Path

SECONDS = 0.7           # of processor time for one measurement
VOCABULARY = 30522


def onnx_runtime(file):
    def load(precision, model_folder, onnx_folder):
        import numpy
        import onnxruntime

        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = options.inter_op_num_threads = 1
        options.log_severity_level = 3
        session = onnxruntime.InferenceSession(onnx_folder / file[precision], options,
                                               providers=["CPUExecutionProvider"])

        def encode(ids):
            return session.run(None, {"input_ids": numpy.array([ids])})[0][0]

        return onnxruntime.__version__, encode

    return load


def as_sentence_transformer(model_folder, folder):
    """What the library wants to find in a folder beside the weights."""
    from sentence_transformers import SentenceTransformer
    from sentence_transformers.sentence_transformer import modules
    from transformers import BertConfig, BertTokenizer

    BertConfig(hidden_size=384, num_hidden_layers=6, intermediate_size=1536,
               architectures=["BertModel"]).save_pretrained(folder)
    BertTokenizer(str(model_folder / "vocab.txt")).save_pretrained(folder)
    Path(folder, "model.safetensors").symlink_to(model_folder / "model.safetensors")
    return SentenceTransformer(modules=[modules.Transformer(str(folder)), modules.Pooling(384),
                                        modules.Normalize()], device="cpu")


def sentence_transformers(precision, model_folder, _onnx_folder):
    import sentence_transformers as library
    import torch

    torch.set_num_threads(1)
    with tempfile.TemporaryDirectory() as folder:
        model = as_sentence_transformer(model_folder.resolve(), folder).eval()
    if precision == "bf16":
        model = model.bfloat16()

    @torch.inference_mode()
    def encode(ids):
        features = {"input_ids": torch.tensor([ids]), "attention_mask": torch.ones(1, len(ids), dtype=int),
                    "token_type_ids": torch.zeros(1, len(ids), dtype=int)}
        return model(features)["sentence_embedding"][0].float().numpy()

    return f"{library.__version__}, PyTorch {torch.__version__}", encode


ENGINES = {
    "ONNX Runtime": onnx_runtime({"f32": "plain.onnx", "int8": "int8_plain.onnx"}),
    "ONNX Runtime, fused attention": onnx_runtime({"f32": "fused.onnx", "int8": "int8_fused.onnx"}),
    "sentence-transformers": sentence_transformers,
}


def tokens_per_second(encode, length):
    """From the fastest third of the runs, since other programs may run beside: as bench_model does."""
    ids = [1000 + number * 7919 % (VOCABULARY - 2522) for number in range(length)]
    encode(ids)
    times, end = [], time.thread_time() + SECONDS
    while not times or time.thread_time() < end:
        start = time.thread_time()
        encode(ids)
        times.append(time.thread_time() - start)
    fastest = sorted(times)[:(len(times) + 2) // 3]
    return length * len(fastest) / sum(fastest)


def main():
    engine, precision, model_folder, onnx_folder = sys.argv[1:]
    answers = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)       # whatever a library prints is no answer
    version, encode = ENGINES[engine](precision, Path(model_folder), Path(onnx_folder))
    answer = {"version": version}
    while answer:
        print(json.dumps(answer), file=answers, flush=True)
        line = sys.stdin.readline()
        asked = json.loads(line) if line else {}
        if "length" in asked:
            answer = {"tokens_s": tokens_per_second(encode, asked["length"])}
        elif "ids" in asked:
            answer = {"vector": [float(value) for value in encode(asked["ids"])]}
        else:
            answer = None


if __name__ == "__main__":
    main()
