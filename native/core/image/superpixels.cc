#include "image/superpixels.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <limits>
#include <vector>

#include "error.h"
#include "image/lab.h"

namespace iba {

namespace {

constexpr int64_t kRounds = 10;
/// Connected parts that have less than this share of a superpixel's usual size go to a neighbour.
constexpr double kSmallest = 0.25;

/// A centre in place and colour.
struct Centre {
  double y, x;
  std::vector<double> colours;
};

class Slic {
 public:
  /// `image` holds the colours (C, H, W) that are compared, in double precision.
  Slic(const at::Tensor& image, const SuperpixelOptions& options)
      : height_(image.size(1)),
        width_(image.size(2)),
        pixels_(image.flatten(1).t().contiguous()),
        labels_(height_ * width_, 0) {
    auto count = static_cast<double>(std::clamp<int64_t>(options.count, 1, height_ * width_));
    spacing_ = std::sqrt(static_cast<double>(height_ * width_) / count);
    weight_ = std::pow(options.compactness / spacing_, 2);
    place_centres();
  }

  at::Tensor find() {
    for (int64_t round = 0; round < kRounds; ++round) {
      assign();
      move_centres();
    }
    return connected();
  }

 private:
  const double* colours(int64_t pixel) const {
    return pixels_.const_data_ptr<double>() + pixel * pixels_.size(1);
  }

  void place_centres() {
    auto along = [&](int64_t side) {
      return std::max<int64_t>(1, std::lround(static_cast<double>(side) / spacing_));
    };
    int64_t rows = along(height_), columns = along(width_);
    for (int64_t row = 0; row < rows; ++row) {
      for (int64_t column = 0; column < columns; ++column) {
        int64_t y = (2 * row + 1) * height_ / (2 * rows), x = (2 * column + 1) * width_ / (2 * columns);
        const double* own = colours(y * width_ + x);
        centres_.push_back({static_cast<double>(y), static_cast<double>(x), {own, own + pixels_.size(1)}});
      }
    }
  }

  double distance(const Centre& centre, int64_t y, int64_t x) const {
    const double* own = colours(y * width_ + x);
    double colour = 0;
    for (size_t c = 0; c < centre.colours.size(); ++c) colour += std::pow(own[c] - centre.colours[c], 2);
    double place =
        std::pow(static_cast<double>(y) - centre.y, 2) + std::pow(static_cast<double>(x) - centre.x, 2);
    return colour + weight_ * place;
  }

  /// Each pixel to the nearest of the centres around it.
  void assign() {
    std::vector<double> nearest(labels_.size(), std::numeric_limits<double>::infinity());
    auto reach = static_cast<int64_t>(std::ceil(spacing_));
    for (size_t k = 0; k < centres_.size(); ++k) {
      auto middle_y = std::lround(centres_[k].y), middle_x = std::lround(centres_[k].x);
      for (int64_t y = std::max<int64_t>(0, middle_y - reach); y <= std::min(height_ - 1, middle_y + reach);
           ++y) {
        for (int64_t x = std::max<int64_t>(0, middle_x - reach); x <= std::min(width_ - 1, middle_x + reach);
             ++x) {
          auto pixel = static_cast<size_t>(y * width_ + x);
          double found = distance(centres_[k], y, x);
          if (found >= nearest[pixel]) continue;
          nearest[pixel] = found;
          labels_[pixel] = static_cast<int64_t>(k);
        }
      }
    }
  }

  void move_centres() {
    std::vector<double> counts(centres_.size(), 0);
    std::vector<Centre> sums(centres_.size(), {0, 0, std::vector<double>(pixels_.size(1), 0)});
    for (int64_t pixel = 0; pixel < height_ * width_; ++pixel) {
      auto k = static_cast<size_t>(labels_[static_cast<size_t>(pixel)]);
      ++counts[k];
      sums[k].y += static_cast<double>(pixel / width_);
      sums[k].x += static_cast<double>(pixel % width_);
      for (size_t c = 0; c < sums[k].colours.size(); ++c) sums[k].colours[c] += colours(pixel)[c];
    }
    for (size_t k = 0; k < centres_.size(); ++k) {
      if (counts[k] == 0) continue;
      centres_[k] = {sums[k].y / counts[k], sums[k].x / counts[k], std::move(sums[k].colours)};
      for (double& colour : centres_[k].colours) colour /= counts[k];
    }
  }

  /// The connected parts of the labels, in the order of their first pixels; small ones belong to the part
  /// above or to the left of that.
  at::Tensor connected() const {
    at::Tensor parts = at::full({height_, width_}, -1, at::kLong);
    auto* found = parts.mutable_data_ptr<int64_t>();
    auto smallest = static_cast<size_t>(kSmallest * spacing_ * spacing_);
    int64_t count = 0;
    std::vector<int64_t> part;
    for (int64_t first = 0; first < height_ * width_; ++first) {
      if (found[first] >= 0) continue;
      int64_t before = first % width_ > 0 ? found[first - 1] : first >= width_ ? found[first - width_] : -1;
      fill(first, count, found, part);
      if (part.size() >= smallest || before < 0) {
        ++count;
        continue;
      }
      for (int64_t pixel : part) found[pixel] = before;
    }
    return parts;
  }

  /// Numbers the pixels that hang together with `first` and have its label; `part` lists them.
  void fill(int64_t first, int64_t number, int64_t* found, std::vector<int64_t>& part) const {
    part.assign(1, first);
    found[first] = number;
    for (size_t i = 0; i < part.size(); ++i) {
      int64_t y = part[i] / width_, x = part[i] % width_;
      const std::array<std::array<int64_t, 2>, 4> around = {{{y - 1, x}, {y + 1, x}, {y, x - 1}, {y, x + 1}}};
      for (auto [ny, nx] : around) {
        if (ny < 0 || nx < 0 || ny >= height_ || nx >= width_) continue;
        int64_t next = ny * width_ + nx;
        bool is_same = labels_[static_cast<size_t>(next)] == labels_[static_cast<size_t>(first)];
        if (found[next] >= 0 || !is_same) continue;
        found[next] = number;
        part.push_back(next);
      }
    }
  }

  int64_t height_, width_;
  at::Tensor pixels_;
  double spacing_;
  double weight_;
  std::vector<Centre> centres_;
  std::vector<int64_t> labels_;
};

}  // namespace

at::Tensor slic(const at::Tensor& image, const SuperpixelOptions& options) {
  at::Tensor values = image.to(at::kDouble);
  at::Tensor lowest = values.min(), range = values.max() - lowest;
  return Slic((values - lowest) / at::where(range > 0, range, 1), options).find();
}

at::Tensor superpixels(const at::Tensor& picture, const SuperpixelOptions& options) {
  const int64_t pixels = picture.size(0) * picture.size(1);
  if (options.count > pixels)
    throw Error(ErrorCode::invalid_argument,
                "Expected at most as many superpixels as the image has pixels, " + std::to_string(pixels) +
                    ", but there were to be " + std::to_string(options.count) + ".");
  return Slic(lab_of(picture), options).find();
}

at::Tensor part_means(const at::Tensor& image, const at::Tensor& parts) {
  at::Tensor index = parts.flatten();
  int64_t count = index.max().item<int64_t>() + 1;
  at::Tensor sums = at::zeros({image.size(0), count}, image.options()).index_add_(1, index, image.flatten(1));
  at::Tensor sizes = at::bincount(index, {}, count).to(image.scalar_type());
  return (sums / sizes).index_select(1, index).view_as(image);
}

}  // namespace iba
