"""Writes test/fixtures/preprocess: small pictures, and what torchvision and Pillow make of them.

Needs torch, torchvision and Pillow:  python test/support/make-preprocess-fixtures.py

`NAME.png` is a picture; `NAME.RULE.png` is it after a rule: "resize" is Resize(256) and CenterCrop(224), "crop" is
CenterCrop(256) and Resize(224). Larger crops would make large files: `small` rules are Resize(64) and CenterCrop(56),
`bicubic` and `lanczos` the same with another filter, and `squash` is Resize((48, 64)) and CenterCrop(40).
"""

import sys
import types
from pathlib import Path

import torch
from PIL import Image

# torchvision's own operations are not needed, and may not fit this build of torch.
sys.modules["torchvision._meta_registrations"] = types.ModuleType("torchvision._meta_registrations")
from torchvision.transforms import CenterCrop, Compose, InterpolationMode, Resize  # noqa: E402

FOLDER = Path(__file__).parent.parent / "fixtures" / "preprocess"
RULES = {
    "resize": Compose([Resize(256), CenterCrop(224)]),
    "crop": Compose([CenterCrop(256), Resize(224)]),
    "small": Compose([Resize(64), CenterCrop(56)]),
    "bicubic": Compose([Resize(64, InterpolationMode.BICUBIC), CenterCrop(56)]),
    "lanczos": Compose([Resize(64, InterpolationMode.LANCZOS), CenterCrop(56)]),
    "squash": Compose([Resize((48, 64)), CenterCrop(40)]),
}
# Wide, tall, large, smaller than the crop (enlarged), sides whose difference to the crop is odd, and long pictures, of
# which little is seen.
SIZES = {
    "wide": (300, 200, ["resize", "small", "squash"]),
    "tall": (200, 333, ["resize", "small", "squash"]),
    "large": (640, 480, ["small", "crop", "bicubic", "lanczos"]),
    "tiny": (40, 31, ["resize", "small", "bicubic", "lanczos"]),
    "odd": (267, 277, ["crop", "small"]),
    "line": (700, 3, ["small"]),
    "pole": (7, 900, ["small"]),
    "strip": (1999, 130, ["small", "bicubic", "lanczos"]),
}


def picture(width, height, seed):
    """Smooth colours, a few hard edges, and stripes finer than a pixel of the result; few enough levels to pack well."""
    y, x = torch.meshgrid(torch.linspace(0, 1, height), torch.linspace(0, 1, width), indexing="ij")
    waves = [torch.sin((3 + seed) * x + c) * torch.cos((2 + c) * y - seed) for c in range(3)]
    image = torch.stack(waves) * 0.35 + 0.5
    image[:, height // 5 : height // 2, width // 4 : width // 3] = torch.tensor([0.95, 0.1, 0.2])[:, None, None]
    image[:, height * 2 // 3 :, width // 2 : width * 3 // 4] = (torch.arange(width // 4 + width % 2 + 2) % 2)[
        : len(range(width // 2, width * 3 // 4))
    ].float()
    return Image.fromarray((image * 15).round().mul(17).byte().permute(1, 2, 0).contiguous().numpy())


def main():
    FOLDER.mkdir(parents=True, exist_ok=True)
    for seed, (name, (width, height, rules)) in enumerate(SIZES.items()):
        image = picture(width, height, seed)
        image.save(FOLDER / f"{name}.png", optimize=True)
        for rule in rules:
            RULES[rule](image).save(FOLDER / f"{name}.{rule}.png", optimize=True)


main()
