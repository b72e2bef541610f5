#include <algorithm>

#include "import/onnx/numbers.h"
#include "import/onnx/operators.h"

namespace iba::imported::onnx {

namespace {

/// Of a list of numbers, the ones at constant places.
std::vector<Item> gather_numbers(Call& call) {
  auto numbers = call.numbers(0);
  std::vector<Item> chosen;
  for (int64_t place : call.integers(1)) {
    int64_t i = place < 0 ? place + static_cast<int64_t>(numbers.size()) : place;
    if (i < 0 || i >= static_cast<int64_t>(numbers.size())) {
      call.refuse("reads the number " + std::to_string(place) + " of " + std::to_string(numbers.size()) +
                  ". The file is damaged: export it again.");
    }
    chosen.push_back(numbers[static_cast<size_t>(i)]);
  }
  return {call.rank(1) == 0 ? chosen.at(0) : make_list(std::move(chosen))};
}

/// The second input as places along an axis of the first. LibTorch doesn't count from the end.
Item places_of(Call& call, int64_t axis) {
  auto constant = call.constant(1);
  if (!constant) return call.tensor(1);
  int64_t size = tensor_in(call.tensor(0)).size(axis);
  return make_item(at::where(*constant < 0, *constant + size, *constant).to(at::kLong));
}

std::vector<Item> gather(Call& call) {
  if (is_numbers(call.input(0)) && call.input(0)->elements && call.rank(1) <= 1) return gather_numbers(call);
  Item input = call.tensor(0);
  int64_t rank = call.rank(0), axis = call.axis(call.integer("axis", 0), rank);
  if (call.rank(1) == 0) {
    Item place = call.numbers(1).at(0);
    return {call.aten("select", {input, number(axis), place}, "int")};
  }
  Item places = places_of(call, axis);
  if (call.rank(1) == 1) return {call.aten("index_select", {input, number(axis), places})};
  // As embeddings are exported, whose ids are the network's input.
  if (axis == 0 && rank == 2 && is_constant(input) && !is_constant(places))
    return {call.aten("embedding", {input, places})};
  Item flat = call.aten("reshape", {places, integers_item({-1})});
  Item chosen = call.aten("index_select", {input, number(axis), flat});
  std::vector<Item> sizes;
  for (int64_t i = 0; i < axis; ++i) sizes.push_back(call.size(input, i));
  for (int64_t i = 0; i < call.rank(1); ++i) sizes.push_back(call.size(places, i));
  for (int64_t i = axis + 1; i < rank; ++i) sizes.push_back(call.size(input, i));
  return {call.aten("reshape", {chosen, make_list(std::move(sizes))})};
}

/// By places in the whole tensor. Where these are all of them in order, it only gets another shape.
std::vector<Item> take(Call& call) {
  Item input = call.tensor(0), places = call.tensor(1);
  const Tensor& order = tensor_in(places);
  int64_t count = tensor_in(input).numel();
  bool is_whole = !places->from_pixels && order.numel() == count && order.scalar_type() == at::kLong &&
                  at::equal(order.reshape({-1}), at::arange(count, at::kLong));
  if (!is_whole) return {call.aten("take", {input, places})};
  std::vector<Item> sizes;
  for (int64_t i = 0; i < order.dim(); ++i) sizes.push_back(call.size(places, i));
  return {call.aten("reshape", {input, make_list(std::move(sizes))})};
}

std::vector<Item> gather_elements(Call& call) {
  int64_t axis = call.axis(call.integer("axis", 0), call.rank(0));
  return {call.aten("gather", {call.tensor(0), number(axis), places_of(call, axis)})};
}

/// The second input's places, each given by its indices along the first dimensions, as a list of these.
std::vector<Item> places_by_dimension(Call& call) {
  Item places = call.tensor(1);
  int64_t depth = call.rank(1) == 0 ? 0 : tensor_in(places).size(-1);
  if (depth < 1 || depth > call.rank(0)) call.refuse("has places of other dimensions than its input.");
  std::vector<Item> indices;
  for (int64_t i = 0; i < depth; ++i) {
    indices.push_back(call.aten("select", {places, number(int64_t{-1}), number(i)}, "int"));
  }
  return indices;
}

/// Of a single image, what is read of each lies in the first place of its batch, which is its own. Of several
/// images it lies in the place of each.
void read_own_rows(Call& call, std::vector<Item>& indices) {
  const NodeSizes* single = call.single();
  if (!single || single->input.empty() || single->input[0] != 1) return;
  Item input = call.tensor(0);
  const Tensor& first = tensor_in(indices[0]);
  const int64_t rows = tensor_in(input).size(0);
  bool is_of_first = rows > 1 && first.dim() == 1 && first.size(0) == rows && first.eq(0).all().item<bool>();
  if (is_of_first)
    indices[0] = call.aten("arange", {call.size(input, 0), number(static_cast<int64_t>(at::kLong))});
}

std::vector<Item> gather_nd(Call& call) {
  if (call.integer("batch_dims", 0) != 0) {
    call.refuse(
        "reads other places in each of a batch (batch_dims), which isn't read. Export the model again.");
  }
  auto indices = places_by_dimension(call);
  read_own_rows(call, indices);
  return {call.aten("index", {call.tensor(0), make_list(std::move(indices))}, "Tensor")};
}

/// Writes values to places, each given by its indices along the first dimensions.
std::vector<Item> scatter(Call& call) {
  if (call.text("reduction", "none") != "none") {
    call.refuse("adds up or compares what it writes, which isn't read. Export the model without it.");
  }
  return {call.aten(
      "index_put", {call.tensor(0), make_list(places_by_dimension(call)), call.tensor(2), make_item(false)})};
}

constexpr const char* kBackwards =
    "stands still or runs backwards over a part, which isn't read. Turn the whole dimension around.";

/// Attributes until opset 9, inputs from 10 on.
struct SliceArguments {
  std::vector<Item> starts, ends;
  std::vector<int64_t> axes, steps;
};

std::vector<Item> as_items(const std::vector<int64_t>& values) {
  std::vector<Item> items;
  for (int64_t value : values) items.push_back(number(value));
  return items;
}

SliceArguments slice_arguments(Call& call, int64_t rank) {
  SliceArguments found;
  if (call.opset() < 10) {
    found.starts = as_items(call.integers("starts").value_or(std::vector<int64_t>()));
    found.ends = as_items(call.integers("ends").value_or(std::vector<int64_t>()));
  } else {
    found.starts = call.numbers(1);
    found.ends = call.numbers(2);
  }
  auto axes = call.integers("axes", 3);
  for (size_t i = 0; !axes && i < found.starts.size(); ++i) found.axes.push_back(static_cast<int64_t>(i));
  found.axes = call.axes(axes.value_or(found.axes), rank);
  found.steps = call.has(4) ? call.integers(4) : std::vector<int64_t>(found.axes.size(), 1);
  size_t count = found.axes.size();
  if (found.starts.size() != count || found.ends.size() != count || found.steps.size() != count) {
    call.refuse("has other numbers of starts, ends, axes and steps. The file is damaged: export it again.");
  }
  return found;
}

/// Whether a step of −1 turns all of `size` elements around.
bool turns_whole(int64_t start, int64_t end, int64_t step, int64_t size) {
  return step == -1 && (start == -1 || start >= size - 1) && end < -size;
}

std::vector<Item> slice_numbers(Call& call) {
  auto numbers = call.numbers(0);
  auto given = slice_arguments(call, 1);
  for (size_t i = 0; i < given.starts.size(); ++i) {
    const auto count = static_cast<int64_t>(numbers.size());
    int64_t start = call.recorder().decide(given.starts[i], "which sizes are read").toInt();
    int64_t end = call.recorder().decide(given.ends[i], "which sizes are read").toInt();
    const int64_t step = given.steps[i];
    if (turns_whole(start, end, step, count)) {
      std::reverse(numbers.begin(), numbers.end());
      continue;
    }
    if (step <= 0) call.refuse(kBackwards);
    auto bound = [&](int64_t value) {
      return std::clamp<int64_t>(value < 0 ? value + count : value, 0, count);
    };
    std::vector<Item> kept;
    for (int64_t at = bound(start); at < bound(end); at += std::min(step, count)) {
      kept.push_back(numbers[static_cast<size_t>(at)]);
    }
    numbers = std::move(kept);
  }
  return {make_list(std::move(numbers))};
}

std::vector<Item> slice(Call& call) {
  if (call.input(0)->elements) return slice_numbers(call);
  Item made = call.tensor(0);
  auto given = slice_arguments(call, call.rank(0));
  for (size_t i = 0; i < given.axes.size(); ++i) {
    Item axis = number(given.axes[i]);
    if (given.steps[i] > 0) {
      made =
          call.aten("slice", {made, axis, given.starts[i], given.ends[i], number(given.steps[i])}, "Tensor");
      continue;
    }
    int64_t start = call.recorder().decide(given.starts[i], "a slice").toInt();
    int64_t end = call.recorder().decide(given.ends[i], "a slice").toInt();
    int64_t size = tensor_in(made).size(given.axes[i]);
    if (!turns_whole(start, end, given.steps[i], size)) call.refuse(kBackwards);
    made = call.aten("flip", {made, integers_item({given.axes[i]})});
  }
  return {made};
}

/// For LibTorch's order, from the last dimension on, without the zeros of the first dimensions.
std::vector<Item> pads_from_the_last(Call& call, int64_t rank) {
  std::vector<Item> given;
  if (auto attribute = call.integers(call.has_attribute("pads") ? "pads" : "paddings")) {
    given = as_items(*attribute);
  } else {
    given = call.numbers(1);
  }
  std::vector<int64_t> axes;
  for (int64_t i = 0; i < rank; ++i) axes.push_back(i);
  if (call.has(3)) axes = call.axes(call.integers(3), rank);
  if (given.size() != 2 * axes.size()) {
    call.refuse("has " + std::to_string(given.size()) + " paddings for " + std::to_string(axes.size()) +
                " dimensions. The file is damaged: export it again.");
  }
  std::vector<Item> pads(2 * static_cast<size_t>(rank), number(int64_t{0}));
  for (size_t i = 0; i < axes.size(); ++i) {
    auto place = 2 * static_cast<size_t>(rank - 1 - axes[i]);
    pads[place] = given[i];
    pads[place + 1] = given[axes.size() + i];
  }
  auto is_zero = [](const Item& item) {
    return is_constant(item) && item->value.isInt() && item->value.toInt() == 0;
  };
  while (!pads.empty() && is_zero(pads.back()) && is_zero(pads[pads.size() - 2]))
    pads.resize(pads.size() - 2);
  return pads;
}

std::vector<Item> pad(Call& call) {
  Item input = call.tensor(0);
  auto pads = pads_from_the_last(call, call.rank(0));
  if (pads.empty()) return {input};
  std::string mode = call.text("mode", "constant");
  if (mode == "constant") {
    return {call.aten("constant_pad_nd",
                      {input, make_list(std::move(pads)), number(call.real("value", call.real(2, 0)))})};
  }
  static const std::map<std::string, std::string> kModes = {
      {"reflect", "reflect"}, {"edge", "replicate"}, {"wrap", "circular"}};
  auto found = kModes.find(mode);
  if (found == kModes.end()) {
    call.refuse("pads by '" + mode + "', expected constant, reflect, edge or wrap. Export the model again.");
  }
  // LibTorch wants all spatial dimensions there, and no others: what the graph computes for these has to be
  // 0.
  auto spatial = 2 * static_cast<size_t>(std::max<int64_t>(call.rank(0) - 2, 1));
  for (size_t i = spatial; i < pads.size(); ++i) {
    if (call.recorder().decide(pads[i], "what is padded").toScalar().toLong() != 0) {
      call.refuse("pads the batch or the channels by '" + mode +
                  "', which LibTorch doesn't compute. Export the model with a padding of the places alone.");
    }
  }
  pads.resize(spatial, number(int64_t{0}));
  return {call.aten("pad", {input, make_list(std::move(pads)), make_item(found->second), none()})};
}

}  // namespace

void add_indexing(OperatorTable& table) {
  table["Gather"] = gather;
  table["fused.Take"] = take;
  table["GatherElements"] = gather_elements;
  table["GatherND"] = gather_nd;
  table["ScatterND"] = scatter;
  table["Slice"] = slice;
  table["Pad"] = pad;
}

}  // namespace iba::imported::onnx
