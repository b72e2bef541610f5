"""Attributions by captum, to measure against.

    captum_reference.py MODEL IMAGES.npy ATTRIBUTIONS.npy THREADS

The first line on stdout says {"torch", "captum", "threads"}, or {"missing"} where a library can't be imported. Then each
line on stdin is a task {"method", "images", "target", "rows", "layer", "settings"}: the first images are explained with the
settings of our options' names, the attributions are written to ATTRIBUTIONS.npy, and a line {"seconds"} comes back, or
{"missing"} where captum can't.
"""

import copy
import json
import sys
import time
import warnings

from reference import np, say, seeded_model, torch, torchvision

try:
    import captum
    from captum import attr
    from captum.attr._core.lrp import SUPPORTED_LAYERS_WITH_RULES
    from captum.attr._utils.custom_modules import Addition_Module
    from captum.attr._utils.lrp_rules import EpsilonRule
except ImportError as error:
    say(missing=str(error))
    sys.exit()

from torch import nn


class SeparateBottleneck(nn.Module):
    """A block of ResNet-50 whose ReLUs and sum are modules of their own, as captum's changed backward passes need."""

    def __init__(self, block):
        super().__init__()
        self.branch = nn.Sequential(
            block.conv1, block.bn1, nn.ReLU(), block.conv2, block.bn2, nn.ReLU(), block.conv3, block.bn3
        )
        self.downsample = block.downsample
        self.add = Addition_Module()
        self.relu = nn.ReLU()

    def forward(self, x):
        shortcut = x if self.downsample is None else self.downsample(x)
        return self.relu(self.add(self.branch(x), shortcut))


def separated(model):
    """A copy in which no activation runs twice or in place."""
    model = copy.deepcopy(model)
    for parent in list(model.modules()):
        for name, child in parent.named_children():
            if isinstance(child, torchvision.models.resnet.Bottleneck):
                setattr(parent, name, SeparateBottleneck(child))
            elif isinstance(child, nn.ReLU):
                setattr(parent, name, nn.ReLU())
    return model


class Task:
    """One call of a method: the same settings, and as many rows together, as on our side."""

    def __init__(self, model, separate, images, request):
        self.model, self.separate = model, separate
        self.images = images[: request["images"]]
        self.target, self.rows, self.layer = request["target"], request["rows"], request["layer"]
        self.settings = request["settings"]

    @property
    def copies(self):
        """How many copies of each image fit into the rows."""
        return max(1, self.rows // len(self.images))

    @property
    def mean_colour(self):
        return self.images.mean((2, 3), keepdim=True).expand_as(self.images).contiguous()

    def attribute(self, method):
        return getattr(self, method.replace("-", "_"))()

    def saliency(self):
        return attr.Saliency(self.model).attribute(self.images, target=self.target, abs=False)

    def gradient_x_input(self):
        return attr.InputXGradient(self.model).attribute(self.images, target=self.target)

    def smoothgrad(self):
        torch.manual_seed(0)
        spread = (self.images.max() - self.images.min()).item()
        return attr.NoiseTunnel(attr.Saliency(self.model)).attribute(
            self.images,
            nt_type="smoothgrad",
            nt_samples=self.settings["samples"],
            nt_samples_batch_size=self.copies,
            stdevs=self.settings["noise"] * spread,
            target=self.target,
            abs=False,
        )

    def integrated_gradients(self):
        return attr.IntegratedGradients(self.model).attribute(
            self.images,
            baselines=self.mean_colour,
            target=self.target,
            n_steps=self.settings["steps"],
            method="riemann_right",
            internal_batch_size=self.rows,
        )

    def guided_backprop(self):
        return attr.GuidedBackprop(self.separate).attribute(self.images, target=self.target)

    def deconvnet(self):
        return attr.Deconvolution(self.separate).attribute(self.images, target=self.target)

    def grad_cam(self):
        method = attr.LayerGradCam(self.model, self.model.get_submodule(self.layer))
        found = method.attribute(self.images, target=self.target, relu_attributions=True)
        return attr.LayerAttribution.interpolate(found, tuple(self.images.shape[2:]), "bilinear")

    def guided_grad_cam(self):
        method = attr.GuidedGradCam(self.separate, self.separate.get_submodule(self.layer))
        return method.attribute(self.images, target=self.target, interpolate_mode="bilinear")

    def occlusion(self):
        patch = self.settings["patch"]
        return attr.Occlusion(self.model).attribute(
            self.images,
            sliding_window_shapes=(self.images.shape[1], patch, patch),
            strides=(self.images.shape[1], patch, patch),
            baselines=self.mean_colour,
            target=self.target,
            perturbations_per_eval=self.copies,
        )

    def lrp(self):
        for module in self.separate.modules():
            if type(module) in SUPPORTED_LAYERS_WITH_RULES:
                module.rule = EpsilonRule(self.settings["epsilon"])
        return attr.LRP(self.separate).attribute(self.images, target=self.target)


def main():
    architecture, images_file, attributions_file, threads = sys.argv[1:]
    torch.set_num_threads(int(threads))
    warnings.filterwarnings("ignore", module="captum")
    images = torch.from_numpy(np.load(images_file))
    model = seeded_model(architecture).requires_grad_(False)
    separate = separated(model)
    say(torch=torch.__version__, captum=captum.__version__, threads=torch.get_num_threads())
    for line in sys.stdin:
        request = json.loads(line)
        task = Task(model, separate, images, request)
        started = time.perf_counter()
        try:
            attributions = task.attribute(request["method"])
        except (AssertionError, RuntimeError, TypeError) as error:
            say(missing=str(error))
            continue
        seconds = time.perf_counter() - started
        np.save(attributions_file, attributions.detach().float().numpy())
        say(seconds=seconds)


if __name__ == "__main__":
    main()
