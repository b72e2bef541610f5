"""The degradation of one image as the paper's code does it, to measure against.

    degradation_reference.py MODEL TILE IMAGE.npy MAP.npy CURVES.npy

One evaluation for each direction: the score of the image and of the degraded one, then tile after tile is replaced in one
tensor, whose copies at 99 steps go through the network in one batch, with softmax, and come back to NumPy.

The first line on stdout says {"torch", "threads"}, or {"missing"} where a library can't be imported. Then each line on
stdin asks for both directions: the probabilities of the first prediction are written to CURVES.npy (2, 100), and a line
{"seconds"} comes back.
"""

import sys
import time

from reference import np, say, seeded_model, torch

STEPS = 100


class Tiles:
    def __init__(self, image, degraded, tile):
        self.current, self.degraded, self.tile = image.clone(), degraded, tile

    def place(self, row, column):
        tile = self.tile
        return slice(row * tile, (row + 1) * tile), slice(column * tile, (column + 1) * tile)

    def degrade(self, row, column):
        rows, columns = self.place(row, column)
        self.current[:, :, rows, columns] = self.degraded[:, :, rows, columns]

    def order(self, heat_map, least_first):
        height, width = (size // self.tile for size in heat_map.shape)
        means = np.zeros((height, width))
        for row in range(height):
            for column in range(width):
                means[row, column] = np.mean(heat_map[self.place(row, column)])
        flat = np.argsort(means if least_first else -means, axis=None, kind="stable")
        return list(zip(*np.unravel_index(flat, means.shape)))


def probabilities(model, images):
    with torch.no_grad():
        return torch.softmax(model(images), 1).cpu().numpy()


def evaluate(model, image, heat_map, tile, least_first):
    degraded = image.mean((2, 3), keepdim=True).expand_as(image).contiguous()
    top1 = int(np.argmax(probabilities(model, image)[0]))
    probabilities(model, degraded)
    tiles = Tiles(image, degraded, tile)
    order = tiles.order(heat_map, least_first)
    wanted = [int(step) for step in np.round(np.linspace(0, 1, STEPS) * len(order))]
    images = [image]
    for step, place in enumerate(order):
        tiles.degrade(*place)
        if step in wanted:
            images.append(tiles.current.clone())
    return probabilities(model, torch.cat(images))[:, top1]


def main():
    architecture, tile, image_file, map_file, curves_file = sys.argv[1:]
    model = seeded_model(architecture)
    image = torch.from_numpy(np.load(image_file))[None]
    heat_map = np.load(map_file)
    say(torch=torch.__version__, threads=torch.get_num_threads())
    for _ in sys.stdin:
        started = time.perf_counter()
        curves = [evaluate(model, image, heat_map, int(tile), least_first) for least_first in (False, True)]
        seconds = time.perf_counter() - started
        np.save(curves_file, np.stack(curves).astype(np.float32))
        say(seconds=seconds)


if __name__ == "__main__":
    main()
