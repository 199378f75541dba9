"""Writes all-MiniLM-L6-v2 for ONNX Runtime, as well as its own tools make it.

    minilm_onnx.py MODEL_FOLDER OUT_FOLDER

OUT_FOLDER then holds plain.onnx (the model as ONNX operators, from model.safetensors, of which a
session itself fuses a part), fused.onnx (after ONNX Runtime's tool for BERT, which fuses attention
too), and both quantised, int8_plain.onnx and int8_fused.onnx: weights int8 per channel, activations as
they come. The input is one sequence, input_ids [1, length], so nothing is masked; the output is the
unit vector, embedding [1, 384].
"""

import sys
from pathlib import Path

import numpy
import onnx
from onnx import TensorProto, helper, numpy_helper
from onnxruntime.quantization import QuantType, quantize_dynamic
from onnxruntime.transformers.fusion_options import FusionOptions
from onnxruntime.transformers.optimizer import optimize_model
from safetensors.numpy import load_file

LAYERS, HEADS, WIDTH = 6, 12, 384
EPSILON = 1e-12
OPSET = 17


class Graph:
    """Nodes in the order in which they are made; each is named for its one output."""

    def __init__(self, weights):
        self.weights, self.nodes, self.constants = weights, [], {}

    def constant(self, name, values):
        self.constants[name] = numpy_helper.from_array(numpy.ascontiguousarray(values), name)
        return name

    def node(self, operator, *inputs, **attributes):
        name = f"{operator}_{len(self.nodes)}"
        self.nodes.append(helper.make_node(operator, inputs, [name], name=name, **attributes))
        return name

    def linear(self, name, rows):
        weight = self.constant(f"{name}.weight", self.weights[f"{name}.weight"].T)
        bias = self.constant(f"{name}.bias", self.weights[f"{name}.bias"])
        return self.node("Add", bias, self.node("MatMul", rows, weight))

    def norm(self, name, rows):
        scale = self.constant(f"{name}.weight", self.weights[f"{name}.weight"])
        bias = self.constant(f"{name}.bias", self.weights[f"{name}.bias"])
        return self.node("LayerNormalization", rows, scale, bias, axis=-1, epsilon=EPSILON)

    def gelu(self, rows):
        """x/2 (1 + erf (x / sqrt 2)), in the order that the optimiser knows."""
        root, one, half = (self.constant(name, numpy.float32(value))
                           for name, value in (("root", 2 ** 0.5), ("one", 1), ("half", 0.5)))
        erf = self.node("Erf", self.node("Div", rows, root))
        return self.node("Mul", self.node("Mul", rows, self.node("Add", erf, one)), half)


def embed(graph):
    """Words, positions and the one type, added and normed."""
    tables = {name: graph.weights[f"embeddings.{name}_embeddings.weight"]
              for name in ("word", "position", "token_type")}
    words = graph.node("Gather", graph.constant("words", tables["word"]), "input_ids")
    length = graph.node("Slice", graph.node("Shape", "input_ids"), graph.constant("from", numpy.array([1])),
                        graph.constant("to", numpy.array([2])))
    places = graph.constant("places", tables["position"] + tables["token_type"][0])
    places = graph.node("Slice", places, graph.constant("start", numpy.array([0])), length,
                        graph.constant("axis", numpy.array([0])))
    return graph.norm("embeddings.LayerNorm", graph.node("Add", words, places))


def attend(graph, name, rows):
    apart = graph.constant("apart", numpy.array([0, 0, HEADS, WIDTH // HEADS]))
    joined = graph.constant("joined", numpy.array([0, 0, WIDTH]))

    def heads(which, order):
        split = graph.node("Reshape", graph.linear(f"{name}.self.{which}", rows), apart)
        return graph.node("Transpose", split, perm=order)

    query, key, value = heads("query", [0, 2, 1, 3]), heads("key", [0, 2, 3, 1]), heads("value", [0, 2, 1, 3])
    scale = graph.constant("scale", numpy.float32((WIDTH // HEADS) ** 0.5))
    scores = graph.node("Div", graph.node("MatMul", query, key), scale)
    context = graph.node("MatMul", graph.node("Softmax", scores, axis=-1), value)
    return graph.node("Reshape", graph.node("Transpose", context, perm=[0, 2, 1, 3]), joined)


def layer(graph, name, rows):
    attended = graph.linear(f"{name}.attention.output.dense", attend(graph, f"{name}.attention", rows))
    rows = graph.norm(f"{name}.attention.output.LayerNorm", graph.node("Add", attended, rows))
    inner = graph.gelu(graph.linear(f"{name}.intermediate.dense", rows))
    outer = graph.linear(f"{name}.output.dense", inner)
    return graph.norm(f"{name}.output.LayerNorm", graph.node("Add", outer, rows))


def plain_model(weights):
    graph = Graph(weights)
    rows = embed(graph)
    for number in range(LAYERS):
        rows = layer(graph, f"encoder.layer.{number}", rows)
    mean = graph.node("ReduceMean", rows, axes=[1], keepdims=0)
    graph.nodes.append(helper.make_node("LpNormalization", [mean], ["embedding"], axis=-1, p=2))
    model = helper.make_model(
        helper.make_graph(
            graph.nodes, "all-MiniLM-L6-v2",
            [helper.make_tensor_value_info("input_ids", TensorProto.INT64, [1, "length"])],
            [helper.make_tensor_value_info("embedding", TensorProto.FLOAT, [1, WIDTH])],
            list(graph.constants.values())),
        opset_imports=[helper.make_opsetid("", OPSET)], ir_version=8)
    onnx.checker.check_model(model)
    return model


def fused_model(path):
    """What must have been fused is counted, so that nobody is slower here for a missed pattern."""
    model = optimize_model(str(path), "bert", num_heads=HEADS, hidden_size=WIDTH, opt_level=0,
                           optimization_options=FusionOptions("bert"))
    counts = model.get_fused_operator_statistics()
    if (counts["Attention"], counts["BiasGelu"], counts["SkipLayerNormalization"]) != (LAYERS, LAYERS, 2 * LAYERS):
        sys.exit(f"ONNX Runtime's optimiser fused less than it should: {counts}")
    return model


def main():
    model_folder, out = map(Path, sys.argv[1:])
    out.mkdir(parents=True, exist_ok=True)
    onnx.save(plain_model(load_file(model_folder / "model.safetensors")), out / "plain.onnx")
    fused_model(out / "plain.onnx").save_model_to_file(str(out / "fused.onnx"))
    for name in ("plain", "fused"):
        quantize_dynamic(out / f"{name}.onnx", out / f"int8_{name}.onnx", per_channel=True,
                         weight_type=QuantType.QInt8,
                         extra_options={"DefaultTensorType": TensorProto.FLOAT})


if __name__ == "__main__":
    main()
