"""Class activation maps by pytorch-grad-cam, to measure against; tasks.py says how it is called."""

import os
import sys

os.environ["TQDM_DISABLE"] = "1"  # its progress bars

from reference import say, seeded_model

try:
    from importlib.metadata import version

    import pytorch_grad_cam as cams
    from pytorch_grad_cam.utils.model_targets import ClassifierOutputTarget
    from pytorch_grad_cam.utils.svd_on_activations import get_2d_projection_with_sign_correction
except ImportError as error:
    say(missing=str(error))
    sys.exit()

from tasks import Task, serve



class EigenCAM(cams.EigenCAM):
    """With the sign that fits the activations, as ours; the package leaves it to chance."""

    def get_cam_image(self, input_tensor, target_layer, targets, activations, grads, eigen_smooth):
        return get_2d_projection_with_sign_correction(activations)


METHODS = {
    "grad-cam": cams.GradCAM,
    "grad-cam-plus-plus": cams.GradCAMPlusPlus,
    "hires-cam": cams.HiResCAM,
    "layer-cam": cams.LayerCAM,
    "xgrad-cam": cams.XGradCAM,
    "eigen-cam": EigenCAM,
    "ablation-cam": cams.AblationCAM,
    "score-cam": cams.ScoreCAM,
    "finer-cam": cams.FinerCAM,
    "full-grad": cams.FullGrad,
}


class CamTask(Task):
    def attribute(self, method):
        layers = [] if method == "full-grad" else [self.model.get_submodule(self.layer)]
        with METHODS[method](self.model, layers) as cam:
            if method == "finer-cam":
                return cam(self.images, target_idx=self.target)
            cam.batch_size = self.rows
            return cam(self.images, [ClassifierOutputTarget(self.target)] * len(self.images))


if __name__ == "__main__":
    serve(seeded_model, CamTask, grad_cam=version("grad-cam"))
