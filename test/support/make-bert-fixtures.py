"""Writes test/fixtures/tokens/bert.pt2, a small BertForSequenceClassification of transformers with seeded weights, and bert.json,
what plain PyTorch gives for the bottleneck of Jiang et al. 2020 in it, with the noise that our streams draw.

Needs torch and transformers:  python test/support/make-bert-fixtures.py
"""

import json
import math
from pathlib import Path

import torch
from small_resnet import normal
from transformers import BertConfig, BertForSequenceClassification

family = __import__("make-family-fixtures")

FOLDER = Path(__file__).resolve().parent.parent / "fixtures" / "tokens"

VOCABULARY, LENGTH, WIDTH, CLASSES = 64, 8, 16, 3
BLOCK = 8  # of twelve, counted from 0
TEXTS = [
    [60, 5, 9, 20, 7, 31, 12, 61],
    [60, 40, 3, 17, 44, 8, 25, 61],
    [60, 11, 5, 5, 17, 50, 2, 61],
]


def seeded(model):
    """With weights so small that tokens stay their own, as in a trained network: a map of them means something."""
    for name, tensor in model.state_dict().items():
        if not tensor.is_floating_point():
            continue
        is_norm = "LayerNorm" in name
        if tensor.dim() >= 2 and not is_norm:
            tensor.copy_(normal(name, tensor.shape, 1.0 if "embeddings" in name else 0.4 / tensor.shape[1] ** 0.5))
        else:
            tensor.copy_(normal(name, tensor.shape, 0.1) + (1 if is_norm and name.endswith("weight") else 0))
    return model.eval().requires_grad_(False)


def value_of(module, run):
    kept = []
    handle = module.register_forward_hook(lambda _, __, made: kept.append(made[0] if isinstance(made, tuple) else made))
    run()
    handle.remove()
    return kept[0]


def explained(model, ids, target):
    """The bottleneck's run, and the cross-entropy without the block."""
    block, before = model.bert.encoder.layer[BLOCK], model.bert.encoder.layer[BLOCK - 1]
    r, read = value_of(block, lambda: model(ids)), value_of(before, lambda: model(ids))
    std = math.sqrt(1e-5)

    def tail(value):
        def replaced(_, __, made):
            return (value, *made[1:]) if isinstance(made, tuple) else value

        handle = block.register_forward_hook(replaced)
        logits = model(ids.expand(len(value), -1)).logits
        handle.remove()
        return logits

    def forward(a, noise):
        keep, drop = torch.sigmoid(a), torch.sigmoid(-a)
        # The logarithm of (1 - keep)^2 is kept above -10.
        drawn = (drop**2).log().clamp(-10, 10).exp().sqrt() * std * noise.draw(r.shape[1:])
        fit = family.cross_entropy(target)(tail(keep * r + (1 - keep) * read + drawn)).mean()
        capacity = family.kl(keep, drop, (r - read) / std)
        return fit + 1e-5 * capacity.mean(), fit, capacity, capacity.mean()

    run = family.optimise(r.shape, forward, beta=1e-5)
    return run, family.cross_entropy(target)(tail(read)).item()


def main():
    torch.set_num_threads(1)
    model = seeded(
        BertForSequenceClassification(
            BertConfig(
                vocab_size=VOCABULARY,
                hidden_size=WIDTH,
                num_hidden_layers=12,
                num_attention_heads=2,
                intermediate_size=2 * WIDTH,
                max_position_embeddings=LENGTH,
                num_labels=CLASSES,
            )
        )
    )
    ids = torch.tensor(TEXTS)
    logits = model(ids).logits
    target = int(logits[0].argmin())
    run, skipped = explained(model, ids[:1], target)
    found = {
        "texts": TEXTS,
        "logits": logits.tolist(),
        "target": target,
        "run": run,
        "skipped": skipped,
        "settings": {"steps": family.STEPS, "copies": family.COPIES, "seed": family.SEED},
    }
    rounded = json.loads(json.dumps(found), parse_float=lambda number: float(f"{float(number):.6g}"))
    (FOLDER / "bert.json").write_text(json.dumps(rounded) + "\n")
    exported = torch.export.export(model, (ids,), dynamic_shapes={"input_ids": {0: torch.export.Dim("batch")}})
    torch.export.save(exported, FOLDER / "bert.pt2")
    family.without_sources(FOLDER / "bert.pt2")


if __name__ == "__main__":
    main()
