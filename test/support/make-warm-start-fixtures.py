"""Writes test/fixtures/family/warm-start.json: what plain PyTorch gives for masks in layer1 that begin with what the readout
of test/fixtures/readout/iba.safetensors predicts, by Adam and by the proximal solver, with the noise that our streams draw.

Needs torch and torchvision:  python test/support/make-warm-start-fixtures.py

The network is the ResNet-18 of an eighth of the width of small_resnet.py, the image is "noise", statistics are those of 24
images "estimation".
"""

import json
from pathlib import Path

import torch
import torch.nn.functional as F
from small_resnet import WIDTH, SmallResNet, normal, seed_weights

FOLDER = Path(__file__).resolve().parent.parent / "fixtures" / "family"
READS = ["layer1", "layer2", "layer3", "layer4", "fc"]

STEPS, COPIES, SEED, TARGET, BETA = 4, 4, 5, 3, 10


def activations(model, images):
    x = model.maxpool(model.relu(model.bn1(model.conv1(images))))
    found = []
    for name in READS[:-1]:
        x = getattr(model, name)(x)
        found.append(x)
    return found + [model.fc(torch.flatten(model.avgpool(x), 1))]


def tail(model, x):
    for name in READS[1:-1]:
        x = getattr(model, name)(x)
    return model.fc(torch.flatten(model.avgpool(x), 1))


def predicted_alpha(found, learnt):
    """With the weights of make-readout-fixtures.py."""
    maps = []
    for x, all_x in zip(found, learnt):
        x = (x - all_x.mean(0)) / all_x.std(0).clamp_min(0.01)
        size = found[0].shape[2:]
        large = x[:, :, None, None].expand(-1, -1, *size) if x.dim() == 2 else None
        maps.append(large if large is not None else F.interpolate(x, size, mode="bilinear", align_corners=True))
    x = torch.cat(maps, 1)
    widths = [x.shape[1], x.shape[1] // 2, WIDTH * 2, WIDTH]
    for i in range(3):
        weight = normal(f"iba.{i}.weight", (widths[i + 1], widths[i], 1, 1), (2 / widths[i]) ** 0.5)
        x = F.conv2d(x, weight, normal(f"iba.{i}.bias", (widths[i + 1],), 0.05))
        x = F.relu(x) if i < 2 else x.clamp(-5, 5)
    return x


def smooth(maps):
    at = torch.arange(-2, 3)
    kernel = torch.exp(-0.5 * at.double() ** 2)
    kernel = (torch.outer(kernel, kernel) / kernel.sum() ** 2).to(maps.dtype)
    channels = maps.shape[1]
    return F.conv2d(F.pad(maps, [2] * 4, mode="reflect"), kernel.expand(channels, 1, 5, 5), groups=channels)


class Problem:
    def __init__(self):
        self.model = seed_weights(SmallResNet())
        with torch.no_grad():
            learnt = activations(self.model, normal("estimation", (24, 3, 64, 64)))
            found = activations(self.model, normal("noise", (1, 3, 64, 64)))
            self.alpha = predicted_alpha(found, learnt)
        self.r, of_layer = found[0], learnt[0]
        self.mean, self.std = of_layer.mean(0), of_layer.std(0).clamp_min(0.01)
        self.active = ((of_layer != 0).double().mean(0) > 0.01).float()
        self.normalised = (self.r - self.mean) / self.std

    def capacity(self, keep, drop):
        return (0.5 * ((keep * self.normalised) ** 2 + drop**2 - 1) - drop.log()) * self.active

    def cross_entropy(self, keep, drop, noise):
        z = (self.mean + keep * (self.r - self.mean)) * self.active + drop * self.std * self.active * noise
        return F.cross_entropy(tail(self.model, z), torch.full((len(noise),), TARGET))


def by_adam(problem):
    alpha = problem.alpha.clone().requires_grad_()
    adam, generator, run = torch.optim.Adam([alpha], lr=1), torch.Generator().manual_seed(SEED), Run()
    for _ in range(STEPS):
        adam.zero_grad()
        keep, drop = smooth(torch.sigmoid(alpha)), smooth(torch.sigmoid(-alpha))
        noise = torch.empty((COPIES, *problem.r.shape[1:])).normal_(0, 1, generator=generator)
        capacity = problem.capacity(keep, drop)
        fit = problem.cross_entropy(keep, drop, noise)
        run.add(fit, capacity)
        (fit + BETA * capacity.mean()).backward()
        adam.step()
    return run.result(capacity)


def proximal(problem, alpha):
    def adjoint(gradient):
        v = torch.zeros_like(problem.r).requires_grad_()
        return torch.autograd.grad(smooth(v), v, gradient * problem.active)[0]

    weight = adjoint(torch.ones_like(problem.r)).clamp_min(1e-6)
    squares = (adjoint(problem.normalised**2) / weight).double()
    v, average = torch.sigmoid(alpha), None
    generator, run = torch.Generator().manual_seed(SEED), Run()
    for t in range(1, STEPS + 1):
        half = torch.empty((COPIES // 2, *problem.r.shape[1:])).normal_(0, 1, generator=generator)
        v = v.detach().requires_grad_()
        keep, drop = smooth(v), smooth(1 - v)
        fit = problem.cross_entropy(keep, drop, torch.cat([half, -half]))
        run.add(fit, problem.capacity(keep, drop))
        gradient = torch.autograd.grad(fit, v)[0]
        share = max(t**-0.7, 0.1)
        average = gradient if average is None else (1 - share) * average + share * gradient
        slope = (average * v.numel() / BETA / weight).double()
        low, high = torch.zeros_like(slope), torch.ones_like(slope)
        for _ in range(60):
            middle = (low + high) / 2
            rises = slope + 1 / (1 - middle) - (1 - middle) + middle * squares < 0
            low, high = torch.where(rises, middle, low), torch.where(rises, high, middle)
        v = (1 - share) * v.detach() + share * low.float()
    return run.result(problem.capacity(smooth(v), smooth(1 - v)))


class Run:
    def __init__(self):
        self.fits, self.informations = [], []

    def add(self, fit, capacity):
        self.fits.append(fit.item())
        self.informations.append(capacity.mean().item())

    def result(self, capacity):
        return {
            "crossEntropy": self.fits,
            "information": self.informations,
            "result": capacity.detach().flatten().tolist(),
        }


def main():
    problem = Problem()
    found = {
        "adam": by_adam(problem),
        "proximal": proximal(problem, problem.alpha),
        "cold": proximal(problem, torch.zeros_like(problem.alpha)),
        "settings": {"steps": STEPS, "copies": COPIES, "seed": SEED},
    }
    rounded = json.loads(json.dumps(found), parse_float=lambda text: float(f"{float(text):.6g}"))
    (FOLDER / "warm-start.json").write_text(json.dumps(rounded) + "\n")


if __name__ == "__main__":
    main()
