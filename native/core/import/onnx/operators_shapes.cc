#include <algorithm>
#include <functional>
#include <numeric>

#include "import/onnx/batch_of_one.h"
#include "import/onnx/numbers.h"
#include "import/onnx/operators.h"

namespace iba::imported::onnx {

namespace {

/// The sizes of a tensor as numbers. Before opset 15, of all dimensions.
std::vector<Item> shape(Call& call) {
  int64_t rank = call.rank(0);
  auto bound = [&](const char* name, int64_t otherwise) {
    int64_t given = call.integer(name, otherwise);
    return std::clamp<int64_t>(given < 0 ? given + rank : given, 0, rank);
  };
  Item input = call.tensor(0);
  std::vector<Item> sizes;
  for (int64_t i = bound("start", 0); i < bound("end", rank); ++i) sizes.push_back(call.size(input, i));
  return {make_list(std::move(sizes))};
}

std::vector<Item> element_count(Call& call) {
  return {call.aten("numel", {call.tensor(0)})};
}

bool is_plain_integer(const Item& item, int64_t value) {
  return is_constant(item) && item->value.isInt() && item->value.toInt() == value;
}

/// The shape that a node `Reshape` gives: a zero copies the input's size, if it means that.
std::vector<Item> target_shape(Call& call, const Item& input) {
  auto target = call.numbers(1);
  bool copies = call.integer("allowzero", 0) == 0;
  for (size_t i = 0; i < target.size(); ++i) {
    if (!target[i]->value.isInt())
      call.refuse("is given a shape of other than integers. The file is damaged.");
    if (copies && is_plain_integer(target[i], 0)) {
      target[i] = call.size(input, call.axis(static_cast<int64_t>(i), tensor_in(input).dim()));
    }
  }
  return target;
}

/// Whether only the channels and what is behind them become one dimension.
bool flattens(const Tensor& input, const std::vector<Item>& target) {
  if (target.size() != 2 || input.dim() < 3 || input.numel() == 0) return false;
  int64_t rows = target[0]->value.toInt(), columns = target[1]->value.toInt();
  if (rows == -1) return columns == input.numel() / input.size(0);
  return rows == input.size(0) && (columns == -1 || columns == input.numel() / input.size(0));
}

std::vector<Item> reshape(Call& call) {
  if (is_numbers(call.input(0)) && call.has(1)) {
    // A list stays one, and a list of one number may become the number.
    auto target = call.integers(1);
    auto count = static_cast<int64_t>(call.numbers(0).size());
    if (target.size() == 1 && (target[0] == -1 || target[0] == count)) return {make_list(call.numbers(0))};
    if (target.empty() && count == 1) return {call.numbers(0)[0]};
  }
  Item input = call.tensor(0);
  auto target = target_shape(call, input);
  target = for_any_batch(call, input, std::move(target));
  bool of_images = input->from_pixels && input->id;
  if (of_images && flattens(tensor_in(input), target)) {
    return {call.aten("flatten", {input, number(int64_t{1}), number(int64_t{-1})}, "using_ints")};
  }
  return {call.aten("reshape", {input, make_list(std::move(target))})};
}

/// Into two dimensions, before and behind the axis.
std::vector<Item> flatten(Call& call) {
  Item input = call.tensor(0);
  int64_t rank = call.rank(0), given = call.integer("axis", 1);
  int64_t axis = given == rank ? rank : call.axis(given, rank);
  if (axis == 1 && rank >= 2) {
    return {call.aten("flatten", {input, number(int64_t{1}), number(int64_t{-1})}, "using_ints")};
  }
  Item before = number(int64_t{1});
  for (int64_t i = 0; i < axis; ++i) before = times(call.recorder(), before, call.size(input, i));
  Item behind = number(int64_t{1});
  for (int64_t i = axis; i < rank; ++i) behind = times(call.recorder(), behind, call.size(input, i));
  return {call.aten("reshape", {input, make_list({before, behind})})};
}

std::vector<Item> transpose(Call& call) {
  Item input = call.tensor(0);
  int64_t rank = call.rank(0);
  std::vector<int64_t> order(static_cast<size_t>(rank));
  std::iota(order.rbegin(), order.rend(), 0);
  if (auto given = call.integers("perm")) order = call.axes(*given, rank);
  if (!is_order(order) || order.size() != static_cast<size_t>(rank)) {
    call.refuse("has a 'perm' that isn't an order of " + std::to_string(rank) + " dimensions.");
  }
  if (std::is_sorted(order.begin(), order.end())) return {input};
  return {call.aten("permute", {input, integers_item(order)})};
}

std::vector<Item> squeeze(Call& call) {
  auto given = call.integers("axes", 1);
  if (is_numbers(call.input(0))) {
    auto numbers = call.numbers(0);
    if (numbers.size() != 1) return {call.input(0)};
    return {numbers[0]};
  }
  Item input = call.tensor(0);
  const auto sizes = tensor_in(input).sizes();
  std::vector<int64_t> axes;
  if (given) {
    axes = call.axes(*given, call.rank(0));
    for (int64_t axis : axes) {
      if (sizes[static_cast<size_t>(axis)] == 1) continue;
      call.refuse("leaves out a dimension of " + std::to_string(sizes[static_cast<size_t>(axis)]) +
                  " elements. If the model was exported for a single image, export it with a dynamic batch.");
    }
  } else {
    for (size_t i = 0; i < sizes.size(); ++i) {
      if (sizes[i] == 1) axes.push_back(static_cast<int64_t>(i));
    }
  }
  return {call.aten("squeeze", {input, integers_item(axes)}, "dims")};
}

std::vector<Item> unsqueeze(Call& call) {
  auto given = call.integers("axes", 1);
  if (!given) call.refuse("lacks its axes. The file is damaged: export it again.");
  if (is_numbers(call.input(0)) && !call.input(0)->elements && given->size() == 1) {
    return {make_list({call.input(0)})};
  }
  auto axes = call.axes(*given, call.rank(0) + static_cast<int64_t>(given->size()));
  std::sort(axes.begin(), axes.end());
  Item made = call.tensor(0);
  for (int64_t axis : axes) made = call.aten("unsqueeze", {made, number(axis)});
  return {made};
}

/// Broadcasts both ways: where the shape says one, the tensor keeps its size.
std::vector<Item> expand(Call& call) {
  Item input = call.tensor(0);
  const auto sizes = tensor_in(input).sizes();
  auto target = call.numbers(1);
  while (target.size() < sizes.size()) target.insert(target.begin(), number(int64_t{1}));
  size_t more = target.size() - sizes.size();
  for (size_t i = more; i < target.size(); ++i) {
    if (target[i]->value.isInt() && target[i]->value.toInt() == 1) target[i] = number(int64_t{-1});
  }
  return {call.aten("expand", {input, make_list(std::move(target)), make_item(false)})};
}

std::vector<Item> tile(Call& call) {
  return {call.aten("repeat", {call.tensor(0), make_list(call.numbers(1))})};
}

std::vector<Item> concat(Call& call) {
  std::vector<Item> items;
  for (size_t i = 0; i < call.input_count(); ++i) items.push_back(call.input(i));
  if (work_as_numbers(items)) {
    std::vector<Item> numbers;
    for (size_t i = 0; i < items.size(); ++i) {
      for (auto& one : call.numbers(i)) numbers.push_back(std::move(one));
    }
    if (numbers.size() > kMostNumbers) call.refuse("makes a list of more than 4096 numbers.");
    return {make_list(std::move(numbers))};
  }
  std::vector<Item> tensors;
  for (size_t i = 0; i < items.size(); ++i) tensors.push_back(call.tensor(i));
  if (tensors.empty()) call.refuse("has no inputs. The file is damaged: export it again.");
  int64_t axis = call.axis(call.integer("axis", 1), call.rank(0));
  if (axis != 0) repeat_for_batch(call, tensors);
  if (tensors.size() == 1) return {tensors[0]};
  return {call.aten("cat", {make_list(std::move(tensors)), number(axis)})};
}

std::vector<Item> split(Call& call) {
  Item input = call.tensor(0);
  int64_t axis = call.axis(call.integer("axis", 0), call.rank(0));
  Item made;
  if (auto sizes = call.integers("split", 1)) {
    made = call.aten("split_with_sizes", {input, integers_item(*sizes), number(axis)});
  } else {
    auto parts = call.integer("num_outputs", static_cast<int64_t>(call.output_count()));
    made = call.aten("chunk", {input, number(parts), number(axis)});
  }
  auto elements = elements_of(made);
  if (elements.size() < call.output_count()) {
    call.refuse("makes " + std::to_string(elements.size()) + " parts, expected " +
                std::to_string(call.output_count()) + ". The file is damaged: export it again.");
  }
  return elements;
}

std::vector<Item> blocks_to_space(Call& call) {
  int64_t block = call.integer("blocksize", 0);
  if (call.rank(0) != 4 || block < 1)
    call.refuse("has no blocks, or no four dimensions. The file is damaged.");
  Item input = call.tensor(0);
  if (call.operation() == "DepthToSpace" && call.text("mode", "DCR") == "CRD") {
    return {call.aten("pixel_shuffle", {input, number(block)})};
  }
  bool opens = call.operation() == "DepthToSpace";
  auto& recorder = call.recorder();
  Item edge = number(block), square = number(block * block);
  Item batch = call.size(input, 0), channels = call.size(input, 1), height = call.size(input, 2),
       width = call.size(input, 3);
  if (opens) {
    Item rest = quotient(recorder, channels, square);
    Item apart = call.aten("reshape", {input, make_list({batch, edge, edge, rest, height, width})});
    Item moved = call.aten("permute", {apart, integers_item({0, 3, 4, 1, 5, 2})});
    return {call.aten("reshape", {moved, make_list({batch, rest, times(recorder, height, edge),
                                                    times(recorder, width, edge)})})};
  }
  Item rows = quotient(recorder, height, edge), columns = quotient(recorder, width, edge);
  Item apart = call.aten("reshape", {input, make_list({batch, channels, rows, edge, columns, edge})});
  Item moved = call.aten("permute", {apart, integers_item({0, 3, 5, 1, 2, 4})});
  return {
      call.aten("reshape", {moved, make_list({batch, times(recorder, channels, square), rows, columns})})};
}

}  // namespace

void add_shapes(OperatorTable& table) {
  table["Shape"] = shape;
  table["Size"] = element_count;
  table["Reshape"] = reshape;
  table["Flatten"] = flatten;
  table["Transpose"] = transpose;
  table["Squeeze"] = squeeze;
  table["Unsqueeze"] = unsqueeze;
  table["Expand"] = expand;
  table["Tile"] = tile;
  table["Concat"] = concat;
  table["Split"] = split;
  table["DepthToSpace"] = blocks_to_space;
  table["SpaceToDepth"] = blocks_to_space;
}

}  // namespace iba::imported::onnx
