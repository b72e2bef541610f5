#include "weights/numpy_values.h"

#include <algorithm>
#include <cstring>
#include <string>

#include "io/malformed.h"
#include "io/shape.h"
#include "weights/tensor_storage.h"

namespace iba::pickle {

using io::Malformed;

namespace {

std::optional<at::ScalarType> type_of_code(std::string_view code) {
  if (!code.empty() && (code[0] == '<' || code[0] == '|' || code[0] == '=')) code.remove_prefix(1);
  constexpr std::pair<std::string_view, at::ScalarType> kTypes[] = {
      {"f8", at::kDouble}, {"f4", at::kFloat}, {"f2", at::kHalf}, {"i8", at::kLong}, {"i4", at::kInt},
      {"i2", at::kShort},  {"i1", at::kChar},  {"u1", at::kByte}, {"b1", at::kBool}};
  for (const auto& [name, type] : kTypes) {
    if (name == code) return type;
  }
  return std::nullopt;
}

/// Copies the bytes of an array, in C or Fortran order, into a contiguous tensor.
at::Tensor make_tensor(Arena& arena, const Node& shape_node, const Node& type_node, bool fortran,
                       const Node& data_node) {
  const auto* type = type_node.as<NumpyType>();
  const auto* data = data_node.as<Bytes>();
  if (!type || !data) {
    throw Malformed("a numpy array consists of " + describe(type_node) + " and " + describe(data_node) +
                    ", expected a numpy type and bytes");
  }
  std::vector<int64_t> shape = integers(shape_node);
  const uint64_t bytes = static_cast<uint64_t>(io::checked_numel(shape)) * c10::elementSize(type->type);
  if (bytes != data->data.size()) {
    throw Malformed("a numpy array has " + std::to_string(data->data.size()) + " bytes, its shape needs " +
                    std::to_string(bytes));
  }
  arena.charge(bytes + kTensorBytes);
  if (fortran) std::reverse(shape.begin(), shape.end());
  at::Tensor tensor = io::empty_tensor(shape, type->type);
  if (bytes > 0) std::memcpy(tensor.data_ptr(), data->data.data(), bytes);
  if (type->type == at::kBool) io::normalise_booleans(tensor.data_ptr(), bytes);
  if (!fortran) return tensor;
  std::vector<int64_t> axes(shape.size());
  for (size_t i = 0; i < axes.size(); ++i) axes[i] = static_cast<int64_t>(axes.size() - 1 - i);
  return tensor.permute(axes);
}

}  // namespace

Node* make_numpy_type(Arena& arena, const std::vector<Node*>& arguments) {
  const auto* code = arguments.empty() ? nullptr : arguments[0]->as<std::string>();
  const auto type = code ? type_of_code(*code) : std::nullopt;
  return type ? arena.make(NumpyType{*type}) : nullptr;
}

void set_numpy_type_state(Node& type, const Node& state) {
  const auto* fields = items_of(state);
  const auto* order = fields && fields->size() > 1 ? fields->at(1)->as<std::string>() : nullptr;
  if (!order) throw Malformed("the state of a numpy type is damaged");
  if (*order == ">") type.payload = Object{std::string(kNumpyTypeName)};
}

Node* make_numpy_array(Arena& arena, const std::vector<Node*>& arguments) {
  const auto* type = arguments.empty() ? nullptr : arguments[0]->as<Global>();
  return type && type->name == kNumpyArrayName ? arena.make(UnfilledArray{}) : nullptr;
}

void fill_numpy_array(Arena& arena, Node& array, const Node& state) {
  const auto* fields = items_of(state);
  const auto* fortran = fields && fields->size() == 5 ? fields->at(3)->as<bool>() : nullptr;
  if (!fortran) throw Malformed("the state of a numpy array is damaged, expected a tuple of five");
  if (fields->at(2)->as<Object>()) {
    array.payload = Object{std::string(kNumpyArrayName)};
  } else {
    array.payload = make_tensor(arena, *fields->at(1), *fields->at(2), *fortran, *fields->at(4));
  }
}

Node* make_numpy_array_from_buffer(Arena& arena, const std::vector<Node*>& arguments) {
  const auto* order = arguments.size() == 4 ? arguments[3]->as<std::string>() : nullptr;
  if (!order || (*order != "C" && *order != "F"))
    throw Malformed("a numpy array is neither in C nor F order");
  if (arguments[1]->as<Object>()) return nullptr;
  return arena.make(make_tensor(arena, *arguments[2], *arguments[1], *order == "F", *arguments[0]));
}

Node* make_numpy_scalar(Arena& arena, const std::vector<Node*>& arguments) {
  if (arguments.size() != 2) throw Malformed("a numpy scalar needs a type and bytes");
  const Node shape{Tuple{}};
  const at::Tensor value = make_tensor(arena, shape, *arguments[0], false, *arguments[1]);
  if (value.scalar_type() == at::kBool) return arena.make(value.item<bool>());
  if (value.is_floating_point()) return arena.make(value.item<double>());
  return arena.make(value.item<int64_t>());
}

}  // namespace iba::pickle
