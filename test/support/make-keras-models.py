"""Makes classifiers in ONNX:  python test/support/make-keras-models.py FOLDER NAME ...

Needs torch, torchvision, onnx, onnxscript and keras, whose own exporter writes `NAME.onnx`. Inputs have their channels last. The models
are small, and their weights are seeded.
"""

import contextlib
import io
import logging
import os
import sys
import warnings
from importlib import import_module
from pathlib import Path

os.environ["KERAS_BACKEND"] = "torch"

import keras  # noqa: E402
import torch  # noqa: E402
from keras import applications, layers  # noqa: E402

models = import_module("make-models")
CLASSES = 10
IMAGE = (64, 64, 3)


def sequential():
    """As in Keras' tutorials."""
    blocks = [[layers.Conv2D(filters, 3, padding="same", activation="relu"), layers.MaxPooling2D()] for filters in (8, 16, 16)]
    return keras.Sequential([
        keras.Input((48, 40, 3)), layers.Rescaling(1 / 255), *sum(blocks, []), layers.Dropout(0.2), layers.Flatten(),
        layers.Dense(32, activation="relu"), layers.Dense(CLASSES),
    ])


def separable():
    return keras.Sequential([
        keras.Input(IMAGE), layers.Normalization(mean=[0.1, 0.2, 0.3], variance=[1.5, 1.2, 0.8]),
        layers.ZeroPadding2D(((0, 1), (1, 0))), layers.Conv2D(8, 3, strides=2, activation="swish"), layers.BatchNormalization(),
        layers.SeparableConv2D(16, 3, strides=2, padding="same", activation="relu6"),
        layers.DepthwiseConv2D(5, padding="same"), layers.LeakyReLU(), layers.AveragePooling2D(3, 2, padding="same"),
        layers.Conv2D(16, 3, groups=4, dilation_rate=2, padding="same", activation="gelu"), layers.GroupNormalization(4),
        layers.GlobalAveragePooling2D(), layers.Dense(CLASSES),
    ])


def application(name, **options):
    return lambda: getattr(applications, name)(
        weights=None, classes=CLASSES, input_shape=IMAGE, classifier_activation=None, **options)


CLASSIFIERS = {
    "keras-sequential": sequential,
    "keras-separable": separable,
    "keras-mobilenet": application("MobileNet", alpha=0.25),
    "keras-mobilenet_v3": application("MobileNetV3Small", alpha=0.5, minimalistic=True),
    "keras-efficientnet": application("EfficientNetB0"),
}


def seeded(name, shape):
    """A kernel's last dimension are its outputs."""
    if name.endswith("variance"):
        return torch.ones(shape)
    if name.endswith("gamma"):
        return 1 + models.normal(name, shape, 0.1)
    if len(shape) < 2:
        return models.normal(name, shape, 0.1)
    depthwise = "depthwise" in name or "conv_dw" in name
    fan_in = torch.Size(shape[:2] if depthwise else shape[:-1]).numel()
    return models.normal(name, shape, (2 / fan_in) ** 0.5)


def write(folder, name):
    keras.backend.clear_session()  # which numbers its layers from the beginning
    model = CLASSIFIERS[name]()
    for weight in model.weights:
        if "float" in weight.dtype:
            weight.assign(seeded(weight.path, weight.shape))
    model(torch.zeros(1, *model.input_shape[1:]))
    with contextlib.redirect_stdout(io.StringIO()):
        model.export(folder / f"{name}.onnx", format="onnx", verbose=False)


if __name__ == "__main__":
    warnings.simplefilter("ignore")
    logging.disable(logging.WARNING)
    torch.set_num_threads(1)
    destination = Path(sys.argv[1])
    destination.mkdir(parents=True, exist_ok=True)
    for name in sys.argv[2:]:
        write(destination, name)
        print(name, flush=True)
