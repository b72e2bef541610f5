"""Writes test/fixtures/evaluation/reference.json: what Quantus, pytorch-grad-cam, SciPy and torchvision find for one image
and map, with the settings that they share with this package.

Needs torch, torchvision, numpy, scipy, quantus and grad-cam (the last two with --no-deps, and pandas, opencv-python-headless,
scikit-image, scikit-learn, matplotlib, tqdm, cachetools):  python test/support/make-evaluation-fixtures.py

The network is a ResNet-18 of an eighth of the width with ten classes and seeded weights, the image the second of
normal(2, 3, 64, 64) from the generator "noise", the map normal(64, 64) from "map 1"; maps that can't be negative are its
absolute values.
"""

import json
import warnings
from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as F
from scipy.integrate import trapezoid
from scipy.ndimage import gaussian_filter1d
from small_resnet import SmallResNet, normal, seed_weights

np.trapz = trapezoid  # which quantus calls, and numpy no longer has

import quantus  # noqa: E402
from pytorch_grad_cam.metrics.cam_mult_image import DropInConfidence, IncreaseInConfidence  # noqa: E402
from pytorch_grad_cam.metrics.road import NoisyLinearImputer  # noqa: E402
from pytorch_grad_cam.utils.model_targets import ClassifierOutputSoftmaxTarget  # noqa: E402
from torchvision.transforms.functional import gaussian_blur  # noqa: E402

warnings.simplefilter("ignore")
FOLDER = Path(__file__).resolve().parent.parent / "fixtures" / "evaluation"
SIZE, STEP = 64, 512
MEAN, STD = torch.tensor([0.485, 0.456, 0.406]), torch.tensor([0.229, 0.224, 0.225])

model = SmallResNet()
with torch.no_grad():
    seed_weights(model)
image = normal("noise", (2, 3, SIZE, SIZE))[1]
map_ = normal("map 1", (SIZE, SIZE))
positive = map_.abs()
with torch.no_grad():
    TARGET = int(model(image[None]).argmax())
box = torch.zeros(SIZE, SIZE, dtype=torch.uint8)
box[10:40, 20:50] = 1


@torch.no_grad()
def probabilities(images):
    return model(images).softmax(1)[:, TARGET].double().tolist()


def effective_heat_ratio(weighted):
    heat = np.floor((positive / positive.max()).double().numpy() * 255) / 255
    heat[heat < 0.1] = 0
    hot = heat[heat > 0]
    ratios = []
    for q in np.linspace(0, 1, 11):
        chosen = heat >= min(np.quantile(hot, q), 0.99 * heat.max())
        inside = chosen & (box.numpy() == 1)
        ratios.append((heat[inside].sum() if weighted else inside.sum()) / chosen.sum())
    return {"score": float(trapezoid(ratios, np.linspace(0, 1, 11))), "ratios": [float(ratio) for ratio in ratios]}


def folded_kernel(size, deviation):
    point = np.zeros(size)
    point[size // 2] = 1
    return gaussian_filter1d(point, deviation)


def rise_blur(size, deviation):
    kernel = torch.tensor(folded_kernel(size, deviation), dtype=torch.float32)
    kernel = (kernel[:, None] * kernel).expand(3, 1, size, size)
    return F.conv2d(image[None], kernel, padding=size // 2, groups=3)[0]


def replaced(first, second):
    """The first image, and then with more and more of the map's highest pixels from the second."""
    order = map_.flatten().argsort(descending=True, stable=True)
    versions = [first]
    for begin in range(0, SIZE * SIZE, STEP):
        version = versions[-1].flatten(1).clone()
        chosen = order[begin : begin + STEP]
        version[:, chosen] = second.flatten(1)[:, chosen]
        versions.append(version.view_as(image))
    return probabilities(torch.stack(versions))


def insertion_deletion():
    black = (-MEAN / STD).view(3, 1, 1).expand_as(image)
    zero = torch.zeros_like(image)
    blurs = {
        "rise": (rise_blur(11, 5), zero),
        "input-iba": (gaussian_blur(image[None], [29, 29], [15.0, 15.0])[0], zero),
        "coiba": (rise_blur(51, 50), black),
    }
    return {name: {"insertion": replaced(blurred, image), "deletion": replaced(image, deleted)} for name, (blurred, deleted) in blurs.items()}


def confidence():
    scaled = ((map_ - map_.min()) / (map_.max() - map_.min())).numpy()[None]
    targets = [ClassifierOutputSoftmaxTarget(TARGET)]
    drop = DropInConfidence()(image[None], scaled, targets, model)
    increase = IncreaseInConfidence()(image[None], scaled, targets, model)
    return {"drop": float(drop[0]), "increase": float(increase[0])}


def road():
    """pytorch-grad-cam's imputation, without noise, of a tenth, …, nine tenths of the pixels."""
    found = {}
    for name, highest_first in [("mostRelevantFirst", True), ("leastRelevantFirst", False)]:
        order = map_.flatten().argsort(descending=highest_first, stable=True)
        versions = []
        for tenths in range(1, 10):
            known = torch.ones(SIZE * SIZE)
            known[order[: SIZE * SIZE * tenths // 10]] = 0
            versions.append(NoisyLinearImputer(noise=0)(image, known.view(SIZE, SIZE)))
        found[name] = probabilities(torch.stack(versions))
    return found


def by_quantus(metric, attribution=map_, **more):
    given = {"x_batch": image[None].numpy(), "y_batch": np.array([TARGET]), "a_batch": attribution[None, None].numpy(), **more}
    found = metric(model=model, channel_first=True, **given)
    return np.asarray(found, dtype=float).reshape(-1).tolist()


def quantus_numbers():
    quiet = {"disable_warnings": True}
    mask = {"s_batch": box[None, None].numpy()}
    zeros = {"perturb_baseline": 0.0, **quiet}
    numbers = {
        "complexity": by_quantus(quantus.Complexity(**quiet)),
        "sparseness": by_quantus(quantus.Sparseness(**quiet)),
        "mass": by_quantus(quantus.RelevanceMassAccuracy(**quiet), positive, **mask),
        "rank": by_quantus(quantus.RelevanceRankAccuracy(**quiet), **mask),
    }
    for order in ["morf", "lerf"]:
        metric = quantus.RegionPerturbation(patch_size=8, regions_evaluation=20, order=order, **zeros)
        numbers[f"regionPerturbation.{order}"] = by_quantus(metric, softmax=True)
    numbers["selectivity"] = by_quantus(quantus.Selectivity(patch_size=16, **zeros), softmax=True)

    rows, columns = np.mgrid[:SIZE, :SIZE]
    quantus.metrics.faithfulness.irof.utils.get_superpixel_segments = lambda img, segmentation_method: (columns + 2 * rows) // 16
    # Its own replacement takes masks of as many channels as the image, but makes them of one.
    zero = lambda arr, mask, **more: np.where(mask, 0.0, arr).astype(arr.dtype)  # noqa: E731
    numbers["irof"] = by_quantus(quantus.IROF(perturb_func=zero, **zeros), softmax=True)

    generator = np.random.default_rng(0)
    subsets = []

    def draw(features, size, replace):
        pixels = features // 3
        subsets.append(generator.permutation(pixels)[:size])
        return np.concatenate([subsets[-1] + channel * pixels for channel in range(3)])

    original, np.random.choice = np.random.choice, draw
    metric = quantus.FaithfulnessCorrelation(nr_runs=30, subset_size=40, **zeros)
    numbers["faithfulnessCorrelation"] = by_quantus(metric, softmax=False)
    np.random.choice = original
    numbers["faithfulnessSubsets"] = [subset.tolist() for subset in subsets]

    entropy = quantus.functions.complexity_func.discrete_entropy
    numbers["histogramEntropy"] = [float(entropy(map_.flatten().double().numpy(), None, n_bins=bins)) for bins in (10, 100)]
    numbers["focus"] = by_quantus(quantus.Focus(**quiet), custom_batch=[(1, 0, 0, 1)])
    return numbers


FOLDER.mkdir(parents=True, exist_ok=True)
reference = {
    "target": TARGET,
    "step": STEP,
    "effectiveHeatRatio": {"heat": effective_heat_ratio(True), "pixels": effective_heat_ratio(False)},
    "foldedKernel": {"11": folded_kernel(11, 5).tolist(), "51": folded_kernel(51, 50).tolist()},
    "insertionDeletion": insertion_deletion(),
    "confidence": confidence(),
    "road": road(),
    "quantus": quantus_numbers(),
    "versions": {"quantus": quantus.__version__, "torch": torch.__version__},
}
(FOLDER / "reference.json").write_text(json.dumps(reference) + "\n")
