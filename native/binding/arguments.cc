#include "arguments.h"

#include <algorithm>
#include <cmath>
#include <cstring>
#include <sstream>

namespace iba::binding {

namespace {

constexpr int64_t kLargestExtent = int64_t{1} << 31;

[[noreturn]] void refuse(const char* name, const char* expected) {
  throw Error(ErrorCode::invalid_argument, std::string("Expected ") + expected + " for " + name + ".");
}

[[noreturn]] void refuse_range(const char* name, double minimum, double maximum) {
  std::ostringstream expected;
  expected << "a number from " << minimum << " to " << maximum;
  refuse(name, expected.str().c_str());
}

template <typename Array>
Napi::Value array_of(Napi::Env env, const at::Tensor& tensor, at::ScalarType type) {
  at::Tensor values = tensor.to(at::kCPU, type).contiguous();
  auto array = Array::New(env, static_cast<size_t>(values.numel()));
  std::memcpy(array.Data(), values.const_data_ptr(), values.nbytes());
  return array;
}

}  // namespace

std::string string_argument(const Napi::Value& value, const char* name) {
  if (!value.IsString()) refuse(name, "a string");
  return value.As<Napi::String>().Utf8Value();
}

double number_argument(const Napi::Value& value, const char* name) {
  double number = value.IsNumber() ? value.As<Napi::Number>().DoubleValue() : std::nan("");
  if (!std::isfinite(number)) refuse(name, "a finite number");
  return number;
}

int64_t integer_argument(const Napi::Value& value, const char* name) {
  double number = number_argument(value, name);
  if (std::trunc(number) != number || std::abs(number) > static_cast<double>(kLargestInteger))
    refuse(name, "a whole number");
  return static_cast<int64_t>(number);
}

double number_argument(const Napi::Value& value, const char* name, double minimum, double maximum) {
  double number = number_argument(value, name);
  if (number < minimum || number > maximum) refuse_range(name, minimum, maximum);
  return number;
}

int64_t integer_argument(const Napi::Value& value, const char* name, int64_t minimum, int64_t maximum) {
  int64_t number = integer_argument(value, name);
  if (number < minimum || number > maximum) {
    refuse_range(name, static_cast<double>(minimum), static_cast<double>(maximum));
  }
  return number;
}

bool boolean_argument(const Napi::Value& value, const char* name) {
  if (!value.IsBoolean()) refuse(name, "true or false");
  return value.As<Napi::Boolean>().Value();
}

Napi::Object object_argument(const Napi::Value& value, const char* name) {
  if (!value.IsObject() || value.IsNull()) refuse(name, "an object");
  return value.As<Napi::Object>();
}

Napi::Array array_argument(const Napi::Value& value, const char* name) {
  if (!value.IsArray()) refuse(name, "an array");
  return value.As<Napi::Array>();
}

Napi::Array array_argument(const Napi::Value& value, const char* name, size_t length) {
  auto array = array_argument(value, name);
  if (array.Length() != length) refuse(name, ("an array of " + std::to_string(length)).c_str());
  return array;
}

size_t choice_argument(const Napi::Value& value, const char* name,
                       std::span<const std::string_view> allowed) {
  auto text = string_argument(value, name);
  auto found = std::find(allowed.begin(), allowed.end(), text);
  if (found != allowed.end()) return static_cast<size_t>(found - allowed.begin());
  std::string expected = "one of:";
  for (auto choice : allowed) expected.append(expected.ends_with(':') ? " " : ", ").append(choice);
  refuse(name, expected.c_str());
}

std::vector<int64_t> shape_argument(const Napi::Value& value) {
  auto array = array_argument(value, "shape");
  std::vector<int64_t> shape;
  double elements = 1;
  for (uint32_t i = 0; i < array.Length(); ++i) {
    shape.push_back(integer_argument(array[i], "shape", 0, kLargestExtent));
    elements *= static_cast<double>(std::max<int64_t>(shape.back(), 1));
  }
  if (elements > static_cast<double>(kLargestInteger))
    refuse("shape", "extents whose product can be counted");
  return shape;
}

at::Tensor tensor_view(const Napi::Value& value, const char* name) {
  auto object = object_argument(value, name);
  Napi::Value data = object["data"];
  if (!data.IsTypedArray()) refuse(name, "{ data: a typed array, shape }");
  auto array = data.As<Napi::TypedArray>();
  at::ScalarType type = at::kFloat;
  switch (array.TypedArrayType()) {
    case napi_float32_array:
      break;
    case napi_float64_array:
      type = at::kDouble;
      break;
    case napi_uint8_array:
      type = at::kByte;
      break;
    case napi_bigint64_array:
      type = at::kLong;
      break;
    default:
      refuse(name, "a Float32Array, a Float64Array, a Uint8Array or a BigInt64Array");
  }
  auto shape = shape_argument(object["shape"]);
  if (static_cast<int64_t>(array.ElementLength()) != c10::multiply_integers(shape))
    refuse(name, "an array of the shape's length");
  void* memory = nullptr;
  napi_get_typedarray_info(array.Env(), array, nullptr, nullptr, &memory, nullptr, nullptr);
  return at::from_blob(memory, shape, type);
}

at::Tensor tensor_argument(const Napi::Value& value, const char* name) {
  at::Tensor view = tensor_view(value, name);
  at::Tensor copy = at::empty(view.sizes(), view.options());
  if (view.numel() > 0) std::memcpy(copy.mutable_data_ptr(), view.const_data_ptr(), view.nbytes());
  return copy;
}

Napi::Value tensor_value(Napi::Env env, const at::Tensor& tensor) {
  auto object = Napi::Object::New(env);
  switch (tensor.scalar_type()) {
    case at::kDouble:
      object.Set("data", array_of<Napi::Float64Array>(env, tensor, at::kDouble));
      break;
    case at::kByte:
    case at::kBool:
      object.Set("data", array_of<Napi::Uint8Array>(env, tensor, at::kByte));
      break;
    default:
      object.Set("data", array_of<Napi::Float32Array>(env, tensor, at::kFloat));
  }
  auto shape = Napi::Array::New(env, static_cast<size_t>(tensor.dim()));
  for (int64_t i = 0; i < tensor.dim(); ++i)
    shape.Set(static_cast<uint32_t>(i), static_cast<double>(tensor.size(i)));
  object.Set("shape", shape);
  return object;
}

}  // namespace iba::binding
