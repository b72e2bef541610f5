#include <limits>

#include "import/onnx/operators.h"
#include "import/onnx/windows.h"

namespace iba::imported::onnx {

namespace {

Window pool_window(Call& call, const Item& input) {
  auto kernel = call.integers("kernel_shape");
  if (!kernel) call.refuse("lacks its 'kernel_shape'. The file is damaged: export it again.");
  return window_of(call, input, *kernel);
}

/// LibTorch takes at most half of the window as padding.
std::optional<std::vector<int64_t>> own_padding(const Window& window) {
  auto padding = symmetric_padding(window);
  for (size_t i = 0; padding && i < padding->size(); ++i) {
    if ((*padding)[i] > window.kernel[i] / 2) return std::nullopt;
  }
  return padding;
}

std::vector<Item> max_pool(Call& call) {
  if (call.has_output(1)) {
    call.refuse("gives the places of its maxima, which isn't read. Export the model without return_indices.");
  }
  Item input = call.tensor(0);
  Window window = pool_window(call, input);
  auto padding = own_padding(window);
  if (!padding) {
    // Finite, so that no activation is infinite, and below all others.
    input = padded(call, input, window, std::numeric_limits<float>::lowest());
    padding = std::vector<int64_t>(window.kernel.size(), 0);
  }
  return {
      call.aten(with_dimensions("max_pool", window),
                {input, integers_item(window.kernel), integers_item(window.stride), integers_item(*padding),
                 integers_item(window.dilation), make_item(call.integer("ceil_mode", 0) != 0)})};
}

Item average(Call& call, const Item& input, const Window& window, const std::vector<int64_t>& padding,
             bool counts_padding) {
  return call.aten(with_dimensions("avg_pool", window),
                   {input, integers_item(window.kernel), integers_item(window.stride), integers_item(padding),
                    make_item(call.integer("ceil_mode", 0) != 0), make_item(counts_padding)});
}

std::vector<Item> average_pool(Call& call) {
  Item input = call.tensor(0);
  Window window = pool_window(call, input);
  for (int64_t dilation : window.dilation) {
    if (dilation != 1) call.refuse("has 'dilations', which aren't read for averages. Use a plain pool.");
  }
  bool counts_padding = call.integer("count_include_pad", 0) != 0;
  auto padding = own_padding(window);
  if (padding) return {average(call, input, window, *padding, counts_padding)};
  std::vector<int64_t> none_around(window.kernel.size(), 0);
  Item sums = average(call, padded(call, input, window, 0), window, none_around, true);
  if (counts_padding) return {sums};
  Item ones = call.aten("ones_like", {input});
  Item shares = average(call, padded(call, ones, window, 0), window, none_around, true);
  return {call.aten("div", {sums, shares}, "Tensor")};
}

std::vector<int64_t> spatial_dimensions(Call& call) {
  std::vector<int64_t> dimensions;
  for (int64_t i = 2; i < call.rank(0); ++i) dimensions.push_back(i);
  if (dimensions.empty()) call.refuse("is given a tensor without spatial dimensions. The file is damaged.");
  return dimensions;
}

std::vector<Item> global_average(Call& call) {
  auto dimensions = spatial_dimensions(call);
  Item input = call.tensor(0);
  if (dimensions.size() == 2) return {call.aten("adaptive_avg_pool2d", {input, integers_item({1, 1})})};
  return {call.aten("mean", {input, integers_item(dimensions), make_item(true), none()}, "dim")};
}

std::vector<Item> global_max(Call& call) {
  auto dimensions = spatial_dimensions(call);
  Item input = call.tensor(0);
  if (dimensions.size() != 2) {
    return {call.aten("amax", {input, integers_item(dimensions), make_item(true)})};
  }
  return {elements_of(call.aten("adaptive_max_pool2d", {input, integers_item({1, 1})}))[0]};
}

}  // namespace

void add_pools(OperatorTable& table) {
  table["MaxPool"] = max_pool;
  table["AveragePool"] = average_pool;
  table["GlobalAveragePool"] = global_average;
  table["GlobalMaxPool"] = global_max;
}

}  // namespace iba::imported::onnx
