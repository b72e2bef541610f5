"""Writes test/fixtures/family: what plain PyTorch gives for the bottlenecks that followed the paper's, and for targets
other than a class, on two small networks with seeded weights, with the noise that our streams draw.

Needs torch and torchvision:  python test/support/make-family-fixtures.py

The convolutional network is the ResNet-18 of an eighth of the width of make-readout-fixtures.py. The transformer, of three
blocks, is written here too, as vit.pt2. Statistics are those of 24 images "estimation", the image is "noise".
"""

import json
import zipfile
from pathlib import Path

import torch
import torch.nn.functional as F
from small_resnet import SmallResNet, normal, seed_weights
from torch import nn

FOLDER = Path(__file__).resolve().parent.parent / "fixtures" / "family"

STEPS, COPIES, SEED = 4, 3, 5
CLASSES, SIZE = 10, 64


class Block(nn.Module):
    def __init__(self, width, heads):
        super().__init__()
        self.heads = heads
        self.norm1, self.norm2 = nn.LayerNorm(width), nn.LayerNorm(width)
        self.qkv, self.proj = nn.Linear(width, 3 * width), nn.Linear(width, width)
        self.fc1, self.fc2 = nn.Linear(width, 2 * width), nn.Linear(2 * width, width)

    def attend(self, n):
        b, t, c = n.shape
        q, k, v = self.qkv(n).view(b, t, 3, self.heads, c // self.heads).permute(2, 0, 3, 1, 4).unbind(0)
        return self.proj(F.scaled_dot_product_attention(q, k, v).transpose(1, 2).reshape(b, t, c))

    def after_norm(self, x, n):
        x = x + self.attend(n)
        return x + self.fc2(F.gelu(self.fc1(self.norm2(x))))

    def forward(self, x):
        return self.after_norm(x, self.norm1(x))


class SmallViT(nn.Module):
    def __init__(self, width=24, heads=3, patch=16):
        super().__init__()
        self.patch_embed = nn.Conv2d(3, width, patch, patch)
        self.cls_token = nn.Parameter(torch.zeros(1, 1, width))
        self.pos_embed = nn.Parameter(torch.zeros(1, 1 + (SIZE // patch) ** 2, width))
        self.blocks = nn.Sequential(*[Block(width, heads) for _ in range(3)])
        self.norm, self.head = nn.LayerNorm(width), nn.Linear(width, CLASSES)

    def embed(self, images):
        x = self.patch_embed(images).flatten(2).transpose(1, 2)
        return torch.cat([self.cls_token.expand(x.shape[0], -1, -1), x], 1) + self.pos_embed

    def classify(self, x):
        return self.head(self.norm(x)[:, 0])

    def forward(self, images):
        return self.classify(self.blocks(self.embed(images)))


def seeded_vit():
    model = SmallViT().eval()
    with torch.no_grad():
        for name, tensor in model.state_dict().items():
            if tensor.dim() >= 2 and "embed" not in name and "token" not in name or name == "patch_embed.weight":
                tensor.copy_(normal(name, tensor.shape, (2 / tensor[0].numel()) ** 0.5))
            elif "norm" in name and name.endswith("weight"):
                tensor.fill_(1)
            else:
                tensor.copy_(normal(name, tensor.shape, 0.1))
    return model


def kl(keep, drop, normalised):
    return 0.5 * ((keep * normalised) ** 2 + drop**2 - 1) - drop.log()


def kl_beyond(keep, drop, passing, x):
    q = 1 - keep * passing
    return q.log() - drop.log() + (drop**2 + (keep * (1 - passing) * x) ** 2) / (2 * q * q) - 0.5


def statistics(activations):
    mean, std = activations.mean(0), activations.std(0).clamp_min(0.01)
    return mean, std, ((activations != 0).double().mean(0) > 0.01).float()


def smoothing(sigma):
    """K of 2·round(2σ)+1 taps, reflected at the border, for (1, C, h, w)."""
    if sigma == 0:
        return lambda maps: maps
    half = round(2 * sigma)
    taps = torch.exp(-0.5 * (torch.arange(-half, half + 1, dtype=torch.float64) / sigma) ** 2)
    kernel = (taps / taps.sum()).outer(taps / taps.sum()).float()

    def apply(maps):
        channels = maps.shape[1]
        padded = F.pad(maps, (half,) * 4, mode="reflect")
        return F.conv2d(padded, kernel.expand(channels, 1, -1, -1), groups=channels)

    return apply


class Noise:
    """One draw for each step and layer, in the order of the layers."""

    def __init__(self):
        self.generator = torch.Generator().manual_seed(SEED)

    def draw(self, shape):
        return torch.empty((COPIES, *shape)).normal_(0, 1, generator=self.generator)


def optimise(shape, forward, *, beta, steps=STEPS, after=False, alpha=5.0):
    """`forward(alpha, noise)` gives what the loss is of, the information and the capacity. The capacity of the last forward
    pass, or alpha after one step more."""
    alpha = torch.full(shape, alpha).requires_grad_()
    optimiser, noise = torch.optim.Adam([alpha], lr=1), Noise()
    fits, informations = [], []
    for step in range(steps):
        optimiser.zero_grad()
        loss, fit, capacity, information = forward(alpha, noise)
        fits.append(fit.item())
        informations.append(information.item())
        if step < steps - 1 or after:
            loss.backward()
            optimiser.step()
    return {
        "crossEntropy": fits,
        "information": informations,
        "result": (alpha if after else capacity).detach().flatten().tolist(),
    }


def per_sample(tail, r, stats, loss_of, *, beta=10.0, sigma=1.0, inverse=False, limit=None, shared=False, alpha=5.0):
    mean, std, active = stats
    smooth = smoothing(sigma)

    def forward(a, noise):
        keep, drop = (smooth(v) for v in (torch.sigmoid(a), torch.sigmoid(-a)))
        e = noise.draw(r.shape[1:])
        kept, noised = (drop, keep) if inverse else (keep, drop)
        z = (mean + kept * (r - mean)) * active + noised * std * active * e
        losses = loss_of(tail(z))
        fit = losses.mean()
        capacity = kl(keep, drop, (r - mean) / std) * active
        information = capacity.mean()
        if limit is not None:
            losses = losses.clamp_max(limit)
        return (-losses.mean() if inverse else fit) + beta * information, fit, capacity, information

    shape = (1, 1, *r.shape[2:]) if shared else r.shape
    return optimise(shape, forward, beta=beta, alpha=alpha)


def cross_entropy(target):
    return lambda y: F.cross_entropy(y, torch.full((len(y),), target), reduction="none")


def targets_of(clean):
    embedding = normal("embedding", (CLASSES,))
    weights = normal("weights", (CLASSES,))
    holds = torch.zeros(CLASSES)
    holds[[1, 4]] = 1

    def contrast(y, index, others):
        return y[:, index] - y[:, others].logsumexp(1)

    rest = [i for i in range(CLASSES) if i != 3]
    bce = lambda y: F.binary_cross_entropy_with_logits(y, holds.expand_as(y), reduction="none").mean(1)
    cosine = lambda y: F.cosine_similarity(y, embedding[None])
    return {
        "class": (3, cross_entropy(3), lambda y: y[:, 3]),
        "contrast": ({"contrast": [3, 7]}, lambda y: F.softplus(-contrast(y, 3, [7])), lambda y: contrast(y, 3, [7])),
        "rest": ({"contrast": [3]}, lambda y: F.softplus(-contrast(y, 3, rest)), lambda y: contrast(y, 3, rest)),
        "labels": ({"labels": [1, 4]}, bce, lambda y: -bce(y)),
        "prediction": ({"output": 2}, lambda y: (y[:, 2] - clean[2]) ** 2, lambda y: y[:, 2]),
        "up": ({"output": 2, "towards": "up"}, lambda y: -y[:, 2], lambda y: y[:, 2]),
        "down": ({"output": 2, "towards": "down"}, lambda y: y[:, 2], lambda y: -y[:, 2]),
        "away": ({"output": 2, "towards": "away"}, lambda y: -(y[:, 2] ** 2), lambda y: y[:, 2] ** 2),
        "value": ({"output": 2, "towards": 0.5}, lambda y: (y[:, 2] - 0.5) ** 2, lambda y: -((y[:, 2] - 0.5) ** 2)),
        "embedding": ({"embedding": embedding.tolist()}, lambda y: -cosine(y), cosine),
        "weights": ({"weights": weights.tolist()}, lambda y: -(y @ weights), lambda y: y @ weights),
    }


def resnet_parts(model):
    def before(x):
        return model.layer2(model.layer1(model.maxpool(model.relu(model.bn1(model.conv1(x))))))

    def tail(z):
        return model.fc(torch.flatten(model.avgpool(model.layer4(model.layer3(z))), 1))

    return before, tail


def coiba_resnet(model, images, image, target):
    stages = [model.layer3, model.layer4]
    with torch.no_grad():
        before, _ = resnet_parts(model)
        r, all_r = before(image), before(images)
        stats = [statistics(all_r)]
        for stage in stages:
            all_r = stage(all_r)
            stats.append(statistics(all_r))

    def forward(a, noise):
        keep, drop = torch.sigmoid(a), torch.sigmoid(-a)
        mean, std, active = stats[0]
        capacity = kl(keep, drop, (r - mean) / std) * active
        draws = [noise.draw(s[0].shape) for s in stats]
        x = (mean + keep * (r - mean)) * active + drop * std * active * draws[0]
        for stage, (mean, std, active), e in zip(stages, stats[1:], draws[1:]):
            n = stage(x)
            k, d = (F.adaptive_avg_pool2d(v, n.shape[2:]) for v in (keep, drop))
            x = (mean + k * (n - mean)) * active + d * std * active * e
        y = model.fc(torch.flatten(model.avgpool(x), 1))
        fit = cross_entropy(target)(y).mean()
        information = capacity.mean()
        return fit + information, fit, capacity, information

    return optimise((1, 1, *r.shape[2:]), forward, beta=1)


def coiba_vit(model, images, image, target, first=0):
    """The tokens before the first are left as they are, and don't count."""
    layers = (1, 2)
    with torch.no_grad():
        x0, all_x = model.blocks[0](model.embed(image)), model.blocks[0](model.embed(images))
        stats = []
        for i in layers:
            stats.append(statistics(model.blocks[i].norm1(all_x)))
            all_x = model.blocks[i](all_x)

    def forward(a, noise):
        keep, drop = torch.sigmoid(a), torch.sigmoid(-a)
        draws = [noise.draw(s[0].shape) for s in stats]
        x, capacity = x0.expand(COPIES, -1, -1), None
        for i, s, e in zip(layers, stats, draws):
            n = model.blocks[i].norm1(x)
            free, n = n[:, :first], n[:, first:]
            mean, std, active = (part[first:] for part in s)
            if capacity is None:
                capacity = kl(keep, drop, (n[:1] - mean) / std) * active
            z = (mean + keep * (n - mean)) * active + drop * std * active * e[:, first:]
            x = model.blocks[i].after_norm(x, torch.cat([free, z], 1))
        fit = cross_entropy(target)(model.classify(x)).mean()
        information = capacity.mean()
        of_all = torch.cat([torch.zeros_like(capacity[:, :1]).expand(-1, first, -1), capacity], 1)
        return fit + information, fit, of_all, information

    return optimise((1, x0.shape[1] - first, 1), forward, beta=1)


def input_iba(model, image, passing, target, steps=STEPS):
    smooth = smoothing(1.0)

    def forward(a, noise):
        keep, drop = (smooth(v) for v in (torch.sigmoid(a), torch.sigmoid(-a)))
        z = keep * image + drop * noise.draw(image.shape[1:])
        capacity = kl_beyond(keep, drop, passing, image)
        fit = cross_entropy(target)(model(z)).mean()
        information = capacity.mean()
        return fit + 20 * information, fit, capacity, information

    found = optimise(image.shape, forward, beta=20, steps=steps, after=True)
    alpha = torch.tensor(found["result"]).view(image.shape)
    found["result"] = torch.sigmoid(alpha).mean(1).flatten().tolist()
    return found


def integrated_at_layer(tail, r, score, steps):
    total = torch.zeros_like(r)
    for i in range(1, steps + 1):
        x = (r * (i / steps)).requires_grad_()
        total += torch.autograd.grad(score(tail(x)).sum(), x)[0]
    return (r * total / steps).flatten().tolist()


def without_sources(path):
    """Writes an exported program again without the places in its source, which name files of the machine."""

    def dropped(value):
        if isinstance(value, dict):
            return {key: dropped(entry) for key, entry in value.items() if key != "stack_trace"}
        return [dropped(entry) for entry in value] if isinstance(value, list) else value

    with zipfile.ZipFile(path) as file:
        entries = {name: file.read(name) for name in file.namelist()}
    with zipfile.ZipFile(path, "w") as file:
        for name, data in entries.items():
            if name.endswith("models/model.json"):
                data = json.dumps(dropped(json.loads(data))).encode()
            file.writestr(zipfile.ZipInfo(name), data)


def main():
    torch.set_num_threads(1)
    FOLDER.mkdir(exist_ok=True)
    images, image = normal("estimation", (24, 3, SIZE, SIZE)), normal("noise", (1, 3, SIZE, SIZE))
    resnet, vit = SmallResNet().eval(), seeded_vit()
    with torch.no_grad():
        seed_weights(resnet)
    for model in (resnet, vit):
        model.requires_grad_(False)
    before, tail = resnet_parts(resnet)
    with torch.no_grad():
        r, stats, clean = before(image), statistics(before(images)), resnet(image)[0]
    found = {"clean": clean.tolist(), "targets": {}}
    for name, (target, loss_of, score) in targets_of(clean).items():
        x = image.clone().requires_grad_()
        gradient = torch.autograd.grad(score(resnet(x)).sum(), x)[0]
        found["targets"][name] = {
            "target": target,
            "score": score(clean[None]).item(),
            "gradient": gradient.mean(1).flatten().tolist(),
            "perSample": per_sample(tail, r, stats, loss_of),
        }
    found["inverse"] = per_sample(tail, r, stats, cross_entropy(3), inverse=True, beta=30.0)
    found["limited"] = per_sample(tail, r, stats, cross_entropy(3), inverse=True, beta=30.0, limit=1.5)
    found["shared"] = per_sample(tail, r, stats, cross_entropy(3), shared=True, sigma=0.0)
    found["initialAlpha"] = per_sample(tail, r, stats, cross_entropy(3), alpha=2.0)
    standard = (torch.zeros_like(stats[0]), torch.ones_like(stats[1]), torch.ones_like(stats[2]))
    embedding = targets_of(clean)["embedding"]
    found["m2ib"] = per_sample(tail, r, standard, embedding[1], beta=0.1, sigma=0.0)
    found["nib"] = integrated_at_layer(tail, r, embedding[2], 10)
    found["coiba"] = coiba_resnet(resnet, images, image, 3)
    found["inputIba"] = input_iba(resnet, image, torch.zeros_like(image), 3)
    with torch.no_grad():
        vit_clean = vit(image)[0]
    found["vit"] = {"clean": vit_clean.tolist(), "coiba": coiba_vit(vit, images, image, 3)}
    found["vit"]["coibaFree"] = coiba_vit(vit, images, image, 3, first=1)
    found["settings"] = {"steps": STEPS, "copies": COPIES, "seed": SEED}
    rounded = json.loads(json.dumps(found), parse_float=lambda text: float(f"{float(text):.6g}"))
    (FOLDER / "family.json").write_text(json.dumps(rounded) + "\n")
    batch = torch.export.Dim("batch")
    torch.export.save(torch.export.export(vit, (images[:2].clone(),), dynamic_shapes=({0: batch},)), FOLDER / "vit.pt2")
    without_sources(FOLDER / "vit.pt2")


if __name__ == "__main__":
    main()
