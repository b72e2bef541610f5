"""Writes test/fixtures/readout: files laid out as the paper's authors published theirs, and what a plain form of the
method, which enlarges and concatenates the layers before its convolutions, computes from the same weights.

Needs torch, torchvision and numpy:  python test/support/make-readout-fixtures.py

The network is a ResNet-18 of an eighth of the width with ten classes and seeded weights (see make-zoo-fixtures.py), the
image normal(1, 3, 64, 64) from the generator "noise".
"""

import json
import struct
import sys
import types
from collections import OrderedDict
from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as F
from small_resnet import WIDTH, SmallResNet, normal, seed_weights
from torch import nn


FOLDER = Path(__file__).resolve().parent.parent / "fixtures" / "readout"
READS = ["layer1", "layer2", "layer3", "layer4", "fc"]


def activations(model, images):
    kept = {}
    hooks = [
        getattr(model, name).register_forward_hook(lambda _, __, value, name=name: kept.__setitem__(name, value))
        for name in READS
    ]
    model(images)
    for hook in hooks:
        hook.remove()
    return [kept[name] for name in READS]


def readout_weights(name, channels, hidden, outputs):
    """Larger than PyTorch starts with, so that α is neither constant nor always at its limit."""
    widths = [channels, channels // 2, hidden, outputs]
    state = OrderedDict()
    for i in range(3):
        deviation = (2 / widths[i]) ** 0.5
        state[f"conv{i + 1}.weight"] = normal(f"{name}.{i}.weight", (widths[i + 1], widths[i], 1, 1), deviation)
        state[f"conv{i + 1}.bias"] = normal(f"{name}.{i}.bias", (widths[i + 1],), 0.05)
    return state


def smooth(maps, size, sigma):
    if size == 1:
        return maps
    at = torch.arange(size) - size // 2
    kernel = torch.exp(-0.5 * (at / sigma) ** 2)
    kernel = torch.outer(kernel, kernel) / kernel.sum() ** 2
    channels = maps.shape[1]
    padded = F.pad(maps, [size // 2] * 4, mode="reflect")
    return F.conv2d(padded, kernel.expand(channels, 1, size, size), groups=channels)


def capacity(inputs, state, normalised, size, sigma):
    """`inputs` are the layers as the readout network takes them, `normalised` is the bottleneck's."""
    height, width = normalised.shape[2:]
    maps = []
    for x in inputs:
        if x.dim() == 2:
            maps.append(x[:, :, None, None].expand(-1, -1, height, width))
        else:
            maps.append(F.interpolate(x, (height, width), mode="bilinear", align_corners=True))
    x = torch.cat(maps, 1)
    x = F.relu(F.conv2d(x, state["conv1.weight"], state["conv1.bias"]))
    x = F.relu(F.conv2d(x, state["conv2.weight"], state["conv2.bias"]))
    alpha = F.conv2d(x, state["conv3.weight"], state["conv3.bias"]).clamp(-5, 5)
    keep, drop = smooth(torch.sigmoid(alpha), size, sigma), smooth(torch.sigmoid(-alpha), size, sigma)
    return 0.5 * ((keep * normalised) ** 2 + drop**2 - 1) - torch.log(drop)


def paper_map(nats):
    enlarged = F.interpolate(nats.mean(1, keepdim=True), (64, 64), mode="bilinear", align_corners=False)[0, 0]
    enlarged = enlarged - enlarged.min()
    return enlarged / enlarged.max().clamp(min=1e-5)


def author_class(name):
    """A class of a module that no reader has."""
    module = sys.modules.setdefault("authors_own_module", types.ModuleType("authors_own_module"))
    if not hasattr(module, name):
        setattr(module, name, type(name, (), {"__module__": module.__name__}))
    return getattr(module, name)


def estimator(x, after_relu):
    """As the paper's code gathers it: sums in numpy, float64, without the batch's dimension."""
    x = x.double().numpy()
    if after_relu:
        count, mean, squares = (x != 0).sum(0).astype(np.float64), np.zeros(x.shape[1:]), (x**2).sum(0)
    else:
        count, mean = np.full(x.shape[1:], float(len(x))), x.mean(0)
        squares = ((x - mean) ** 2).sum(0)
    name = "ReluEstimator" if after_relu else "GaussianEstimator"
    entry = {"class": author_class(name), "layer_class": "Sequential", "N": count, "M": mean, "S": squares}
    return {**entry, "num_seen": len(x)}


def paper_std(entry, after_relu):
    divisor = np.maximum(entry["N"], 1) if after_relu else entry["num_seen"]
    return torch.from_numpy(np.sqrt(np.maximum(entry["S"], 1e-5) / divisor)).float()


def write_safetensors(path, tensors, metadata):
    header, data = {"__metadata__": metadata}, b""
    for name, value in tensors.items():
        piece = value.float().contiguous().numpy().tobytes()
        header[name] = {"dtype": "F32", "shape": list(value.shape), "data_offsets": [len(data), len(data) + len(piece)]}
        data += piece
    text = json.dumps(header).encode()
    text += b" " * (-len(text) % 8)
    path.write_bytes(struct.pack("<Q", len(text)) + text + data)


@torch.no_grad()
def main():
    FOLDER.mkdir(parents=True, exist_ok=True)
    model = seed_weights(SmallResNet())
    learnt = activations(model, normal("estimation", (24, 3, 64, 64)))
    found = activations(model, normal("noise", (1, 3, 64, 64)))
    channels = sum(x.shape[1] for x in found)
    expected = OrderedDict()

    # The authors' files: means are not subtracted, and after a ReLU they are 0.
    entries = [estimator(x, i < 4) for i, x in enumerate(learnt)]
    deviations = [paper_std(entry, i < 4) for i, entry in enumerate(entries)]
    legacy = {"_use_new_zipfile_serialization": False}
    torch.save({"estimators": entries}, FOLDER / "estimator_resnet18_1,2,3,4,fc.torch", **legacy)
    torch.save(entries[1], FOLDER / "estimator_resnet18_2.torch", **legacy)
    for variant, hidden, size in (("A", WIDTH // 4, 3), ("B", WIDTH * 2, 1)):
        state = readout_weights(variant, channels, hidden, WIDTH)
        model_state = OrderedDict()
        for i, entry in enumerate(entries):
            model_state[f"mean_{i}"] = torch.from_numpy(entry["M"]).float()
            model_state[f"std_{i}"] = deviations[i]
        model_state.update(state)
        shapes = [x.shape[1:] for x in found]
        content = {"model_state": model_state, "shapes": shapes, "kernel_size": size}
        torch.save(content, FOLDER / f"readout_resnet18_{variant}.torch", **legacy)
        inputs = [x / s for x, s in zip(found, deviations)]
        nats = capacity(inputs, state, inputs[0], size, 0.25 * size)
        expected[f"{variant}.capacity"], expected[f"{variant}.map"] = nats[0], paper_map(nats)

    # The library's conventions, in our own format.
    state = readout_weights("iba", channels, WIDTH * 2, WIDTH)
    means, stds = [x.mean(0) for x in learnt], [x.std(0).clamp(min=0.01) for x in learnt]
    active = ((learnt[0] != 0).sum(0) > 0.01 * len(learnt[0])).float()
    active[:, 3, 5] = 0
    inputs = [(x - m) / s for x, m, s in zip(found, means, stds)]
    nats = capacity(inputs, state, inputs[0], 5, 1.0)
    expected["iba.capacity"] = (nats * active)[0]
    tensors = OrderedDict(state)
    for i, (m, s) in enumerate(zip(means, stds)):
        tensors[f"mean_{i}"], tensors[f"std_{i}"] = m, s
    tensors.update({"bottleneck.mean": means[0], "bottleneck.std": stds[0], "bottleneck.active": active})
    place = {"model": "resnet18", "weights": "", "preset": "iba", "layer": "layer1", "reads": ",".join(READS)}
    metadata = {"format": "attribution-bottleneck.readout.1", **place, "sigma": "1", "kernel_size": "5"}
    write_safetensors(FOLDER / "iba.safetensors", tensors, metadata)
    expected["layer2.std"] = deviations[1]
    write_safetensors(FOLDER / "expected.safetensors", expected, {"format": "pt"})


if __name__ == "__main__":
    main()
