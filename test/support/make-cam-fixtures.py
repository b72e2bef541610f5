"""Writes test/fixtures/cam: what pytorch-grad-cam computes, before its maps are enlarged and scaled.

Needs torch, torchvision, numpy and grad-cam:  python test/support/make-cam-fixtures.py

The network of `resnet18` is a ResNet-18 of an eighth of the width with ten classes and seeded weights (see
make-zoo-fixtures.py); `vit.pt` is a small vision transformer with a class token. Their image is normal(1, 3, 64, 64), from the
generator "noise", of which the transformer gets the upper left quarter.

Two things differ from the package, as they do from the papers: Score-CAM enlarges with the corners not aligned, as its authors' code
does, and Ablation-CAM sets channels to zero wherever they lie.
"""

import json
import struct
from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as F
from small_resnet import SmallResNet, normal, seed_weights
from torch import nn
import pytorch_grad_cam as cams
from pytorch_grad_cam.ablation_layer import AblationLayer
from pytorch_grad_cam.utils.model_targets import ClassifierOutputTarget
from pytorch_grad_cam.utils.svd_on_activations import get_2d_projection_with_sign_correction

FOLDER = Path(__file__).resolve().parent.parent / "fixtures" / "cam"


class Block(nn.Module):
    def __init__(self, channels):
        super().__init__()
        self.norm1, self.norm2 = nn.LayerNorm(channels), nn.LayerNorm(channels)
        self.qkv, self.proj = nn.Linear(channels, 3 * channels), nn.Linear(channels, channels)
        self.fc1, self.fc2 = nn.Linear(channels, 2 * channels), nn.Linear(2 * channels, channels)

    def forward(self, x):
        n, tokens, channels = x.shape
        q, k, v = self.qkv(self.norm1(x)).reshape(n, tokens, 3, 2, channels // 2).permute(2, 0, 3, 1, 4).unbind(0)
        attended = F.scaled_dot_product_attention(q, k, v).transpose(1, 2).reshape(n, tokens, channels)
        x = x + self.proj(attended)
        return x + self.fc2(F.gelu(self.fc1(self.norm2(x))))


class SmallViT(nn.Module):
    def __init__(self, channels=16):
        super().__init__()
        self.patches = nn.Conv2d(3, channels, 8, 8)
        self.token = nn.Parameter(torch.randn(1, 1, channels))
        self.places = nn.Parameter(torch.randn(1, 17, channels))
        self.blocks = nn.Sequential(Block(channels), Block(channels), Block(channels))
        self.norm, self.head = nn.LayerNorm(channels), nn.Linear(channels, 10)

    def forward(self, x):
        x = self.patches(x).flatten(2).transpose(1, 2)
        x = torch.cat([self.token.expand(x.shape[0], -1, -1), x], 1) + self.places
        return self.head(self.norm(self.blocks(x))[:, 0])


class Zeroed(AblationLayer):
    """Sets one channel of each row to zero, of images or tokens."""

    def set_next_batch(self, input_batch_index, activations, num_channels_to_ablate):
        one = activations[input_batch_index : input_batch_index + 1]
        self.activations = one.repeat(num_channels_to_ablate, *[1] * (one.dim() - 1))

    def __call__(self, x):
        for row, channel in zip(self.activations, self.indices):
            (row if row.dim() == 3 else row.T)[int(channel)] = 0
        return self.activations


class Enlarged(nn.Module):
    def __init__(self, size):
        super().__init__()
        self.size = size

    def forward(self, x):
        return F.interpolate(x, self.size, mode="bilinear", align_corners=False)


class EigenCAM(cams.EigenCAM):
    def get_cam_image(self, input_tensor, target_layer, targets, activations, grads, eigen_smooth):
        return get_2d_projection_with_sign_correction(activations)


METHODS = {
    "grad-cam": cams.GradCAM,
    "grad-cam-plus-plus": cams.GradCAMPlusPlus,
    "hires-cam": cams.HiResCAM,
    "layer-cam": cams.LayerCAM,
    "xgrad-cam": cams.XGradCAM,
    "eigen-cam": EigenCAM,
    "ablation-cam": lambda *given: cams.AblationCAM(*given, ablation_layer=Zeroed()),
    "score-cam": cams.ScoreCAM,
    "finer-cam": cams.FinerCAM,
}


def maps(model, image, layer, reshape=None):
    """What each method gives for a layer and the predicted class, positive, as (height, width)."""
    found = {}
    with torch.no_grad():
        target = model(image).argmax().item()
    for name, make in METHODS.items():
        cam, kept = make(model, [layer], reshape), []
        whole, cam = cam, getattr(cam, "base_cam", cam)
        own = cam.get_cam_image

        def keeping(*given, own=own, kept=kept):
            kept.append(own(*given))
            return kept[0]

        cam.get_cam_image = keeping
        # Finer-CAM finds what it compares the predicted class with.
        whole(image, [ClassifierOutputTarget(target)] if whole is cam else None)
        cam.activations_and_grads.release()
        found[name] = np.maximum(kept[0][0], 0).astype(np.float32)
    return found


def write_safetensors(path, tensors):
    header, data = {}, b""
    for name, value in tensors.items():
        piece = np.ascontiguousarray(value).tobytes()
        header[name] = {"dtype": "F32", "shape": list(value.shape), "data_offsets": [len(data), len(data) + len(piece)]}
        data += piece
    text = json.dumps(header).encode()
    text += b" " * (-len(text) % 8)
    path.write_bytes(struct.pack("<Q", len(text)) + text + data)


def main():
    FOLDER.mkdir(parents=True, exist_ok=True)
    nn.UpsamplingBilinear2d = Enlarged
    image = normal("noise", (1, 3, 64, 64))
    resnet, vit = seed_weights(SmallResNet()), seed_weights(SmallViT())
    quarter = image[:, :, :32, :32].contiguous()
    torch.jit.save(torch.jit.script(vit), FOLDER / "vit.pt")
    expected = {}
    for layer in ("layer2", "layer3"):
        for name, found in maps(resnet, image, getattr(resnet, layer)).items():
            expected[f"resnet18.{layer}.{name}"] = found

    def on_grid(tokens):
        return tokens[:, 1:].reshape(-1, 4, 4, tokens.shape[2]).permute(0, 3, 1, 2)

    for name, found in maps(vit, quarter, vit.blocks[0], on_grid).items():
        expected[f"vit.blocks.0.{name}"] = found
    write_safetensors(FOLDER / "expected.safetensors", expected)


main()
