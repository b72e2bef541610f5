"""Writes checkpoints as training scripts do:  python test/support/make-checkpoints.py FOLDER WEIGHTS.safetensors

Each holds the tensors of the given file, among other things or under other names.
"""

import argparse
import collections
import datetime
import enum
import json
import pathlib
import random
import struct
import sys

import numpy as np
import torch

folder = pathlib.Path(sys.argv[1])
content = pathlib.Path(sys.argv[2]).read_bytes()
(size,) = struct.unpack("<Q", content[:8])
header = json.loads(content[8 : 8 + size])
header.pop("__metadata__", None)


def tensor(entry):
    begin, end = entry["data_offsets"]
    data = bytearray(content[8 + size + begin : 8 + size + end])
    return torch.frombuffer(data, dtype=torch.float32).reshape(entry["shape"])


state = collections.OrderedDict((name, tensor(entry)) for name, entry in header.items())


def under(prefix):
    return collections.OrderedDict((prefix + name, value) for name, value in state.items())


def module():
    """A module of plain modules, whose names are those of the state dict."""
    root = torch.nn.Module()
    for name, value in state.items():
        *path, last = name.split(".")
        inside = root
        for part in path:
            if part not in inside._modules:
                inside.add_module(part, torch.nn.Module())
            inside = inside._modules[part]
        if "running" in last:
            inside.register_buffer(last, value)
        else:
            inside.register_parameter(last, torch.nn.Parameter(value))
    return root


class Phase(enum.Enum):
    TRAINING = 1


class OwnDict(collections.OrderedDict):
    pass


parameter = torch.nn.Parameter(torch.ones(2))
optimizer = torch.optim.SGD([parameter], lr=0.1, momentum=0.9)
parameter.sum().backward()
optimizer.step()
average = torch.optim.swa_utils.AveragedModel(module())
attributed = under("")
attributed["fc.bias"] = torch.nn.Parameter(attributed["fc.bias"])
attributed["fc.bias"].no_decay = True
arguments = argparse.Namespace(model="resnet18", lr=0.5, output=pathlib.Path("."), phase=Phase.TRAINING)
checkpoints = {
    "reference": {
        "model": state,
        "optimizer": optimizer.state_dict(),
        "lr_scheduler": torch.optim.lr_scheduler.StepLR(optimizer, 30).state_dict(),
        "epoch": 4,
        "args": arguments,
        "model_ema": average.state_dict(),
        "scaler": torch.amp.GradScaler("cpu").state_dict(),
    },
    "timm": {"state_dict": state, "state_dict_ema": state, "args": arguments, "metric": np.float64(71.2)},
    "lightning": {
        "state_dict": {**under("model."), "criterion.weight": torch.ones(4)},
        "callbacks": {"ModelCheckpoint": {"best_model_score": torch.tensor(0.3)}},
        "hyper_parameters": collections.defaultdict(list, lr=[0.1]),
        "device": torch.device("cuda:0"),
        "precision": torch.float16,
        "when": datetime.datetime(2024, 1, 1),
        "frozen": {"conv1", "bn1"},
        "order": collections.deque([1, 2]),
        "trainer": arguments.__class__,
    },
    "random": {
        "net": state,
        "torch": torch.get_rng_state(),
        "numpy": np.random.get_state(),
        "generator": np.random.default_rng(0),
        "python": random.getstate(),
        "names": np.array(["cat", "dog"]),
        "times": np.array(["2024-01-01"], dtype="datetime64[D]"),
        "objects": np.array([None, "x"], dtype=object),
        "complex": torch.ones(2, dtype=torch.complex64),
        "sparse": torch.eye(2).to_sparse(),
        "counts": collections.Counter("ab"),
    },
    "compiled": under("_orig_mod."),
    "average": average.state_dict(),
    "deep": {"checkpoint": {"model": {"state_dict": under("module._orig_mod.")}}},
    "own-dict": {"weights": OwnDict(state)},
    "attributes": attributed,
    "whole": module(),
    "parallel": {"epoch": 1, "model": torch.nn.DataParallel(module())},
}
for name, checkpoint in checkpoints.items():
    torch.save(checkpoint, folder / f"{name}.pth")
    if name in ("reference", "whole", "lightning"):
        torch.save(checkpoint, folder / f"{name}-legacy.pth", _use_new_zipfile_serialization=False)
torch.save(checkpoints["timm"], folder / "protocol-1.pth", pickle_protocol=1)
torch.save(checkpoints["lightning"], folder / "protocol-5.pth", pickle_protocol=5)
