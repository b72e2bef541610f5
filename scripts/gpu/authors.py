"""The authors' codes in Python on a device, beside which scripts/gpu/check.sh measures the core.

Prints lines as native/bench does: the model, what was measured, the seconds. Per-sample maps are the paper's way, one image
at a time as its code takes them; the degradation is the paper's as well; plain forward passes are torchvision's.
"""

import argparse
import statistics
import sys
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "bench"))
try:
    from degradation_reference import evaluate
    from reference import ESTIMATION_IMAGES, attribute, estimate, seeded_model, seeded_normal, torch
except SystemExit:
    sys.exit("The authors' codes can't be measured: this Python lacks what is named above.")

LAYERS = {"resnet50": "layer2", "vgg16": "features.17"}
FORWARD_BATCH = 16
TILE = 8


def parse():
    parser = argparse.ArgumentParser()
    parser.add_argument("models", nargs="+", choices=LAYERS)
    parser.add_argument("--device", default="cuda")
    parser.add_argument("--precision", default="float32")
    parser.add_argument("--size", type=int, default=224)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--steps", type=int, default=10)
    return parser.parse_args()


def use_precision(name):
    torch.backends.cuda.matmul.allow_tf32 = name == "tf32"
    torch.backends.cudnn.allow_tf32 = name == "tf32"


class Clock:
    def __init__(self, device, rounds):
        self.device, self.rounds = device, rounds

    def wait(self):
        if self.device.type == "cuda":
            torch.cuda.synchronize(self.device)

    def seconds(self, work):
        self.wait()
        started = time.perf_counter()
        work()
        self.wait()
        return time.perf_counter() - started

    def median(self, work):
        """After a run that isn't counted."""
        self.seconds(work)
        return statistics.median(self.seconds(work) for _ in range(self.rounds))


def say(model, measured, seconds):
    print(f"{model:<16}  {measured + ': median':<52}  {seconds:12.6g}  s", flush=True)


def measure(name, options, device):
    shape = (3, options.size, options.size)
    model, layer = seeded_model(name).to(device), LAYERS[name]
    estimation = seeded_normal("estimation", (ESTIMATION_IMAGES, *shape)).to(device)
    learned = estimate("paper", model, layer, estimation)
    image = seeded_normal("image", (1, *shape)).to(device)
    images = seeded_normal("image", (FORWARD_BATCH, *shape)).to(device)
    heat_map = seeded_normal("map", shape[1:]).numpy()
    clock = Clock(device, options.rounds)

    def per_sample():
        with device:  # where the bottleneck's own tensors are made
            attribute("paper", model, layer, learned, image, 0, options.steps)

    def forward():
        with torch.no_grad():
            model(images)

    def degrade():
        for least_first in (False, True):
            evaluate(model, image, heat_map, TILE, least_first)

    for precision in options.precision.split(","):
        use_precision(precision)
        say(name, f"map, batch 1, {precision}", clock.median(per_sample))
        say(name, f"forward pass, batch {FORWARD_BATCH}, {precision}", clock.median(forward) / FORWARD_BATCH)
        if name == "resnet50":
            say(name, f"degradation, batch 1, {precision}", clock.median(degrade))


def main():
    options = parse()
    device = torch.device(options.device)
    if device.type == "cuda" and not torch.cuda.is_available():
        sys.exit(f"PyTorch {torch.__version__} can't use CUDA here.")
    for name in options.models:
        measure(name, options, device)


if __name__ == "__main__":
    main()
