"""Extremal perturbations by the authors' TorchRay, to measure against; tasks.py says how it is called."""

import sys

from reference import say, seeded_model

try:
    from importlib.metadata import version

    from torchray.attribution.extremal_perturbation import extremal_perturbation
except ImportError as error:
    say(missing=str(error))
    sys.exit()

from tasks import Task, serve


class PerturbationTask(Task):
    """Of one image, with the defaults of both sides but for the steps."""

    def extremal_perturbation(self):
        masks, _ = extremal_perturbation(self.model, self.images, self.target, max_iter=self.settings["steps"])
        return masks


if __name__ == "__main__":
    serve(lambda network: seeded_model(network).requires_grad_(False), PerturbationTask, torchray=version("torchray"))
