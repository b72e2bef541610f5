"""Writes the weight files of test/fixtures/weights, and expected.json with what must be read from them.

Run it from anywhere with a Python that has torch and numpy; the results are committed.
"""

import json
import struct
import sys
import types
from collections import OrderedDict
from pathlib import Path

import numpy as np
import torch

FOLDER = Path(__file__).resolve().parent.parent / "fixtures" / "weights"

# The names of LibTorch, as the binding gives them, and of safetensors.
TYPES = {
    torch.float64: ("Double", "F64"),
    torch.float32: ("Float", "F32"),
    torch.float16: ("Half", "F16"),
    torch.bfloat16: ("BFloat16", "BF16"),
    torch.int64: ("Long", "I64"),
    torch.int32: ("Int", "I32"),
    torch.int16: ("Short", "I16"),
    torch.int8: ("Char", "I8"),
    torch.uint8: ("Byte", "U8"),
    torch.bool: ("Bool", "BOOL"),
}

expected = {}


def describe(tensors):
    return [
        {
            "name": name,
            "dtype": TYPES[torch.as_tensor(value).dtype][0],
            "shape": list(value.shape),
            "data": torch.as_tensor(value).double().flatten().tolist(),
        }
        for name, value in tensors
    ]


def save(name, content, tensors, **options):
    torch.save(content, FOLDER / name, **options)
    legacy = options.get("_use_new_zipfile_serialization") is False
    expected[name] = {
        "format": "pytorch-legacy" if legacy else "pytorch-zip",
        "metadata": {},
        "tensors": describe(tensors),
    }


def network():
    """A small network whose state dict has weights, buffers and an int64 scalar."""
    torch.manual_seed(0)
    net = torch.nn.Sequential(OrderedDict(conv=torch.nn.Conv2d(1, 2, 3), norm=torch.nn.BatchNorm2d(2)))
    net.norm.running_mean.copy_(torch.tensor([0.25, -1.5]))
    net.norm.num_batches_tracked.fill_(7)
    return net


def all_types():
    values = torch.tensor([[0.0, 1.0, 2.5], [100.0, 0.5, 3.0]])
    return OrderedDict((libtorch, values.to(kind)) for kind, (libtorch, _) in TYPES.items())


def views():
    """Tensors that look into one storage in different ways."""
    base = torch.arange(24, dtype=torch.float32)
    return OrderedDict(
        base=base,
        tail=base[20:],
        matrix=base.view(4, 6),
        transposed=base.view(4, 6).t(),
        steps=base[3::5],
        expanded=base[5:6].expand(3, 2),
        channels_last=base.view(1, 2, 3, 4).contiguous(memory_format=torch.channels_last),
        empty=base[24:],
        no_columns=torch.empty(3, 0),
        scalar=base[7],
    )


def author_class():
    """A class of a module that no reader has."""
    module = types.ModuleType("authors_own_module")
    sys.modules[module.__name__] = module
    module.Conv2d = type("Conv2d", (), {"__module__": module.__name__})
    return module.Conv2d


def numpy_content():
    mean = np.arange(6, dtype=np.float64).reshape(2, 3) / 7
    arrays = OrderedDict(
        mean=mean,
        fortran=np.asfortranarray(mean),
        single=mean.astype(np.float32),
        counts=np.arange(4, dtype=np.int64),
        flags=np.array([True, False, True]),
        zero_size=np.zeros((0, 3)),
    )
    layer = author_class()
    estimator = {"N": 12, "M": mean, "S": mean + 1, "class": layer, "layer_class": "Conv2d"}
    extra = {"estimators": [dict(estimator, num_seen=np.int64(3), rate=np.float32(0.5))]}
    return {**arrays, "class": layer, "scalar": np.float64(1.5), **extra}, list(arrays.items())


def write_safetensors(name, tensors, metadata):
    header, data = {"__metadata__": metadata}, b""
    for key, value in tensors.items():
        piece = bytes(value.contiguous().reshape(-1).view(torch.uint8).tolist())
        offsets = [len(data), len(data) + len(piece)]
        header[key] = {"dtype": TYPES[value.dtype][1], "shape": list(value.shape), "data_offsets": offsets}
        data += piece
    text = json.dumps(header).encode()
    text += b" " * (-len(text) % 8)
    (FOLDER / name).write_bytes(struct.pack("<Q", len(text)) + text + data)
    expected[name] = {"format": "safetensors", "metadata": metadata, "tensors": describe(tensors.items())}


def main():
    FOLDER.mkdir(parents=True, exist_ok=True)
    net = network()
    state = net.state_dict()
    legacy = {"_use_new_zipfile_serialization": False}
    save("state-dict.pth", state, state.items())
    save("state-dict-legacy.pth", state, state.items(), **legacy)
    save("state-dict-protocol-4.pth", state, state.items(), pickle_protocol=4)
    save("state-dict-protocol-5-legacy.pth", state, state.items(), pickle_protocol=5, **legacy)
    save("parameters.pth", OrderedDict(net.named_parameters()), list(net.named_parameters()))

    optimizer = torch.optim.SGD(net.parameters(), lr=0.1, momentum=0.9).state_dict()
    prefixed = OrderedDict(("module." + key, value) for key, value in state.items())
    beside = {"epoch": 90, "arch": "tiny", "best": torch.tensor(76.5), "loss": 2**80, "optimizer": optimizer}
    save("nested.pth", {**beside, "state_dict": prefixed}, state.items())
    save("nested-model-legacy.pth", {"model": dict(state), "epoch": None}, state.items(), **legacy)

    save("types.pth", all_types(), all_types().items())
    save("types-legacy.pth", all_types(), all_types().items(), **legacy)
    save("views.pth", views(), views().items())
    save("views-legacy.pth", views(), views().items(), **legacy)

    content, arrays = numpy_content()
    save("numpy-legacy.pth", content, arrays, **legacy)
    save("numpy-protocol-5.pth", content, arrays, pickle_protocol=5)

    write_safetensors("types.safetensors", all_types(), {"format": "pt", "note": 'é "quoted"\n'})
    text = json.dumps(expected, separators=(",", ":")).replace('},{"name"', '},\n{"name"')
    (FOLDER / "expected.json").write_text(text + "\n")


main()
