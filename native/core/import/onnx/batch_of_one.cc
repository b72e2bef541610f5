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

/// The dimension of `to` that takes in the batch: the first before which lie as many elements as before the
/// dimension `at` of `from`. The last one holds features, which the batch joins from in front.
std::optional<size_t> same_place(const std::vector<int64_t>& from, size_t at,
                                 const std::vector<int64_t>& to) {
  auto before = [](const std::vector<int64_t>& sizes, size_t end) {
    int64_t product = 1;
    for (size_t i = 0; i < end; ++i) product *= sizes[i];
    return product;
  };
  for (size_t i = 0; i < to.size(); ++i) {
    if (before(to, i) != before(from, at)) continue;
    return i > 0 && i + 1 == to.size() ? i - 1 : i;
  }
  return std::nullopt;
}

bool is_number(const Item& item, int64_t number) {
  return is_constant(item) && item->value.toInt() == number;
}

/// Whether the shape says itself which dimension grows with the batch.
bool takes_any_batch(const std::vector<Item>& shape) {
  bool is_open =
      std::any_of(shape.begin(), shape.end(), [](const Item& item) { return is_number(item, -1); });
  return is_open && !is_number(shape[0], 1);
}

}  // namespace

std::vector<Item> for_any_batch(Call& call, const Item& input, std::vector<Item> shape) {
  if (!call.single() || !input->from_pixels || !input->id || takes_any_batch(shape)) return shape;
  const auto& [from, to] = *call.single();
  auto batch = batch_dimension(tensor_in(input).sizes(), from);
  auto place = batch && to.size() == shape.size() ? same_place(from, *batch, to) : std::nullopt;
  if (!place || !is_constant(shape[*place])) return shape;
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
