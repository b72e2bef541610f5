#include <algorithm>
#include <cmath>

#include "import/onnx/numbers.h"
#include "import/onnx/operators.h"

namespace iba::imported::onnx {

namespace {

struct Resize {
  std::string mode, coordinates, rounding;
  std::vector<Item> sizes;  // of each spatial dimension
  std::vector<std::optional<double>> scales;
};

/// What the lists for all axes, or for those that 'axes' names, say of the spatial dimensions.
template <typename T>
std::vector<T> spatial_part(Call& call, const std::vector<T>& given) {
  int64_t rank = call.rank(0);
  auto axes = call.integers("axes");
  if (!axes) {
    if (static_cast<int64_t>(given.size()) != rank) call.refuse("has a list of other than all dimensions.");
    return {given.begin() + 2, given.end()};
  }
  auto named = call.axes(*axes, rank);
  std::vector<T> found;
  for (int64_t axis = 2; axis < rank; ++axis) {
    auto at = std::find(named.begin(), named.end(), axis);
    bool fits = at != named.end() && named.size() == given.size();
    if (!fits) call.refuse("resizes a part of the spatial dimensions, which isn't read. Name all of them.");
    found.push_back(given[static_cast<size_t>(at - named.begin())]);
  }
  return found;
}

/// The size times the scale, rounded down. Both are of 32 bits in the format, whose product may round up.
Item scaled_size(Call& call, const Item& input, size_t i, double scale) {
  constexpr double kRounding = 1 + 6e-8;
  Item size = as_real(call.recorder(), call.size(input, static_cast<int64_t>(i) + 2));
  Item product = times(call.recorder(), size, number(scale * kRounding));
  return as_integer(call.recorder(), on_numbers(call.recorder(), "Floor", product));
}

std::vector<double> reals_of(Call& call, size_t i) {
  std::vector<double> values;
  for (const auto& item : call.numbers(i)) {
    values.push_back(call.recorder().decide(item, "a scale").toScalar().toDouble());
  }
  return values;
}

void take_scales(Call& call, const Item& input, Resize& resize, const std::vector<double>& all) {
  auto scales = spatial_part(call, all);
  for (size_t i = 0; i < scales.size(); ++i) {
    if (!(scales[i] > 0 && scales[i] < 65536))
      call.refuse("has a scale that isn't positive. The file is damaged.");
    resize.scales.emplace_back(scales[i]);
    resize.sizes.push_back(scaled_size(call, input, i, scales[i]));
  }
}

void take_sizes(Call& call, Resize& resize, size_t i) {
  if (call.text("keep_aspect_ratio_policy", "stretch") != "stretch") {
    call.refuse("keeps the proportions of its input, which isn't read. Give it both sizes.");
  }
  resize.sizes = spatial_part(call, call.numbers(i));
  resize.scales.resize(resize.sizes.size());
}

/// Where the element `i` of the output is read in the input.
double source(const Resize& resize, int64_t i, double scale, double input, double output) {
  auto place = static_cast<double>(i);
  const std::string& form = resize.coordinates;
  if (form == "asymmetric") return place / scale;
  if (form == "align_corners") return output == 1 ? 0 : place * (input - 1) / (output - 1);
  if (form == "pytorch_half_pixel" && output == 1) return 0;
  if (form == "tf_half_pixel_for_nn") return (place + 0.5) / scale;
  return (place + 0.5) / scale - 0.5;
}

double rounded_place(const Resize& resize, double place) {
  if (resize.rounding == "floor") return std::floor(place);
  if (resize.rounding == "ceil") return std::ceil(place);
  if (resize.rounding == "round_prefer_ceil") return std::floor(place + 0.5);
  return std::ceil(place - 0.5);
}

/// Whether LibTorch reads each element at the same place: in its plain form, or in its exact one.
bool reads_alike(const Resize& resize, at::IntArrayRef input, const std::vector<int64_t>& output,
                 bool exact) {
  for (size_t d = 0; d < output.size(); ++d) {
    auto from = static_cast<double>(input[d + 2]), to = static_cast<double>(output[d]);
    double scale = resize.scales[d].value_or(to / from);
    for (int64_t i = 0; i < output[d]; ++i) {
      double wanted = std::clamp(rounded_place(resize, source(resize, i, scale, from, to)), 0.0, from - 1);
      double found = std::floor((static_cast<double>(i) + (exact ? 0.5 : 0.0)) / scale);
      if (wanted != std::min(found, from - 1)) return false;
    }
  }
  return true;
}

std::vector<Item> with_scales(std::vector<Item> arguments, const Resize& resize) {
  for (const auto& scale : resize.scales) arguments.push_back(scale ? number(*scale) : none());
  return arguments;
}

Item nearest(Call& call, const Item& input, const Resize& resize) {
  std::vector<int64_t> output;
  for (const auto& size : resize.sizes) output.push_back(size->value.toInt());
  std::string dimensions = std::to_string(output.size()) + "d";
  std::vector<Item> arguments = with_scales({input, make_list(resize.sizes)}, resize);
  const auto sizes = tensor_in(input).sizes();
  if (reads_alike(resize, sizes, output, false)) return call.aten("upsample_nearest" + dimensions, arguments);
  if (reads_alike(resize, sizes, output, true))
    return call.aten("_upsample_nearest_exact" + dimensions, arguments);
  call.refuse("takes the nearest element by '" + resize.coordinates + "' and '" + resize.rounding +
              "', which LibTorch doesn't for these sizes. Export the model with the mode nearest-exact.");
}

bool aligns_corners(Call& call, const Resize& resize) {
  const std::string& form = resize.coordinates;
  if (form == "align_corners") return true;
  if (form == "half_pixel" || form == "pytorch_half_pixel") return false;
  call.refuse("interpolates by '" + form +
              "', expected half_pixel or align_corners. Export the model again.");
}

Item interpolated(Call& call, const Item& input, const Resize& resize) {
  const bool aligns = aligns_corners(call, resize);
  bool smooths = call.integer("antialias", 0) != 0;
  auto arguments = with_scales({input, make_list(resize.sizes), make_item(aligns)}, resize);
  if (resize.sizes.size() == 1 && !smooths) return call.aten("upsample_linear1d", arguments);
  if (resize.sizes.size() != 2) call.refuse("interpolates over other than two dimensions, which isn't read.");
  return call.aten(smooths ? "_upsample_bilinear2d_aa" : "upsample_bilinear2d", arguments);
}

Item cubic(Call& call, const Item& input, const Resize& resize) {
  const bool aligns = aligns_corners(call, resize);
  bool smooths = call.integer("antialias", 0) != 0;
  double coefficient = call.real("cubic_coeff_a", -0.75);
  bool fits = resize.sizes.size() == 2 && std::abs(coefficient - (smooths ? -0.5 : -0.75)) < 1e-6 &&
              call.integer("exclude_outside", 0) == (smooths ? 1 : 0);
  if (!fits) call.refuse("interpolates by a cubic that LibTorch doesn't have. Export the model with linear.");
  auto arguments = with_scales({input, make_list(resize.sizes), make_item(aligns)}, resize);
  return call.aten(smooths ? "_upsample_bicubic2d_aa" : "upsample_bicubic2d", arguments);
}

bool keeps_size(const Item& input, const Resize& resize) {
  for (size_t i = 0; i < resize.sizes.size(); ++i) {
    const Item& size = resize.sizes[i];
    if (!is_constant(size) || size->value.toInt() != tensor_in(input).size(static_cast<int64_t>(i) + 2))
      return false;
  }
  return true;
}

std::vector<Item> resized(Call& call, const Item& input, const Resize& resize) {
  constexpr int64_t kLargestSide = 65536;
  for (const auto& size : resize.sizes) {
    bool fits = size->value.isInt() && size->value.toInt() >= 1 && size->value.toInt() <= kLargestSide;
    if (!fits) call.refuse("makes an image with a side of other than 1 to 65536. The file is damaged.");
  }
  if (keeps_size(input, resize)) return {input};
  if (resize.mode == "nearest") return {nearest(call, input, resize)};
  if (resize.mode == "linear" || resize.mode == "bilinear") return {interpolated(call, input, resize)};
  if (resize.mode == "cubic") return {cubic(call, input, resize)};
  call.refuse("has the mode '" + resize.mode +
              "', expected nearest, linear or cubic. Export the model again.");
}

void check_rank(Call& call) {
  if (call.rank(0) == 3 || call.rank(0) == 4) return;
  call.refuse("resizes a tensor of " + std::to_string(call.rank(0)) +
              " dimensions, expected (N, C, height, width).");
}

std::vector<Item> resize(Call& call) {
  check_rank(call);
  bool is_old = call.opset() < 11;  // with scales in the second place, and no settings
  Resize resize{call.text("mode", "nearest"),
                call.text("coordinate_transformation_mode", is_old ? "asymmetric" : "half_pixel"),
                call.text("nearest_mode", is_old ? "floor" : "round_prefer_floor"),
                {},
                {}};
  Item input = call.tensor(0);
  size_t scales = is_old ? 1 : 2;
  bool has_scales = call.has(scales) && !call.numbers(scales).empty();
  if (has_scales) {
    take_scales(call, input, resize, reals_of(call, scales));
  } else {
    take_sizes(call, resize, 3);
  }
  return resized(call, input, resize);
}

std::vector<Item> upsample(Call& call) {
  check_rank(call);
  Resize resize{call.text("mode", "nearest"), "asymmetric", "floor", {}, {}};
  Item input = call.tensor(0);
  auto scales = call.reals("scales");
  take_scales(call, input, resize, scales ? *scales : reals_of(call, 1));
  return resized(call, input, resize);
}

}  // namespace

void add_resizing(OperatorTable& table) {
  table["Resize"] = resize;
  table["Upsample"] = upsample;
}

}  // namespace iba::imported::onnx
