#include "import/argument_limits.h"

#include <algorithm>
#include <limits>
#include <set>

#include "error.h"

namespace iba::imported {

namespace {

constexpr int64_t kMostParts = 65536;
constexpr int64_t kMostNewElements = int64_t{1} << 30;
constexpr int64_t kMostDimensions = 32;
constexpr size_t kLongestNewText = 65536;
constexpr int64_t kMostSteps = 4096;
constexpr int64_t kSmallStride = 8;
constexpr int64_t kMostOfStride = 8192;

/// One call of an operator, its arguments by the names of its schema.
class LimitedCall {
 public:
  LimitedCall(const c10::FunctionSchema& schema, const std::vector<Item>& arguments, const std::string& place)
      : schema_(schema), arguments_(arguments), place_(place) {}

  const std::string& name() const { return schema_.name(); }

  std::optional<int64_t> integer(const char* argument) const {
    auto index = schema_.argumentIndexWithName(argument);
    if (!index) return std::nullopt;
    const Item& item = arguments_[static_cast<size_t>(*index)];
    return !item->elements && item->value.isInt() ? std::optional(item->value.toInt()) : std::nullopt;
  }

  /// An argument that is an integer or a list of them; none where it isn't.
  std::vector<int64_t> integers(const char* argument) const {
    auto index = schema_.argumentIndexWithName(argument);
    if (!index) return {};
    const Item& item = arguments_[static_cast<size_t>(*index)];
    // A constant list holds its numbers itself.
    if (!item->elements && item->value.isIntList()) return item->value.toIntVector();
    std::vector<int64_t> all;
    for (const Item& element : item->elements.value_or(std::vector<Item>{item})) {
      if (!element->elements && element->value.isInt()) all.push_back(element->value.toInt());
    }
    return all;
  }

  const Tensor* tensor(size_t index = 0) const {
    bool has = index < arguments_.size() && !arguments_[index]->elements &&
               arguments_[index]->value.isTensor() && arguments_[index]->value.toTensor().defined();
    return has ? &arguments_[index]->value.toTensor() : nullptr;
  }

  const Tensor* tensor(const char* argument) const {
    auto index = schema_.argumentIndexWithName(argument);
    return index ? tensor(static_cast<size_t>(*index)) : nullptr;
  }

  [[noreturn]] void refuse(const std::string& what) const {
    throw Error(ErrorCode::model, "In " + place_ + ", the operator '" + name() + "' " + what +
                                      ". No model needs that: the file may be damaged or hostile.");
  }

 private:
  const c10::FunctionSchema& schema_;
  const std::vector<Item>& arguments_;
  const std::string& place_;
};

void check_type(const LimitedCall& call) {
  static const std::set<int64_t> kTypes = [] {
    std::set<int64_t> types;
    for (auto type : {at::kByte, at::kChar, at::kShort, at::kInt, at::kLong, at::kHalf, at::kFloat,
                      at::kDouble, at::kBool, at::kBFloat16, at::kComplexFloat, at::kComplexDouble}) {
      types.insert(static_cast<int64_t>(type));
    }
    return types;
  }();
  auto type = call.integer("dtype");
  if (type && !kTypes.contains(*type)) {
    call.refuse("asks for a tensor of type " + std::to_string(*type) + ", expected a type of plain numbers");
  }
}

/// For a mode that it doesn't know, LibTorch leaves its result unwritten or reads beyond a table.
void check_modes(const LimitedCall& call) {
  auto format = call.integer("memory_format");
  if (format && (*format < 0 || *format >= static_cast<int64_t>(at::MemoryFormat::NumOptions)))
    call.refuse("has the memory format " + std::to_string(*format) + ", which there isn't");
  for (const char* name : {"interpolation_mode", "padding_mode"}) {
    auto mode = call.integer(name);
    if (mode && (*mode < 0 || *mode > 2)) {
      call.refuse("has '" + std::string(name) + "' " + std::to_string(*mode) + ", expected 0, 1 or 2");
    }
  }
}

/// The windows of convolutions and pools. The kernels of oneDNN for transposed convolutions, which the
/// gradients of plain ones are too, end the process where a step of the window spans many numbers: seen from
/// 59,000 on, counted as channels, at least 16, times stride. Steps of up to 8 never did, with up to
/// 16,384 channels.
void check_windows(const LimitedCall& call) {
  for (const char* name : {"kernel_size", "stride", "padding", "output_padding", "dilation"}) {
    for (int64_t value : call.integers(name)) {
      if (value > kMostSteps) {
        call.refuse("has '" + std::string(name) + "' " + std::to_string(value) + ", expected at most " +
                    std::to_string(kMostSteps));
      }
    }
  }
  const Tensor* weight = call.tensor("weight");
  if (!weight || weight->dim() < 2) return;
  int64_t channels = weight->size(1) * std::clamp<int64_t>(call.integer("groups").value_or(1), 1, kMostSteps);
  for (int64_t stride : call.integers("stride")) {
    if (stride > kSmallStride && stride * std::max<int64_t>(channels, 16) > kMostOfStride) {
      call.refuse("moves by " + std::to_string(stride) + " over " + std::to_string(channels) +
                  " channels, expected a stride of at most " + std::to_string(kSmallStride) +
                  " or a product of at most " + std::to_string(kMostOfStride));
    }
  }
}

/// How many tensors the operator takes its first one apart into.
std::optional<int64_t> part_count(const LimitedCall& call) {
  const Tensor* tensor = call.tensor();
  if (!tensor) return std::nullopt;
  if (auto chunks = call.integer("chunks")) return chunks;
  if (auto sections = call.integer("sections")) return sections;
  int64_t dim = call.integer("dim").value_or(0);
  dim += dim < 0 ? tensor->dim() : 0;
  if (dim < 0 || dim >= tensor->dim()) return std::nullopt;
  if (call.name() == "aten::unbind") return tensor->size(dim);
  if (auto size = call.integer("split_size")) return tensor->size(dim) / std::max<int64_t>(*size, 1);
  if (call.name() == "aten::_tensor_to_list") return tensor->numel();
  return std::nullopt;
}

void check_parts(const LimitedCall& call) {
  auto count = part_count(call);
  if (count && *count > kMostParts) {
    call.refuse("makes " + std::to_string(*count) + " tensors of one, expected at most " +
                std::to_string(kMostParts));
  }
}

/// What the processor itself refuses: divisions by zero, and of the smallest integer, between plain numbers.
void check_division(const LimitedCall& call, const std::vector<Item>& arguments) {
  static const std::set<std::string> kDivisions = {"aten::floordiv",       "aten::remainder",
                                                   "aten::divmod",         "aten::div",
                                                   "aten::mathremainder",  "aten::__round_to_zero_floordiv",
                                                   "aten::fmod",           "aten::gcd",
                                                   "aten::__range_length", "aten::floor_divide"};
  if (!kDivisions.contains(call.name())) return;
  auto is_tensor = [](const Item& item) { return item->elements || item->value.isTensor(); };
  if (std::any_of(arguments.begin(), arguments.end(), is_tensor)) return;
  const at::IValue& divisor = arguments.back()->value;
  bool by_zero = (divisor.isInt() && divisor.toInt() == 0) || (divisor.isDouble() && divisor.toDouble() == 0);
  if (by_zero && call.name() != "aten::gcd") call.refuse("divides by zero");
  for (const auto& item : arguments) {
    if (item->value.isInt() && item->value.toInt() == std::numeric_limits<int64_t>::min())
      call.refuse("is given a number of 64 bits that has no opposite");
  }
}

}  // namespace

void check_limits(const c10::FunctionSchema& schema, const std::vector<Item>& arguments,
                  const std::string& place) {
  const LimitedCall call(schema, arguments, place);
  check_type(call);
  check_modes(call);
  check_windows(call);
  check_parts(call);
  check_division(call, arguments);
}

void check_result(const c10::FunctionSchema& schema, const at::IValue& made, const std::string& place) {
  const LimitedCall call(schema, {}, place);
  if (made.isString() && made.toStringRef().size() > kLongestNewText) call.refuse("makes an endless text");
  if (!made.isTensor() || !made.toTensor().defined()) return;
  const Tensor& tensor = made.toTensor();
  if (tensor.numel() > kMostNewElements) {
    call.refuse("makes a tensor of " + std::to_string(tensor.numel()) + " elements, expected at most " +
                std::to_string(kMostNewElements));
  }
  if (tensor.dim() > kMostDimensions) {
    call.refuse("makes a tensor of " + std::to_string(tensor.dim()) + " dimensions, expected at most " +
                std::to_string(kMostDimensions));
  }
}

}  // namespace iba::imported
