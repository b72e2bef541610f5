"""Writes test/fixtures/paths: what PAIR's saliency gives for Guided IG, Blur IG and XRAI, and naive forms for GradientSHAP and FullGrad.

Needs torch, torchvision, numpy, scipy, scikit-image and saliency:  python test/support/make-path-fixtures.py

The network is a ResNet-18 of an eighth of the width with ten classes and seeded weights, the image the upper left
quarter of normal(1, 3, 64, 64) from the generator "noise" (see make-readout-fixtures.py); that of XRAI is normal(1, 3, 224, 224), and
every fourth pixel of its map is kept. "xrai.resized" is that of normal(1, 3, 300, 60) with segments given: those of scikit-image for
the image that PyTorch resized bilinearly. The logit is that of the predicted class, in double precision. NumPy's name of an
argument, which the package still calls by its former one, is put right here. GradientSHAP draws from the seed 5: places by one
generator, baselines by another.
"""

import json
import struct
from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as F
from small_resnet import SmallResNet, normal, seed_weights
from torch import nn
from saliency.core import XRAI, BlurIG, GuidedIG, XRAIParameters
from saliency.core.base import INPUT_OUTPUT_GRADIENTS
from skimage.morphology import dilation, disk
from skimage.segmentation import felzenszwalb

FOLDER = Path(__file__).resolve().parent.parent / "fixtures" / "paths"


def gradient_shap(gradient, image, samples, seed):
    """Baselines of each colour's mean and deviation."""
    places = torch.rand(samples, generator=torch.Generator().manual_seed(seed))
    generator = torch.Generator().manual_seed(seed)
    mean, deviation = image.mean((2, 3), True), image.std((2, 3), correction=0, keepdim=True)
    total = torch.zeros_like(image).double()
    for place in places:
        baseline = mean + deviation * torch.empty(image.shape).normal_(generator=generator)
        way = (image - baseline).double()
        total += gradient(baseline.double() + place.double() * way) * way
    return total[0] / samples


def full_grad(model, image, target):
    """Magnitudes from 0 to 1 of gradient times input, and of gradient times bias behind each convolution and batch norm."""

    def shown(values):
        values = values.abs()
        values = (values - values.min()) / (values.max() - values.min() + 1e-6)
        return F.interpolate(values, image.shape[2:], mode="bilinear", align_corners=True).sum((0, 1))

    outputs = []

    def keep(module, _, output):
        outputs.append((module, output))
        return output.clone()  # ReLUs write into what they read

    modules = [m for m in model.modules() if isinstance(m, nn.BatchNorm2d)]
    handles = [m.register_forward_hook(keep) for m in modules]
    pixels = image.double().requires_grad_()
    logit = model(pixels)[0, target]
    found = torch.autograd.grad(logit, [pixels, *(y for _, y in outputs)])
    for handle in handles:
        handle.remove()
    total = shown(found[0] * pixels.detach())
    for (m, _), gradient in zip(outputs, found[1:]):
        bias = m.bias - m.running_mean * m.weight / (m.running_var + m.eps).sqrt()
        total = total + shown(gradient * bias[:, None, None])
    return total.detach()


def xrai(model, gradients, image, masks=None):
    """Every fourth pixel of PAIR's XRAI."""
    settings = {"call_model_args": model(image).argmax().item(), "extra_parameters": XRAIParameters(steps=10)}
    found = XRAI().GetMask(image[0].permute(1, 2, 0).numpy(), gradients, segments=masks, batch_size=5, **settings)
    return found[::4, ::4]


def grown_segments(image):
    """The segments of an image, found at 224 × 224, as masks."""
    scaled = (image - image.min()) / (image.max() - image.min()) * 2 - 1
    resized = F.interpolate(scaled, (224, 224), mode="bilinear", antialias=True)[0].permute(1, 2, 0).numpy()
    rows, columns = ((np.floor((np.arange(size) + 0.5) * 224 / size)).astype(int) for size in image.shape[2:])
    masks = []
    for scale in (50, 100, 150, 250, 500, 1200):
        parts = felzenszwalb(resized, scale=scale, sigma=0.8, min_size=150)[rows][:, columns]
        masks += [dilation(parts == part, footprint=disk(5)) for part in range(parts.max() + 1)]
    return masks


def main():
    FOLDER.mkdir(parents=True, exist_ok=True)
    quantile = np.quantile
    np.quantile = lambda values, share, interpolation: quantile(values, share, method=interpolation)
    model = seed_weights(SmallResNet()).double()
    image = normal("noise", (1, 3, 64, 64))[:, :, :32, :32]
    target = model(image.double()).argmax().item()

    def gradients(images, call_model_args=None, expected_keys=None):
        inputs = torch.from_numpy(np.asarray(images, dtype=np.float64)).permute(0, 3, 1, 2).requires_grad_()
        of = target if call_model_args is None else call_model_args
        (found,) = torch.autograd.grad(model(inputs)[:, of].sum(), inputs)
        return {INPUT_OUTPUT_GRADIENTS: found.permute(0, 2, 3, 1).numpy()}

    pixels = image[0].permute(1, 2, 0).double().numpy()
    expected = {}
    for name, distance in (("guided-ig", 0.02), ("guided-ig.free", 1.0), ("guided-ig.straight", 0.0)):
        expected[name] = GuidedIG().GetMask(pixels, gradients, x_steps=20, fraction=0.25, max_dist=distance)
    for name, sigma in (("blur-ig", 50), ("blur-ig.weak", 5)):
        expected[name] = BlurIG().GetMask(pixels, gradients, max_sigma=sigma, steps=20)
    def gradient(inputs):
        inputs = inputs.requires_grad_()
        return torch.autograd.grad(model(inputs)[:, target].sum(), inputs)[0]

    expected = {name: found.transpose(2, 0, 1) for name, found in expected.items()}
    expected["gradient-shap"] = gradient_shap(gradient, image, 7, 5).numpy()
    expected["full-grad"] = full_grad(model, image, target).numpy()
    expected["xrai"] = xrai(model, gradients, normal("noise", (1, 3, 224, 224)).double())
    oblong = normal("noise", (1, 3, 300, 60)).double()
    expected["xrai.resized"] = xrai(model, gradients, oblong, grown_segments(oblong))
    header, data = {}, b""
    for name, found in expected.items():
        piece = np.ascontiguousarray(found, dtype=np.float32).tobytes()
        header[name] = {"dtype": "F32", "shape": list(found.shape), "data_offsets": [len(data), len(data) + len(piece)]}
        data += piece
    text = json.dumps(header).encode()
    text += b" " * (-len(text) % 8)
    (FOLDER / "expected.safetensors").write_bytes(struct.pack("<Q", len(text)) + text + data)


main()
