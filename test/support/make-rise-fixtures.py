"""Writes test/fixtures/rise: what RISE's masks are and give, by the paper's formulas in NumPy and scikit-image.

Needs torch, torchvision, numpy and scikit-image:  python test/support/make-rise-fixtures.py

The network is a ResNet-18 of an eighth of the width with ten classes and seeded weights, the image normal(1, 3, 64, 64) from the
generator "noise" (see make-readout-fixtures.py). What is random is drawn with PyTorch from the seed 5, in the order grids, shifts
down, shifts to the right.
"""

import json
import struct
import sys
import types
from pathlib import Path
from zlib import crc32

import numpy as np
import torch
from skimage.transform import resize
from torch import nn

# torchvision's own operations are not needed, and may not fit this build of torch.
sys.modules["torchvision._meta_registrations"] = types.ModuleType("torchvision._meta_registrations")
from torchvision.models.resnet import BasicBlock, ResNet  # noqa: E402

FOLDER = Path(__file__).resolve().parent.parent / "fixtures" / "rise"
WIDTH = 8


class SmallResNet(ResNet):
    def __init__(self):
        nn.Module.__init__(self)
        self._norm_layer, self.inplanes, self.dilation, self.groups, self.base_width = nn.BatchNorm2d, WIDTH, 1, 1, 64
        self.conv1 = nn.Conv2d(3, WIDTH, 7, 2, 3, bias=False)
        self.bn1, self.relu, self.maxpool = nn.BatchNorm2d(WIDTH), nn.ReLU(), nn.MaxPool2d(3, 2, 1)
        for i in range(4):
            setattr(self, f"layer{i + 1}", self._make_layer(BasicBlock, WIDTH * 2**i, 2, stride=1 if i == 0 else 2))
        self.avgpool, self.fc = nn.AdaptiveAvgPool2d(1), nn.Linear(WIDTH * 8, 10)


def normal(name, shape, deviation=1.0):
    generator = torch.Generator().manual_seed(crc32(name.encode()) % 2**32)
    return torch.empty(shape).normal_(0, deviation, generator=generator)


def seed_weights(model):
    for name, tensor in model.state_dict().items():
        if tensor.dim() >= 2:
            tensor.copy_(normal(name, tensor.shape, (2 / tensor[0].numel()) ** 0.5))
        elif name.endswith("running_mean"):
            tensor.copy_(normal(name, tensor.shape, 0.1))
        elif name.endswith("running_var"):
            tensor.fill_(1)
        elif name.endswith("weight"):
            tensor.fill_(0.2 if name.endswith("bn2.weight") else 1)
        elif tensor.dim() > 0:
            tensor.copy_(normal(name, tensor.shape, 0.05))
    return model.eval()


def rise(model, image, target, count, cells, kept, seed):
    generator = torch.Generator().manual_seed(seed)
    grids = (torch.rand(count, cells, cells, generator=generator) < kept).double().numpy()
    sides = np.array(image.shape[2:])
    cell = np.ceil(sides / cells).astype(int)
    down, right = (torch.randint(int(side), (count,), generator=generator).numpy() for side in cell)
    total = np.zeros(sides)
    for grid, y, x in zip(grids, down, right):
        large = resize(grid, (cells + 1) * cell, order=1, mode="reflect", anti_aliasing=False)
        mask = large[y : y + sides[0], x : x + sides[1]]
        probability = model((image.double() * torch.from_numpy(mask))).softmax(1)[0, target].item()
        total += probability * mask
    return total / count / kept


@torch.no_grad()
def main():
    FOLDER.mkdir(parents=True, exist_ok=True)
    model = seed_weights(SmallResNet()).double()
    image = normal("noise", (1, 3, 64, 64))
    expected = {
        "many": rise(model, image, 3, 60, 8, 0.5, 5),
        "few": rise(model, image[:, :, :, :48], 3, 40, 5, 0.1, 5),
    }
    header, data = {}, b""
    for name, found in expected.items():
        piece = np.ascontiguousarray(found, dtype=np.float32).tobytes()
        header[name] = {"dtype": "F32", "shape": list(found.shape), "data_offsets": [len(data), len(data) + len(piece)]}
        data += piece
    text = json.dumps(header).encode()
    text += b" " * (-len(text) % 8)
    (FOLDER / "expected.safetensors").write_bytes(struct.pack("<Q", len(text)) + text + data)


main()
