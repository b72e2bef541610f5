#pragma once

#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "attribution/options.h"
#include "network/network.h"
#include "runtime/cancellation.h"
#include "runtime/request.h"

namespace iba {

/// What a method gives for one image.
struct Attribution {
  int64_t target = 0;
  double probability = 0;  // of the target, for the image as it is
  Tensor map;              // (H, W) on the CPU
  Tensor raw;              // (C, h, w) on the CPU, before it was reduced to the map; if asked for
  /// Measures of how far to trust the map, such as a completeness gap.
  std::vector<std::pair<std::string, double>> checks = {};
};

/// A batch to explain.
struct Batch {
  Tensor images;  // (B, C, H, W) on the network's device
  std::vector<Request> requests;
  /// Images or copies of images that may go through the network together.
  int64_t rows = 16;
  bool keep_raw = false;
  const Cancellation& cancellation;
  const StepProgress& progress;

  int64_t size() const { return images.size(0); }
};

/// A way to attribute a prediction to the pixels of an image, set up for one network, which must outlive it.
/// What it gives for an image doesn't depend on the others of its batch.
class Method {
 public:
  virtual ~Method() = default;

  /// One attribution for each image. Throws ABORTED soon after a cancellation.
  virtual std::vector<Attribution> attribute(const Batch& batch) const = 0;

  /// What the map's values count: "logits", or "relative" where only their proportions mean something.
  virtual std::string unit() const { return "relative"; }
};

/// A method as users choose it.
struct MethodEntry {
  std::string name;
  std::string summary;
  /// Where it was published, or what its settings follow.
  std::string source;
  std::vector<OptionSpec> options;
  std::unique_ptr<Method> (*make)(const Network&, const Options&);
};

/// The options of a method: those that every method has, and its own.
std::vector<OptionSpec> option_specs(const MethodEntry& entry);

/// Checks the images, runs the method and checks the maps. Throws IMAGE where a value of an image isn't
/// finite, MODEL where one of a map isn't.
std::vector<Attribution> run_method(const Method& method, const Batch& batch);

}  // namespace iba
