#pragma once

#include <array>
#include <concepts>
#include <filesystem>
#include <limits>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

#include "arguments.h"
#include "handle.h"

namespace iba {

/// For a struct X that crosses between C++ and JavaScript: `void fields(Of<X> auto& x, auto&& field)` in this
/// namespace calls `field("name", x.member)` for each of its fields, and `field("name", x.member, bounds)`
/// for a number that has to lie in a range. Reading and writing follow from it. The members of an enumeration
/// that crosses are named by `enum_names(E)`, an array in the order of their values.
template <typename T, typename X>
concept Of = requires { requires std::same_as<std::remove_const_t<T>, X>; };

}  // namespace iba

namespace iba::binding {

/// The range of a number, or of each number of a list.
struct Bounds {
  double minimum = std::numeric_limits<double>::lowest();
  double maximum = std::numeric_limits<double>::max();
};

template <typename T>
inline constexpr bool is_vector = false;
template <typename T>
inline constexpr bool is_vector<std::vector<T>> = true;
template <typename T>
inline constexpr bool is_optional = false;
template <typename T>
inline constexpr bool is_optional<std::optional<T>> = true;
template <typename T>
inline constexpr bool is_handle = false;
template <typename T>
inline constexpr bool is_handle<std::shared_ptr<T>> = true;
template <typename T>
inline constexpr bool is_array = false;
template <typename T, size_t N>
inline constexpr bool is_array<std::array<T, N>> = true;
template <typename T>
inline constexpr bool is_map = false;
template <typename T>
inline constexpr bool is_map<std::map<std::string, T>> = true;
template <typename T>
inline constexpr bool is_variant = false;
template <typename... T>
inline constexpr bool is_variant<std::variant<T...>> = true;
/// Names with values, in an order.
template <typename T>
inline constexpr bool is_record = false;
template <typename T>
inline constexpr bool is_record<std::vector<std::pair<std::string, T>>> = true;

/// A tensor in JavaScript's memory: `owner` must be kept alive.
struct TensorView {
  at::Tensor tensor;
  Napi::Object owner;
};

/// A value of JavaScript's as C++ has it. Throws INVALID_ARGUMENT, naming the argument, where it is of
/// another type or out of bounds; DISPOSED for a handle that was disposed of.
template <typename T>
T read(const Napi::Value& value, const char* name, Bounds bounds = {}) {
  if constexpr (std::is_same_v<T, bool>) {
    return boolean_argument(value, name);
  } else if constexpr (std::is_same_v<T, std::string>) {
    return string_argument(value, name);
  } else if constexpr (std::is_same_v<T, std::filesystem::path>) {
    return T(string_argument(value, name));
  } else if constexpr (std::is_same_v<T, double>) {
    return number_argument(value, name, bounds.minimum, bounds.maximum);
  } else if constexpr (std::is_same_v<T, uint64_t>) {
    return static_cast<uint64_t>(integer_argument(value, name, 0, kLargestInteger));
  } else if constexpr (std::is_integral_v<T>) {
    return static_cast<T>(integer_argument(value, name,
                                           static_cast<int64_t>(std::max(bounds.minimum, -9.0e15)),
                                           static_cast<int64_t>(std::min(bounds.maximum, 9.0e15))));
  } else if constexpr (std::is_enum_v<T>) {
    return static_cast<T>(choice_argument(value, name, enum_names(T{})));
  } else if constexpr (std::is_same_v<T, at::Tensor>) {
    return tensor_argument(value, name);
  } else if constexpr (std::is_same_v<T, TensorView>) {
    return {tensor_view(value, name), value.As<Napi::Object>().Get("data").template As<Napi::Object>()};
  } else if constexpr (is_handle<T>) {
    return from_handle<typename T::element_type>(value);
  } else if constexpr (is_optional<T>) {
    if (value.IsUndefined() || value.IsNull()) return std::nullopt;
    return read<typename T::value_type>(value, name, bounds);
  } else if constexpr (is_map<T>) {
    T entries;
    auto object = object_argument(value, name);
    auto keys = object.GetPropertyNames();
    for (uint32_t i = 0; i < keys.Length(); ++i) {
      auto key = keys.Get(i).ToString().Utf8Value();
      entries[key] = read<typename T::mapped_type>(object.Get(key), name, bounds);
    }
    return entries;
  } else if constexpr (is_vector<T>) {
    T elements;
    auto array = array_argument(value, name);
    for (uint32_t i = 0; i < array.Length(); ++i)
      elements.push_back(read<typename T::value_type>(array.Get(i), name, bounds));
    return elements;
  } else if constexpr (is_array<T>) {
    T elements;
    auto array = array_argument(value, name, elements.size());
    for (uint32_t i = 0; i < elements.size(); ++i)
      elements[i] = read<typename T::value_type>(array.Get(i), name, bounds);
    return elements;
  } else if constexpr (std::is_base_of_v<Napi::Value, T>) {
    return value.As<T>();
  } else {
    T result{};
    auto object = object_argument(value, name);
    fields(result, [&]<typename F>(const char* field, F& member, Bounds range = {}) {
      member = read<F>(object.Get(field), field, range);
    });
    return result;
  }
}

/// A value of C++'s as JavaScript gets it: a tensor as { data, shape }, what is shared as a handle, an empty
/// optional as null, and an undefined tensor, as well as a field that holds one, not at all.
template <typename T>
Napi::Value write(Napi::Env env, const T& value) {
  if constexpr (std::is_same_v<T, bool>) {
    return Napi::Boolean::New(env, value);
  } else if constexpr (std::is_arithmetic_v<T>) {
    return Napi::Number::New(env, static_cast<double>(value));
  } else if constexpr (std::is_convertible_v<T, std::string_view>) {
    return Napi::String::New(env, std::string(value));
  } else if constexpr (std::is_enum_v<T>) {
    return Napi::String::New(env, std::string(enum_names(T{})[static_cast<size_t>(value)]));
  } else if constexpr (std::is_same_v<T, at::Tensor>) {
    return value.defined() ? tensor_value(env, value) : env.Undefined();
  } else if constexpr (is_handle<T>) {
    return make_handle(env, value);
  } else if constexpr (is_optional<T>) {
    return value ? write(env, *value) : env.Null();
  } else if constexpr (is_variant<T>) {
    return std::visit([&](const auto& chosen) { return write(env, chosen); }, value);
  } else if constexpr (is_map<T> || is_record<T>) {
    auto object = Napi::Object::New(env);
    for (const auto& [key, entry] : value) object.Set(key, write(env, entry));
    return object;
  } else if constexpr (is_vector<T> || is_array<T>) {
    auto array = Napi::Array::New(env, value.size());
    for (size_t i = 0; i < value.size(); ++i) array.Set(static_cast<uint32_t>(i), write(env, value[i]));
    return array;
  } else if constexpr (std::is_base_of_v<Napi::Value, T>) {
    return value;
  } else {
    auto object = Napi::Object::New(env);
    fields(value, [&]<typename F>(const char* field, const F& member, Bounds = {}) {
      auto written = write(env, member);
      if (!written.IsUndefined()) object.Set(field, written);
    });
    return object;
  }
}

}  // namespace iba::binding
