"""RISE in a plain loop of PyTorch, to measure against; tasks.py says how it is called."""

from reference import F, seeded_model, torch
from tasks import Task, serve


class RiseTask(Task):
    def masks(self):
        """(N, 1, height, width): coarse random grids, enlarged, each shifted by up to a cell."""
        torch.manual_seed(0)
        count, cells = self.settings["masks"], self.settings["cells"]
        height, width = self.images.shape[2:]
        down, right = -(-height // cells), -(-width // cells)
        grids = (torch.rand(count, 1, cells, cells) < self.settings["kept"]).float()
        large = F.interpolate(grids, ((cells + 1) * down, (cells + 1) * right), mode="bilinear")
        shifts = zip(torch.randint(down, (count,)).tolist(), torch.randint(right, (count,)).tolist())
        return torch.stack([mask[:, y : y + height, x : x + width] for mask, (y, x) in zip(large, shifts)])

    @torch.no_grad()
    def rise(self):
        masks = self.masks()
        stack = masks * self.images
        probabilities = [self.model(part).softmax(1)[:, self.target] for part in stack.split(self.rows)]
        total = torch.cat(probabilities) @ masks.flatten(1)
        return total.view(1, 1, *masks.shape[2:]) / len(masks) / self.settings["kept"]


if __name__ == "__main__":
    serve(seeded_model, RiseTask)
