#include "import/onnx/numbers.h"
#include "import/onnx/operators.h"
#include "import/onnx/types.h"

namespace iba::imported::onnx {

namespace {

std::vector<Item> identity(Call& call) {
  return {call.input(0)};
}

Item real_tensor(const std::vector<double>& values) {
  return make_item(at::tensor(values, at::kDouble).to(at::kFloat));
}

std::vector<Item> constant(Call& call) {
  if (const auto* value = call.attribute("value")) {
    if (const auto* tensor = std::get_if<Tensor>(value)) return {make_item(computed_form(*tensor))};
  }
  if (call.has_attribute("value_int"))
    return {make_item(at::scalar_tensor(call.integer("value_int", 0), at::kLong))};
  if (call.has_attribute("value_float"))
    return {make_item(at::scalar_tensor(call.real("value_float", 0), at::kFloat))};
  if (auto values = call.integers("value_ints")) return {make_item(at::tensor(*values, at::kLong))};
  if (auto values = call.reals("value_floats")) return {real_tensor(*values)};
  call.refuse("holds a constant of another kind than numbers. Export the model without it.");
}

std::vector<Item> dropout(Call& call) {
  if (call.has_output(1)) {
    call.refuse("gives the mask of a dropout, as in training. Call model.eval() before the export.");
  }
  return {call.aten("dropout", {call.tensor(0), number(0.5), make_item(false)})};
}

at::ScalarType type_of(Call& call, const std::string& attribute, int64_t otherwise) {
  int64_t given = call.integer(attribute, otherwise);
  auto type = computed_type(given);
  if (!type) {
    call.refuse("makes a tensor of the type " + std::to_string(given) +
                ", expected plain numbers. Export the model in float32.");
  }
  return *type;
}

Item as_type(Call& call, const Item& input, at::ScalarType type) {
  if (is_numbers(input)) {
    auto convert = [&](const Item& one) {
      if (at::isFloatingType(type)) return as_real(call.recorder(), one);
      return type == at::kBool && one->value.isBool() ? one : as_integer(call.recorder(), one);
    };
    if (!input->elements) return convert(input);
    std::vector<Item> made;
    for (const auto& element : *input->elements) made.push_back(convert(element));
    return make_list(std::move(made));
  }
  if (tensor_in(input).scalar_type() == type) return input;
  return call.aten(
      "to", {input, number(static_cast<int64_t>(type)), make_item(false), make_item(false), none()}, "dtype");
}

std::vector<Item> cast(Call& call) {
  return {as_type(call, call.input(0), type_of(call, "to", 0))};
}

std::vector<Item> cast_like(Call& call) {
  return {as_type(call, call.input(0), tensor_in(call.tensor(1)).scalar_type())};
}

Item single_value(Call& call, const Tensor& tensor) {
  if (tensor.numel() != 1) call.refuse("fills a tensor with other than one number. The file is damaged.");
  return scalar_item(tensor.item());
}

std::vector<Item> constant_of_shape(Call& call) {
  Item fill = number(0.0);
  auto type = at::kFloat;
  if (const auto* value = call.attribute("value")) {
    const auto* tensor = std::get_if<Tensor>(value);
    if (!tensor) call.refuse("is filled with something else than a tensor. The file is damaged.");
    Tensor form = computed_form(*tensor);
    fill = single_value(call, form);
    type = form.scalar_type();
  }
  return {call.aten("full", {make_list(call.numbers(0)), fill, number(static_cast<int64_t>(type))})};
}

std::vector<Item> range(Call& call) {
  std::vector<Item> numbers;
  bool any_real = false;
  for (size_t i = 0; i < 3; ++i) {
    auto found = call.numbers(i);
    if (found.size() != 1) call.refuse("takes lists in place of numbers. The file is damaged.");
    any_real |= found[0]->value.isDouble();
    numbers.push_back(found[0]);
  }
  numbers.push_back(number(static_cast<int64_t>(any_real ? at::kFloat : at::kLong)));
  return {call.aten("arange", std::move(numbers), "start_step")};
}

std::vector<Item> non_zero(Call& call) {
  if (call.input(0)->from_pixels) {
    call.refuse(
        "asks which pixels or features aren't zero, so that each image would have steps of its own. "
        "Export the model without it.");
  }
  return {call.aten("t", {call.aten("nonzero", {call.tensor(0)})})};
}

std::vector<Item> triangle(Call& call) {
  int64_t diagonal = call.has(1) ? call.integers(1).at(0) : 0;
  return {call.aten(call.integer("upper", 1) != 0 ? "triu" : "tril", {call.tensor(0), number(diagonal)})};
}

}  // namespace

void add_tensors(OperatorTable& table) {
  table["Identity"] = identity;
  table["Constant"] = constant;
  table["Dropout"] = dropout;
  table["Cast"] = cast;
  table["CastLike"] = cast_like;
  table["ConstantOfShape"] = constant_of_shape;
  table["Range"] = range;
  table["NonZero"] = non_zero;
  table["Trilu"] = triangle;
}

}  // namespace iba::imported::onnx
