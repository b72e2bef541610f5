#include "arguments.h"

#include <algorithm>
#include <cmath>
#include <cstring>
#include <sstream>

namespace iba::binding {

namespace {

constexpr double kLargestInteger = 9007199254740991;
constexpr int64_t kLargestExtent = int64_t{1} << 31;

[[noreturn]] void refuse(const char* name, const char* expected) {
  throw Error("INVALID_ARGUMENT", std::string("Expected ") + expected + " for " + name + ".");
}

[[noreturn]] void refuse_range(const char* name, double minimum, double maximum) {
  std::ostringstream expected;
  expected << "a number from " << minimum << " to " << maximum;
  refuse(name, expected.str().c_str());
}

int64_t numel(at::IntArrayRef shape) {
  int64_t product = 1;
  for (int64_t extent : shape) product *= extent;
  return product;
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
  if (std::trunc(number) != number || std::abs(number) > kLargestInteger) refuse(name, "a whole number");
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

std::vector<std::string> strings_argument(const Napi::Value& value, const char* name) {
  auto array = array_argument(value, name);
  std::vector<std::string> strings;
  for (uint32_t i = 0; i < array.Length(); ++i) strings.push_back(string_argument(array[i], name));
  return strings;
}

std::vector<int64_t> shape_argument(const Napi::Value& value) {
  auto array = array_argument(value, "shape");
  std::vector<int64_t> shape;
  double elements = 1;
  for (uint32_t i = 0; i < array.Length(); ++i) {
    shape.push_back(integer_argument(array[i], "shape", 0, kLargestExtent));
    elements *= static_cast<double>(std::max<int64_t>(shape.back(), 1));
  }
  if (elements > kLargestInteger) refuse("shape", "extents whose product can be counted");
  return shape;
}

at::Tensor float_tensor_argument(const Napi::Value& value, at::IntArrayRef shape, const char* name) {
  if (!value.IsTypedArray() || value.As<Napi::TypedArray>().TypedArrayType() != napi_float32_array) {
    refuse(name, "a Float32Array");
  }
  auto array = value.As<Napi::Float32Array>();
  if (static_cast<int64_t>(array.ElementLength()) != numel(shape))
    refuse(name, "an array of the shape's length");
  at::Tensor tensor = at::empty(shape, at::kFloat);
  std::memcpy(tensor.data_ptr<float>(), array.Data(), array.ByteLength());
  return tensor;
}

at::Tensor double_tensor_argument(const Napi::Value& value, at::IntArrayRef shape, const char* name) {
  if (!value.IsTypedArray() || value.As<Napi::TypedArray>().TypedArrayType() != napi_float64_array) {
    refuse(name, "a Float64Array");
  }
  auto array = value.As<Napi::Float64Array>();
  if (static_cast<int64_t>(array.ElementLength()) != numel(shape))
    refuse(name, "an array of the shape's length");
  return at::from_blob(array.Data(), shape, at::kDouble).clone();
}

at::Tensor byte_tensor_view(const Napi::Value& value, at::IntArrayRef shape, const char* name) {
  if (!value.IsTypedArray() || value.As<Napi::TypedArray>().TypedArrayType() != napi_uint8_array) {
    refuse(name, "a Uint8Array");
  }
  auto array = value.As<Napi::Uint8Array>();
  if (static_cast<int64_t>(array.ElementLength()) != numel(shape))
    refuse(name, "an array of the shape's length");
  return at::from_blob(array.Data(), shape, at::kByte);
}

Napi::Value to_float_array(Napi::Env env, const at::Tensor& tensor) {
  at::Tensor values = tensor.to(at::kCPU, at::kFloat).contiguous();
  auto array = Napi::Float32Array::New(env, static_cast<size_t>(values.numel()));
  std::memcpy(array.Data(), values.const_data_ptr<float>(), array.ByteLength());
  return array;
}

Napi::Value to_double_array(Napi::Env env, const at::Tensor& tensor) {
  at::Tensor values = tensor.to(at::kCPU, at::kDouble).contiguous();
  auto array = Napi::Float64Array::New(env, static_cast<size_t>(values.numel()));
  std::memcpy(array.Data(), values.const_data_ptr<double>(), array.ElementLength() * sizeof(double));
  return array;
}

Napi::Value to_byte_array(Napi::Env env, const at::Tensor& tensor) {
  at::Tensor values = tensor.contiguous();
  auto array = Napi::Uint8Array::New(env, static_cast<size_t>(values.numel()));
  std::memcpy(array.Data(), values.const_data_ptr<uint8_t>(), array.ByteLength());
  return array;
}

Napi::Value to_shape(Napi::Env env, at::IntArrayRef shape) {
  auto array = Napi::Array::New(env, shape.size());
  for (size_t i = 0; i < shape.size(); ++i) {
    array.Set(static_cast<uint32_t>(i), Napi::Number::New(env, static_cast<double>(shape[i])));
  }
  return array;
}

Napi::Value to_array(Napi::Env env, const std::vector<std::string>& strings) {
  auto array = Napi::Array::New(env, strings.size());
  for (size_t i = 0; i < strings.size(); ++i) array.Set(static_cast<uint32_t>(i), strings[i]);
  return array;
}

Napi::Object to_object(Napi::Env env, const std::map<std::string, std::string>& entries) {
  auto object = Napi::Object::New(env);
  for (const auto& [key, value] : entries) object.Set(key, value);
  return object;
}

}  // namespace iba::binding
