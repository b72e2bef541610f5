"""Saves a trained classifier of torchvision or timm as a file that `iba` loads:

    python scripts/export-model.py resnet50 resnet50.pt2
    python scripts/export-model.py timm:vit_small_patch16_224 vit.pt2
    python scripts/export-model.py mobilenet_v3_large mobilenet.pt --weights mine.pth --classes 12

The ending of the file decides: .pt2 is an exported program, .pt is TorchScript. Beside it goes the model's card, such as
resnet50.json, with the pre-processing and the class names that the library states for its published weights. Needs torch,
and torchvision or timm.
"""

import argparse
import json
import math
from pathlib import Path

import torch


def make_model(name, weights, classes):
    """The model, and the card of its published weights, or None with others."""
    library, _, architecture = name.rpartition(":")
    shape = {} if classes is None else {"num_classes": classes}
    if library == "timm":
        import timm

        model = timm.create_model(architecture, pretrained=weights is None, exportable=True, **shape)
        return model, timm_card(model) if weights is None else None
    if library not in ("", "torchvision"):
        raise SystemExit(f"There is no library '{library}'. Expected NAME, torchvision:NAME or timm:NAME.")
    import torchvision

    published = torchvision.models.get_model_weights(architecture).DEFAULT if weights is None else None
    model = torchvision.models.get_model(architecture, weights=published, **shape)
    return model, torchvision_card(published) if published else None


def torchvision_card(weights):
    rule = weights.transforms()
    preprocessing = {
        "resize": rule.resize_size[0],
        "crop": rule.crop_size[0],
        "mean": list(rule.mean),
        "std": list(rule.std),
        "interpolation": rule.interpolation.value,
    }
    return {"preprocessing": preprocessing, "classes": list(weights.meta["categories"])}


def timm_card(model):
    from timm.data import ImageNetInfo, infer_imagenet_subset, resolve_model_data_config

    config = resolve_model_data_config(model)
    crop = list(config["input_size"][1:])
    preprocessing = {
        "resize": [math.floor(side / config["crop_pct"]) for side in crop],
        "crop": crop,
        "squash": config["crop_mode"] == "squash",
        "mean": list(config["mean"]),
        "std": list(config["std"]),
        "interpolation": config["interpolation"],
    }
    subset = infer_imagenet_subset(model)
    if subset is None:
        return {"preprocessing": preprocessing}
    info = ImageNetInfo(subset)
    return {"preprocessing": preprocessing, "classes": [info.index_to_description(i) for i in range(info.num_classes())]}


def at_size(card, size):
    """The card for images of another size, of which the crop keeps the same share."""
    preprocessing = card["preprocessing"]

    def both(value):
        return value if isinstance(value, list) else [value, value]

    shares = [outer / inner for outer, inner in zip(both(preprocessing["resize"]), both(preprocessing["crop"]))]
    resize = [math.floor(side * share) for side, share in zip(size, shares)]
    return {**card, "preprocessing": {**preprocessing, "crop": list(size), "resize": resize}}


def size_of(card):
    crop = card["preprocessing"]["crop"] if card else 224
    return tuple(crop) if isinstance(crop, list) else (crop, crop)


def load_weights(model, path):
    state = torch.load(path, map_location="cpu", weights_only=True)
    model.load_state_dict(state.get("state_dict", state))


def sides(text):
    height, _, width = text.lower().partition("x")
    return int(height), int(width or height)


def save(model, path, size, channels):
    images = torch.randn(2, channels, *size)
    if path.suffix == ".pt2":
        batch = torch.export.Dim("batch", min=1, max=4096)
        torch.export.save(torch.export.export(model, (images,), dynamic_shapes=({0: batch},)), path)
    elif path.suffix == ".pt":
        torch.jit.trace(model, images).save(path)
    else:
        raise SystemExit(f"'{path}' ends with neither .pt2 nor .pt.")


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("model", help="a name of torchvision, or timm:NAME")
    parser.add_argument("file", type=Path, help="what to write: FILE.pt2 or FILE.pt")
    parser.add_argument("--weights", type=Path, help="a state dict of your own (default: the published weights)")
    parser.add_argument("--classes", type=int, help="how many classes these weights have (default: the usual number)")
    parser.add_argument(
        "--size", type=sides, help="of the images in pixels, or HEIGHTxWIDTH (default: as published, or else 224)")
    parser.add_argument("--channels", type=int, default=3, help="3 for colour, 1 for grey (default: 3)")
    words = parser.parse_args()
    if words.classes is not None and words.weights is None:
        parser.error("--classes needs --weights: the published weights have a number of classes already")
    model, card = make_model(words.model, words.weights, words.classes)
    if words.weights is not None:
        load_weights(model, words.weights)
    if card and words.size:
        card = at_size(card, words.size)
    save(model.eval().requires_grad_(False), words.file, words.size or size_of(card), words.channels)
    print(words.file)
    if card:
        path = words.file.with_suffix(".json")
        path.write_text(json.dumps(card, indent=1))
        print(path)


if __name__ == "__main__":
    main()
