"""What scripts share that attribute with a library of others, to measure against.

    SCRIPT.py NETWORK IMAGES.npy ATTRIBUTIONS.npy THREADS

The first line on stdout says the versions, or {"missing"} where a library can't be imported. Then each line on stdin is a task
{"method", "images", "target", "rows", "layer", "segments", "settings"}: the first images are explained with the settings of our
options' names, the attributions are written to ATTRIBUTIONS.npy, and a line {"seconds"} comes back, or {"missing"} where the library
can't. "segments" names a file with the superpixel of each pixel, where the method has any.
"""

import json
import sys
import time

from reference import np, say, torch


class Task:
    """One call of a method: the same settings, and as many rows together, as on our side."""

    def __init__(self, model, images, request):
        self.model = model
        self.images = images[: request["images"]]
        self.target, self.rows, self.settings = request["target"], request["rows"], request["settings"]
        self.layer, self.segments_file = request.get("layer"), request.get("segments")

    @property
    def copies(self):
        """How many copies of each image fit into the rows."""
        return max(1, self.rows // len(self.images))

    @property
    def mean_colour(self):
        return self.images.mean((2, 3), keepdim=True).expand_as(self.images).contiguous()

    @property
    def segments(self):
        return torch.from_numpy(np.load(self.segments_file)).long()

    def gradients(self, pixels, call_model_args=None, expected_keys=None):
        """The derivatives of the target's logit for some images."""
        pixels = pixels.detach().requires_grad_()
        return torch.autograd.grad(self.model(pixels)[:, self.target].sum(), pixels)[0]

    def attribute(self, method):
        return getattr(self, method.replace("-", "_"))()


def serve(open_model, make_task, **versions):
    """Answers tasks until there are no more."""
    network, images_file, attributions_file, threads = sys.argv[1:]
    torch.set_num_threads(int(threads))
    images = torch.from_numpy(np.load(images_file))
    model = open_model(network)
    say(torch=torch.__version__, threads=torch.get_num_threads(), **versions)
    for line in sys.stdin:
        request = json.loads(line)
        task = make_task(model, images, request)
        started = time.perf_counter()
        try:
            attributions = task.attribute(request["method"])
        except (AssertionError, RuntimeError, TypeError) as error:
            say(missing=str(error))
            continue
        seconds = time.perf_counter() - started
        np.save(attributions_file, torch.as_tensor(attributions).detach().float().numpy())
        say(seconds=seconds)
