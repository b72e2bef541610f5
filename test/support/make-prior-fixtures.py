"""Writes test/fixtures/family/priors.json: what plain PyTorch gives for InputIBA with a given prior, and with the generated one.

Needs torch and torchvision:  python test/support/make-prior-fixtures.py

Network, images, statistics and the bottlenecks are those of make-family-fixtures.py. The given prior is a mask of numbers by
a rule. The generated one is made by torch's modules, autograd and RMSprop, in few and large steps, with the draws of our
streams: from one generator the groups' deviations and means, the critic's weights layer by layer, and an order of the
samples for each epoch; from another, for each batch, the noise of the real samples and that of the generated ones. Of its mask every
fourth pixel is kept.
"""

import importlib
import json
import math

import torch
import torch.nn.functional as F
from small_resnet import SmallResNet, normal, seed_weights
from torch import nn

family = importlib.import_module("make-family-fixtures")

GROUPS = 10
SETTINGS = {
    "priorEpochs": 2,
    "priorSamples": 10,
    "priorBatch": 4,
    "priorRate": 0.02,
    "criticSteps": 2,
    "criticRate": 0.005,
    "criticLimit": 0.1,
}


def resize_matrix(few, many):
    """Bilinear, mirrored at the border without repeating it."""
    matrix = torch.zeros(many, few)
    inside = lambda i: -i if i < 0 else 2 * (few - 1) - i if i >= few else i
    for row in range(many):
        place = (row + 0.5) * few / many - 0.5
        first = math.floor(place)
        matrix[row, inside(first)] += 1 - (place - first)
        matrix[row, inside(first + 1)] += place - first
    return matrix


def bits_per_pixel(capacity, size):
    places = capacity.sum(0)
    places = places * (places.numel() / size**2 / math.log(2))
    matrix = resize_matrix(places.shape[0], size)
    return matrix @ places @ matrix.T


class Critic(nn.Module):
    def __init__(self, channels, height, width, generator):
        super().__init__()

        def layers(read, made, kernel, stride):
            return nn.Conv2d(read, made, kernel, stride, 1), nn.BatchNorm2d(made), nn.LeakyReLU(0.2)

        c = channels
        self.convolutions = nn.Sequential(*layers(c, 2 * c, 4, 2), *layers(2 * c, 4 * c, 4, 2), *layers(4 * c, c, 3, 1))
        linears = [nn.Linear(c * (height // 4) * (width // 4), 512), nn.LeakyReLU(0.2), nn.Linear(512, 256)]
        self.linears = nn.Sequential(*linears, nn.LeakyReLU(0.2), nn.Linear(256, 1))
        with torch.no_grad():
            for module in self.modules():
                if isinstance(module, (nn.Conv2d, nn.Linear)):
                    bound = 1 / math.sqrt(module.weight[0].numel())
                    module.weight.uniform_(-bound, bound, generator=generator)
                    module.bias.uniform_(-bound, bound, generator=generator)

    def forward(self, x):
        return self.linears(self.convolutions(x).flatten(1))


def generated_prior(before, image, capacity, bits):
    random, noise = (torch.Generator().manual_seed(family.SEED) for _ in range(2))
    draw = lambda count, shape: torch.empty((count, *shape)).normal_(0, 1, generator=noise)
    with torch.no_grad():
        r = before(image)[0]
    deviations = torch.rand(GROUPS, generator=random) * 5
    means = torch.rand(GROUPS, generator=random) * 4 - 2
    alpha = bits.expand(1, 3, -1, -1).clone().requires_grad_()
    mean, deviation = (torch.full((1, 3, 1, 1), value).requires_grad_() for value in (0.0, 1.0))
    critic = Critic(*r.shape, random)
    of_critic = torch.optim.RMSprop(critic.parameters(), lr=SETTINGS["criticRate"])
    of_generator = torch.optim.RMSprop(
        [
            {"params": mean, "lr": 0.1},
            {"params": deviation, "lr": 0.05},
            {"params": alpha, "lr": SETTINGS["priorRate"]},
        ]
    )
    samples, batch = SETTINGS["priorSamples"], SETTINGS["priorBatch"]
    for _ in range(SETTINGS["priorEpochs"]):
        order = torch.randperm(samples, generator=random)
        for i, indices in enumerate(order.split(batch)):
            groups = indices * GROUPS // samples
            of_groups = lambda values: values[groups].view(-1, 1, 1, 1)
            n = of_groups(deviations) * draw(len(indices), r.shape) + of_groups(means)
            real = capacity * r + (1 - capacity) * n
            z = draw(len(indices), image.shape[1:])

            def made():
                keep = torch.sigmoid(alpha)
                return before(keep * image + (1 - keep) * (deviation * z + mean))

            of_critic.zero_grad()
            (critic(made().detach()).mean() - critic(real).mean()).backward()
            of_critic.step()
            with torch.no_grad():
                for parameter in critic.parameters():
                    parameter.clamp_(-SETTINGS["criticLimit"], SETTINGS["criticLimit"])
            if i % SETTINGS["criticSteps"] == 0:
                of_generator.zero_grad()
                (-critic(made()).mean()).backward()
                of_generator.step()
    return torch.sigmoid(alpha).detach()


def main():
    torch.set_num_threads(1)
    size = family.SIZE
    images, image = normal("estimation", (24, 3, size, size)), normal("noise", (1, 3, size, size))
    model = seed_weights(SmallResNet())
    model.requires_grad_(False)
    before, tail = family.resnet_parts(model)
    with torch.no_grad():
        r, stats = before(image), family.statistics(before(images))

    rows, columns = torch.meshgrid(torch.arange(size), torch.arange(size), indexing="ij")
    given = ((7 * rows + 3 * columns) % 11 / 11.0).float()
    found = {"settings": SETTINGS, "given": family.input_iba(model, image, given, 3)}

    # The evidence of the layer, as in per-sample with β = 20.
    feature = family.per_sample(tail, r, stats, family.cross_entropy(3), beta=20.0)
    capacity = torch.tensor(feature["result"]).view(r.shape[1:])
    bits = bits_per_pixel(capacity, size)
    prior = generated_prior(before, image, capacity, bits)
    found["feature"] = {"prior": torch.sigmoid(bits)[::4, ::4].flatten().tolist()}
    found["gan"] = {"prior": prior[0, :, ::4, ::4].flatten().tolist(), **family.input_iba(model, image, prior, 3)}
    rounded = json.loads(json.dumps(found), parse_float=lambda text: float(f"{float(text):.6g}"))
    (family.FOLDER / "priors.json").write_text(json.dumps(rounded) + "\n")


if __name__ == "__main__":
    main()
