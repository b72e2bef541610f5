#include "image/superpixels.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <limits>
#include <vector>

#include "error.h"

namespace iba {

namespace {

using Colour = std::array<double, 3>;

double linear(uint8_t value) {
  const double share = value / 255.0;
  return share <= 0.04045 ? share / 12.92 : std::pow((share + 0.055) / 1.055, 2.4);
}

double lightness(double share) {
  constexpr double kSmall = 216.0 / 24389.0, kSlope = 24389.0 / 27.0;
  return share > kSmall ? std::cbrt(share) : (kSlope * share + 16) / 116;
}

/// CIELAB of sRGB, for the white D65.
Colour lab(const uint8_t* rgb) {
  const double r = linear(rgb[0]), g = linear(rgb[1]), b = linear(rgb[2]);
  const double x = lightness((0.4124564 * r + 0.3575761 * g + 0.1804375 * b) / 0.95047);
  const double y = lightness(0.2126729 * r + 0.7151522 * g + 0.0721750 * b);
  const double z = lightness((0.0193339 * r + 0.1191920 * g + 0.9503041 * b) / 1.08883);
  return {116 * y - 16, 500 * (x - y), 200 * (y - z)};
}

double square_distance(const Colour& a, const Colour& b) {
  double sum = 0;
  for (size_t i = 0; i < a.size(); ++i) sum += (a[i] - b[i]) * (a[i] - b[i]);
  return sum;
}

struct Centre {
  Colour colour{};
  double y = 0;
  double x = 0;
};

struct Picture {
  int64_t height;
  int64_t width;
  std::vector<Colour> colours;

  const Colour& at(int64_t y, int64_t x) const { return colours[y * width + x]; }
};

Picture picture_of(const at::Tensor& image) {
  const at::Tensor bytes = image.contiguous();
  Picture picture{image.size(0), image.size(1), {}};
  const auto* pixel = bytes.const_data_ptr<uint8_t>();
  picture.colours.reserve(picture.height * picture.width);
  for (int64_t i = 0; i < picture.height * picture.width; ++i) picture.colours.push_back(lab(pixel + 3 * i));
  return picture;
}

/// How much the colour changes at a pixel; edges are no good place to begin from.
double gradient(const Picture& picture, int64_t y, int64_t x) {
  return square_distance(picture.at(y, x - 1), picture.at(y, x + 1)) +
         square_distance(picture.at(y - 1, x), picture.at(y + 1, x));
}

/// Centres on a grid, each moved to the place of the least gradient among its neighbours.
std::vector<Centre> first_centres(const Picture& picture, int64_t count) {
  const double step =
      std::sqrt(static_cast<double>(picture.height * picture.width) / static_cast<double>(count));
  auto along = [step](int64_t side) {
    return std::max<int64_t>(1, std::llround(static_cast<double>(side) / step));
  };
  const int64_t rows = along(picture.height), columns = along(picture.width);
  std::vector<Centre> centres;
  for (int64_t i = 0; i < rows * columns; ++i) {
    int64_t y = (2 * (i / columns) + 1) * picture.height / (2 * rows);
    int64_t x = (2 * (i % columns) + 1) * picture.width / (2 * columns);
    double least = std::numeric_limits<double>::infinity();
    int64_t best_y = y, best_x = x;
    for (int64_t down = std::max<int64_t>(y - 1, 1); down <= std::min(y + 1, picture.height - 2); ++down) {
      for (int64_t right = std::max<int64_t>(x - 1, 1); right <= std::min(x + 1, picture.width - 2);
           ++right) {
        const double found = gradient(picture, down, right);
        if (found >= least) continue;
        least = found;
        best_y = down;
        best_x = right;
      }
    }
    centres.push_back({picture.at(best_y, best_x), static_cast<double>(best_y), static_cast<double>(best_x)});
  }
  return centres;
}

/// The centre that each pixel belongs to; of those that reach it, the nearest.
std::vector<int64_t> nearest_centres(const Picture& picture, const std::vector<Centre>& centres, double step,
                                     double compactness) {
  const int64_t pixels = picture.height * picture.width;
  const auto reach = static_cast<int64_t>(std::ceil(2 * step));
  const double of_places = (compactness / step) * (compactness / step);
  std::vector<double> least(pixels, std::numeric_limits<double>::infinity());
  std::vector<int64_t> labels(pixels, 0);
  for (size_t k = 0; k < centres.size(); ++k) {
    const auto& [colour, cy, cx] = centres[k];
    const auto middle_y = static_cast<int64_t>(cy), middle_x = static_cast<int64_t>(cx);
    for (int64_t y = std::max<int64_t>(0, middle_y - reach);
         y < std::min(picture.height, middle_y + reach + 1); ++y) {
      for (int64_t x = std::max<int64_t>(0, middle_x - reach);
           x < std::min(picture.width, middle_x + reach + 1); ++x) {
        const double down = static_cast<double>(y) - cy, right = static_cast<double>(x) - cx;
        const double found =
            square_distance(picture.at(y, x), colour) + of_places * (down * down + right * right);
        const int64_t pixel = y * picture.width + x;
        if (found >= least[pixel]) continue;
        least[pixel] = found;
        labels[pixel] = static_cast<int64_t>(k);
      }
    }
  }
  return labels;
}

/// Moves each centre to the mean of its pixels; one without pixels stays.
void move_centres(const Picture& picture, const std::vector<int64_t>& labels, std::vector<Centre>& centres) {
  std::vector<Centre> sums(centres.size());
  std::vector<double> counts(centres.size());
  for (int64_t pixel = 0; pixel < picture.height * picture.width; ++pixel) {
    Centre& sum = sums[labels[pixel]];
    for (size_t i = 0; i < 3; ++i) sum.colour[i] += picture.colours[pixel][i];
    sum.y += static_cast<double>(pixel / picture.width);
    sum.x += static_cast<double>(pixel % picture.width);
    counts[labels[pixel]]++;
  }
  for (size_t k = 0; k < centres.size(); ++k) {
    if (counts[k] == 0) continue;
    centres[k] = {
        {sums[k].colour[0] / counts[k], sums[k].colour[1] / counts[k], sums[k].colour[2] / counts[k]},
        sums[k].y / counts[k],
        sums[k].x / counts[k]};
  }
}

/// Numbers the parts that hang together, row by row. One smaller than `least` joins the part before it.
std::vector<int64_t> connected(const Picture& picture, const std::vector<int64_t>& labels, int64_t least) {
  const int64_t pixels = picture.height * picture.width;
  std::vector<int64_t> parts(pixels, -1);
  std::vector<int64_t> members;
  int64_t count = 0;
  for (int64_t first = 0; first < pixels; ++first) {
    if (parts[first] >= 0) continue;
    members.assign(1, first);
    parts[first] = count;
    int64_t before = -1;
    for (size_t i = 0; i < members.size(); ++i) {
      const int64_t pixel = members[i], x = pixel % picture.width;
      auto visit = [&](bool lies_inside, int64_t other) {
        if (!lies_inside) return;
        if (parts[other] >= 0 && parts[other] != count) before = parts[other];
        if (parts[other] >= 0 || labels[other] != labels[first]) return;
        parts[other] = count;
        members.push_back(other);
      };
      visit(x > 0, pixel - 1);
      visit(x + 1 < picture.width, pixel + 1);
      visit(pixel >= picture.width, pixel - picture.width);
      visit(pixel + picture.width < pixels, pixel + picture.width);
    }
    if (static_cast<int64_t>(members.size()) >= least || before < 0) {
      ++count;
    } else {
      for (int64_t member : members) parts[member] = before;
    }
  }
  return parts;
}

}  // namespace

at::Tensor superpixels(const at::Tensor& image, const SuperpixelOptions& options) {
  const Picture picture = picture_of(image);
  const int64_t pixels = picture.height * picture.width;
  if (options.count > pixels)
    throw Error(ErrorCode::invalid_argument,
                "Expected at most as many superpixels as the image has pixels, " + std::to_string(pixels) +
                    ", but there were to be " + std::to_string(options.count) + ".");
  auto centres = first_centres(picture, options.count);
  const double area = static_cast<double>(pixels) / static_cast<double>(centres.size());
  std::vector<int64_t> labels;
  for (int64_t i = 0; i < options.iterations; ++i) {
    labels = nearest_centres(picture, centres, std::sqrt(area), options.compactness);
    move_centres(picture, labels, centres);
  }
  const auto parts = connected(picture, labels, static_cast<int64_t>(area / 4));
  return at::tensor(parts, at::kLong).to(at::kFloat).view({picture.height, picture.width});
}

}  // namespace iba
