"""What several generators of fixtures share: seeded numbers, and a ResNet-18 of an eighth of the width with ten classes."""

import sys
import types
from zlib import crc32

import torch
from torch import nn

# torchvision's own operations are not needed, and may not fit this build of torch.
sys.modules["torchvision._meta_registrations"] = types.ModuleType("torchvision._meta_registrations")
from torchvision.models.resnet import BasicBlock, ResNet  # noqa: E402

WIDTH = 8


class SmallResNet(ResNet):
    def __init__(self):
        nn.Module.__init__(self)
        self._norm_layer, self.inplanes, self.dilation, self.groups, self.base_width = nn.BatchNorm2d, WIDTH, 1, 1, 64
        self.conv1 = nn.Conv2d(3, WIDTH, 7, 2, 3, bias=False)
        self.bn1, self.relu, self.maxpool = nn.BatchNorm2d(WIDTH), nn.ReLU(), nn.MaxPool2d(3, 2, 1)
        for i in range(4):
            setattr(self, f"layer{i + 1}", self._make_layer(BasicBlock, WIDTH * 2**i, 2, stride=1 if i == 0 else 2))
        self.avgpool, self.fc = nn.AdaptiveAvgPool2d(1), nn.Linear(WIDTH * 8, 10)


def normal(name, shape, deviation=1.0):
    generator = torch.Generator().manual_seed(crc32(name.encode()) % 2**32)
    return torch.empty(shape).normal_(0, deviation, generator=generator)


@torch.no_grad()
def seed_weights(model):
    for name, tensor in model.state_dict().items():
        if tensor.dim() >= 2:
            tensor.copy_(normal(name, tensor.shape, (2 / tensor[0].numel()) ** 0.5))
        elif name.endswith("running_mean"):
            tensor.copy_(normal(name, tensor.shape, 0.1))
        elif name.endswith("running_var"):
            tensor.fill_(1)
        elif name.endswith("weight"):
            tensor.fill_(0.2 if name.endswith("bn2.weight") else 1)
        elif tensor.dim() > 0:
            tensor.copy_(normal(name, tensor.shape, 0.05))
    return model.eval()
