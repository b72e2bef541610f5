#include <ATen/CPUGeneratorImpl.h>

#include "attribution/methods/methods.h"
#include "attribution/passes.h"
#include "image/enlarge.h"
#include "runtime/device.h"

namespace iba {

namespace {

/// The masks of one image: coarse grids of cells that are kept or hidden, each enlarged to a cell more than
/// the image on each side and shifted by less than a cell.
class RandomMasks {
 public:
  /// Draws `count` masks of `cells` × `cells`, on the CPU, so that they are the same on every device.
  RandomMasks(uint64_t seed, int64_t count, int64_t cells, double kept, std::array<int64_t, 2> size,
              at::Device device)
      : size_(size) {
    auto generator = at::detail::createCPUGenerator(seed);
    Tensor drawn = at::rand({count, cells, cells}, generator, at::kFloat);
    grids_ = sent_to(device, (drawn < kept).to(at::kFloat));
    for (size_t axis : {0, 1}) {
      int64_t cell = (size[axis] + cells - 1) / cells;
      shifts_[axis] = sent_to(device, at::randint(cell, {count}, generator, at::kLong));
      enlarging_[axis] = sent_to(device, resize_matrix(cells, (cells + 1) * cell, Border::mirror));
    }
  }

  /// Those from `begin` to `end` (rows, H, W), from 0, hidden, to 1.
  Tensor get(int64_t begin, int64_t end) const {
    Tensor rows = shifted(0, begin, end), columns = shifted(1, begin, end);
    return at::bmm(at::bmm(rows, grids_.slice(0, begin, end)), columns.transpose(1, 2));
  }

 private:
  /// The part of the enlarging that lies inside the image, for each mask (rows, pixels, cells).
  Tensor shifted(size_t axis, int64_t begin, int64_t end) const {
    Tensor pixels = at::arange(size_[axis], shifts_[axis].options());
    Tensor places = shifts_[axis].slice(0, begin, end).unsqueeze(1) + pixels;
    return enlarging_[axis].index_select(0, places.flatten()).view({end - begin, size_[axis], -1});
  }

  std::array<int64_t, 2> size_;
  Tensor grids_;
  std::array<Tensor, 2> shifts_;     // of each mask, in pixels
  std::array<Tensor, 2> enlarging_;  // (pixels, cells)
};

class Rise : public Method {
 public:
  explicit Rise(const MethodContext& context)
      : network_(context.network),
        pass_(network_),
        masks_(context.options.whole("masks")),
        cells_(context.options.whole("cells")),
        kept_(context.options.number("kept")) {}

  std::vector<Attribution> attribute(const Batch& batch) const override {
    Steps steps(batch, runs_of(batch) + batch.size() * runs_of(masks_, batch.rows));
    Targets targets = find_targets(network_, batch, steps);
    std::vector<Attribution> attributions;
    for (int64_t b = 0; b < batch.size(); ++b) {
      Attribution attribution = targets.attribution(b);
      attribution.map = expected_probability(batch, b, targets, steps).cpu().contiguous();
      attribution.raw = attribution.map.unsqueeze(0);
      attributions.push_back(std::move(attribution));
    }
    return attributions;
  }

 private:
  /// For each pixel the mean probability of the target over the masks, as far as they keep the pixel, divided
  /// by the share of pixels that they keep.
  Tensor expected_probability(const Batch& batch, int64_t b, const Targets& targets, Steps& steps) const {
    Tensor image = batch.images.slice(0, b, b + 1);
    RandomMasks drawn(batch.requests[b].seed, masks_, cells_, kept_, batch.image_size(), image.device());
    Tensor sum = at::zeros(batch.image_size(), image.options().dtype(at::kFloat));
    for_each_run(masks_, batch.rows, [&](int64_t begin, int64_t end) {
      steps.check();
      Tensor masks = drawn.get(begin, end);
      Tensor outputs = pass_.outputs((image * masks.unsqueeze(1)).to(image.scalar_type()));
      Tensor found = explained_strengths(outputs, targets, b);
      sum.add_((found.to(at::kFloat).view({-1, 1, 1}) * masks).sum(0));
      steps.finish();
    });
    return sum / (static_cast<double>(masks_) * kept_);
  }

  const Network& network_;
  ForwardPass pass_;
  int64_t masks_;
  int64_t cells_;
  double kept_;
};

}  // namespace

MethodEntry rise_method() {
  return {
      "rise",
      "how probable the class is on average where a pixel stays, of copies of the image that are hidden in "
      "coarse random patterns; reads only probabilities",
      "Petsiuk et al. 2018",
      with_common_options(
          {whole_option("masks", "random patterns, each of which takes a pass", 4000, 1, 100'000),
           whole_option("cells", "cells of a pattern along each side of the image", 8, 1, 256),
           number_option("kept", "the share of the cells that stay visible", 0.5, 0.001, 1)}),
      make_method<Rise>};
}

}  // namespace iba
