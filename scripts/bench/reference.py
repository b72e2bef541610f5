"""The per-sample bottleneck in Python, done the two ways of its authors, to measure against.

    reference.py MODEL WAY LAYER TARGET IMAGE.npy MAP.npy

WAY is `paper` (the code of the paper: the layer is replaced by itself followed by the bottleneck) or `package` (their
later library: a hook on the layer). Both send the expanded image through the whole network in every step, and both
leave the weights' `requires_grad` on, so that autograd computes gradients that nobody reads.

The first line on stdout says {"torch", "threads"}, or {"missing"} where a library can't be imported. Then each line on
stdin is a number of steps: the map is computed and written to MAP.npy, and a line {"seconds"} comes back.
"""

import json
import math
import sys
import time
import types
from zlib import crc32

COPIES = 10
BETA = 10
MINIMUM_STD = 0.01
ESTIMATION_IMAGES = 16


def say(**fields):
    print(json.dumps(fields), flush=True)


try:
    import numpy as np
    import torch

    # torchvision's own operators are not needed, and may not fit this build of torch.
    sys.modules["torchvision._meta_registrations"] = types.ModuleType("torchvision._meta_registrations")
    import torchvision
except ImportError as error:
    say(missing=str(error))
    sys.exit()

import torch.nn.functional as F
from torch import nn


def seeded_normal(name, shape, deviation=1.0):
    """Normal numbers that depend on the name alone."""
    generator = torch.Generator().manual_seed(crc32(name.encode()))
    return torch.empty(shape).normal_(0, deviation, generator=generator)


def seeded_value(name, shape):
    """A parameter of the seeded ResNet-50 or VGG-16."""
    if len(shape) >= 2:
        return seeded_normal(name, shape, math.sqrt(2 / math.prod(shape[1:])))
    if name.endswith("running_var"):
        return torch.ones(shape)
    if name.endswith("running_mean"):
        return seeded_normal(name, shape, 0.1)
    if name.endswith("weight"):
        return torch.full(shape, 0.2 if name.endswith("bn3.weight") else 1.0)
    return seeded_normal(name, shape, 0.05)


def seeded_model(architecture):
    with torch.device("meta"):  # PyTorch's own initial weights would take long and be thrown away
        model = torchvision.models.get_model(architecture, weights=None)
    model.to_empty(device="cpu")
    with torch.no_grad():
        for name, tensor in model.state_dict().items():
            if tensor.dim() > 0:
                tensor.copy_(seeded_value(name, tensor.shape))
    return model.eval()


class Statistics:
    """Mean, deviation and activity of a layer's neurons, in the convention of one of the two codes."""

    def __init__(self, way, activations, after_relu):
        r = activations.double()
        nonzero = (r != 0).sum(0)
        self.active = torch.ones_like(r[0], dtype=torch.bool)
        if way == "package":
            mean, std = r.mean(0), r.std(0).clamp(min=MINIMUM_STD)
            self.active = nonzero / len(r) > 0.01
        elif after_relu:
            mean, std = torch.zeros_like(r[0]), ((r**2).sum(0).clamp(min=1e-5) / nonzero.clamp(min=1)).sqrt()
        else:
            mean = r.mean(0)
            std = (((r - mean) ** 2).sum(0).clamp(min=1e-5) / len(r)).sqrt()
        self.mean, self.std, self.after_relu = mean.float(), std.float(), after_relu


class Bottleneck(nn.Module):
    """Mixes noise into an activation, and keeps the capacity that passes. Both codes work on all copies alike."""

    def __init__(self, way, statistics):
        super().__init__()
        self.noised = self.noised_paper if way == "paper" else self.noised_package
        self.statistics = statistics
        self.alpha = nn.Parameter(torch.full((1, *statistics.mean.shape), 5.0))
        bell = torch.exp(-0.5 * torch.arange(-2.0, 3.0) ** 2)
        kernel = torch.outer(bell, bell) / bell.sum() ** 2
        self.kernel = kernel.expand(len(statistics.mean), 1, 5, 5).contiguous()
        self.capacity = None

    def forward(self, r):
        s = self.statistics
        mask = F.pad(torch.sigmoid(self.alpha).expand_as(r), (2, 2, 2, 2), mode="reflect")
        mask = F.conv2d(mask, self.kernel, groups=len(self.kernel))
        signal = mask * (r - s.mean) / s.std
        log_variance = torch.log((1 - mask) ** 2)
        capacity = 0.5 * (signal**2 + torch.exp(log_variance) - 1 - log_variance)
        self.capacity = torch.where(s.active, capacity, 0.0)
        return self.noised(r, mask, signal, log_variance, torch.empty_like(r).normal_())

    def noised_paper(self, r, mask, signal, log_variance, noise):
        s = self.statistics
        z = (signal + torch.exp(log_variance.clamp(-10, 10) / 2) * noise) * s.std + s.mean
        return z.clamp(min=0) if s.after_relu else z

    def noised_package(self, r, mask, signal, log_variance, noise):
        s = self.statistics
        return torch.where(s.active, mask * r + (1 - mask) * (s.mean + s.std * noise), 0.0)


def insert(way, model, layer, bottleneck):
    """Puts the bottleneck behind a layer, and returns what takes it out again."""
    if way == "package":
        hook = model.get_submodule(layer).register_forward_hook(lambda module, inputs, output: bottleneck(output))
        return hook.remove
    parent, _, name = layer.rpartition(".")
    owner, original = model.get_submodule(parent), model.get_submodule(layer)
    setattr(owner, name, nn.Sequential(original, bottleneck))
    return lambda: setattr(owner, name, original)


def optimise(model, bottleneck, image, target, steps):
    batch = image.expand(COPIES, -1, -1, -1)
    labels = torch.full((COPIES,), target)
    optimizer = torch.optim.Adam([bottleneck.alpha], lr=1)
    for _ in range(steps):
        optimizer.zero_grad()
        loss = F.cross_entropy(model(batch), labels) + BETA * bottleneck.capacity.mean()
        loss.backward()
        optimizer.step()


def heat_map(way, capacity, size):
    """(size, size): bits per pixel, mirrored at the border (`package`), or scaled to [0, 1] (`paper`)."""
    total = capacity.detach().mean(0).sum(0)[None, None]
    scale = size // total.shape[-1]
    if way == "paper":
        total = (total - total.min()) / (total - total.min()).max()
        return F.interpolate(total, scale_factor=scale, mode="bilinear")[0, 0]
    mirrored = F.pad(total / math.log(2) / scale**2, (1, 1, 1, 1), mode="reflect")
    return F.interpolate(mirrored, scale_factor=scale, mode="bilinear")[0, 0, scale:-scale, scale:-scale]


def attribute(way, model, layer, statistics, image, target, steps):
    torch.manual_seed(0)
    bottleneck = Bottleneck(way, statistics)
    remove = insert(way, model, layer, bottleneck)
    try:
        optimise(model, bottleneck, image, target, steps)
    finally:
        remove()
    return heat_map(way, bottleneck.capacity, image.shape[-1])


def estimate(way, model, layer, images):
    seen = []
    hook = model.get_submodule(layer).register_forward_hook(lambda module, inputs, output: seen.append(output.clone()))
    with torch.no_grad():
        model(images)
    hook.remove()
    return Statistics(way, seen[0], after_relu=bool((seen[0] >= 0).all()))


def main():
    architecture, way, layer, target, image_file, map_file = sys.argv[1:]
    model = seeded_model(architecture)
    statistics = estimate(way, model, layer, seeded_normal("estimation", (ESTIMATION_IMAGES, 3, 224, 224)))
    image = torch.from_numpy(np.load(image_file))[None]
    say(torch=torch.__version__, threads=torch.get_num_threads())
    for line in sys.stdin:
        started = time.perf_counter()
        result = attribute(way, model, layer, statistics, image, int(target), int(line))
        seconds = time.perf_counter() - started
        np.save(map_file, result.numpy())
        say(seconds=seconds)


if __name__ == "__main__":
    main()
