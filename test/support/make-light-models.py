"""Gives light models weights:  python test/support/make-light-models.py FOLDER NAME ...

Needs torch, torchvision and onnx, which carries the structure of classifiers of ONNX's model zoo, as Caffe2 and others wrote them,
with weights that nodes make of one number. `NAME.onnx` has seeded ones in their place, and gives logits.
"""

import sys
from importlib import import_module
from pathlib import Path

import onnx
import torch
from onnx import numpy_helper

models = import_module("make-models")
LIGHT = Path(onnx.__file__).parent / "backend/test/data/light"


def seeded(name, shape, readers):
    for node, place in readers:
        if node.op_type == "BatchNormalization" and place in (1, 4):  # its scale and its variance
            return torch.ones(shape)
    if len(shape) == 1:
        return models.normal(name, shape, 0.05)
    fan_in = torch.Size(shape[1:]).numel()
    return models.normal(name, shape, (2 / fan_in) ** 0.5)


def give_weights(graph):
    shapes = {tensor.name: numpy_helper.to_array(tensor).tolist() for tensor in graph.initializer}
    made = [node for node in graph.node if node.op_type == "ConstantOfShape"]
    for node in made:
        (weight,) = node.output
        readers = [(reader, i) for reader in graph.node for i, name in enumerate(reader.input) if name == weight]
        tensor = seeded(weight, shapes[node.input[0]], readers)
        graph.initializer.append(numpy_helper.from_array(tensor.numpy(), weight))
        graph.node.remove(node)
    # ONNX Runtime warns of each that nobody reads.
    read = {name for node in graph.node for name in node.input}
    for values in (graph.initializer, graph.input):
        for value in [value for value in values if value.name not in read]:
            values.remove(value)


def end_with_logits(graph):
    last = graph.node[-1]
    if last.op_type == "Softmax":
        graph.output[0].name = last.input[0]
        graph.node.remove(last)


if __name__ == "__main__":
    destination = Path(sys.argv[1])
    destination.mkdir(parents=True, exist_ok=True)
    for name in sys.argv[2:]:
        model = onnx.load(LIGHT / f"{name.replace('-', '_')}.onnx")
        give_weights(model.graph)
        end_with_logits(model.graph)
        onnx.save(model, destination / f"{name}.onnx")
        print(name, flush=True)
