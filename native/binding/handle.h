#pragma once

#include <memory>
#include <string>
#include <utility>

#include "binding_error.h"

namespace iba::binding {

/// The `name` of a native type that JavaScript may hold, in messages; its address tells the types apart.
/// Specialised next to each type.
template <typename T>
struct HandleType;

/// What an opaque value of JavaScript's owns: a share of a native object, until it is disposed of.
struct Handle {
  const char* name;
  std::shared_ptr<void> object;
};

inline constexpr napi_type_tag kHandleTag = {0x8f0d2b1c6a7e4d31, 0x9b5e0c47d2f81a60};

/// Gives JavaScript an opaque, type-tagged value that owns a share of `object`.
template <typename T>
Napi::Value make_handle(Napi::Env env, std::shared_ptr<T> object) {
  auto handle = std::make_unique<Handle>(Handle{HandleType<T>::name, std::move(object)});
  auto value =
      Napi::External<Handle>::New(env, handle.get(), [](Napi::BasicEnv, Handle* owned) { delete owned; });
  handle.release();
  if (napi_type_tag_object(env, value, &kHandleTag) != napi_ok) throw Napi::Error::New(env);
  return value;
}

/// The handle behind a value, or null where the value is none of ours.
inline Handle* handle_of(const Napi::Value& value) {
  bool is_ours = false;
  if (value.IsExternal()) napi_check_object_type_tag(value.Env(), value, &kHandleTag, &is_ours);
  return is_ours ? value.As<Napi::External<Handle>>().Data() : nullptr;
}

/// A share of the object behind a handle. Throws INVALID_ARGUMENT for anything else, DISPOSED after
/// `dispose`.
template <typename T>
std::shared_ptr<T> from_handle(const Napi::Value& value) {
  const Handle* handle = handle_of(value);
  if (!handle || handle->name != HandleType<T>::name)
    throw Error(ErrorCode::invalid_argument,
                std::string("Expected a handle of ") + HandleType<T>::name + ".");
  if (!handle->object)
    throw Error(ErrorCode::disposed, std::string("This ") + HandleType<T>::name + " was disposed of.");
  return std::static_pointer_cast<T>(handle->object);
}

}  // namespace iba::binding
