#include <algorithm>

#include "import/onnx/numbers.h"
#include "import/onnx/operators.h"

namespace iba::imported::onnx {

namespace {

/// The axes to reduce, in order; empty where nothing is reduced.
std::vector<int64_t> reduced_axes(Call& call) {
  auto given = call.integers("axes", 1);
  int64_t rank = call.rank(0);
  if (given && !given->empty()) return call.axes(*given, rank);
  std::vector<int64_t> all;
  if (call.integer("noop_with_empty_axes", 0) != 0) return all;
  for (int64_t i = 0; i < rank; ++i) all.push_back(i);
  return all;
}

Item sum(Call& call, const Item& input, const std::vector<int64_t>& axes, bool keeps) {
  return call.aten("sum", {input, integers_item(axes), make_item(keeps), none()}, "dim_IntList");
}

Item reduced(Call& call, const Item& input, const std::vector<int64_t>& axes, bool keeps) {
  const std::string& name = call.operation();
  Item over = integers_item(axes), keep = make_item(keeps);
  if (name == "ReduceMean") return call.aten("mean", {input, over, keep, none()}, "dim");
  if (name == "ReduceSum") return sum(call, input, axes, keeps);
  if (name == "ReduceMax") return call.aten("amax", {input, over, keep});
  if (name == "ReduceMin") return call.aten("amin", {input, over, keep});
  if (name == "ReduceLogSumExp") return call.aten("logsumexp", {input, over, keep});
  if (name == "ReduceLogSum") return call.aten("log", {sum(call, input, axes, keeps)});
  if (name == "ReduceSumSquare") {
    return sum(call, call.aten("mul", {input, input}, "Tensor"), axes, keeps);
  }
  double power = name == "ReduceL1" ? 1.0 : 2.0;
  return call.aten("linalg_vector_norm", {input, number(power), over, keep, none()});
}

std::vector<Item> reduce(Call& call) {
  auto axes = reduced_axes(call);
  if (axes.empty()) return {call.tensor(0)};
  return {reduced(call, call.tensor(0), axes, call.integer("keepdims", 1) != 0)};
}

/// Of shapes as well, number by number.
std::vector<Item> product(Call& call) {
  bool keeps = call.integer("keepdims", 1) != 0;
  if (is_numbers(call.input(0))) {
    Item made = number(int64_t{1});
    for (const auto& element : call.numbers(0)) made = times(call.recorder(), made, element);
    return {keeps ? make_list({made}) : made};
  }
  auto axes = reduced_axes(call);
  std::sort(axes.rbegin(), axes.rend());
  Item made = call.tensor(0);
  for (int64_t axis : axes) {
    made = call.aten("prod", {made, number(axis), make_item(keeps), none()}, "dim_int");
  }
  return {made};
}

std::vector<Item> extreme_place(Call& call) {
  if (call.integer("select_last_index", 0) != 0) {
    call.refuse("takes the last of equal places, which isn't read. Take the first.");
  }
  const char* name = call.operation() == "ArgMax" ? "argmax" : "argmin";
  return {call.aten(name, {call.tensor(0), number(call.axis(call.integer("axis", 0), call.rank(0))),
                           make_item(call.integer("keepdims", 1) != 0)})};
}

}  // namespace

void add_reductions(OperatorTable& table) {
  for (const char* name : {"ReduceMean", "ReduceSum", "ReduceMax", "ReduceMin", "ReduceLogSumExp",
                           "ReduceLogSum", "ReduceSumSquare", "ReduceL1", "ReduceL2"}) {
    table[name] = reduce;
  }
  table["ReduceProd"] = product;
  table["ArgMax"] = extreme_place;
  table["ArgMin"] = extreme_place;
}

}  // namespace iba::imported::onnx
