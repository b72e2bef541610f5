"""Writes test/fixtures/rise: what RISE's masks are and give, by the paper's formulas in NumPy and scikit-image.

Needs torch, torchvision, numpy and scikit-image:  python test/support/make-rise-fixtures.py

The network is a ResNet-18 of an eighth of the width with ten classes and seeded weights, the image normal(1, 3, 64, 64) from the
generator "noise" (see make-readout-fixtures.py). What is random is drawn with PyTorch from the seed 5, in the order grids, shifts
down, shifts to the right.
"""

import json
import struct
from pathlib import Path

import numpy as np
import torch
from skimage.transform import resize
from small_resnet import SmallResNet, normal, seed_weights


FOLDER = Path(__file__).resolve().parent.parent / "fixtures" / "rise"


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
