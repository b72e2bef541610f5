"""Makes models of torchvision:  python test/support/make-models.py FOLDER [ARCHITECTURE ...]

Needs torch and torchvision. For each architecture of torchvision, narrow where its constructor allows it, there are
`NAME.scripted.pt`, `NAME.traced.pt`, `NAME.pt2`, the weights alone in `NAME.weights.pth` and, with what PyTorch computes,
`NAME.reference.pth`: the images, the logits, and for one layer its activation and the gradient of the images' summed
logit TARGET. Weights are seeded as
native/core/network/seeded_weights.cc seeds them.
"""

import sys
import types
import warnings
from pathlib import Path
from zlib import crc32

import torch

# torchvision's own operations are not needed, and may not fit this build of torch.
sys.modules["torchvision._meta_registrations"] = types.ModuleType("torchvision._meta_registrations")
from torch import nn  # noqa: E402
from torchvision import models  # noqa: E402
from torchvision.models.convnext import CNBlockConfig  # noqa: E402
from torchvision.models.vgg import cfgs, make_layers  # noqa: E402

CLASSES = 10
TARGET = 3


def vgg16():
    widths = [width if width == "M" else width // 8 for width in cfgs["D"]]
    model = models.VGG(make_layers(widths), num_classes=CLASSES, init_weights=False)
    model.classifier = nn.Sequential(
        nn.Linear(64 * 7 * 7, 48), nn.ReLU(True), nn.Dropout(), nn.Linear(48, 48), nn.ReLU(True), nn.Dropout(),
        nn.Linear(48, CLASSES),
    )
    return model


def convnext_tiny():
    blocks = [CNBlockConfig(16, 32, 2), CNBlockConfig(32, 64, 2), CNBlockConfig(64, 128, 3), CNBlockConfig(128, None, 2)]
    return models.ConvNeXt(blocks, num_classes=CLASSES)


def vit_b_16():
    return models.VisionTransformer(
        image_size=64, patch_size=16, num_layers=4, num_heads=4, hidden_dim=32, mlp_dim=64, num_classes=CLASSES
    )


def swin_t():
    return models.SwinTransformer(
        patch_size=[4, 4], embed_dim=24, depths=[2, 2, 2, 2], num_heads=[1, 2, 4, 8], window_size=[7, 7],
        num_classes=CLASSES,
    )


# How each is made, the size of its images, and the layer whose gradient is taken.
ARCHITECTURES = {
    "resnet18": (lambda: models.resnet18(num_classes=CLASSES), 64, "layer2"),
    "resnet50": (lambda: models.resnet50(width_per_group=8, num_classes=CLASSES), 64, "layer2"),
    "vgg16": (vgg16, 64, "features.17"),
    "densenet121": (
        lambda: models.DenseNet(8, (6, 12, 24, 16), 16, num_classes=CLASSES), 64, "features.denseblock2.denselayer5"),
    "mobilenet_v3_large": (lambda: models.mobilenet_v3_large(num_classes=CLASSES), 64, "features.6"),
    "efficientnet_b0": (lambda: models.efficientnet_b0(num_classes=CLASSES), 64, "features.4"),
    "convnext_tiny": (convnext_tiny, 64, "features.3"),
    "inception_v3": (
        lambda: models.inception_v3(num_classes=CLASSES, init_weights=False, transform_input=True), 96, "Mixed_5d"),
    "vit_b_16": (vit_b_16, 64, "encoder.layers.encoder_layer_1"),
    "swin_t": (swin_t, 64, "features.3"),
}


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


def seed(model):
    state = {name: tensor for name, tensor in model.state_dict().items() if tensor.is_floating_point()}
    last = "bn3.weight" if any(name.endswith("bn3.weight") for name in state) else "bn2.weight"
    with torch.no_grad():
        for name, tensor in state.items():
            tensor.copy_(seeded(name, tensor, last))
    return model.eval()


def reference(model, images, layer):
    """Logits, and the activation and gradient of a layer."""
    kept = {}

    def keep(module, inputs, output):
        kept["value"] = output
        return output.clone()  # which the next module may overwrite

    hook = model.get_submodule(layer).register_forward_hook(keep)
    logits = model(images)
    hook.remove()
    (gradient,) = torch.autograd.grad(logits[:, TARGET].sum(), kept["value"])
    return {"images": images, "logits": logits.detach(), "activation": kept["value"].detach(), "gradient": gradient}


def write(folder, name):
    make, size, layer = ARCHITECTURES[name]
    model = seed(make())
    images = normal("two images", (2, 3, size, size), 1)
    torch.save(reference(model, images, layer), folder / f"{name}.reference.pth")
    torch.save(model.state_dict(), folder / f"{name}.weights.pth")
    for parameter in model.parameters():
        parameter.requires_grad_(False)
    torch.jit.script(model).save(folder / f"{name}.scripted.pt")
    torch.jit.trace(model, images).save(folder / f"{name}.traced.pt")
    batch = torch.export.Dim("batch", min=1, max=4096)
    torch.export.save(torch.export.export(model, (images,), dynamic_shapes=({0: batch},)), folder / f"{name}.pt2")


if __name__ == "__main__":
    warnings.simplefilter("ignore")
    destination = Path(sys.argv[1])
    destination.mkdir(parents=True, exist_ok=True)
    for architecture in sys.argv[2:] or ARCHITECTURES:
        write(destination, architecture)
        print(architecture, flush=True)
