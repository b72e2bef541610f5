#pragma once

#include <optional>

#include "attribution/patterns.h"
#include "bottleneck/readout.h"
#include "bottleneck/statistics.h"
#include "handle.h"
#include "network/network.h"
#include "runtime/progress.h"
#include "training/process_group.h"

namespace iba::binding {

/// A network with its weights on a device.
struct Model {
  Network network;
  std::string fingerprint;
  at::Device device = at::kCPU;
};

template <>
struct HandleType<Model> {
  static constexpr char name[] = "model";
};

template <>
struct HandleType<ModelStatistics> {
  static constexpr char name[] = "statistics";
};

/// Patterns, and the network with folded batch norms that they are being fitted with; the latter is made when
/// it is first needed.
struct BoundPatterns {
  ModelPatterns patterns;
  std::optional<Network> folded = {};
};

template <>
struct HandleType<BoundPatterns> {
  static constexpr char name[] = "patterns";
};

template <>
struct HandleType<Readout> {
  static constexpr char name[] = "readout";
};

template <>
struct HandleType<ProcessGroup> {
  static constexpr char name[] = "process group";
};

/// Throws INVALID_ARGUMENT where the model takes images of another size only.
void require_image_size(const Model& model, int64_t height, int64_t width);

/// Throws INVALID_ARGUMENT where they are no images (N, C, H, W) that the model takes.
void check_images(const at::Tensor& images, const Model& model);

/// Throws INVALID_ARGUMENT unless there is a name for each image.
void check_names(const std::vector<std::string>& names, int64_t images);

/// Throws INVALID_ARGUMENT for a class that the model hasn't.
void check_class(int64_t index, const Model& model);

}  // namespace iba::binding
