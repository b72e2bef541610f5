#pragma once

#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "binding_error.h"
#include "torch.h"

namespace iba::binding {

/// The largest whole number that JavaScript counts exactly.
inline constexpr int64_t kLargestInteger = 9007199254740991;

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
Napi::Array array_argument(const Napi::Value& value, const char* name, size_t length);
/// The position of a string among the names that are allowed.
size_t choice_argument(const Napi::Value& value, const char* name, std::span<const std::string_view> allowed);
std::vector<int64_t> shape_argument(const Napi::Value& value);

/// The memory of `{ data, shape }` as a tensor whose type is that of the typed array: float, double, byte or
/// long. The array must be kept alive.
at::Tensor tensor_view(const Napi::Value& value, const char* name);

/// A copy of it, made by the calling thread alone: JavaScript's thread has no others to wait for.
at::Tensor tensor_argument(const Napi::Value& value, const char* name);

/// `{ data, shape }` with a copy of the tensor's elements: a Float64Array for double, a Uint8Array for bytes
/// and booleans, a Float32Array for all others.
Napi::Value tensor_value(Napi::Env env, const at::Tensor& tensor);

}  // namespace iba::binding
