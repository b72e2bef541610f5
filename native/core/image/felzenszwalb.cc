#include "image/felzenszwalb.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <numeric>

namespace iba {

namespace {

/// How far the Gaussian reaches, in deviations.
constexpr double kReach = 4;
/// The authors' values go so far, and their scale counts for them.
constexpr double kLevels = 255;

/// The image smoothed in double precision; beyond the border it is mirrored, with the border's pixel twice.
at::Tensor smoothed(const at::Tensor& image, double sigma) {
  at::Tensor values = image.to(at::kDouble);
  if (sigma <= 0) return values;
  auto reach = static_cast<int64_t>(kReach * sigma + 0.5);
  at::Tensor taps = at::exp(at::arange(-reach, reach + 1, at::kDouble).square() / (-2 * sigma * sigma));
  taps = taps / taps.sum();
  for (int64_t dim : {1, 2}) {
    int64_t size = values.size(dim);
    at::Tensor sum = at::zeros_like(values);
    for (int64_t k = -reach; k <= reach; ++k) {
      at::Tensor places = (at::arange(size) + k).remainder(2 * size);
      places = at::minimum(places, 2 * size - 1 - places);
      sum.add_(taps[k + reach] * values.index_select(dim, places));
    }
    values = sum;
  }
  return values;
}

/// Two neighbours, by number.
struct Edge {
  double difference;
  int64_t one, other;
};

/// The edges between pixels (C, H, W) and their eight neighbours, by the difference of their colours.
std::vector<Edge> sorted_edges(const at::Tensor& image) {
  const int64_t channels = image.size(0), height = image.size(1), width = image.size(2);
  const at::Tensor pixels = image.permute({1, 2, 0}).contiguous();
  const auto* colours = pixels.const_data_ptr<double>();
  std::vector<Edge> edges;
  edges.reserve(4 * height * width);
  auto add = [&](int64_t one, int64_t other) {
    double sum = 0;
    for (int64_t c = 0; c < channels; ++c) {
      double difference = colours[one * channels + c] - colours[other * channels + c];
      sum += difference * difference;
    }
    edges.push_back({std::sqrt(sum), one, other});
  };
  constexpr std::array<std::array<int64_t, 2>, 4> kNeighbours = {{{0, 1}, {1, 0}, {1, 1}, {1, -1}}};
  for (auto [down, right] : kNeighbours) {
    const int64_t first = std::max<int64_t>(0, -right), end = width - std::max<int64_t>(0, right);
    for (int64_t y = 0; y + down < height; ++y)
      for (int64_t x = first; x < end; ++x) add(y * width + x, (y + down) * width + x + right);
  }
  std::stable_sort(edges.begin(), edges.end(),
                   [](const Edge& a, const Edge& b) { return a.difference < b.difference; });
  return edges;
}

/// Pixels that are joined into segments.
class Segments {
 public:
  explicit Segments(int64_t pixels) : parents_(pixels), sizes_(pixels, 1), inner_(pixels, 0) {
    std::iota(parents_.begin(), parents_.end(), int64_t{0});
  }

  /// Joins along edges whose difference is small beside those within both segments.
  void join_similar(const std::vector<Edge>& edges, double scale) {
    for (const auto& edge : edges) {
      int64_t one = root(edge.one), other = root(edge.other);
      if (one == other) continue;
      if (edge.difference < std::min(limit(one, scale), limit(other, scale)))
        join(one, other, edge.difference);
    }
  }

  void join_small(const std::vector<Edge>& edges, int64_t smallest) {
    for (const auto& edge : edges) {
      int64_t one = root(edge.one), other = root(edge.other);
      bool is_small = std::min(sizes_[one], sizes_[other]) < smallest;
      if (one != other && is_small) join(one, other, edge.difference);
    }
  }

  /// The number of each pixel's segment, in the order of their first pixels.
  at::Tensor numbered() {
    const auto pixels = static_cast<int64_t>(parents_.size());
    at::Tensor parts = at::empty({pixels}, at::kLong);
    auto* part = parts.mutable_data_ptr<int64_t>();
    std::vector<int64_t> numbers(pixels, -1);
    int64_t count = 0;
    for (int64_t pixel = 0; pixel < pixels; ++pixel) {
      int64_t& number = numbers[root(pixel)];
      if (number < 0) number = count++;
      part[pixel] = number;
    }
    return parts;
  }

 private:
  int64_t root(int64_t pixel) {
    while (parents_[pixel] != pixel) pixel = parents_[pixel] = parents_[parents_[pixel]];
    return pixel;
  }

  /// The difference up to which a segment is joined with others.
  double limit(int64_t root, double scale) const {
    return inner_[root] + scale / static_cast<double>(sizes_[root]);
  }

  void join(int64_t one, int64_t other, double difference) {
    parents_[other] = one;
    sizes_[one] += sizes_[other];
    inner_[one] = difference;
  }

  std::vector<int64_t> parents_;
  std::vector<int64_t> sizes_;
  std::vector<double> inner_;  // the greatest difference within
};

}  // namespace

std::vector<at::Tensor> felzenszwalb(const at::Tensor& image, const FelzenszwalbOptions& options) {
  const auto edges = sorted_edges(smoothed(image, options.sigma));
  std::vector<at::Tensor> found;
  for (double scale : options.scales) {
    Segments segments(image.size(1) * image.size(2));
    segments.join_similar(edges, scale / kLevels);
    segments.join_small(edges, options.smallest);
    found.push_back(segments.numbered().view({image.size(1), image.size(2)}));
  }
  return found;
}

}  // namespace iba
