"""Writes test/fixtures/deep-lift: small networks with seeded weights, and what captum computes of one of them.

Needs torch and captum:  python test/support/make-deep-lift-fixtures.py [FOLDER]

`averages` and `maxima` have activation functions and pools as modules of their own, as captum needs them. For the two images
normal("two images") and class TARGET there are DeepLIFT from a baseline of zeros and, of `averages`, DeepSHAP from three
baselines of each image, which are drawn as the package draws them for seed SEED, and from the five images normal("baselines").
Behind max pools captum's own convergence delta says that with such baselines a part is lost. `reused` runs one ReLU twice, and
functions beside modules.
"""

import sys
import types
import warnings
import zipfile
from pathlib import Path
from zlib import crc32

import torch
from torch import nn

sys.modules["torchvision._meta_registrations"] = types.ModuleType("torchvision._meta_registrations")
from captum.attr import DeepLift, DeepLiftShap  # noqa: E402

FOLDER = Path(__file__).resolve().parent.parent / "fixtures" / "deep-lift"
CLASSES = 10
TARGET = 3
SEED = 5
SAMPLES = 3


def normal(name, shape, deviation=1.0):
    generator = torch.Generator().manual_seed(crc32(name.encode()) % 2**32)
    return torch.empty(shape).normal_(0, deviation, generator=generator)


def plain(pool):
    return nn.Sequential(
        nn.Conv2d(3, 8, 3, padding=1), nn.ReLU(), pool(2), nn.Conv2d(8, 12, 3, padding=1), nn.BatchNorm2d(12),
        nn.ELU(), nn.AvgPool2d(2), nn.Conv2d(12, 12, 3), nn.Tanh(), nn.AvgPool2d(2), nn.Flatten(),
        nn.Linear(12, 16), nn.Softplus(), nn.Linear(16, CLASSES),
    )


class Reused(nn.Module):
    def __init__(self):
        super().__init__()
        self.first, self.second = nn.Conv2d(3, 8, 3, padding=1), nn.Conv2d(8, 8, 3, padding=1)
        self.relu = nn.ReLU()
        self.head = nn.Linear(8, CLASSES)

    def forward(self, x):
        x = self.relu(self.first(x))
        gate = torch.exp(-x.mean((2, 3), keepdim=True))
        x = self.relu(self.second(x) + x * gate)
        return self.head(torch.relu(x.mean((2, 3)) - 0.1).square())


def seed(model):
    with torch.no_grad():
        for name, tensor in model.state_dict().items():
            if tensor.dim() >= 2:
                tensor.copy_(normal(name, tensor.shape, (2 / tensor[0].numel()) ** 0.5))
            elif name.endswith("running_var"):
                tensor.copy_(1 + normal(name, tensor.shape, 0.3).abs())
            elif tensor.is_floating_point():
                tensor.copy_(normal(name, tensor.shape, 0.2) + (1 if name == "4.weight" else 0))
    return model.eval()


def mixed(seed, k):
    """The seed of an image's k-th baseline: SplitMix64, but for the first."""
    if k == 0:
        return seed
    mask = 2**64 - 1
    z = (seed + k * 0x9E3779B97F4A7C15) & mask
    z = ((z ^ (z >> 30)) * 0xBF58476D1CE4E5B9) & mask
    z = ((z ^ (z >> 27)) * 0x94D049BB133111EB) & mask
    return z ^ (z >> 31)


def drawn(image, k):
    """Each value between its channel's least and greatest."""
    generator = torch.Generator().manual_seed(mixed(SEED, k))
    shares = torch.rand(image.shape, generator=generator)
    low, high = image.amin((1, 2), keepdim=True), image.amax((1, 2), keepdim=True)
    return low + shares * (high - low)


def drop_sources(path):
    """Takes out of a script which lines of Python it came from."""
    with zipfile.ZipFile(path) as archive:
        kept = [(info, archive.read(info)) for info in archive.infolist() if not info.filename.endswith("debug_pkl")]
    with zipfile.ZipFile(path, "w") as archive:
        for info, content in kept:
            archive.writestr(zipfile.ZipInfo(info.filename), content)


def main(folder):
    folder.mkdir(parents=True, exist_ok=True)
    x = normal("two images", (2, 3, 16, 16))
    models = {"averages": plain(nn.AvgPool2d), "maxima": plain(nn.MaxPool2d), "reused": Reused()}
    for name, model in models.items():
        seed(model)
        torch.jit.trace(model, x).save(folder / f"{name}.pt")
        drop_sources(folder / f"{name}.pt")
    # One image at a time, each with its own baselines.
    shap = [
        DeepLiftShap(models["averages"]).attribute(
            image[None], torch.stack([drawn(image, k) for k in range(SAMPLES)]), target=TARGET)
        for image in x
    ]
    expected = {
        name: DeepLift(models[name]).attribute(x, torch.zeros_like(x), target=TARGET) for name in ("averages", "maxima")}
    expected["shap"] = torch.cat(shap)
    expected["shapOfSet"] = DeepLiftShap(models["averages"]).attribute(x, normal("baselines", (5, 3, 16, 16)), target=TARGET)
    torch.save({name: value.detach().float() for name, value in expected.items()}, folder / "captum.reference.pth")


if __name__ == "__main__":
    warnings.simplefilter("ignore")
    main(Path(sys.argv[1]) if len(sys.argv) > 1 else FOLDER)
