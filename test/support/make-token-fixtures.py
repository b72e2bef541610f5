"""Writes test/fixtures/tokens: text towers with seeded weights, and what plain PyTorch gives for their texts, with the
noise that our streams draw.

Needs torch, onnx, onnxscript and transformers:  python test/support/make-token-fixtures.py

text.pt2 and vision.pt2 are small CLIPTextModelWithProjection and CLIPVisionModelWithProjection of transformers, text.onnx is
the former in ONNX, traced.pt in TorchScript, single.onnx and single.pt2 for a single text. argmax.pt2 is written here, as open_clip
writes its text towers, and takes texts of any length; scripted.pt is the same in TorchScript, argmax-single.onnx for a single text.
"""

import json
import zipfile
from pathlib import Path

import onnx
import torch
import torch.nn.functional as F
from small_resnet import normal
from torch import nn
from transformers import (
    CLIPTextConfig,
    CLIPTextModelWithProjection,
    CLIPVisionConfig,
    CLIPVisionModelWithProjection,
)

family = __import__("make-family-fixtures")

FOLDER = Path(__file__).resolve().parent.parent / "fixtures" / "tokens"

VOCABULARY, LENGTH, WIDTH, FEATURES = 64, 10, 24, 16
POSITIONS = 12  # that texts of any length may have
BEGIN, END = 62, 63
TEXTS = [
    [BEGIN, 5, 9, 20, 7, 31, END, END, END, END],
    [BEGIN, 40, 3, END, END, END, END, END, END, END],
    [BEGIN, 11, 5, 5, 17, 50, 2, 33, 28, END],
    [BEGIN, 1, 60, 12, END, END, END, END, END, END],
    [BEGIN, 22, 9, 44, 19, END, END, END, END, END],
    [BEGIN, 36, 8, 27, 55, 14, 6, END, END, END],
]


class ArgmaxText(nn.Module):
    """A causal transformer that is read where the greatest id stands."""

    def __init__(self, layers=2, heads=3):
        super().__init__()
        self.token_embedding = nn.Embedding(VOCABULARY, WIDTH)
        self.positional_embedding = nn.Parameter(torch.zeros(POSITIONS, WIDTH))
        self.blocks = nn.Sequential(*[CausalBlock(heads) for _ in range(layers)])
        self.ln_final = nn.LayerNorm(WIDTH)
        self.text_projection = nn.Parameter(torch.zeros(WIDTH, FEATURES))

    def forward(self, text):
        x = self.token_embedding(text) + self.positional_embedding[: text.shape[1]]
        x = self.ln_final(self.blocks(x))
        return x[torch.arange(x.shape[0]), text.argmax(dim=-1)] @ self.text_projection


class CausalBlock(nn.Module):
    def __init__(self, heads):
        super().__init__()
        self.ln_1, self.ln_2 = nn.LayerNorm(WIDTH), nn.LayerNorm(WIDTH)
        self.attn = nn.MultiheadAttention(WIDTH, heads, batch_first=True)
        self.mlp = nn.Sequential(nn.Linear(WIDTH, 2 * WIDTH), nn.GELU(), nn.Linear(2 * WIDTH, WIDTH))
        self.register_buffer("mask", torch.full((POSITIONS, POSITIONS), float("-inf")).triu(1), persistent=False)

    def forward(self, x):
        n, mask = self.ln_1(x), self.mask[: x.shape[1], : x.shape[1]]
        x = x + self.attn(n, n, n, need_weights=False, attn_mask=mask)[0]
        return x + self.mlp(self.ln_2(x))


def seeded(model):
    model = model.eval().requires_grad_(False)
    for name, tensor in model.state_dict().items():
        if not tensor.is_floating_point() or name.endswith("mask"):
            continue
        if "norm" in name or "ln_" in name or "layrnorm" in name:
            tensor.copy_(normal(name, tensor.shape, 0.1) + (1 if name.endswith("weight") else 0))
        elif tensor.dim() >= 2:
            tensor.copy_(normal(name, tensor.shape, 1.0 if "embed" in name else (2 / tensor[0].numel()) ** 0.5))
        else:
            tensor.copy_(normal(name, tensor.shape, 0.1))
    return model


def tail_from(model, module, ids):
    """The features for another value of what a module returns."""

    def features(value):
        handle = module.register_forward_hook(lambda *_: value)
        found = model(ids.expand(len(value), -1)).text_embeds
        handle.remove()
        return found

    return features


def value_of(model, module, ids):
    kept = []
    handle = module.register_forward_hook(lambda _, __, made: kept.append(made[0] if isinstance(made, tuple) else made))
    model(ids)
    handle.remove()
    return kept[0]


def statistics_of(values):
    return values.mean(0), values.std(0).clamp_min(0.01), ((values != 0).double().mean(0) > 0.01).float()


def gradients(features, embedded, score):
    x = embedded.clone().requires_grad_()
    gradient = torch.autograd.grad(score(features(x)).sum(), x)[0][0]
    saliency, times = gradient.abs().amax(1), (gradient * embedded[0]).mean(1)
    return {"saliency": (saliency / saliency.sum()).tolist(), "timesInput": (times / times.abs().sum()).tolist()}


def integrated(features, value, score, steps):
    flat = torch.tensor(family.integrated_at_layer(features, value, score, steps)).view(value.shape)
    return flat[0].sum(1).tolist()


def without_traces(model):
    """An ONNX model without the places in its source, which name files of the machine."""
    for node in [*model.graph.node, *(node for function in model.functions for node in function.node)]:
        for i in reversed(range(len(node.metadata_props))):
            if "stack_trace" in node.metadata_props[i].key:
                del node.metadata_props[i]
    return model


class Features(nn.Module):
    """What a tower of transformers is compared by alone, since a trace gives no classes of Python's."""

    def __init__(self, tower):
        super().__init__()
        self.tower = tower

    def forward(self, ids):
        return self.tower(ids).text_embeds


def save_script(script, name):
    """Without the lines of Python that it came from."""
    script.save(FOLDER / name)
    with zipfile.ZipFile(FOLDER / name) as archive:
        kept = [(info, archive.read(info)) for info in archive.infolist() if not info.filename.endswith("debug_pkl")]
    with zipfile.ZipFile(FOLDER / name, "w") as archive:
        for info, content in kept:
            archive.writestr(zipfile.ZipInfo(info.filename), content)


def main():
    torch.set_num_threads(1)
    FOLDER.mkdir(exist_ok=True)
    shared = {"hidden_size": WIDTH, "intermediate_size": 2 * WIDTH, "projection_dim": FEATURES, "num_attention_heads": 2}
    text = seeded(
        CLIPTextModelWithProjection(
            CLIPTextConfig(
                vocab_size=VOCABULARY,
                max_position_embeddings=LENGTH,
                num_hidden_layers=4,
                bos_token_id=BEGIN,
                eos_token_id=END,
                pad_token_id=END,
                **shared,
            )
        )
    )
    vision = seeded(
        CLIPVisionModelWithProjection(CLIPVisionConfig(image_size=32, patch_size=16, num_hidden_layers=1, **shared))
    )
    argmax = seeded(ArgmaxText())
    all_ids, image = torch.tensor(TEXTS), normal("noise", (1, 3, 32, 32))
    ids = all_ids[:1]
    layer = text.text_model.encoder.layers[2]
    embedding = text.text_model.embeddings.token_embedding
    image_features = vision(image).image_embeds
    values = value_of(text, layer, all_ids)
    r, features = values[:1], tail_from(text, layer, ids)
    cosine = lambda y: F.cosine_similarity(y, image_features)
    standard = (torch.zeros_like(r[0]), torch.ones_like(r[0]), torch.ones_like(r[0]))
    minus = lambda y: -cosine(y)
    # Smoothing is of images, and there is none here.
    found = {
        "texts": TEXTS,
        "features": text(all_ids).text_embeds.tolist(),
        "argmaxFeatures": argmax(all_ids).tolist(),
        "shortFeatures": argmax(all_ids[:, :4])[:1].tolist(),
        "imageFeatures": image_features[0].tolist(),
        "score": cosine(text(ids).text_embeds).item(),
        "m2ib": family.per_sample(features, r, standard, minus, beta=0.1, sigma=0),
        "perSample": family.per_sample(features, r, statistics_of(values), minus, beta=1.0, sigma=0),
        "gradients": gradients(tail_from(text, embedding, ids), value_of(text, embedding, ids), cosine),
        "nib": integrated(features, r, cosine, 10),
        "integrated": integrated(tail_from(text, embedding, ids), value_of(text, embedding, ids), cosine, 10),
        "settings": {"steps": family.STEPS, "copies": family.COPIES, "seed": family.SEED},
    }
    rounded = json.loads(json.dumps(found), parse_float=lambda number: float(f"{float(number):.6g}"))
    (FOLDER / "tokens.json").write_text(json.dumps(rounded) + "\n")

    batch, length = torch.export.Dim("batch"), torch.export.Dim("length", max=LENGTH)

    def export(model, given, name, shapes):
        torch.export.save(torch.export.export(model, given, dynamic_shapes=shapes), FOLDER / name)
        family.without_sources(FOLDER / name)

    export(text, (all_ids,), "text.pt2", {"input_ids": {0: batch}})
    export(vision, (image.expand(2, -1, -1, -1).clone(),), "vision.pt2", {"pixel_values": {0: batch}})
    export(argmax, (all_ids[:, :8].clone(),), "argmax.pt2", ({0: batch, 1: length},))
    export(text, (ids,), "single.pt2", None)

    def export_onnx(model, given, name, shapes=None):
        program = torch.onnx.export(model, given, dynamic_shapes=shapes, dynamo=True, verbose=False)
        onnx.save(without_traces(program.model_proto), FOLDER / name)

    export_onnx(text, (all_ids,), "text.onnx", {"input_ids": {0: batch}})
    export_onnx(text, (ids,), "single.onnx")
    export_onnx(argmax, (ids,), "argmax-single.onnx")
    save_script(torch.jit.trace(Features(text), (all_ids,)), "traced.pt")
    save_script(torch.jit.script(argmax), "scripted.pt")


if __name__ == "__main__":
    main()
