#include <algorithm>

#include "import/onnx/numbers.h"
#include "import/onnx/operators.h"

namespace iba::imported::onnx {

namespace {

struct OperatorNames {
  const char* name;
  const char* with_tensor = "Tensor";
  const char* with_number = nullptr;  // the overload for a number in second place
  bool commutes = false;
};

const OperatorNames& names_of(const std::string& operation) {
  static const std::map<std::string, OperatorNames> kNames = {
      {"Add", {"add", "Tensor", "Scalar", true}},
      {"Sub", {"sub", "Tensor", "Scalar"}},
      {"Mul", {"mul", "Tensor", "Scalar", true}},
      {"Div", {"div", "Tensor", "Scalar"}},
      {"Pow", {"pow", "Tensor_Tensor", "Tensor_Scalar"}},
      {"Min", {"minimum", ""}},
      {"Max", {"maximum", ""}},
      {"Sum", {"add", "Tensor"}},
      {"Equal", {"eq", "Tensor", "Scalar"}},
      {"Less", {"lt", "Tensor", "Scalar"}},
      {"Greater", {"gt", "Tensor", "Scalar"}},
      {"LessOrEqual", {"le", "Tensor", "Scalar"}},
      {"GreaterOrEqual", {"ge", "Tensor", "Scalar"}},
      {"And", {"logical_and", ""}},
      {"Or", {"logical_or", ""}},
      {"Xor", {"logical_xor", ""}}};
  return kNames.at(operation);
}

/// The number that the item is, or holds as its only element without adding a dimension. Null for others.
Item single_number(const Item& item, int64_t other_rank) {
  if (!item->elements && item->value.isScalar()) return item;
  if (item->elements || !is_constant(item)) return nullptr;
  const Tensor& tensor = tensor_in(item);
  bool is_one = tensor.numel() == 1 && tensor.dim() <= other_rank && tensor.scalar_type() != at::kBool;
  return is_one ? scalar_item(tensor.item()) : nullptr;
}

Item of_two(Call& call, const Item& a, const Item& b) {
  const OperatorNames& names = names_of(call.operation());
  if (call.operation() != "Sum" && has_form_for_numbers(call.operation()) && work_as_numbers({a, b})) {
    return on_numbers(call.recorder(), call.operation(), a, b);
  }
  auto is_tensor = [](const Item& item) { return !is_numbers(item) && item->value.isTensor(); };
  auto rank = [&](const Item& item) { return is_tensor(item) ? tensor_in(item).dim() : 0; };
  auto is_whole = [&](const Item& item) { return is_tensor(item) && !tensor_in(item).is_floating_point(); };
  if (names.with_number && is_tensor(a) && !(call.operation() == "Div" && is_whole(a))) {
    if (Item single = single_number(b, rank(a))) return call.aten(names.name, {a, single}, names.with_number);
  }
  if (names.with_number && names.commutes && is_tensor(b)) {
    if (Item single = single_number(a, rank(b))) return call.aten(names.name, {b, single}, names.with_number);
  }
  Item left = as_tensor(call.recorder(), a), right = as_tensor(call.recorder(), b);
  if (call.operation() == "Div" && is_whole(left) && is_whole(right)) {
    return call.aten("div", {left, right, make_item("trunc")}, "Tensor_mode");
  }
  return call.aten(names.name, {left, right}, names.with_tensor);
}

std::vector<Item> binary(Call& call) {
  return {of_two(call, call.input(0), call.input(1))};
}

/// Of any number of inputs, from the first on.
std::vector<Item> of_all(Call& call) {
  Item made = call.input(0);
  for (size_t i = 1; i < call.input_count(); ++i) made = of_two(call, made, call.input(i));
  return {made};
}

std::vector<Item> mean(Call& call) {
  Item sum = call.tensor(0);
  for (size_t i = 1; i < call.input_count(); ++i) sum = call.aten("add", {sum, call.tensor(i)}, "Tensor");
  return {call.aten("div", {sum, number(static_cast<double>(call.input_count()))}, "Scalar")};
}

std::vector<Item> unary(Call& call) {
  static const std::map<std::string, std::string> kNames = {{"Abs", "abs"},     {"Neg", "neg"},
                                                            {"Sqrt", "sqrt"},   {"Exp", "exp"},
                                                            {"Log", "log"},     {"Floor", "floor"},
                                                            {"Ceil", "ceil"},   {"Round", "round"},
                                                            {"Sign", "sign"},   {"Reciprocal", "reciprocal"},
                                                            {"Sin", "sin"},     {"Cos", "cos"},
                                                            {"Tan", "tan"},     {"Asin", "asin"},
                                                            {"Acos", "acos"},   {"Atan", "atan"},
                                                            {"Sinh", "sinh"},   {"Cosh", "cosh"},
                                                            {"Asinh", "asinh"}, {"Acosh", "acosh"},
                                                            {"Atanh", "atanh"}, {"Not", "logical_not"},
                                                            {"IsNaN", "isnan"}, {"IsInf", "isinf"}};
  const std::string& operation = call.operation();
  if (has_form_for_numbers(operation) && is_numbers(call.input(0))) {
    return {on_numbers(call.recorder(), operation, call.input(0))};
  }
  return {call.aten(kNames.at(operation), {call.tensor(0)})};
}

std::vector<Item> mod(Call& call) {
  bool by_sign_of_first = call.integer("fmod", 0) != 0;
  if (!by_sign_of_first && work_as_numbers({call.input(0), call.input(1)})) {
    return {on_numbers(call.recorder(), "Mod", call.input(0), call.input(1))};
  }
  return {call.aten(by_sign_of_first ? "fmod" : "remainder", {call.tensor(0), call.tensor(1)}, "Tensor")};
}

/// Numbers are chosen at once, which the recorder allows where the choice is the same for every batch.
std::vector<Item> where(Call& call) {
  const std::vector<Item> items{call.input(0), call.input(1), call.input(2)};
  if (!work_as_numbers(items)) {
    return {call.aten("where", {call.tensor(0), call.tensor(1), call.tensor(2)}, "self")};
  }
  std::vector<std::vector<Item>> lists;
  size_t count = 1;
  for (size_t i = 0; i < items.size(); ++i) {
    lists.push_back(call.numbers(i));
    if (lists[i].size() != 1) count = lists[i].size();
  }
  std::vector<Item> chosen;
  for (size_t i = 0; i < count; ++i) {
    auto at = [&](size_t list) -> const Item& {
      const auto& numbers = lists[list];
      if (numbers.size() != 1 && numbers.size() != count) {
        call.refuse("is given lists of different lengths. The file is damaged: export it again.");
      }
      return numbers[numbers.size() == 1 ? 0 : i];
    };
    at::IValue condition = call.recorder().decide(at(0), "a choice between two numbers");
    chosen.push_back(at(condition.toScalar().toDouble() != 0 ? 1 : 2));
  }
  bool is_single = call.rank(0) == 0 && call.rank(1) == 0 && call.rank(2) == 0;
  return {is_single ? chosen[0] : make_list(std::move(chosen))};
}

std::vector<Item> cumulative_sum(Call& call) {
  if (call.integer("exclusive", 0) != 0 || call.integer("reverse", 0) != 0) {
    call.refuse("leaves out an element or runs backwards, which isn't read. Use a plain cumulative sum.");
  }
  auto axis = call.integers(1);
  if (axis.size() != 1) call.refuse("takes other than one axis. The file is damaged: export it again.");
  return {call.aten("cumsum", {call.tensor(0), number(call.axis(axis[0], call.rank(0))), none()})};
}

}  // namespace

void add_arithmetic(OperatorTable& table) {
  for (const char* name : {"Add", "Sub", "Mul", "Div", "Pow", "Equal", "Less", "Greater", "LessOrEqual",
                           "GreaterOrEqual", "And", "Or", "Xor"}) {
    table[name] = binary;
  }
  for (const char* name : {"Min", "Max", "Sum"}) table[name] = of_all;
  table["Mean"] = mean;
  for (const char* name : {"Abs",  "Neg",   "Sqrt",  "Exp",   "Log",  "Floor", "Ceil",  "Round",
                           "Sign", "Sin",   "Cos",   "Tan",   "Asin", "Acos",  "Atan",  "Sinh",
                           "Cosh", "Asinh", "Acosh", "Atanh", "Not",  "IsNaN", "IsInf", "Reciprocal"}) {
    table[name] = unary;
  }
  table["Mod"] = mod;
  table["Where"] = where;
  table["CumSum"] = cumulative_sum;
}

}  // namespace iba::imported::onnx
