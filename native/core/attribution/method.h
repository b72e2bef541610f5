#pragma once

#include <array>
#include <map>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "attribution/options.h"
#include "attribution/resources.h"
#include "attribution/step_report.h"
#include "network/network.h"
#include "runtime/cancellation.h"
#include "runtime/fitting_rows.h"
#include "runtime/progress.h"
#include "target/target.h"

namespace iba {

/// One image of a batch: what to explain, and the seed of its noise.
struct Request {
  Target target = {};
  uint64_t seed = 0;
};

/// What a method gives for one image.
struct Attribution {
  Target target = {};      // settled
  double score = 0;        // of the target, for the image as it is
  double probability = 0;  // likewise; NaN where the target has none
  Tensor map;              // (H, W) on the CPU
  Tensor raw;              // before it was reduced to the map, on the CPU; undefined where there is no such
  /// Measures of how far to trust the map, such as a completeness gap.
  std::vector<std::pair<std::string, double>> checks = {};
  /// Numbers of each step of the work, by name, such as "loss".
  std::vector<std::pair<std::string, std::vector<double>>> series = {};
  /// What was asked to be kept beside the map, by name, such as "capacity"; on the CPU.
  std::vector<std::pair<std::string, Tensor>> tensors = {};
};

/// A batch to explain.
struct Batch {
  Tensor images;  // (B, C, H, W) on the network's device
  std::vector<Request> requests;
  int64_t rows;  // that go through the network together at most
  const Cancellation& cancellation;
  const StepProgress& progress;
  const StepListener* listener = nullptr;  // null where nobody wants to know of the steps

  int64_t size() const { return images.size(0); }
  std::array<int64_t, 2> image_size() const { return {images.size(2), images.size(3)}; }
};

/// A way to attribute a prediction to the pixels of an image, set up for one network, which must outlive it.
/// What it gives for an image depends on the others of its batch by rounding at most; with one row, on the
/// CPU, not even by that.
class Method {
 public:
  virtual ~Method() = default;

  /// One attribution for each image. Throws ABORTED soon after a cancellation.
  virtual std::vector<Attribution> attribute(const Batch& batch) const = 0;

  /// What the map's values count: "bits/pixel", "logits", or "relative" where only their proportions mean
  /// something.
  virtual std::string unit() const { return "relative"; }
};

/// What a method is made for.
struct MethodContext {
  const Network& network;
  /// Tells networks of different weights apart.
  const std::string& weight_hash;
  const Options& options;
  const Resources& resources;
};

/// How many images are explained together where nothing else is asked for.
struct BatchSize {
  int64_t cpu = 8;
  int64_t cuda = 32;
};

/// A method as users choose it.
struct MethodEntry {
  std::string name;
  std::string summary;
  /// Where it was published, or what its settings follow.
  std::string source;
  std::vector<OptionSpec> options;
  std::unique_ptr<Method> (*make)(const MethodContext&);
  std::vector<Resource> needs = {};
  BatchSize batch = {};
  /// What it can use beside that, where it is given.
  std::vector<Resource> takes = {};
};

/// The options of most methods, followed by a method's own: the conventions, the rows, and whether what is
/// not reduced to the map yet is kept.
std::vector<OptionSpec> with_common_options(std::vector<OptionSpec> own = {});

/// A `make` for a method that is constructed from its context.
template <typename M>
std::unique_ptr<Method> make_method(const MethodContext& context) {
  return std::make_unique<M>(context);
}

/// A method set up for a network by its entry and a user's options.
class PreparedMethod {
 public:
  /// The network and the resources must outlive it. Throws INVALID_ARGUMENT for a wrong option, and what
  /// `check_resources` and the method itself throw.
  PreparedMethod(const MethodEntry& entry, const Network& network, const std::string& weight_hash,
                 const std::map<std::string, OptionValue>& given, Resources resources);

  /// Runs the method on images; by one thread at a time. Where no rows were given, they adapt to the memory
  /// of the images' device, and the progress begins anew where they have to, as do the steps that `listener`
  /// is told of. Throws NOT_FINITE where a number of a result isn't.
  std::vector<Attribution> attribute(const Tensor& images, const std::vector<Request>& requests,
                                     const Cancellation& cancellation, const StepProgress& progress,
                                     const StepListener* listener = nullptr) const;

  std::string unit() const { return method_->unit(); }

 private:
  Options options_;
  Resources resources_;
  std::unique_ptr<Method> method_;
  mutable FittingRows rows_;
};

}  // namespace iba
