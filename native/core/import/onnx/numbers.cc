#include "import/onnx/numbers.h"

#include <algorithm>
#include <functional>
#include <map>

#include "error.h"
#include "import/onnx/call.h"

namespace iba::imported::onnx {

namespace {

bool is_number(const Item& item) {
  return !item->elements && item->value.isScalar();
}

bool is_small(const Tensor& tensor) {
  return tensor.dim() <= 1 && tensor.numel() <= static_cast<int64_t>(kMostNumbers);
}

bool is_small_constant(const Item& item) {
  return !item->elements && item->value.isTensor() && is_constant(item) && is_small(item->value.toTensor());
}

Item call(Recorder& recorder, const std::string& name, const std::string& overload, std::vector<Item> items) {
  return recorder.call_by_name(name, overload, std::move(items));
}

bool is_real(const Item& item) {
  return item->value.isDouble();
}

/// An operator on two numbers of one type.
Item by_type(Recorder& recorder, const std::string& name, const Item& a, const Item& b) {
  if (is_real(a) || is_real(b)) {
    return call(recorder, name, "float", {as_real(recorder, a), as_real(recorder, b)});
  }
  return call(recorder, name, "int", {as_integer(recorder, a), as_integer(recorder, b)});
}

Item divide(Recorder& recorder, const Item& a, const Item& b) {
  if (is_real(a) || is_real(b)) return by_type(recorder, "aten::div", a, b);
  return quotient(recorder, a, b);
}

Item remainder(Recorder& recorder, const Item& a, const Item& b) {
  return by_type(recorder, "aten::remainder", a, b);
}

Item power(Recorder& recorder, const Item& a, const Item& b) {
  return call(recorder, "aten::pow", "float", {as_real(recorder, a), as_real(recorder, b)});
}

using Binary = std::function<Item(Recorder&, const Item&, const Item&)>;

Binary named(const char* name) {
  return [name](Recorder& recorder, const Item& a, const Item& b) { return by_type(recorder, name, a, b); };
}

const std::map<std::string, Binary>& binaries() {
  static const std::map<std::string, Binary> kBinaries = {{"Add", named("aten::add")},
                                                          {"Sub", named("aten::sub")},
                                                          {"Mul", named("aten::mul")},
                                                          {"Div", divide},
                                                          {"Mod", remainder},
                                                          {"Pow", power},
                                                          {"Min", named("prim::min")},
                                                          {"Max", named("prim::max")},
                                                          {"Equal", named("aten::eq")},
                                                          {"Less", named("aten::lt")},
                                                          {"Greater", named("aten::gt")},
                                                          {"LessOrEqual", named("aten::le")},
                                                          {"GreaterOrEqual", named("aten::ge")}};
  return kBinaries;
}

using Unary = std::function<Item(Recorder&, const Item&)>;

/// LibTorch rounds real numbers to integers; ONNX keeps them real.
Unary rounded(const char* name) {
  return [name](Recorder& recorder, const Item& a) {
    return as_real(recorder, call(recorder, name, "float", {as_real(recorder, a)}));
  };
}

Item negated(Recorder& recorder, const Item& a) {
  return call(recorder, "aten::neg", is_real(a) ? "float" : "int", {a});
}

Item square_root(Recorder& recorder, const Item& a) {
  return call(recorder, "aten::sqrt", "float", {as_real(recorder, a)});
}

Item reciprocal(Recorder& recorder, const Item& a) {
  return by_type(recorder, "aten::div", make_item(1.0), as_real(recorder, a));
}

Item negation(Recorder& recorder, const Item& a) {
  return call(recorder, "aten::__not__", "", {a});
}

const std::map<std::string, Unary>& unaries() {
  static const std::map<std::string, Unary> kUnaries = {{"Floor", rounded("aten::floor")},
                                                        {"Ceil", rounded("aten::ceil")},
                                                        {"Neg", negated},
                                                        {"Sqrt", square_root},
                                                        {"Reciprocal", reciprocal},
                                                        {"Not", negation}};
  return kUnaries;
}

}  // namespace

bool is_numbers(const Item& item) {
  return item->elements || item->value.isScalar();
}

std::optional<std::vector<Item>> as_numbers(Recorder& recorder, const Item& item) {
  if (item->elements) return *item->elements;
  if (is_number(item)) return std::vector<Item>{item};
  if (!item->value.isTensor() || item->from_pixels || !is_small(item->value.toTensor())) return std::nullopt;
  const Tensor& tensor = item->value.toTensor();
  std::vector<Item> numbers;
  for (int64_t i = 0; i < tensor.numel(); ++i) {
    if (is_constant(item)) {
      numbers.push_back(scalar_item(tensor.dim() == 0 ? tensor.item() : tensor[i].item()));
      continue;
    }
    Item element = tensor.dim() == 0
                       ? item
                       : call(recorder, "aten::select", "int", {item, make_item(int64_t{0}), make_item(i)});
    numbers.push_back(call(recorder, "aten::item", "", {element}));
  }
  return numbers;
}

Item as_tensor(Recorder& recorder, const Item& item) {
  if (!is_numbers(item)) return item;
  const auto numbers = as_numbers(recorder, item).value();
  bool any_real = std::any_of(numbers.begin(), numbers.end(), is_real);
  bool all_truths = !numbers.empty() && std::all_of(numbers.begin(), numbers.end(), [](const Item& number) {
    return number->value.isBool();
  });
  auto type = any_real ? at::kFloat : all_truths ? at::kBool : at::kLong;
  bool constant = std::all_of(numbers.begin(), numbers.end(), is_constant);
  if (constant) {
    Tensor tensor = at::empty({static_cast<int64_t>(numbers.size())}, any_real ? at::kDouble : at::kLong);
    for (size_t i = 0; i < numbers.size(); ++i) {
      tensor[static_cast<int64_t>(i)].fill_(numbers[i]->value.toScalar());
    }
    tensor = tensor.to(type);
    return make_item(item->elements ? tensor : tensor[0].clone());
  }
  Item dtype = make_item(static_cast<int64_t>(type));
  if (!item->elements) {
    return call(recorder, "aten::scalar_tensor", "",
                {item, dtype, make_item({}), make_item({}), make_item({})});
  }
  std::vector<Item> alike;
  for (const auto& number : numbers) {
    alike.push_back(any_real ? as_real(recorder, number)
                             : (all_truths ? number : as_integer(recorder, number)));
  }
  return call(recorder, "aten::tensor", "",
              {make_list(std::move(alike)), dtype, make_item({}), make_item(false)});
}

bool work_as_numbers(const std::vector<Item>& inputs) {
  bool any = false;
  for (const auto& input : inputs) {
    if (!input) continue;
    bool holds_numbers = is_numbers(input);
    if (!holds_numbers && !is_small_constant(input)) return false;
    any |= holds_numbers;
  }
  return any;
}

Item on_numbers(Recorder& recorder, const std::string& operation, const Item& a, const Item& b) {
  const auto& apply = binaries().at(operation);
  auto is_single = [](const Item& item) {
    return is_number(item) || (!item->elements && item->value.toTensor().dim() == 0);
  };
  const auto left = as_numbers(recorder, a).value(), right = as_numbers(recorder, b).value();
  size_t count = std::max(left.size(), right.size());
  if (left.empty() || right.empty()) count = 0;
  if ((left.size() != count && left.size() != 1) || (right.size() != count && right.size() != 1)) {
    throw Error(ErrorCode::model, "In " + recorder.place() + ", lists of " + std::to_string(left.size()) +
                                      " and of " + std::to_string(right.size()) +
                                      " numbers meet in a node '" + operation +
                                      "'. The file is damaged: export it again.");
  }
  std::vector<Item> made;
  for (size_t i = 0; i < count; ++i) {
    made.push_back(apply(recorder, left[left.size() == 1 ? 0 : i], right[right.size() == 1 ? 0 : i]));
  }
  return is_single(a) && is_single(b) ? made[0] : make_list(std::move(made));
}

Item on_numbers(Recorder& recorder, const std::string& operation, const Item& a) {
  const auto& apply = unaries().at(operation);
  if (!a->elements) return apply(recorder, a);
  std::vector<Item> made;
  for (const auto& element : *a->elements) made.push_back(apply(recorder, element));
  return make_list(std::move(made));
}

Item as_integer(Recorder& recorder, const Item& item) {
  if (item->value.isInt()) return item;
  return call(recorder, "aten::Int", item->value.isBool() ? "bool" : "float", {item});
}

Item as_real(Recorder& recorder, const Item& item) {
  if (item->value.isDouble()) return item;
  return call(recorder, "aten::Float", item->value.isBool() ? "bool" : "int", {item});
}

Item plus(Recorder& recorder, const Item& a, const Item& b) {
  return by_type(recorder, "aten::add", a, b);
}

Item minus(Recorder& recorder, const Item& a, const Item& b) {
  return by_type(recorder, "aten::sub", a, b);
}

Item times(Recorder& recorder, const Item& a, const Item& b) {
  return by_type(recorder, "aten::mul", a, b);
}

Item quotient(Recorder& recorder, const Item& a, const Item& b) {
  return call(recorder, "aten::__round_to_zero_floordiv", "int",
              {as_integer(recorder, a), as_integer(recorder, b)});
}

bool has_form_for_numbers(const std::string& operation) {
  return binaries().contains(operation) || unaries().contains(operation);
}

}  // namespace iba::imported::onnx
