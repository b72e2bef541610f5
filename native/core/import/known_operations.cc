#include "import/known_operations.h"

#include <algorithm>
#include <functional>
#include <map>

namespace iba::imported {

namespace {

using Arguments = std::vector<Item>;
using Known = std::optional<KnownOperation>;

/// The arguments of one call by the names of its schema.
class KnownCall {
 public:
  KnownCall(const c10::FunctionSchema& schema, const Arguments& arguments) {
    for (size_t i = 0; i < arguments.size(); ++i) by_name_[schema.arguments()[i].name()] = arguments[i];
  }

  bool has(const std::string& name) const { return by_name_.contains(name); }
  const Item& item(const std::string& name) const { return by_name_.at(name); }
  at::IValue value(const std::string& name) const { return value_of(item(name)); }

  bool is_activation(const std::string& name) const {
    return has(name) && !item(name)->elements && item(name)->id && item(name)->from_pixels;
  }
  int64_t rank(const std::string& name) const { return item(name)->value.toTensor().dim(); }

  /// Neither it nor anything in it changes from batch to batch.
  bool is_constant(const std::string& name) const {
    bool constant = true;
    visit_items(item(name), [&](const Entry& entry) { constant &= !entry.id && !entry.from_pixels; });
    return constant;
  }
  bool all_constant_but(const std::vector<std::string>& names) const {
    return std::all_of(by_name_.begin(), by_name_.end(), [&](const auto& entry) {
      return std::find(names.begin(), names.end(), entry.first) != names.end() || is_constant(entry.first);
    });
  }

  Tensor parameter(const std::string& name) const {
    at::IValue found = value(name);
    return found.isTensor() ? found.toTensor().detach() : Tensor();
  }
  bool is_absent(const std::string& name) const { return !has(name) || value(name).isNone(); }

  /// One number for both dimensions, or one for each. Absent where it is neither.
  std::optional<Pair> pair(const std::string& name) const {
    at::IValue found = value(name);
    if (found.isInt()) return Pair{found.toInt(), found.toInt()};
    if (!found.isList()) return std::nullopt;
    std::vector<int64_t> numbers;
    for (const at::IValue& number : found.toListRef()) {
      if (!number.isInt()) return std::nullopt;
      numbers.push_back(number.toInt());
    }
    if (numbers.size() == 1) return Pair{numbers[0], numbers[0]};
    if (numbers.size() == 2) return Pair{numbers[0], numbers[1]};
    return std::nullopt;
  }
  /// A pooling window moves by its own size where it isn't told otherwise.
  std::optional<Pair> stride(const std::string& otherwise) const {
    at::IValue found = value("stride");
    bool is_empty = found.isNone() || (found.isList() && found.toListRef().empty());
    return pair(is_empty ? otherwise : "stride");
  }

 private:
  std::map<std::string, Item> by_name_;
};

KnownOperation single(const KnownCall& call, const std::string& input, Operation operation) {
  return {{std::move(operation)}, {call.item(input)}};
}

/// Zeros around the input, as numbers or by the name "valid" or "same". Absent where one border needs more of
/// them than the other.
std::optional<Pair> convolution_padding(const KnownCall& call, const Tensor& weight, const Pair& dilation) {
  at::IValue given = call.value("padding");
  if (!given.isString()) return call.pair("padding");
  if (given.toStringRef() == "valid") return Pair{0, 0};
  if (given.toStringRef() != "same") return std::nullopt;
  Pair together{dilation[0] * (weight.size(2) - 1), dilation[1] * (weight.size(3) - 1)};
  if (together[0] % 2 != 0 || together[1] % 2 != 0) return std::nullopt;
  return Pair{together[0] / 2, together[1] / 2};
}

Known convolution(const KnownCall& call) {
  if (!call.is_activation("input") || call.rank("input") != 4 || !call.all_constant_but({"input"})) return {};
  if (call.has("transposed") && call.value("transposed").toBool()) return {};
  auto stride = call.pair("stride"), dilation = call.pair("dilation");
  Tensor weight = call.parameter("weight");
  if (!stride || !dilation || weight.dim() != 4) return {};
  auto padding = convolution_padding(call, weight, *dilation);
  if (!padding) return {};
  return single(call, "input",
                Convolution{weight, call.parameter("bias"), *stride, *padding, *dilation,
                            call.value("groups").toInt()});
}

Known linear(const KnownCall& call) {
  if (!call.is_activation("input") || !call.all_constant_but({"input"})) return {};
  Tensor weight = call.parameter("weight");
  if (weight.dim() != 2 || call.rank("input") < 2) return {};
  return single(call, "input", Linear{weight, call.parameter("bias")});
}

/// bias + x·W, as exporters write a linear layer.
Known matrix_product_with_bias(const KnownCall& call) {
  if (!call.is_activation("mat1") || !call.all_constant_but({"mat1"})) return {};
  bool is_plain = call.value("beta").toScalar().toDouble() == 1 &&
                  call.value("alpha").toScalar().toDouble() == 1 && call.parameter("self").dim() == 1;
  if (!is_plain) return {};
  return single(call, "mat1", Linear{call.parameter("mat2").t().contiguous(), call.parameter("self")});
}

Known batch_norm(const KnownCall& call) {
  if (!call.is_activation("input") || call.rank("input") != 4 || !call.all_constant_but({"input"})) return {};
  Tensor mean = call.parameter("running_mean"), variance = call.parameter("running_var");
  if (!mean.defined() || !variance.defined()) return {};
  Tensor weight = call.parameter("weight"), bias = call.parameter("bias");
  return single(
      call, "input",
      BatchNorm{weight.defined() ? weight : at::ones_like(mean), bias.defined() ? bias : at::zeros_like(mean),
                mean, variance, call.value("eps").toDouble()});
}

Known relu(const KnownCall& call) {
  if (!call.is_activation("self")) return {};
  return single(call, "self", Relu{});
}

Known relu6(const KnownCall& call) {
  if (!call.is_activation("self")) return {};
  return single(call, "self", Relu{6.0});
}

Known hardtanh(const KnownCall& call) {
  if (!call.is_activation("self") || !call.all_constant_but({"self"})) return {};
  const double least = call.value("min_val").toScalar().toDouble();
  const double greatest = call.value("max_val").toScalar().toDouble();
  if (least != 0 || greatest <= 0) return {};
  return single(call, "self", Relu{greatest});
}

Known max_pool(const KnownCall& call) {
  if (!call.is_activation("self") || call.rank("self") != 4 || !call.all_constant_but({"self"})) return {};
  auto kernel = call.pair("kernel_size"), stride = call.stride("kernel_size"), padding = call.pair("padding"),
       dilation = call.pair("dilation");
  if (!kernel || !stride || !padding || !dilation) return {};
  return single(call, "self",
                MaxPool{*kernel, *stride, *padding, *dilation, call.value("ceil_mode").toBool()});
}

Known average_pool(const KnownCall& call) {
  if (!call.is_activation("self") || call.rank("self") != 4 || !call.all_constant_but({"self"})) return {};
  auto kernel = call.pair("kernel_size"), stride = call.stride("kernel_size"), padding = call.pair("padding");
  if (!kernel || !stride || !padding || !call.is_absent("divisor_override")) return {};
  return single(call, "self",
                AveragePool{*kernel, *stride, *padding, call.value("ceil_mode").toBool(),
                            call.value("count_include_pad").toBool()});
}

Known adaptive_average_pool(const KnownCall& call) {
  if (!call.is_activation("self") || call.rank("self") != 4 || !call.all_constant_but({"self"})) return {};
  auto size = call.pair("output_size");
  if (!size || (*size)[0] < 1 || (*size)[1] < 1) return {};
  return single(call, "self", AdaptiveAveragePool{*size});
}

/// The mean over both spatial dimensions.
Known mean(const KnownCall& call) {
  if (!call.is_activation("self") || call.rank("self") != 4 || !call.all_constant_but({"self"})) return {};
  auto dimensions = call.has("dim") ? call.pair("dim") : std::nullopt;
  if (!dimensions || !call.is_absent("dtype")) return {};
  for (auto& dimension : *dimensions) dimension += dimension < 0 ? 4 : 0;
  std::sort(dimensions->begin(), dimensions->end());
  if (*dimensions != Pair{2, 3}) return {};
  KnownOperation known = single(call, "self", AdaptiveAveragePool{});
  if (!call.value("keepdim").toBool()) known.operations.emplace_back(Flatten{});
  return known;
}

Known add(const KnownCall& call) {
  if (!call.is_activation("self") || !call.is_activation("other")) return {};
  const auto& a = call.item("self")->value.toTensor();
  const auto& b = call.item("other")->value.toTensor();
  bool is_plain = call.is_constant("alpha") && call.value("alpha").toScalar().toDouble() == 1 &&
                  a.sizes() == b.sizes() && a.scalar_type() == b.scalar_type();
  if (!is_plain) return {};
  return KnownOperation{{Add{}}, {call.item("self"), call.item("other")}};
}

Known concatenate(const KnownCall& call) {
  if (!call.is_constant("dim")) return {};
  const Item& list = call.item("tensors");
  if (!list->elements || list->elements->empty()) return {};
  for (const auto& element : *list->elements) {
    if (!element->id || !element->from_pixels) return {};
  }
  return KnownOperation{{Concatenate{call.value("dim").toInt()}}, *list->elements};
}

Known flatten(const KnownCall& call) {
  if (!call.is_activation("self") || !call.all_constant_but({"self"}) || call.rank("self") < 2) return {};
  int64_t end = call.value("end_dim").toInt();
  bool is_whole = call.value("start_dim").toInt() == 1 && (end == -1 || end == call.rank("self") - 1);
  if (!is_whole) return {};
  return single(call, "self", Flatten{});
}

Known dropout(const KnownCall& call) {
  if (!call.is_activation("input")) return {};
  return single(call, "input", Dropout{});
}

bool has_value_inside(const Item& item) {
  bool found = false;
  visit_items(item, [&](const Entry& entry) { found |= entry.id.has_value(); });
  return found;
}

at::TypePtr element_type_of(at::TypePtr type) {
  while (type->kind() == c10::TypeKind::OptionalType) type = type->containedType(0);
  return type->kind() == c10::TypeKind::ListType ? type->containedType(0) : type;
}

OperatorArgument::Form form_of(const at::IValue& value) {
  if (value.isInt()) return OperatorArgument::Form::integer;
  if (value.isDouble()) return OperatorArgument::Form::real;
  if (value.isBool()) return OperatorArgument::Form::boolean;
  return OperatorArgument::Form::tensor;
}

OperatorArgument operator_argument(const std::string& name, const at::TypePtr& type, const Item& item,
                                   std::vector<ValueId>& inputs) {
  OperatorArgument argument;
  argument.name = name;
  if (item->elements) {
    bool has_tensor = first_tensor(item) != nullptr;
    if (!has_value_inside(item) && !has_tensor) {
      argument.constant = value_of(item, type);
      return argument;
    }
    argument.form = OperatorArgument::Form::list;
    argument.element_type = element_type_of(type);
    // An operator for lists of any type goes by the type of what is in this one.
    bool is_open = argument.element_type->hasFreeVariables() && !item->elements->empty();
    if (is_open) argument.element_type = value_of(item->elements->front()).type();
    for (const auto& element : *item->elements) {
      argument.elements.push_back(operator_argument(name, argument.element_type, element, inputs));
    }
    return argument;
  }
  if (item->id) {
    argument.form = form_of(item->value);
    argument.input = inputs.size();
    inputs.push_back(*item->id);
    return argument;
  }
  if (item->value.isTensor() && item->value.toTensor().defined()) {
    argument.form = OperatorArgument::Form::parameter;
    argument.parameter = item->value.toTensor().detach();
    return argument;
  }
  argument.constant = item->value;
  return argument;
}

}  // namespace

Known known_operation(const c10::FunctionSchema& schema, const Arguments& arguments) {
  static const std::map<std::string, std::function<Known(const KnownCall&)>> kByOperator = {
      {"aten::conv2d", convolution},
      {"aten::convolution", convolution},
      {"aten::_convolution", convolution},
      {"aten::_convolution_mode", convolution},
      {"aten::linear", linear},
      {"aten::addmm", matrix_product_with_bias},
      {"aten::batch_norm", batch_norm},
      {"aten::relu", relu},
      {"aten::relu6", relu6},
      {"aten::hardtanh", hardtanh},
      {"aten::max_pool2d", max_pool},
      {"aten::max_pool2d_with_indices", max_pool},
      {"aten::avg_pool2d", average_pool},
      {"aten::adaptive_avg_pool2d", adaptive_average_pool},
      {"aten::_adaptive_avg_pool2d", adaptive_average_pool},
      {"aten::mean", mean},
      {"aten::add", add},
      {"aten::cat", concatenate},
      {"aten::flatten", flatten},
      {"aten::dropout", dropout},
      {"aten::feature_dropout", dropout},
  };
  const auto found = kByOperator.find(schema.name());
  return found == kByOperator.end() ? std::nullopt : found->second(KnownCall(schema, arguments));
}

std::vector<OperatorArgument> operator_arguments(const c10::FunctionSchema& schema,
                                                 const std::vector<Item>& arguments,
                                                 std::vector<ValueId>& inputs) {
  std::vector<OperatorArgument> made;
  for (size_t i = 0; i < arguments.size(); ++i) {
    const auto& argument = schema.arguments()[i];
    made.push_back(operator_argument(argument.name(), argument.type(), arguments[i], inputs));
  }
  return made;
}

}  // namespace iba::imported
