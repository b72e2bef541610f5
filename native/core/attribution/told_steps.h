#pragma once

#include <span>

#include "attribution/mask_settings.h"
#include "runtime/late_tensor.h"

namespace iba {

/// Tells of the steps in which some images' masks are optimised, while that goes on. Where there is nobody to
/// be told, nothing is read and nothing is drawn.
class ToldSteps {
 public:
  /// Makes the map (H, W) of what a step gave for it of one image, on the CPU.
  using Draw = std::function<Tensor(const Tensor& drawn)>;

  /// `attributions` hold the targets, and `unit` is that of the maps. The settings must outlive this.
  ToldSteps(StepAudience audience, std::span<const Attribution> attributions, const MaskSettings& settings,
            std::string unit, Draw draw)
      : audience_(audience),
        attributions_(attributions),
        settings_(settings),
        unit_(std::move(unit)),
        draw_(std::move(draw)) {}

  bool want_maps() const { return audience_.wants_maps(); }

  /// After each step: L_F and L_I of each image (B, 2), double; which images took the step (B), bool; and
  /// what the maps are drawn of (B, ...), undefined where they aren't wanted.
  void add(const Tensor& losses, const Tensor& taken, const Tensor& drawn);

  /// After the last one.
  void end();

 private:
  void tell(const Tensor& found);

  StepAudience audience_;
  std::span<const Attribution> attributions_;
  const MaskSettings& settings_;
  std::string unit_;
  Draw draw_;
  int64_t told_ = 0;
  LateTensor late_;
  std::vector<int64_t> shape_;  // of what one map is drawn of
};

}  // namespace iba
