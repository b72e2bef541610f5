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

int64_t count_before(const std::vector<int64_t>& sizes, size_t end) {
  int64_t product = 1;
  for (size_t i = 0; i < end; ++i) product *= sizes[i];
  return product;
}

/// The dimension of `to` that takes in the batch, which lies in the dimension `at` of `from`: one of a single
/// element at its beginning or at its end, or else the first behind as many elements. The last dimension
/// holds features, which the batch joins from in front.
std::optional<size_t> same_place(const std::vector<int64_t>& from, size_t at,
                                 const std::vector<int64_t>& to) {
  for (size_t begin : {at, at + 1}) {
    for (size_t i = 0; i < to.size(); ++i) {
      if (to[i] == 1 && count_before(to, i) == count_before(from, begin)) return i;
    }
  }
  for (size_t i = 0; i < to.size(); ++i) {
    if (count_before(to, i) != count_before(from, at)) continue;
    return i > 0 && i + 1 == to.size() ? i - 1 : i;
  }
  return std::nullopt;
}

/// How many elements a shape has. Absent where one of its dimensions is open.
std::optional<int64_t> element_count(const std::vector<Item>& shape) {
  int64_t count = 1;
  for (const auto& item : shape) {
    if (item->value.toInt() < 0) return std::nullopt;
    count *= item->value.toInt();
  }
  return count;
}

/// Whether the shape is that of a single image, for an input of several. Where a dimension is open, it takes
/// in the batch, unless the first is the number of images.
bool is_of_one(const std::vector<Item>& shape, const Tensor& input) {
  auto count = element_count(shape);
  if (count) return *count != input.numel();
  return is_constant(shape[0]) && shape[0]->value.toInt() == 1;
}

}  // namespace

std::vector<Item> for_any_batch(Call& call, const Item& input, std::vector<Item> shape) {
  bool may_be = call.single() && input->from_pixels && input->id && !shape.empty();
  if (!may_be || !is_of_one(shape, tensor_in(input))) return shape;
  const auto& [from, to] = *call.single();
  auto batch = batch_dimension(tensor_in(input).sizes(), from);
  auto place = batch && to.size() == shape.size() ? same_place(from, *batch, to) : std::nullopt;
  if (!place || shape[*place]->value.toInt() != to[*place]) return shape;
  Item size = call.size(input, static_cast<int64_t>(*batch));
  Item rows = times(call.recorder(), size, shape[*place]);
  shape[*place] = from[*batch] == 1 ? rows : quotient(call.recorder(), rows, number(from[*batch]));
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
