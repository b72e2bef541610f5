#pragma once

#include <memory>
#include <string>

#include "binding_error.h"

namespace iba::binding {

/// The tag and name of a native type that JavaScript may hold. Specialised next to each type.
template <typename T>
struct HandleType;

/// Gives JavaScript an opaque, type-tagged value that owns a share of `object`.
template <typename T>
Napi::Value make_handle(Napi::Env env, std::shared_ptr<T> object) {
  auto box = std::make_unique<std::shared_ptr<T>>(std::move(object));
  auto handle = Napi::External<std::shared_ptr<T>>::New(
      env, box.get(), [](Napi::BasicEnv, std::shared_ptr<T>* owned) { delete owned; });
  box.release();
  if (napi_type_tag_object(env, handle, &HandleType<T>::tag) != napi_ok) throw Napi::Error::New(env);
  return handle;
}

template <typename T>
std::shared_ptr<T>& handle_box(const Napi::Value& value) {
  bool matches = false;
  bool is_external = value.IsExternal();
  if (is_external) napi_check_object_type_tag(value.Env(), value, &HandleType<T>::tag, &matches);
  if (!matches)
    throw Error("INVALID_ARGUMENT", std::string("Expected a handle of ") + HandleType<T>::name + ".");
  return *value.As<Napi::External<std::shared_ptr<T>>>().Data();
}

/// A share of the object behind a handle. Throws INVALID_ARGUMENT for anything else, DISPOSED after
/// `dispose`.
template <typename T>
std::shared_ptr<T> from_handle(const Napi::Value& value) {
  auto& box = handle_box<T>(value);
  if (!box) throw Error("DISPOSED", std::string("This ") + HandleType<T>::name + " was disposed of.");
  return box;
}

/// Lets go of the handle's share now; work that still runs keeps its own. Safe to call twice.
template <typename T>
void dispose_handle(const Napi::Value& value) {
  handle_box<T>(value).reset();
}

}  // namespace iba::binding
