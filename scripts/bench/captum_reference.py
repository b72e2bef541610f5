"""Attributions by captum, to measure against; tasks.py says how it is called."""

import copy
import sys
import warnings

from reference import say, seeded_model, torch, torchvision

try:
    import captum
    from captum import attr
    from captum._utils.models.linear_model import SkLearnRidge
    from captum.attr._core.lime import get_exp_kernel_similarity_function
    from captum.attr._core.lrp import SUPPORTED_LAYERS_WITH_RULES
    from captum.attr._utils.custom_modules import Addition_Module
    from captum.attr._utils.lrp_rules import EpsilonRule
except ImportError as error:
    say(missing=str(error))
    sys.exit()

from tasks import Task, serve
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


class CaptumTask(Task):
    """On torchvision's network, or where captum needs it on the rebuilt one."""

    def __init__(self, networks, images, request):
        model, self.separate = networks
        super().__init__(model, images, request)

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

    def deep_lift(self):
        return attr.DeepLift(self.separate).attribute(self.images, self.mean_colour, target=self.target)

    def deep_shap(self):
        torch.manual_seed(0)
        low, high = self.images.amin((2, 3), keepdim=True), self.images.amax((2, 3), keepdim=True)
        shares = torch.rand(self.settings["samples"], *self.images.shape[1:])
        baselines = low + shares * (high - low)
        return attr.DeepLiftShap(self.separate).attribute(self.images, baselines, target=self.target)

    def gradient_shap(self):
        torch.manual_seed(0)
        samples = self.settings["samples"]
        mean = self.images.mean((2, 3), keepdim=True)
        deviation = self.images.std((2, 3), correction=0, keepdim=True)
        baselines = mean + deviation * torch.randn(samples, *self.images.shape[1:])
        return attr.GradientShap(self.model).attribute(self.images, baselines, n_samples=samples, target=self.target)

    def lime(self):
        torch.manual_seed(0)
        width = self.settings["kernelWidth"]
        similarity = get_exp_kernel_similarity_function("cosine", kernel_width=width)
        ridge = SkLearnRidge(alpha=self.settings["ridge"])
        return self.by_superpixels(attr.Lime(self.model, ridge, similarity))

    def kernel_shap(self):
        torch.manual_seed(0)
        return self.by_superpixels(attr.KernelShap(self.model))

    def by_superpixels(self, method):
        return method.attribute(
            self.images,
            baselines=self.mean_colour,
            target=self.target,
            feature_mask=self.segments,
            n_samples=self.settings["samples"],
            perturbations_per_eval=self.rows,
        )

    def lrp(self):
        for module in self.separate.modules():
            if type(module) in SUPPORTED_LAYERS_WITH_RULES:
                module.rule = EpsilonRule(self.settings["epsilon"])
        return attr.LRP(self.separate).attribute(self.images, target=self.target)


def open_networks(architecture):
    model = seeded_model(architecture).requires_grad_(False)
    return model, separated(model)


if __name__ == "__main__":
    warnings.filterwarnings("ignore", module="captum")
    serve(open_networks, CaptumTask, captum=captum.__version__)
