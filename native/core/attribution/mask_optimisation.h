#pragma once

#include <span>

#include "attribution/mask_settings.h"
#include "attribution/passes.h"
#include "attribution/told_steps.h"
#include "bottleneck/mask_solver.h"

namespace iba {

/// Optimises the masks of the images of one run (Schulz et al. 2020, section 3.2) and fills in their
/// attributions: the map, the series, and what was asked to be kept.
class MaskOptimisation {
 public:
  /// `network` tells the device and the outputs. All must outlive this.
  MaskOptimisation(const Network& network, const MaskSettings& settings)
      : network_(network), settings_(settings) {}

  /// How many images go through the network together where so many rows may.
  int64_t images_for(int64_t rows) const;

  /// The layers of a run: the one whose information counts, and those that its mask restricts as well.
  struct Layers {
    const NoisedLayer& first;
    std::vector<const NoisedLayer*> further = {};
  };

  /// The attributions hold their targets. It takes `settings.steps` of the steps, or fewer where every mask
  /// has come to rest. Adam's map is that of the last forward pass, after which α stays; the proximal
  /// solver's is that after its last step. Masks begin with α (B, h, w, C), or where it is undefined as the
  /// settings say. The audience is told of each step.
  void run(const BottleneckLoss& loss, const Layers& layers, const std::vector<uint64_t>& seeds,
           std::array<int64_t, 2> image_size, std::span<Attribution> attributions, Steps& steps,
           StepAudience audience, Tensor alpha = {}) const;

  /// sigmoid(α) (B, h, w, C), or 1 for C, after as many updates as there are steps, with the series of all
  /// passes filled in (Zhang et al. 2021: the published map is that of the mask itself, unsmoothed).
  /// The audience is told of each step.
  Tensor mask_after(const BottleneckLoss& loss, const Layers& layers, const std::vector<uint64_t>& seeds,
                    std::span<Attribution> attributions, Steps& steps, StepAudience audience) const;

 private:
  std::unique_ptr<MaskSolver> solver_for(const NoisedLayer& layer, const BottleneckLoss& loss,
                                         Tensor alpha) const;
  Tensor initial_alpha(const NoisedLayer& layer, int64_t images) const;
  std::vector<NoiseStream> streams_of(const std::vector<uint64_t>& seeds) const;
  BottleneckLoss::Noise draw(const Layers& layers, std::vector<NoiseStream>& streams, int64_t copies) const;
  int64_t copies_of(int64_t step) const;
  template <typename OnStep>
  void pass_and_step(const BottleneckLoss& loss, const Layers& layers, std::vector<NoiseStream> streams,
                     std::span<Attribution> attributions, Steps& steps, MaskSolver& solver, bool moves_last,
                     ToldSteps& told, OnStep on_step) const;
  void add_losses(const Tensor& losses, const Tensor& taken, std::span<Attribution> attributions) const;
  void estimate_loss(const BottleneckLoss& loss, const Layers& layers, const Mask& mask,
                     const std::vector<uint64_t>& seeds, std::span<Attribution> attributions) const;

  const Network& network_;
  const MaskSettings& settings_;
};

}  // namespace iba
