"""Writes test/fixtures/transformers: small transformers with seeded weights, and what other programs compute of them.

Needs torch, and for relevance lxt and zennit:  python test/support/make-transformer-fixtures.py [FOLDER]

`class-token` reads a class token, and its attention is one operation; `pooled` averages its tokens, and its attention is
written out. For the two images normal("two images") and class TARGET there are attention rollout (mean of the heads; their
maximum with 30 % of the lowest attention dropped) and the relevance of Chefer, Gur and Wolf (2021), of all blocks and of the
last one alone, written out below in matrices of all tokens, and the relevance of AttnLRP and CP-LRP by lxt's functions and
zennit's γ rule (0.25 for convolutions, 0.05 for linear layers), in the gradient × input form, summed over the colours.
"""

import sys
import types
import warnings
import zipfile
from pathlib import Path
from zlib import crc32

import torch
import torch.nn.functional as F
from torch import nn

# torchvision's own operations and models of language are not needed.
sys.modules["torchvision._meta_registrations"] = types.ModuleType("torchvision._meta_registrations")
models = types.ModuleType("lxt.efficient.models")
models.get_default_map = lambda *arguments: {}
sys.modules["lxt.efficient.models"] = models
import lxt.efficient.rules as lxt_rules  # noqa: E402
from lxt.efficient import monkey_patch_zennit  # noqa: E402
from lxt.efficient.patches import layer_norm_forward  # noqa: E402
from zennit.composites import LayerMapComposite  # noqa: E402
from zennit.rules import Gamma  # noqa: E402

FOLDER = Path(__file__).resolve().parent.parent / "fixtures" / "transformers"
CLASSES = 10
TARGET = 3
WIDTH = 16
HEADS = 2
GAMMA, LINEAR_GAMMA = 0.25, 0.05


def normal(name, shape, deviation=1.0):
    generator = torch.Generator().manual_seed(crc32(name.encode()) % 2**32)
    return torch.empty(shape).normal_(0, deviation, generator=generator)


class Attention(nn.Module):
    def __init__(self, is_fused):
        super().__init__()
        self.qkv = nn.Linear(WIDTH, 3 * WIDTH)
        self.proj = nn.Linear(WIDTH, WIDTH)
        self.is_fused = is_fused
        self.enter = lambda q, k, v: (q, k, v)

    def forward(self, x):
        n, tokens, _ = x.shape
        q, k, v = self.qkv(x).reshape(n, tokens, 3, HEADS, WIDTH // HEADS).permute(2, 0, 3, 1, 4).unbind(0)
        q, k, v = self.enter(q, k, v)
        if self.is_fused:
            y = F.scaled_dot_product_attention(q, k, v)
        else:
            weights = (q @ k.transpose(-2, -1) * (WIDTH // HEADS) ** -0.5).softmax(-1)
            y = self.keep(weights) @ v
        return self.proj(y.transpose(1, 2).reshape(n, tokens, WIDTH))

    def keep(self, weights):
        return weights


class Watched(Attention):
    """Keeps its weights, and the gradient that arrives at them."""

    def forward(self, x):
        was_fused, self.is_fused = self.is_fused, False
        y = super().forward(x)
        self.is_fused = was_fused
        return y

    def keep(self, weights):
        weights.retain_grad()
        self.weights = weights
        return weights


class Block(nn.Module):
    def __init__(self, is_fused):
        super().__init__()
        self.norm1, self.norm2 = nn.LayerNorm(WIDTH), nn.LayerNorm(WIDTH)
        self.attn = Attention(is_fused)
        self.fc1, self.act, self.fc2 = nn.Linear(WIDTH, 2 * WIDTH), nn.GELU(), nn.Linear(2 * WIDTH, WIDTH)

    def forward(self, x):
        x = x + self.attn(self.norm1(x))
        return x + self.fc2(self.act(self.fc1(self.norm2(x))))


class VisionTransformer(nn.Module):
    def __init__(self, size, patch, has_class_token, is_fused):
        super().__init__()
        patches = (size // patch) ** 2
        self.proj = nn.Conv2d(3, WIDTH, patch, patch)
        self.cls_token = nn.Parameter(torch.zeros(1, 1, WIDTH)) if has_class_token else None
        self.pos_embed = nn.Parameter(torch.zeros(1, patches + has_class_token, WIDTH))
        self.blocks = nn.Sequential(*(Block(is_fused) for _ in range(3)))
        self.norm = nn.LayerNorm(WIDTH)
        self.head = nn.Linear(WIDTH, CLASSES)

    def forward(self, x):
        x = self.proj(x).flatten(2).transpose(1, 2)
        if self.cls_token is not None:
            x = torch.cat([self.cls_token.expand(x.shape[0], -1, -1), x], 1)
        x = self.norm(self.blocks(x + self.pos_embed))
        return self.head(x[:, 0] if self.cls_token is not None else x.mean(1))


MODELS = {
    "class-token": (64, 16, True, True),
    "pooled": (32, 8, False, False),
}


def seed(model):
    with torch.no_grad():
        for name, tensor in model.state_dict().items():
            if name.endswith("weight") and tensor.dim() == 1:
                tensor.copy_(1 + normal(name, tensor.shape, 0.2))
            elif tensor.dim() >= 2 and name.endswith("weight"):
                # Attention that is far from even.
                factor = 3 if "qkv" in name else 1.5
                tensor.copy_(normal(name, tensor.shape, factor * (1 / tensor[0].numel()) ** 0.5))
            else:
                tensor.copy_(normal(name, tensor.shape, 0.3))
    return model.eval()


def watched_weights(model, x):
    """Of each block the weights of its attention (N, heads, T, T), and the derivative of the logit by them."""
    attention = [block.attn for block in model.blocks]
    for module in attention:
        module.__class__ = Watched
    model(x)[:, TARGET].sum().backward()
    found = [(module.weights.detach().double(), module.weights.grad.double()) for module in attention]
    for module in attention:
        module.__class__ = Attention
        del module.weights
    return found


def places(model, matrix):
    """The class token's row, or the mean of all, without the class token's own column, as (N, 1, rows, columns)."""
    row = matrix[:, 0, 1:] if model.cls_token is not None else matrix.mean(1)
    side = round(row.shape[1] ** 0.5)
    return row.reshape(-1, 1, side, side).float()


def rollout(model, x, fuse, discard):
    total = None
    for weights, _ in watched_weights(model, x):
        fused = fuse(weights)
        flat = fused.flatten(1)
        lowest = flat.argsort(1)[:, : int(discard * flat.shape[1])]
        fused = flat.scatter(1, lowest, 0).view_as(fused)
        step = (fused + torch.eye(fused.shape[1]).double()) / 2
        step = step / step.sum(2, keepdim=True)
        total = step if total is None else step @ total
    return places(model, total)


def generic(model, x, blocks=None):
    found = watched_weights(model, x)[-(blocks or 0):]
    tokens = found[0][0].shape[-1]
    relevance = torch.eye(tokens).double().expand(len(x), tokens, tokens)
    for weights, derivative in found:
        relevance = relevance + (weights * derivative).clamp(min=0).mean(1) @ relevance
    return places(model, relevance)


class Identity(nn.Module):
    """lxt's rule for activation functions."""

    def __init__(self, function):
        super().__init__()
        self.function = function

    def forward(self, x):
        return lxt_rules.identity_rule_implicit(self.function, x)


def relevance(model, x, enter):
    """lxt's recipe: gradient × input of a network whose derivatives are changed."""
    norms = [module for module in model.modules() if isinstance(module, nn.LayerNorm)]
    for norm in norms:
        norm.forward = types.MethodType(layer_norm_forward, norm)
    for block in model.blocks:
        block.act = Identity(block.act)
        block.attn.enter = enter
    composite = LayerMapComposite([(nn.Conv2d, Gamma(GAMMA)), (nn.Linear, Gamma(LINEAR_GAMMA))])
    x = x.clone().requires_grad_()
    with composite.context(model) as changed:
        changed(x)[:, TARGET].sum().backward()
    for norm in norms:
        del norm.forward
    for block in model.blocks:
        block.act = block.act.function
        block.attn.enter = lambda q, k, v: (q, k, v)
    return (x * x.grad).detach().sum(1, keepdim=True)


def attn_lrp(q, k, v):
    return tuple(lxt_rules.divide_gradient(part, factor) for part, factor in ((q, 4), (k, 4), (v, 2)))


def cp_lrp(q, k, v):
    return lxt_rules.stop_gradient(q), lxt_rules.stop_gradient(k), v


def drop_sources(path):
    """Takes out of a script which lines of Python it came from."""
    with zipfile.ZipFile(path) as archive:
        kept = [(info, archive.read(info)) for info in archive.infolist() if not info.filename.endswith("debug_pkl")]
    with zipfile.ZipFile(path, "w") as archive:
        for info, content in kept:
            archive.writestr(zipfile.ZipInfo(info.filename), content)


def main(folder):
    monkey_patch_zennit()
    folder.mkdir(parents=True, exist_ok=True)
    for name, settings in MODELS.items():
        model = seed(VisionTransformer(*settings))
        x = normal("two images", (2, 3, settings[0], settings[0]))
        expected = {
            "logits": model(x).detach(),
            "rollout": rollout(model, x, lambda weights: weights.mean(1), 0),
            "rollout of maxima": rollout(model, x, lambda weights: weights.amax(1), 0.3),
            "generic": generic(model, x),
            "generic of the last": generic(model, x, 1),
            "attn-lrp": relevance(model, x, attn_lrp),
            "cp-lrp": relevance(model, x, cp_lrp),
        }
        for tensor in model.parameters():
            tensor.requires_grad_(False)
        torch.jit.trace(model, x).save(folder / f"{name}.pt")
        drop_sources(folder / f"{name}.pt")
        torch.save(expected, folder / f"{name}.reference.pth")


if __name__ == "__main__":
    warnings.simplefilter("ignore")
    main(Path(sys.argv[1]) if len(sys.argv) > 1 else FOLDER)
