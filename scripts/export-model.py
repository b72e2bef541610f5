"""Saves a trained classifier of torchvision or timm as a file that `iba` loads:

    python scripts/export-model.py resnet50 resnet50.pt2
    python scripts/export-model.py timm:vit_small_patch16_224 vit.pt2
    python scripts/export-model.py mobilenet_v3_large mobilenet.pt --weights mine.pth --classes 12

The ending of the file decides: .pt2 is an exported program, .pt is TorchScript. Needs torch, and torchvision or timm.
"""

import argparse
from pathlib import Path

import torch


def make_model(name, weights, classes):
    library, _, architecture = name.rpartition(":")
    pretrained = weights is None
    if library == "timm":
        import timm

        shape = {} if classes is None else {"num_classes": classes}
        return timm.create_model(architecture, pretrained=pretrained, exportable=True, **shape)
    if library not in ("", "torchvision"):
        raise SystemExit(f"There is no library '{library}'. Expected NAME, torchvision:NAME or timm:NAME.")
    import torchvision

    shape = {} if classes is None else {"num_classes": classes}
    return torchvision.models.get_model(architecture, weights="DEFAULT" if pretrained else None, **shape)


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
        "--size", type=sides, default=(224, 224), help="of the images in pixels, or HEIGHTxWIDTH (default: 224)")
    parser.add_argument("--channels", type=int, default=3, help="3 for colour, 1 for grey (default: 3)")
    words = parser.parse_args()
    if words.classes is not None and words.weights is None:
        parser.error("--classes needs --weights: the published weights have a number of classes already")
    model = make_model(words.model, words.weights, words.classes)
    if words.weights is not None:
        load_weights(model, words.weights)
    save(model.eval().requires_grad_(False), words.file, words.size, words.channels)
    print(words.file)


if __name__ == "__main__":
    main()
