#include "import/onnx/batch_of_one.h"

#include <algorithm>
#include <optional>

#include "import/onnx/numbers.h"

namespace iba::imported::onnx {

namespace {

/// The only dimension that has another size than for a single image.
std::optional<size_t> batch_dimension(at::IntArrayRef sizes, const std::vector<int64_t>& single) {
  if (sizes.size() != single.size()) return std::nullopt;
  std::optional<size_t> found;
  for (size_t i = 0; i < single.size(); ++i) {
    if (sizes[i] == single[i]) continue;
    if (found) return std::nullopt;
    found = i;
  }
  return found;
}

/// The first dimension of `to` before which lie as many elements as before the dimension `at` of `from`.
std::optional<size_t> same_place(const std::vector<int64_t>& from, size_t at,
                                 const std::vector<int64_t>& to) {
  auto before = [](const std::vector<int64_t>& sizes, size_t end) {
    int64_t product = 1;
    for (size_t i = 0; i < end; ++i) product *= sizes[i];
    return product;
  };
  for (size_t i = 0; i < to.size(); ++i) {
    if (before(to, i) == before(from, at)) return i;
  }
  return std::nullopt;
}

}  // namespace

std::vector<Item> for_any_batch(Call& call, const Item& input, std::vector<Item> shape) {
  if (!call.single() || !input->from_pixels || !input->id) return shape;
  const auto& [from, to] = *call.single();
  auto batch = batch_dimension(tensor_in(input).sizes(), from);
  auto place = batch && to.size() == shape.size() ? same_place(from, *batch, to) : std::nullopt;
  if (!place || !is_constant(shape[*place]) || shape[*place]->value.toInt() == -1) return shape;
  int64_t before = from[*batch], after = to[*place];
  Item size = call.size(input, static_cast<int64_t>(*batch));
  if (before > 0 && after % before == 0) {
    shape[*place] = times(call.recorder(), size, number(after / before));
  } else if (after > 0 && before % after == 0) {
    shape[*place] = quotient(call.recorder(), size, number(before / after));
  }
  return shape;
}

void repeat_for_batch(Call& call, std::vector<Item>& tensors) {
  auto of_images = std::find_if(tensors.begin(), tensors.end(), [](const Item& item) {
    return item->from_pixels && item->id && tensor_in(item).dim() > 0 && tensor_in(item).size(0) > 1;
  });
  if (of_images == tensors.end()) return;
  const Item images = *of_images;
  for (auto& item : tensors) {
    const Tensor& tensor = tensor_in(item);
    if (item->from_pixels || tensor.dim() != tensor_in(images).dim() || tensor.size(0) != 1) continue;
    std::vector<Item> sizes(static_cast<size_t>(tensor.dim()), number(int64_t{-1}));
    sizes[0] = call.size(images, 0);
    item = call.aten("expand", {item, make_list(std::move(sizes)), make_item(false)});
  }
}

}  // namespace iba::imported::onnx
