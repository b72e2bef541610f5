"""Makes classifiers in ONNX:  python test/support/make-onnx-models.py FOLDER NAME[.dynamo][.single][:LAYER] ...

Needs torch, torchvision, onnx and onnxscript; names that begin with `timm-` and `transformers-` need these. `NAME.onnx` is made by
torch.onnx's older exporter, and with `.dynamo` by the newer one; its batch is open, or with `.single` one image. With a LAYER,
`NAME.reference.pth` has two images, PyTorch's logits, and the gradient of the images' summed logit 3 at that layer. The models are
narrow and shallow, and their weights are seeded.
"""

import contextlib
import io
import logging
import sys
import warnings
from importlib import import_module
from pathlib import Path

import torch
from torch import nn

models = import_module("make-models")
tv = models.models
CLASSES = 10


def resnet(block, **options):
    return tv.ResNet(block, [1, 1, 1, 1], num_classes=CLASSES, **options)


def bottlenecks(**options):
    return resnet(tv.resnet.Bottleneck, **{"width_per_group": 8, **options})


def small_head(model, features, side):
    """In place of the millions of weights that its classifier has for images of 224 pixels."""
    model.avgpool = nn.AdaptiveAvgPool2d((side, side))
    model.classifier = nn.Sequential(
        nn.Dropout(), nn.Linear(features * side**2, 32), nn.ReLU(True), nn.Linear(32, CLASSES)
    )
    return model


def vgg(batch_norm):
    layers = tv.vgg.make_layers([16, "M", 24, "M", 32, 32, "M", 32, "M", 32, "M"], batch_norm)
    return small_head(tv.VGG(layers, num_classes=CLASSES, init_weights=False), 32, 2)


def mbconvs():
    config = tv.efficientnet.MBConvConfig
    blocks = [config(1, 3, 1, 8, 8, 1, 1, 1), config(4, 5, 2, 8, 16, 2, 1, 1), config(4, 3, 2, 16, 24, 1, 1, 1)]
    return tv.EfficientNet(blocks, dropout=0.2, num_classes=CLASSES, last_channel=48)


def fused_mbconvs():
    fused, config = tv.efficientnet.FusedMBConvConfig, tv.efficientnet.MBConvConfig
    blocks = [fused(1, 3, 1, 8, 8, 1), fused(4, 3, 2, 8, 16, 2), config(4, 3, 2, 16, 24, 2, 1, 1)]
    return tv.EfficientNet(blocks, dropout=0.2, num_classes=CLASSES, last_channel=48)


def regnet(se_ratio):
    parameters = tv.regnet.BlockParams.from_init_params(depth=6, w_0=16, w_a=20, w_m=2.5, group_width=8, se_ratio=se_ratio)
    return tv.RegNet(parameters, num_classes=CLASSES)


def convnext():
    config = tv.convnext.CNBlockConfig
    return tv.ConvNeXt([config(16, 24, 1), config(24, 32, 2), config(32, None, 1)], num_classes=CLASSES)


def swin(block):
    merging = tv.swin_transformer.PatchMergingV2 if block else tv.swin_transformer.PatchMerging
    return tv.SwinTransformer(
        [4, 4], 16, [2, 2], [2, 2], [4, 4], num_classes=CLASSES, stochastic_depth_prob=0, downsample_layer=merging,
        **({"block": block} if block else {}),
    )


def vit():
    return tv.VisionTransformer(
        image_size=64, patch_size=16, num_layers=2, num_heads=2, hidden_dim=24, mlp_dim=48, num_classes=CLASSES
    )


def maxvit():
    return tv.MaxVit(
        (64, 64), stem_channels=16, partition_size=4, block_channels=[16, 24], block_layers=[1, 1], head_dim=8,
        stochastic_depth_prob=0, num_classes=CLASSES,
    )


def timm(name, **options):
    return lambda: import_module("timm").create_model(name, num_classes=CLASSES, **options)


def mixer():
    library = import_module("timm.models.mlp_mixer")
    return library.MlpMixer(num_classes=CLASSES, img_size=64, num_blocks=2, embed_dim=24)


def transformers(name, **options):
    class Logits(nn.Module):
        def __init__(self):
            super().__init__()
            library = import_module("transformers")
            config = getattr(library, f"{name}Config")(num_labels=CLASSES, **options)
            self.model = getattr(library, f"{name}ForImageClassification")(config)

        def forward(self, pixel_values):
            return self.model(pixel_values=pixel_values).logits

    return Logits


TOKENS = dict(hidden_size=24, num_hidden_layers=2, num_attention_heads=2, image_size=64, patch_size=16)
WIDE_TOKENS = dict(**TOKENS, intermediate_size=48)
TIMM_VIT = dict(img_size=64, depth=2, embed_dim=24, num_heads=2)
STAGES = dict(depths=[1, 1, 1, 1], hidden_sizes=[8, 16, 24, 32])

# How each is made, the size of its images, and the version of ONNX's operators.
CLASSIFIERS = {
    "resnet": (lambda: resnet(tv.resnet.BasicBlock), 64, 9),
    "resnet-bottleneck": (bottlenecks, 64, 11),
    "resnext": (lambda: bottlenecks(groups=4, width_per_group=4), 64, 13),
    "resnet-dilated": (lambda: bottlenecks(replace_stride_with_dilation=[False, True, True]), 64, 17),
    "vgg": (lambda: vgg(False), 64, 11),
    "vgg-bn": (lambda: vgg(True), 64, 13),
    "alexnet": (lambda: small_head(tv.AlexNet(num_classes=CLASSES), 256, 2), 96, 18),
    "squeezenet1_0": (lambda: tv.squeezenet1_0(num_classes=CLASSES), 64, 9),
    "squeezenet1_1": (lambda: tv.squeezenet1_1(num_classes=CLASSES), 64, 20),
    "densenet": (lambda: tv.DenseNet(8, (2, 3, 2, 2), 16, num_classes=CLASSES), 64, 11),
    "mobilenet_v2": (lambda: tv.mobilenet_v2(width_mult=0.25, num_classes=CLASSES), 64, 13),
    "mobilenet_v3_small": (lambda: tv.mobilenet_v3_small(num_classes=CLASSES), 64, 14),
    "mobilenet_v3_large": (lambda: tv.mobilenet_v3_large(num_classes=CLASSES), 64, 18),
    "shufflenet_v2": (lambda: tv.ShuffleNetV2([2, 2, 2], [8, 16, 24, 32, 48], num_classes=CLASSES), 64, 13),
    "mnasnet": (lambda: tv.MNASNet(0.25, num_classes=CLASSES), 64, 11),
    "googlenet": (lambda: tv.googlenet(num_classes=CLASSES, aux_logits=False, init_weights=False), 64, 17),
    "efficientnet": (mbconvs, 64, 17),
    "efficientnet_v2": (fused_mbconvs, 64, 18),
    "regnet_x": (lambda: regnet(None), 64, 13),
    "regnet_y": (lambda: regnet(0.25), 64, 20),
    "convnext": (convnext, 64, 17),
    "vit": (vit, 64, 17),
    "swin": (lambda: swin(None), 64, 17),
    "swin_v2": (lambda: swin(tv.swin_transformer.SwinTransformerBlockV2), 64, 18),
    "maxvit": (maxvit, 64, 17),
    "timm-resnet10t": (timm("resnet10t"), 64, 13),
    "timm-seresnet": (timm("seresnet18", layers=(1, 1, 1, 1), channels=(8, 16, 24, 32)), 64, 17),
    "timm-vit": (timm("vit_tiny_patch16_224", **TIMM_VIT), 64, 17),
    "timm-deit": (timm("deit_tiny_distilled_patch16_224", **TIMM_VIT), 64, 14),
    "timm-mixer": (mixer, 64, 13),
    "timm-convnextv2": (timm("convnextv2_atto", depths=(1, 1, 1, 1), dims=(8, 16, 24, 32)), 64, 18),
    "timm-efficientnet": (timm("efficientnet_lite0"), 64, 11),
    "timm-ghostnet": (timm("ghostnet_050"), 64, 13),
    "timm-regnety": (timm("regnety_002"), 64, 17),
    "timm-repvgg": (timm("repvgg_a0"), 64, 20),
    "timm-mobilevit": (timm("mobilevit_xxs"), 64, 17),
    "timm-pvt_v2": (timm("pvt_v2_b0", depths=(1, 1, 1, 1)), 64, 17),
    "transformers-vit": (transformers("ViT", **WIDE_TOKENS), 64, 17),
    "transformers-beit": (transformers("Beit", **WIDE_TOKENS), 64, 17),
    "transformers-dinov2": (transformers("Dinov2", **TOKENS), 64, 18),
    "transformers-resnet": (transformers("ResNet", embedding_size=8, **STAGES), 64, 13),
    "transformers-convnext": (transformers("ConvNext", **STAGES), 64, 17),
    "transformers-swin": (
        transformers("Swin", image_size=64, embed_dim=16, depths=[2, 2], num_heads=[2, 2], window_size=4), 64, 17),
    "transformers-mobilenet_v2": (transformers("MobileNetV2", depth_multiplier=0.35, image_size=64), 64, 17),
}


def export(model, path, size, opset, exporters):
    is_single = "single" in exporters
    images = models.normal("images to export", (1 if is_single else 2, 3, size, size), 1)
    names = {"input_names": ["images"], "output_names": ["logits"], "opset_version": opset}
    if "dynamo" in exporters:
        batch = None if is_single else ({0: torch.export.Dim("batch")},)
        torch.onnx.export(
            model, (images,), path, dynamo=True, dynamic_shapes=batch, external_data=False, verbose=False, **names)
    else:
        batch = None if is_single else {"images": {0: "batch"}}
        torch.onnx.export(model, (images,), path, dynamo=False, dynamic_axes=batch, **names)


def write(folder, argument):
    name, _, layer = argument.partition(":")
    classifier, *exporters = name.split(".")
    make, size, opset = CLASSIFIERS[classifier]
    model = models.seed(make())
    if layer:
        images = models.normal("two images", (2, 3, size, size), 1)
        torch.save(models.reference(model, images, layer), folder / f"{name}.reference.pth")
    with contextlib.redirect_stdout(io.StringIO()):
        export(model, folder / f"{name}.onnx", size, max(opset, 18) if "dynamo" in exporters else opset, exporters)


if __name__ == "__main__":
    warnings.simplefilter("ignore")
    logging.disable(logging.WARNING)
    torch.set_num_threads(1)
    # Attention in one operator that only PyTorch has.
    torch.backends.mha.set_fastpath_enabled(False)
    destination = Path(sys.argv[1])
    destination.mkdir(parents=True, exist_ok=True)
    for argument in sys.argv[2:]:
        write(destination, argument)
        print(argument, flush=True)
