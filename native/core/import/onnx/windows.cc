#include "import/onnx/windows.h"

#include <algorithm>

#include "import/onnx/numbers.h"

namespace iba::imported::onnx {

namespace {

/// Beyond the windows of any model; below it, products of these numbers fit their type.
constexpr int64_t kLargest = 4096;

/// So much that the output has as many elements as there are steps in the input.
Item same_padding(Call& call, const Item& input, const Window& window, size_t i) {
  Recorder& recorder = call.recorder();
  int64_t extent = (window.kernel[i] - 1) * window.dilation[i] + 1;
  // With a step of one it doesn't depend on the input.
  if (window.stride[i] == 1) return number(extent - 1);
  Item size = call.size(input, static_cast<int64_t>(i) + 2);
  Item stride = number(window.stride[i]);
  Item steps = quotient(recorder, plus(recorder, size, number(window.stride[i] - 1)), stride);
  Item reach =
      plus(recorder, times(recorder, minus(recorder, steps, number(int64_t{1})), stride), number(extent));
  return on_numbers(recorder, "Max", minus(recorder, reach, size), number(int64_t{0}));
}

void add_same_padding(Call& call, const Item& input, Window& window, bool more_behind) {
  Recorder& recorder = call.recorder();
  for (size_t i = 0; i < window.kernel.size(); ++i) {
    Item total = same_padding(call, input, window, i);
    Item less = quotient(recorder, total, number(int64_t{2}));
    Item more = minus(recorder, total, less);
    window.begin.push_back(more_behind ? less : more);
    window.end.push_back(more_behind ? more : less);
  }
}

}  // namespace

std::vector<int64_t> spatial_list(Call& call, const std::string& name, size_t dimensions, int64_t otherwise) {
  auto given = call.integers(name);
  if (!given || given->empty()) return std::vector<int64_t>(dimensions, otherwise);
  bool fits = given->size() == dimensions && std::all_of(given->begin(), given->end(), [](int64_t value) {
                return value >= 0 && value <= kLargest;
              });
  if (!fits) {
    call.refuse("has '" + name + "' with other than " + std::to_string(dimensions) + " numbers from 0 to " +
                std::to_string(kLargest) + ". The file is damaged: export it again.");
  }
  return *given;
}

Window window_of(Call& call, const Item& input, const std::vector<int64_t>& kernel) {
  const size_t dimensions = kernel.size();
  bool fits =
      (dimensions == 1 || dimensions == 2) && tensor_in(input).dim() == static_cast<int64_t>(dimensions) + 2;
  if (!fits) {
    call.refuse(
        "has a window of " + std::to_string(dimensions) + " dimensions on a tensor of " +
        std::to_string(tensor_in(input).dim()) +
        ", expected one or two over those behind batch and channels. Models of volumes or videos can't "
        "be explained.");
  }
  Window window{kernel,
                spatial_list(call, "strides", dimensions, 1),
                spatial_list(call, "dilations", dimensions, 1),
                {},
                {}};
  for (size_t i = 0; i < dimensions; ++i) {
    bool in_range =
        kernel[i] >= 1 && kernel[i] <= kLargest && window.stride[i] >= 1 && window.dilation[i] >= 1;
    if (!in_range) call.refuse("has a window or a step of no extent. The file is damaged: export it again.");
  }
  std::string automatic = call.text("auto_pad", "NOTSET");
  if (automatic == "SAME_UPPER" || automatic == "SAME_LOWER") {
    add_same_padding(call, input, window, automatic == "SAME_UPPER");
    return window;
  }
  if (automatic != "NOTSET" && automatic != "VALID" && !automatic.empty()) {
    call.refuse("has the padding '" + automatic + "', expected NOTSET, VALID, SAME_UPPER or SAME_LOWER.");
  }
  auto pads = automatic == "VALID" ? std::vector<int64_t>(2 * dimensions, 0)
                                   : spatial_list(call, "pads", 2 * dimensions, 0);
  for (size_t i = 0; i < dimensions; ++i) {
    window.begin.push_back(number(pads[i]));
    window.end.push_back(number(pads[dimensions + i]));
  }
  return window;
}

std::string with_dimensions(const std::string& name, const Window& window) {
  return name + std::to_string(window.kernel.size()) + "d";
}

std::optional<std::vector<int64_t>> symmetric_padding(const Window& window) {
  std::vector<int64_t> padding;
  for (size_t i = 0; i < window.begin.size(); ++i) {
    const Item &begin = window.begin[i], &end = window.end[i];
    if (!is_constant(begin) || !is_constant(end) || begin->value.toInt() != end->value.toInt())
      return std::nullopt;
    padding.push_back(begin->value.toInt());
  }
  return padding;
}

Item padded(Call& call, const Item& input, const Window& window, double value) {
  std::vector<Item> pads;  // from the last dimension on
  for (size_t i = window.begin.size(); i-- > 0;) {
    pads.push_back(window.begin[i]);
    pads.push_back(window.end[i]);
  }
  return call.aten("constant_pad_nd", {input, make_list(std::move(pads)), number(value)});
}

}  // namespace iba::imported::onnx
