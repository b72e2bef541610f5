#pragma once

#include <map>
#include <string>
#include <vector>

#include "binding_error.h"
#include "torch.h"

namespace iba::binding {

/// Checked access to what JavaScript passed. Each throws INVALID_ARGUMENT naming the argument, as a second
/// line behind the checks of the TypeScript layer.
std::string string_argument(const Napi::Value& value, const char* name);
double number_argument(const Napi::Value& value, const char* name);
int64_t integer_argument(const Napi::Value& value, const char* name);
double number_argument(const Napi::Value& value, const char* name, double minimum, double maximum);
int64_t integer_argument(const Napi::Value& value, const char* name, int64_t minimum, int64_t maximum);
bool boolean_argument(const Napi::Value& value, const char* name);
Napi::Object object_argument(const Napi::Value& value, const char* name);
Napi::Array array_argument(const Napi::Value& value, const char* name);
std::vector<std::string> strings_argument(const Napi::Value& value, const char* name);
std::vector<int64_t> shape_argument(const Napi::Value& value);

/// A copy of a Float32Array as a tensor of the shape. The array's length must be the shape's.
at::Tensor float_tensor_argument(const Napi::Value& value, at::IntArrayRef shape, const char* name);

/// A copy of a Float64Array, likewise.
at::Tensor double_tensor_argument(const Napi::Value& value, at::IntArrayRef shape, const char* name);

/// A Uint8Array's memory as a tensor of the shape, without a copy: the array must be kept alive.
at::Tensor byte_tensor_view(const Napi::Value& value, at::IntArrayRef shape, const char* name);

/// Typed arrays with a copy of the tensor's elements.
Napi::Value to_float_array(Napi::Env env, const at::Tensor& tensor);
Napi::Value to_double_array(Napi::Env env, const at::Tensor& tensor);
Napi::Value to_byte_array(Napi::Env env, const at::Tensor& tensor);
Napi::Value to_shape(Napi::Env env, at::IntArrayRef shape);
Napi::Value to_array(Napi::Env env, const std::vector<std::string>& strings);
Napi::Object to_object(Napi::Env env, const std::map<std::string, std::string>& entries);

}  // namespace iba::binding
