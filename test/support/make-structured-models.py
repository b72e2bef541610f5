"""Makes small models that are built as well-known families are:  python test/support/make-structured-models.py FOLDER

Needs torch. Weights are random. Those of DEFAULTS are read for their layers; beside those of ENDINGS lie the logits that their
probabilities are made of, and beside those of RECTIFIED what guided backpropagation and DeconvNet give for class 0.
"""

import sys
import warnings
from pathlib import Path

import torch
from torch import nn
from torch.nn import functional as F

CLASSES = 5


def images(height, width):
    return torch.randn(2, 3, height, width, generator=torch.Generator().manual_seed(0))


class NormAct(nn.Module):
    def __init__(self, channels):
        super().__init__()
        self.norm = nn.BatchNorm2d(channels)
        self.act = nn.SiLU()

    def forward(self, x):
        return self.act(self.norm(x))


class SqueezeExcite(nn.Module):
    def __init__(self, channels):
        super().__init__()
        self.reduce = nn.Conv2d(channels, 4, 1)
        self.expand = nn.Conv2d(4, channels, 1)

    def forward(self, x):
        return x * self.expand(self.reduce(x.mean((2, 3), keepdim=True)).relu()).sigmoid()


class InvertedResidual(nn.Module):
    def __init__(self, channels, out, stride):
        super().__init__()
        self.conv_pw = nn.Conv2d(channels, 2 * channels, 1)
        self.bn1 = NormAct(2 * channels)
        self.conv_dw = nn.Conv2d(2 * channels, 2 * channels, 3, stride, 1, groups=2 * channels)
        self.bn2 = NormAct(2 * channels)
        self.se = SqueezeExcite(2 * channels)
        self.conv_pwl = nn.Conv2d(2 * channels, out, 1)
        self.has_skip = stride == 1 and channels == out

    def forward(self, x):
        y = self.conv_pwl(self.se(self.bn2(self.conv_dw(self.bn1(self.conv_pw(x))))))
        return x + y if self.has_skip else y


class Pooled(nn.Module):
    """Classes of the mean over all places."""

    def __init__(self, channels):
        super().__init__()
        self.head = nn.Linear(channels, CLASSES)

    def classes(self, x):
        return self.head(x.mean((2, 3)))


class EfficientNet(Pooled):
    def __init__(self):
        super().__init__(32)
        self.conv_stem = nn.Conv2d(3, 8, 3, 2, 1)
        self.bn1 = NormAct(8)
        stages = [(8, 8, 1, 1), (8, 12, 2, 2), (12, 16, 2, 2), (16, 24, 2, 2)]
        self.blocks = nn.Sequential(*(
            nn.Sequential(*(InvertedResidual(a if i == 0 else b, b, stride if i == 0 else 1) for i in range(n)))
            for a, b, stride, n in stages))
        self.conv_head = nn.Conv2d(24, 32, 1)
        self.bn2 = NormAct(32)

    def forward(self, x):
        return self.classes(self.bn2(self.conv_head(self.blocks(self.bn1(self.conv_stem(x))))))


class ConvNeXtBlock(nn.Module):
    def __init__(self, channels):
        super().__init__()
        self.conv_dw = nn.Conv2d(channels, channels, 7, padding=3, groups=channels)
        self.norm = nn.LayerNorm(channels)
        self.mlp = nn.Sequential(nn.Linear(channels, 2 * channels), nn.GELU(), nn.Linear(2 * channels, channels))

    def forward(self, x):
        return x + self.mlp(self.norm(self.conv_dw(x).permute(0, 2, 3, 1))).permute(0, 3, 1, 2)


class ConvNeXt(Pooled):
    def __init__(self):
        super().__init__(32)
        self.stem = nn.Sequential(nn.Conv2d(3, 8, 4, 4), nn.BatchNorm2d(8))
        widths = [8, 12, 16, 32]
        self.stages = nn.Sequential(*(
            nn.Sequential(
                nn.Conv2d(widths[i - 1], widths[i], 2, 2) if i else nn.Identity(),
                ConvNeXtBlock(widths[i]), ConvNeXtBlock(widths[i]))
            for i in range(4)))

    def forward(self, x):
        return self.classes(self.stages(self.stem(x)))


class Mlp(nn.Module):
    def __init__(self, channels):
        super().__init__()
        self.fc1 = nn.Linear(channels, 2 * channels)
        self.fc2 = nn.Linear(2 * channels, channels)

    def forward(self, x):
        return self.fc2(F.gelu(self.fc1(x)))


class SwinBlock(nn.Module):
    def __init__(self, channels):
        super().__init__()
        self.norm = nn.LayerNorm(channels)
        self.mlp = Mlp(channels)

    def forward(self, x):
        return x + self.mlp(self.norm(x))


class PatchMerging(nn.Module):
    def __init__(self, channels):
        super().__init__()
        self.reduction = nn.Linear(4 * channels, 2 * channels)

    def forward(self, x):
        parts = [x[:, 0::2, 0::2], x[:, 1::2, 0::2], x[:, 0::2, 1::2], x[:, 1::2, 1::2]]
        return self.reduction(torch.cat(parts, -1))


class SwinStage(nn.Module):
    """With the merging at its end, so that what it returns is as coarse as the next one."""

    def __init__(self, channels, merges):
        super().__init__()
        self.blocks = nn.ModuleList([SwinBlock(channels)])
        self.downsample = PatchMerging(channels) if merges else nn.Identity()

    def forward(self, x):
        for block in self.blocks:
            x = block(x)
        return self.downsample(x)


class Swin(nn.Module):
    """Images with their channels last."""

    def __init__(self):
        super().__init__()
        self.patch_embed = nn.Conv2d(3, 8, 4, 4)
        self.layers = nn.ModuleList([SwinStage(8, True), SwinStage(16, True), SwinStage(32, False)])
        self.head = nn.Linear(32, CLASSES)

    def forward(self, x):
        x = self.patch_embed(x).permute(0, 2, 3, 1)
        for layer in self.layers:
            x = layer(x)
        return self.head(x.mean((1, 2)))


class Attention(nn.Module):
    def __init__(self, channels):
        super().__init__()
        self.qkv = nn.Linear(channels, 3 * channels)
        self.proj = nn.Linear(channels, channels)

    def forward(self, x):
        q, k, v = self.qkv(x).chunk(3, -1)
        return self.proj(F.scaled_dot_product_attention(q, k, v))


class ViTLayer(nn.Module):
    def __init__(self, channels):
        super().__init__()
        self.attention = Attention(channels)
        self.layernorm_before = nn.LayerNorm(channels)
        self.layernorm_after = nn.LayerNorm(channels)
        self.intermediate = Mlp(channels)

    def forward(self, x):
        x = x + self.attention(self.layernorm_before(x))
        return x + self.intermediate(self.layernorm_after(x))


class Embeddings(nn.Module):
    """Other tokens lie in front of the patches' and behind them."""

    def __init__(self, channels, patches, front, behind, order=None):
        super().__init__()
        self.projection = nn.Conv2d(3, channels, 8, 8)
        self.front = nn.Parameter(torch.randn(1, front, channels))
        self.behind = nn.Parameter(torch.randn(1, behind, channels))
        self.positions = nn.Parameter(torch.randn(1, front + patches + behind, channels) / 4)
        self.order = order

    def forward(self, x):
        x = self.projection(x).flatten(2).transpose(1, 2)
        if self.order is not None:
            x = x[:, self.order]
        return torch.cat([self.front.expand(x.shape[0], -1, -1), x, self.behind.expand(x.shape[0], -1, -1)], 1) + self.positions


class Encoder(nn.Module):
    def __init__(self, channels, layers):
        super().__init__()
        self.layer = nn.ModuleList([ViTLayer(channels) for _ in range(layers)])

    def forward(self, x):
        for layer in self.layer:
            x = layer(x)
        return x


class ViTModel(nn.Module):
    def __init__(self, *args, **keywords):
        super().__init__()
        self.embeddings = Embeddings(16, *args, **keywords)
        self.encoder = Encoder(16, 6)
        self.layernorm = nn.LayerNorm(16)

    def forward(self, x):
        return self.layernorm(self.encoder(self.embeddings(x)))


class ViT(nn.Module):
    """Reads its class token alone, which lies in front or behind."""

    def __init__(self, *args, read=0, **keywords):
        super().__init__()
        self.vit = ViTModel(*args, **keywords)
        self.classifier = nn.Linear(16, CLASSES)
        self.read = read

    def forward(self, x):
        return self.classifier(self.vit(x)[:, self.read])


class ResBottleneck(nn.Module):
    def __init__(self, channels, out, stride):
        super().__init__()
        self.proj = nn.Conv2d(channels, out, 1, stride) if stride > 1 else nn.Identity()
        self.f = nn.Sequential(nn.Conv2d(channels, out, 3, stride, 1), nn.BatchNorm2d(out), nn.ReLU())

    def forward(self, x):
        return torch.relu(self.proj(x) + self.f(x))


class RegNet(Pooled):
    def __init__(self, widths=(8, 12, 16, 32), stem_stride=2):
        super().__init__(widths[-1])
        self.stem = nn.Sequential(nn.Conv2d(3, widths[0], 3, stem_stride, 1), nn.BatchNorm2d(widths[0]), nn.ReLU())
        self.trunk_output = nn.Sequential()
        before = widths[0]
        for i, width in enumerate(widths):
            stage = nn.Sequential(ResBottleneck(before, width, 2), ResBottleneck(width, width, 1))
            self.trunk_output.add_module(f"block{i + 1}", stage)
            before = width

    def forward(self, x):
        return self.classes(self.trunk_output(self.stem(x)))


class Mixing(nn.Module):
    """Tells every place about all others, as attention does."""

    def __init__(self, channels):
        super().__init__()
        self.proj = nn.Conv2d(channels, channels, 1)

    def forward(self, x):
        return x + self.proj(x).mean((2, 3), keepdim=True)


class Pyramid(nn.Module):
    """A block for each embedding, and classes of a single place."""

    def __init__(self):
        super().__init__()
        widths = (3, 8, 12, 16)
        self.embeds = nn.ModuleList([
            nn.Sequential(nn.Conv2d(a, b, s, s), nn.BatchNorm2d(b)) for a, b, s in zip(widths, widths[1:], (4, 2, 2))])
        self.blocks = nn.ModuleList([Mixing(width) for width in widths[1:]])
        self.head = nn.Linear(widths[-1], CLASSES)

    def forward(self, x):
        for embed, block in zip(self.embeds, self.blocks):
            x = block(embed(x))
        return self.head(x[:, :, 0, 0])


class Plain(Pooled):
    """One way, deep: its padding leaves little of what changes in a corner."""

    def __init__(self):
        super().__init__(16)
        strides = (2, 2, 2, 1, 1, 2) + 5 * (1,)
        self.stages = nn.Sequential(*(
            nn.Sequential(nn.Conv2d(16 if i else 3, 16, 3, stride, 1, bias=False), nn.BatchNorm2d(16), nn.ReLU())
            for i, stride in enumerate(strides)))

    def forward(self, x):
        return self.classes(self.stages(x))


class Rectified(Pooled):
    """An activation function of each kind, in order."""

    def __init__(self, *activations):
        super().__init__(8)
        channels = [3] + [8] * len(activations)
        self.layers = nn.Sequential(*(
            module for i, activation in enumerate(activations)
            for module in (nn.Conv2d(channels[i], channels[i + 1], 3, padding=1), activation)))

    def forward(self, x):
        return self.classes(4 * self.layers(4 * x))


class Ending(nn.Module):
    def __init__(self, end, outputs=CLASSES):
        super().__init__()
        self.features = nn.Conv2d(3, 8, 3, padding=1)
        self.head = nn.Linear(8, outputs)
        self.end = end

    def logits(self, x):
        return 5 * self.head(self.features(x).relu().mean((2, 3)))

    def forward(self, x):
        return self.end(self.logits(x))


class Mean(nn.Module):
    """As an ensemble gives it: no softmax comes last."""

    def forward(self, x):
        return (x.softmax(1) + (2 * x).softmax(1)) / 2


def scrambled():
    return torch.randperm(64, generator=torch.Generator().manual_seed(3))


# How each is made, and the size of its images.
DEFAULTS = {
    "efficientnet": (EfficientNet, 64, 64),
    "convnext": (ConvNeXt, 64, 64),
    "swin": (Swin, 64, 64),
    "vit": (lambda: ViT(64, 1, 0), 64, 64),
    "registers": (lambda: ViT(64, 1, 3), 64, 64),
    "class-token-behind": (lambda: ViT(64, 0, 1, read=-1), 64, 64),
    "scrambled-tokens": (lambda: ViT(64, 1, 0, order=scrambled()), 64, 64),
    "oblong-vit": (lambda: ViT(32, 1, 0), 32, 64),
    "regnet": (RegNet, 64, 64),
    # Channels are as many as rows in one layer, and as columns in another.
    "oblong-regnet": (lambda: RegNet((4, 8, 4, 4)), 64, 128),
    "pyramid": (Pyramid, 64, 64),
    "plain": (Plain, 64, 64),
    "small-images": (lambda: RegNet((8, 12), 1), 32, 32),
}
ENDINGS = {
    "softmax": lambda: Ending(nn.Softmax(1)),
    "log-softmax": lambda: Ending(nn.LogSoftmax(1)),
    "sigmoid": lambda: Ending(nn.Sigmoid()),
    "mean-of-softmaxes": lambda: Ending(Mean()),
    "one-logit": lambda: Ending(nn.Identity(), 1),
    "one-sigmoid": lambda: Ending(nn.Sigmoid(), 1),
}
RECTIFIED = {
    "relu6": lambda: Rectified(nn.ReLU6(), nn.ReLU6()),
    "clamped": lambda: Rectified(nn.Hardtanh(0, 2), nn.ReLU()),
    "mixed": lambda: Rectified(nn.ReLU6(), nn.GELU()),
    "gelu": lambda: Rectified(nn.GELU(), nn.SiLU(), nn.Tanh()),
    "tanh": lambda: Rectified(nn.Tanh(), nn.Tanh()),
}


def ruled_gradient(model, x, keeps_active):
    """The gradient of class 0, of which only what is positive passes each ReLU (and, for guided backpropagation, only where
    the ReLU is active), and nothing passes where an upper bound is reached. GELU and SiLU are taken for ReLUs: guided
    backpropagation passes its derivative of what is positive where its output is, DeconvNet all that is positive."""

    def change(module, from_input, from_output):
        passed = from_output[0].clamp(min=0)
        if isinstance(module, (nn.GELU, nn.SiLU)):
            if not keeps_active:
                return (passed,)
            with torch.enable_grad():
                x = module.input.clone().requires_grad_()
                (slope,) = torch.autograd.grad(type(module).forward(module, x).sum(), x)
            return (passed * slope * (module.output > 0),)
        if isinstance(module, nn.Hardtanh):
            passed = passed * (module.output < module.max_val)
        return (passed * (module.output > 0) if keeps_active else passed,)

    def keep(module, inputs, output):
        module.input, module.output = inputs[0].detach(), output.detach()

    hooks = []
    for module in model.modules():
        if isinstance(module, (nn.ReLU, nn.Hardtanh, nn.GELU, nn.SiLU)):
            hooks += [module.register_forward_hook(keep), module.register_full_backward_hook(change)]
    x = x.clone().requires_grad_()
    (gradient,) = torch.autograd.grad(model(x)[:, 0].sum(), x)
    for hook in hooks:
        hook.remove()
    return gradient


def save(folder, name, model, x, exports):
    torch.jit.trace(model, x).save(folder / f"{name}.pt")
    if exports:
        shapes = ({0: torch.export.Dim("batch", min=1, max=64)},)
        torch.export.save(torch.export.export(model, (x,), dynamic_shapes=shapes), folder / f"{name}.pt2")


def main(folder):
    folder.mkdir(parents=True, exist_ok=True)
    for name, (make, height, width) in DEFAULTS.items():
        torch.manual_seed(0)
        model, x = make().eval(), images(height, width)
        save(folder, name, model, x, name in ("efficientnet", "oblong-regnet"))
        if name == "oblong-regnet":
            activation = model.trunk_output(model.stem(x))
            (gradient,) = torch.autograd.grad(model.classes(activation)[:, 1].sum(), activation)
            cam = (gradient.mean((2, 3), keepdim=True) * activation).sum(1).relu()
            torch.save({"images": x, "logits": model(x).detach(), "cam": cam.detach()}, folder / f"{name}.reference.pth")
    for name, make in ENDINGS.items():
        torch.manual_seed(0)
        model, x = make().eval(), images(16, 16)
        save(folder, name, model, x, name == "softmax")
        torch.save({"images": x, "logits": model.logits(x).detach()}, folder / f"{name}.reference.pth")
    for name, make in RECTIFIED.items():
        torch.manual_seed(0)
        model, x = make().eval(), images(16, 16)
        reference = {"guided": ruled_gradient(model, x, True), "deconvnet": ruled_gradient(model, x, False)}
        for module in model.modules():
            module.__dict__.pop("input", None)
            module.__dict__.pop("output", None)
        save(folder, name, model, x, name == "relu6")
        torch.save({"images": x, "logits": model(x).detach(), **reference}, folder / f"{name}.reference.pth")


if __name__ == "__main__":
    warnings.simplefilter("ignore")
    main(Path(sys.argv[1]))
