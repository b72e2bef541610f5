"""Makes test/fixtures/datasets/meta.mat, laid out as in the ILSVRC devkit. Needs SciPy.

    make-dataset-fixtures.py
"""

from pathlib import Path

import numpy as np
from scipy.io import savemat

FIELDS = ["ILSVRC2012_ID", "WNID", "words", "gloss", "num_children", "children", "wordnet_height", "num_train_images"]
# Not in the order of their synsets, and with a node of the tree that is no class.
SYNSETS = [
    (1, "n90000003", "guitar, thing to play", 0),
    (2, "n90000001", "butterfly", 0),
    (3, "n90000009", "umbrella, rain cover", 0),
    (4, "n80000000", "artefact", 3),
]


def number(value):
    return np.array([[value]], dtype=np.uint16)


rows = [
    (number(i), synset, words, "a gloss", number(children), np.arange(1, children + 1)[None], number(0), number(1300))
    for i, synset, words, children in SYNSETS
]
table = np.array(rows, dtype=[(field, "O") for field in FIELDS]).reshape(-1, 1)
path = Path(__file__).parent.parent / "fixtures" / "datasets" / "meta.mat"
savemat(path, {"synsets": table}, do_compression=True)
