#pragma once

#include <functional>
#include <string>
#include <utility>
#include <vector>

#include "target/target.h"
#include "torch.h"

namespace iba {

/// What a step of the work found for one image.
struct StepReport {
  int64_t image = 0;  // of the batch
  int64_t step = 0;   // from 1
  int64_t steps = 0;  // that are taken at most
  Target target = {};
  double score = 0;
  double probability = 0;  // NaN where the target has none
  /// The numbers of the step that the attribution's series will hold, by name.
  std::vector<std::pair<std::string, double>> numbers = {};
  at::Tensor map = {};  // after the step (H, W), on the CPU; undefined where nobody asks for maps
  std::string unit = {};
};

/// Who is told of each step while the work goes on. On a GPU a step is told of while the next one runs, as
/// the host doesn't wait for it.
struct StepListener {
  std::function<void(StepReport)> tell;
  bool wants_maps = false;
};

/// Whom the steps of some of a batch's images are told to: null for nobody.
struct StepAudience {
  const StepListener* listener = nullptr;
  int64_t first = 0;  // of the images

  bool wants_maps() const { return listener && listener->wants_maps; }
};

}  // namespace iba
