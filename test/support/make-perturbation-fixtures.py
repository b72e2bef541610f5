"""Writes test/fixtures/perturbation: what the authors' TorchRay gives for extremal perturbations.

Needs torch, torchvision and TorchRay:  python test/support/make-perturbation-fixtures.py
(pip install --no-deps torchray; it imports matplotlib, and draws nothing.)

The network is a ResNet-18 of an eighth of the width with ten classes and seeded weights, the image the upper left
quarter of normal(1, 3, 64, 64) from the generator "noise", the target its predicted class. The masks are those of each area, the
series what each step adds: the mean reward of the areas, and the mean penalty.
"""

import json
import struct
from pathlib import Path

import numpy as np
import torch
from small_resnet import SmallResNet, normal, seed_weights
from torchray.attribution.extremal_perturbation import extremal_perturbation

FOLDER = Path(__file__).resolve().parent.parent / "fixtures" / "perturbation"

SETTINGS = {"areas": [0.1, 0.3], "max_iter": 12, "step": 4, "sigma": 8, "max_blur": 6, "num_levels": 5}


def main():
    torch.set_num_threads(1)
    FOLDER.mkdir(exist_ok=True)
    model = seed_weights(SmallResNet())
    image = normal("noise", (1, 3, 64, 64))[:, :, :32, :32].contiguous()
    with torch.no_grad():
        target = model(image)[0].argmax().item()
    common = dict(SETTINGS)
    blur = common.pop("max_blur")
    # The strongest blur is no argument of the function.
    module = __import__("torchray.attribution.extremal_perturbation", fromlist=["Perturbation"])
    made = module.Perturbation

    def perturbation(given, num_levels, type):
        return made(given, num_levels=num_levels, type=type, max_blur=blur)

    module.Perturbation = perturbation
    expected = {}
    for variant in ("preserve", "delete", "dual"):
        for kind in ("blur", "fade") if variant == "preserve" else ("blur",):
            masks, history = extremal_perturbation(
                model, image, target, variant=variant, perturbation=kind, **common
            )
            name = f"{variant}.{kind}"
            expected[name] = masks[:, 0].numpy()
            expected[f"{name}.reward"] = history[:, 0].mean(0).numpy()
            expected[f"{name}.penalty"] = -history[:, 1].mean(0).numpy()
    header, data = {}, b""
    for name, found in expected.items():
        piece = np.ascontiguousarray(found, dtype=np.float32).tobytes()
        header[name] = {"dtype": "F32", "shape": list(found.shape), "data_offsets": [len(data), len(data) + len(piece)]}
        data += piece
    text = json.dumps(header).encode()
    text += b" " * (-len(text) % 8)
    (FOLDER / "expected.safetensors").write_bytes(struct.pack("<Q", len(text)) + text + data)


main()
