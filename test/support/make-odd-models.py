"""Makes small TorchScript files and exported programs that are unusual:  python test/support/make-odd-models.py FOLDER

Needs torch. Those of LOADED can be loaded, and have PyTorch's logits beside them; those of GRIDS can, too; those of REFUSED can't.
"""

import sys
import warnings
from pathlib import Path

import torch
from torch import nn

CLASSES = 5
IMAGES = torch.randn(2, 3, 32, 32, generator=torch.Generator().manual_seed(0))


class Base(nn.Module):
    """A convolution, and classes of what `middle` makes of its features."""

    def __init__(self, channels: int = 3):
        super().__init__()
        self.stem = nn.Conv2d(channels, 8, 3, padding=1)
        self.body = nn.Conv2d(8, 8, 3, padding=1)
        self.head = nn.Linear(8, CLASSES)

    def middle(self, x):
        return self.body(x).relu()

    def forward(self, images):
        return self.head(self.middle(self.stem(images)).mean([2, 3]))


class Shared(Base):
    """Runs one convolution three times."""

    def middle(self, x):
        for _ in range(3):
            x = torch.relu(self.body(x)) + x
        return x


class Grey(Base):
    def __init__(self):
        super().__init__(channels=1)


class Named(Base):
    """Returns its logits by name, as models of other libraries do."""

    def forward(self, images):
        features = self.middle(self.stem(images))
        return {"logits": self.head(features.mean([2, 3])), "features": features}


class NormedFeatures(Base):
    """Normalises its features where they have no places any more."""

    def __init__(self):
        super().__init__()
        self.norm = nn.BatchNorm1d(8)
        nn.init.normal_(self.norm.running_mean)
        nn.init.normal_(self.norm.bias)

    def forward(self, images):
        return self.head(self.norm(self.middle(self.stem(images)).mean([2, 3])))


class Same(Base):
    """Its convolution keeps the size by name, with dilation and a kernel that is no square."""

    def __init__(self):
        super().__init__()
        self.body = nn.Conv2d(8, 8, (3, 5), padding="same", dilation=2)
        self.uneven = nn.Conv2d(8, 8, 2, padding="same")

    def middle(self, x):
        return self.uneven(self.body(x).relu()).relu()


class Several(Base):
    """Tells species, and from the same features the genus."""

    def __init__(self):
        super().__init__()
        self.coarse = nn.Linear(8, 3)

    def forward(self, images):
        features = self.middle(self.stem(images))
        pooled = features.mean([2, 3])
        return {"species": self.head(pooled), "genus": self.coarse(pooled)}


class InPlace(Base):
    """Writes into its activations."""

    def middle(self, x):
        y = self.body(x)
        y.relu_()
        y += x
        y.mul_(0.5)
        return y


class Shaped(Base):
    """Computes with the shape of its images."""

    def middle(self, x):
        n, c, h, w = x.shape
        x = x.reshape(n, c, h * w).transpose(1, 2)
        x = x + 1.0 / (h * w)
        return self.body(x.transpose(1, 2).reshape(n, c, h, w)).relu()


class Rounding(Base):
    """Divides and rounds, by numbers and by tensors, in place and not."""

    def middle(self, x):
        x = self.body(x)
        x = x + torch.div(x, 0.5, rounding_mode="floor") + torch.div(x, torch.tensor(0.3), rounding_mode="trunc")
        return (x * 3).div_(2.0, rounding_mode="floor") + torch.div(x, 2.0, rounding_mode=None)


class Standardised(Base):
    """Standardises its weights by a batch norm without statistics, as timm's ScaledStdConv does."""

    def middle(self, x):
        weight = self.body.weight
        flat = weight.reshape(1, weight.shape[0], -1)
        weight = nn.functional.batch_norm(flat, None, None, training=True, momentum=0.0).reshape_as(weight)
        return nn.functional.conv2d(x, weight, self.body.bias, padding=1).relu()


class Wrapped(Base):
    """Turns autocast and gradients off for a part of it."""

    def middle(self, x):
        with torch.autocast("cpu", enabled=False):
            x = self.body(x)
            y = x.relu()
        with torch.no_grad():
            z = y * 2
        return z + x


class BatchStatistics(Base):
    """Has a batch norm that keeps no statistics."""

    def __init__(self):
        super().__init__()
        self.norm = nn.BatchNorm2d(8, track_running_stats=False)

    def middle(self, x):
        return self.norm(self.body(x))


class Pixels(Base):
    """Three forms of one function: `spot` gives an image, an image with its channels last, or tokens."""

    def __init__(self):
        super().__init__()
        self.stem = nn.Conv2d(3, 8, 2, stride=2)
        self.spot = nn.ReLU()

    def middle(self, x):
        return self.body(self.spot(x)).relu()


class ChannelsLast(Pixels):
    def middle(self, x):
        return self.body(self.spot(x.permute(0, 2, 3, 1)).permute(0, 3, 1, 2)).relu()


class Tokens(Pixels):
    def middle(self, x):
        tokens = self.spot(x.flatten(2).transpose(1, 2))
        return self.body(tokens.transpose(1, 2).reshape(x.shape)).relu()


class ClassToken(Pixels):
    """As Tokens, with a token in front that belongs to no place."""

    def __init__(self):
        super().__init__()
        self.token = nn.Parameter(torch.ones(1, 1, 8))

    def middle(self, x):
        tokens = x.flatten(2).transpose(1, 2)
        tokens = self.spot(torch.cat([self.token.expand(x.shape[0], -1, -1), tokens], 1))
        return self.body(tokens[:, 1:].transpose(1, 2).reshape(x.shape)).relu()


class Branching(Base):
    def middle(self, x):
        if bool(x.mean() > 0):
            return self.body(x)
        return x


class Looping(Base):
    def middle(self, x):
        while bool(x.abs().max() > 1):
            x = self.body(x) * 0.5
        return x


class Forking(Base):
    def middle(self, x):
        other = torch.jit.fork(self.body, x)
        return x + torch.jit.wait(other)


class Counting(Base):
    def __init__(self):
        super().__init__()
        self.count = 0

    def middle(self, x):
        self.count += 1
        return self.body(x) * self.count


class Reading(Base):
    """Looks into a file of the machine that it runs on."""

    def middle(self, x):
        return self.body(x) + torch.from_file("/etc/hostname", False, 1, dtype=torch.uint8)


class Writing(Base):
    """Leaves a file on the machine that it runs on."""

    def middle(self, x):
        torch.save(x, "written-by-a-model")
        return self.body(x)


class Random(Base):
    """Is random even in evaluation."""

    def middle(self, x):
        return self.body(x) * torch.rand(8, 1, 1)


class Segmenting(Base):
    def forward(self, images):
        return self.middle(self.stem(images))


class Guided(Base):
    """Wants more than images."""

    def forward(self, images, mask):
        return self.head((self.middle(self.stem(images)) * mask).mean([2, 3]))


class Mixing(Base):
    """Normalises over the images of a batch, so that one depends on the others."""

    def middle(self, x):
        return self.body(x - x.mean(0, keepdim=True))


LOADED = {
    "shared": Shared,
    "grey": Grey,
    "named": Named,
    "several": Several,
    "in-place": InPlace,
    "shaped": Shaped,
    "rounding": Rounding,
    "standardised": Standardised,
    "normed-features": NormedFeatures,
    "same": Same,
}
GRIDS = {"pixels": Pixels, "channels-last": ChannelsLast, "tokens": Tokens, "class-token": ClassToken}
REFUSED = {
    "branching": Branching,
    "looping": Looping,
    "forking": Forking,
    "counting": Counting,
    "reading": Reading,
    "writing": Writing,
    "random": Random,
    "segmenting": Segmenting,
    "guided": Guided,
    "mixing": Mixing,
    "batch-statistics": BatchStatistics,
}


def save_reference(folder, name, model, images):
    output = model(images)
    logits = output[{"named": "logits", "several": "genus"}[name]] if isinstance(output, dict) else output
    torch.save({"images": images, "logits": logits.detach()}, folder / f"{name}.reference.pth")


def main(folder):
    folder.mkdir(parents=True, exist_ok=True)
    for name, make in {**LOADED, **GRIDS, **REFUSED}.items():
        torch.manual_seed(0)
        model = make().eval()
        torch.jit.script(model).save(folder / f"{name}.pt")
        if name in LOADED:
            images = IMAGES[:, :1] if name == "grey" else IMAGES
            save_reference(folder, name, model, images)
            exported = torch.export.export(model, (images,), dynamic_shapes=({0: torch.export.Dim("batch")},))
            torch.export.save(exported, folder / f"{name}.pt2")
    training = nn.Sequential(
        nn.Conv2d(3, 8, 3), nn.BatchNorm2d(8), nn.Dropout(), nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(8, CLASSES)
    )
    torch.jit.trace(training.train(), IMAGES, check_trace=False).save(folder / "training.pt")
    save_reference(folder, "training", training.eval(), IMAGES)
    torch.export.save(torch.export.export(Shaped().eval(), (IMAGES,)), folder / "two-images.pt2")
    wrapped = Wrapped().eval()
    save_reference(folder, "wrapped", wrapped, IMAGES)
    exported = torch.export.export(wrapped, (IMAGES,), dynamic_shapes=({0: torch.export.Dim("batch")},))
    torch.export.save(exported, folder / "wrapped.pt2")
    model = Base().eval()
    torch.save(model.state_dict(), folder / "state-dict.pt")
    torch.save(model, folder / "pickled.pt")

if __name__ == "__main__":
    warnings.simplefilter("ignore")
    main(Path(sys.argv[1]))
