"""Guided IG, Blur IG and XRAI by PAIR's saliency, to measure against; tasks.py says how it is called."""

import sys

from reference import np, say, seeded_model, torch

try:
    from importlib.metadata import version

    from saliency.core import XRAI, BlurIG, GuidedIG, XRAIParameters
    from saliency.core.base import INPUT_OUTPUT_GRADIENTS
except ImportError as error:
    say(missing=str(error))
    sys.exit()

from tasks import Task, serve


class PathTask(Task):
    """Of one image, as arrays (height, width, channels)."""

    def call_model(self, images, call_model_args=None, expected_keys=None):
        pixels = torch.from_numpy(np.asarray(images, dtype=np.float32)).permute(0, 3, 1, 2).contiguous()
        return {INPUT_OUTPUT_GRADIENTS: self.gradients(pixels).permute(0, 2, 3, 1).numpy()}

    def explain(self, method, **settings):
        found = method.GetMask(self.images[0].permute(1, 2, 0).numpy(), self.call_model, **settings)
        return np.moveaxis(np.atleast_3d(found), 2, 0)[None]

    def guided_ig(self):
        return self.explain(
            GuidedIG(),
            x_steps=self.settings["steps"],
            fraction=self.settings["fraction"],
            max_dist=self.settings["maximumDistance"],
        )

    def blur_ig(self):
        settings = {"steps": self.settings["steps"], "max_sigma": self.settings["maximumSigma"]}
        return self.explain(BlurIG(), batch_size=self.rows, **settings)

    def xrai(self):
        parameters = XRAIParameters(steps=self.settings["steps"])
        return self.explain(XRAI(), batch_size=self.rows, extra_parameters=parameters)


if __name__ == "__main__":
    # What the package calls by a name that NumPy has given up.
    quantile = np.quantile
    np.quantile = lambda values, share, interpolation: quantile(values, share, method=interpolation)
    serve(lambda network: seeded_model(network).requires_grad_(False), PathTask, saliency=version("saliency"))
