"""AttnLRP and CP-LRP of a vision transformer by lxt and zennit, to measure against; tasks.py says how it is called. The network is timm's
ViT-S/16 with seeded weights, which is written beside the images as `vit.pt`."""

import sys
import types
import warnings
from pathlib import Path

from reference import say, seeded_normal, torch

try:
    from importlib.metadata import version

    # Patches of transformers' language models, which need that library in the version of their day.
    models = types.ModuleType("lxt.efficient.models")
    models.get_default_map = lambda module: {}
    sys.modules["lxt.efficient.models"] = models
    import lxt.efficient.rules as rules
    from lxt.efficient import monkey_patch_zennit
    from lxt.efficient.patches import layer_norm_forward
    from timm.models.vision_transformer import VisionTransformer
    from zennit.composites import LayerMapComposite
    from zennit.rules import Gamma
except ImportError as error:
    say(missing=str(error))
    sys.exit()

from tasks import Task, serve
from torch import nn


class Identity(nn.Module):
    """Relevance passes an activation function unchanged."""

    def __init__(self, function):
        super().__init__()
        self.function = function

    def forward(self, x):
        return rules.identity_rule_implicit(self.function, x)


class Entering(nn.Module):
    """What relevance queries, keys and values get: even shares of it, or all of it the values."""

    def __init__(self, linear):
        super().__init__()
        self.linear = linear
        self.composite = None

    def forward(self, x):
        query, key, value = self.linear(x).chunk(3, -1)
        if self.composite == "attn-lrp":
            shares = [rules.divide_gradient(part, factor) for part, factor in ((query, 4), (key, 4), (value, 2))]
        else:
            shares = [rules.stop_gradient(query), rules.stop_gradient(key), value]
        return torch.cat(shares, -1)


def open_model(network):
    model = VisionTransformer(embed_dim=384, depth=12, num_heads=6)
    with torch.no_grad():
        for name, tensor in model.named_parameters():
            if tensor.dim() == 1:
                tensor.copy_(seeded_normal(name, tensor.shape, 0.05) + ("norm" in name and name.endswith("weight")))
            else:
                fan_in = tensor[0].numel() if name.endswith("weight") else 1
                tensor.copy_(seeded_normal(name, tensor.shape, fan_in**-0.5))
    model = model.eval().requires_grad_(False)
    traced = torch.jit.trace(model, torch.zeros(2, 3, 224, 224))
    traced.save(Path(sys.argv[2]).parent / f"{network}.pt")
    for module in model.modules():
        if isinstance(module, nn.LayerNorm):
            module.forward = types.MethodType(layer_norm_forward, module)
    for block in model.blocks:
        block.mlp.act = Identity(block.mlp.act)
        block.attn.qkv = Entering(block.attn.qkv)
    return model


class RelevanceTask(Task):
    def lrp(self):
        gamma, linear = self.settings["gamma"], self.settings["linearGamma"]
        for block in self.model.blocks:
            block.attn.qkv.composite = self.settings["composite"]
        composite = LayerMapComposite([(nn.Conv2d, Gamma(gamma)), (nn.Linear, Gamma(linear))])
        pixels = self.images.clone().requires_grad_()
        with composite.context(self.model) as changed:
            changed(pixels)[:, self.target].sum().backward()
        return (pixels * pixels.grad).sum(1, keepdim=True)


if __name__ == "__main__":
    warnings.simplefilter("ignore")
    monkey_patch_zennit()
    serve(open_model, RelevanceTask, lxt=version("lxt"), zennit=version("zennit"))
