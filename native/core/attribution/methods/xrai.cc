#include <array>
#include <limits>
#include <vector>

#include "attribution/mean_gradient.h"
#include "attribution/methods/methods.h"
#include "image/felzenszwalb.h"
#include "runtime/device.h"

namespace iba {

namespace {

// As in the authors' code.
const FelzenszwalbOptions kSegmentation = {
    .scales = {50, 100, 150, 250, 500, 1200}, .sigma = 0.8, .smallest = 150};
constexpr int64_t kSide = 224;        // of the image that is segmented
constexpr int64_t kGrowth = 5;        // pixels by which segments grow
constexpr int64_t kFewestAdded = 50;  // pixels that a segment must add

/// The pixels of a segment, by number.
using Segment = std::vector<int64_t>;

/// Makes segments of an image's pixels larger.
class Growth {
 public:
  Growth(int64_t height, int64_t width) : height_(height), width_(width), last_seen_(height * width, -1) {
    for (int64_t dy = -kGrowth; dy <= kGrowth; ++dy)
      for (int64_t dx = -kGrowth; dx <= kGrowth; ++dx)
        if (dy * dy + dx * dx <= kGrowth * kGrowth) disc_.push_back({dy, dx});
  }

  /// The segment's pixels, and those around it. `part` holds the number of each pixel's segment.
  Segment grown(const Segment& segment, const int64_t* part) {
    ++round_;
    Segment found;
    for (int64_t pixel : segment) {
      int64_t y = pixel / width_, x = pixel % width_;
      // What is near to a segment is near to its edge.
      if (!is_at_edge(y, x, part)) {
        add(pixel, found);
        continue;
      }
      for (auto [dy, dx] : disc_)
        if (is_inside(y + dy, x + dx)) add(pixel + dy * width_ + dx, found);
    }
    return found;
  }

 private:
  bool is_inside(int64_t y, int64_t x) const { return y >= 0 && x >= 0 && y < height_ && x < width_; }

  bool is_at_edge(int64_t y, int64_t x, const int64_t* part) const {
    auto differs = [&](int64_t ny, int64_t nx) {
      return is_inside(ny, nx) && part[ny * width_ + nx] != part[y * width_ + x];
    };
    return differs(y - 1, x) || differs(y + 1, x) || differs(y, x - 1) || differs(y, x + 1);
  }

  void add(int64_t pixel, Segment& found) {
    if (last_seen_[pixel] == round_) return;
    last_seen_[pixel] = round_;
    found.push_back(pixel);
  }

  int64_t height_, width_;
  std::vector<std::array<int64_t, 2>> disc_;
  std::vector<int64_t> last_seen_;  // in which round each pixel was added
  int64_t round_ = -1;
};

/// The segments of an image (C, H, W) on the CPU at all scales, each grown.
std::vector<Segment> segments_of(const Tensor& image) {
  const int64_t height = image.size(1), width = image.size(2);
  Tensor lowest = image.min(), range = image.max() - lowest;
  Tensor scaled = (image - lowest) / at::where(range > 0, range, 1) * 2 - 1;
  scaled = at::_upsample_bilinear2d_aa(scaled.unsqueeze(0), {kSide, kSide}, false).squeeze(0);
  auto nearest = [](int64_t size) { return ((at::arange(size) * 2 + 1) * kSide).floor_divide(2 * size); };
  Growth growth(height, width);
  std::vector<Segment> all;
  for (const Tensor& parts : felzenszwalb(scaled, kSegmentation)) {
    Tensor own = parts.index_select(0, nearest(height)).index_select(1, nearest(width)).contiguous();
    const auto* part = own.const_data_ptr<int64_t>();
    std::vector<Segment> segments(parts.max().item<int64_t>() + 1);
    for (int64_t pixel = 0; pixel < own.numel(); ++pixel) segments[part[pixel]].push_back(pixel);
    for (const auto& segment : segments) all.push_back(growth.grown(segment, part));
  }
  return all;
}

/// Takes segment by segment, always the one whose new pixels have the greatest mean attribution.
class Ranking {
 public:
  /// `attribution` is (H, W).
  Ranking(const std::vector<Segment>& segments, const Tensor& attribution)
      : segments_(segments),
        values_(attribution.to(at::kDouble).contiguous()),
        value_(values_.const_data_ptr<double>()),
        is_taken_(values_.numel(), false),
        is_left_(segments.size(), true),
        sums_(segments.size(), 0),
        counts_(segments.size(), 0),
        holders_(values_.numel()) {
    for (size_t k = 0; k < segments.size(); ++k) {
      for (int64_t pixel : segments[k]) {
        sums_[k] += value_[pixel];
        ++counts_[k];
        holders_[pixel].push_back(k);
      }
    }
  }

  /// For each pixel the mean with which it was taken, or the mean of those that no segment adds.
  Tensor map() {
    Tensor map = at::empty_like(values_);
    auto* shown = map.mutable_data_ptr<double>();
    for (size_t k = best(); k < segments_.size(); k = best()) take(k, shown);
    double sum = 0;
    int64_t count = 0;
    for (int64_t pixel = 0; pixel < map.numel(); ++pixel) {
      if (is_taken_[pixel]) continue;
      sum += value_[pixel];
      ++count;
    }
    for (int64_t pixel = 0; pixel < map.numel(); ++pixel)
      if (!is_taken_[pixel]) shown[pixel] = sum / static_cast<double>(count);
    return map.to(at::kFloat);
  }

 private:
  double mean(size_t k) const { return sums_[k] / static_cast<double>(counts_[k]); }

  /// The segment to take next; `segments_.size()` where none is left.
  size_t best() {
    size_t found = segments_.size();
    for (size_t k = 0; k < segments_.size(); ++k) {
      if (counts_[k] < kFewestAdded) is_left_[k] = false;
      if (is_left_[k] && (found == segments_.size() || mean(k) > mean(found))) found = k;
    }
    return found;
  }

  void take(size_t k, double* shown) {
    const double own = mean(k);
    is_left_[k] = false;
    for (int64_t pixel : segments_[k]) {
      if (is_taken_[pixel]) continue;
      is_taken_[pixel] = true;
      shown[pixel] = own;
      for (size_t holder : holders_[pixel]) {
        sums_[holder] -= value_[pixel];
        --counts_[holder];
      }
    }
  }

  const std::vector<Segment>& segments_;
  Tensor values_;
  const double* value_;
  std::vector<bool> is_taken_;
  // Of each segment: whether it may be taken, and its pixels that are not taken yet.
  std::vector<bool> is_left_;
  std::vector<double> sums_;
  std::vector<int64_t> counts_;
  std::vector<std::vector<size_t>> holders_;  // the segments with each pixel
};

class Xrai : public Method {
 public:
  explicit Xrai(const MethodContext& context)
      : network_(context.network), pass_(network_, network_.input), steps_(context.options.whole("steps")) {}

  std::vector<Attribution> attribute(const Batch& batch) const override {
    Steps steps(batch, runs_of(batch) + 2 * batch.size() * runs_of(steps_, batch.rows));
    Targets targets = find_targets(network_, batch, steps);
    std::vector<Attribution> attributions;
    for (int64_t b = 0; b < batch.size(); ++b) {
      Attribution attribution = targets.attribution(b);
      Tensor image = batch.images[b];
      Tensor parts = integrated(image, image.min(), attribution.target, batch.rows, steps) +
                     integrated(image, image.max(), attribution.target, batch.rows, steps);
      attribution.raw = (parts / 2).cpu().contiguous();
      auto segments = segments_of(image.to(at::kCPU, at::kDouble));
      attribution.map = Ranking(segments, attribution.raw.amax(0)).map();
      attributions.push_back(std::move(attribution));
    }
    return attributions;
  }

 private:
  /// Integrated gradients of an image from an even one, with both ends of the way.
  Tensor integrated(const Tensor& image, const Tensor& baseline, const Target& target, int64_t rows,
                    Steps& steps) const {
    Tensor way = image - baseline;
    Tensor shares = sent_to(image.device(), at::linspace(0, 1, steps_)).view({-1, 1, 1, 1});
    auto copies = [&](int64_t begin, int64_t end) { return baseline + shares.slice(0, begin, end) * way; };
    return mean_gradient(pass_, target, steps_, rows, copies, steps) * way;
  }

  const Network& network_;
  BackwardPass pass_;
  int64_t steps_;
};

}  // namespace

MethodEntry xrai_method() {
  return {
      "xrai",
      "segments of the image by the mean of integrated gradients from black and white, the strongest first",
      "Kapishnikov et al. 2019",
      with_common_options({whole_option("steps", "places on the way from each baseline", 100, 1)}),
      make_method<Xrai>};
}

}  // namespace iba
