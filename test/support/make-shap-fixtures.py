"""Writes test/fixtures/paths/baselines.safetensors: what captum's GradientShap gives for baselines from a set of images.

Needs torch, torchvision, numpy and captum:  python test/support/make-shap-fixtures.py

Network and image are those of make-path-fixtures.py, in double precision; the set is the five images normal("baselines"). captum
draws by NumPy, whose two draws are put in place here by those of our generator from the seed 5: first the places on the ways, then
which baselines they begin at.
"""

import json
import struct
from pathlib import Path
from unittest import mock

import numpy as np
import torch
from captum.attr import GradientShap
from small_resnet import SmallResNet, normal, seed_weights

FILE = Path(__file__).resolve().parent.parent / "fixtures" / "paths" / "baselines.safetensors"
SAMPLES, SEED = 7, 5


def main():
    model = seed_weights(SmallResNet()).double()
    image = normal("noise", (1, 3, 64, 64))[:, :, :32, :32].double()
    baselines = normal("baselines", (5, 3, 32, 32)).double()
    target = model(image).argmax().item()
    generator = torch.Generator().manual_seed(SEED)
    places = torch.rand(SAMPLES, generator=generator).double().numpy()
    members = torch.randint(len(baselines), (SAMPLES,), generator=generator).numpy()
    with mock.patch("numpy.random.uniform", lambda *_: places), mock.patch(
        "numpy.random.choice", lambda *_, **__: members
    ):
        found = GradientShap(model).attribute(image, baselines, n_samples=SAMPLES, stdevs=0.0, target=target)
    piece = np.ascontiguousarray(found[0].detach().numpy(), dtype=np.float32).tobytes()
    shape = list(found.shape[1:])
    text = json.dumps({"gradient-shap": {"dtype": "F32", "shape": shape, "data_offsets": [0, len(piece)]}}).encode()
    text += b" " * (-len(text) % 8)
    FILE.write_bytes(struct.pack("<Q", len(text)) + text + piece)


main()
