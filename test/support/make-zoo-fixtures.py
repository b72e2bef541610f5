"""Writes test/fixtures/zoo.json: what torchvision and efficientnet_lite_pytorch compute and how they name things.

Needs torch, torchvision and efficientnet_lite_pytorch:  python test/support/make-zoo-fixtures.py

`logits`: the first 16 of each architecture in evaluation mode with seeded weights, for one image: normal(1, 3, 64, 64)
from the generator "image". `modules` and `state` (names and shapes) are those of two architectures.

Seeded weights need no download. For every entry of the state_dict a fresh generator is seeded with the CRC-32 of the
entry's name (plus a seed, here 0), and one `normal_()` call fills the whole contiguous float32 tensor:
- two or more dimensions: deviation sqrt(2 / fan_in), fan_in = product of all dimensions but the first
- running_var: 1; running_mean: deviation 0.1
- other weights (batch norm): 1, but 0.2 for the last batch norm of a residual branch (bn3, or bn2 where there is no bn3)
- biases: deviation 0.05
"""

import json
import sys
import types
from pathlib import Path
from zlib import crc32

import torch

# torchvision's own operations are not needed, and may not fit this build of torch.
sys.modules["torchvision._meta_registrations"] = types.ModuleType("torchvision._meta_registrations")
import torchvision  # noqa: E402
from efficientnet_lite_pytorch import EfficientNet  # noqa: E402

ARCHITECTURES = [
    *(f"vgg{depth}{suffix}" for depth in (11, 13, 16, 19) for suffix in ("", "_bn")),
    *(f"resnet{depth}" for depth in (18, 34, 50, 101, 152)),
    "wide_resnet50_2",
    "wide_resnet101_2",
    "resnext50_32x4d",
    "resnext101_32x8d",
    "resnext101_64x4d",
    *(f"efficientnet-lite{size}" for size in range(5)),
]
NAMED = ["resnet50", "vgg16_bn"]


def normal(name, shape, deviation):
    generator = torch.Generator().manual_seed(crc32(name.encode()) % 2**32)
    return torch.empty(shape).normal_(0, deviation, generator=generator)


def seeded(name, tensor, last_batch_norm):
    if tensor.dim() >= 2:
        return normal(name, tensor.shape, (2 / tensor[0].numel()) ** 0.5)
    if name.endswith("running_var"):
        return torch.ones(tensor.shape)
    if name.endswith("running_mean"):
        return normal(name, tensor.shape, 0.1)
    if name.endswith("weight"):
        return torch.full(tensor.shape, 0.2 if name.endswith(last_batch_norm) else 1.0)
    return normal(name, tensor.shape, 0.05)


def make(architecture):
    if architecture.startswith("efficientnet"):
        # Without a size it pads for the size of the image.
        return EfficientNet.from_name(architecture, image_size=None)
    if architecture.startswith("vgg"):
        return torchvision.models.get_model(architecture, weights=None, init_weights=False)
    return torchvision.models.get_model(architecture, weights=None)


def build(architecture):
    model = make(architecture)
    state = {name: tensor for name, tensor in model.state_dict().items() if tensor.dim() > 0}
    last = "bn3.weight" if any(name.endswith("bn3.weight") for name in state) else "bn2.weight"
    with torch.no_grad():
        for name, tensor in state.items():
            tensor.copy_(seeded(name, tensor, last))
    return model.eval()


def main():
    image = normal("image", (1, 3, 64, 64), 1)
    fixture = {"logits": {}, "modules": {}, "state": {}}
    for architecture in ARCHITECTURES:
        model = build(architecture)
        with torch.no_grad():
            fixture["logits"][architecture] = [float(f"{x:.7g}") for x in model(image)[0, :16].tolist()]
        if architecture in NAMED:
            fixture["modules"][architecture] = [name for name, _ in model.named_modules() if name]
            fixture["state"][architecture] = {n: list(t.shape) for n, t in model.state_dict().items()}
        print(architecture, flush=True)
    path = Path(__file__).parent.parent / "fixtures" / "zoo.json"
    sections = [
        f'"{key}":{{\n' + ",\n".join(f'"{name}":{json.dumps(value)}' for name, value in section.items()) + "\n}"
        for key, section in fixture.items()
    ]
    path.write_text("{" + ",\n".join(sections) + "}\n")


main()
