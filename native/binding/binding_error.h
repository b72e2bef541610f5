#pragma once

#include <exception>

#include "error.h"
#include "napi.h"

namespace iba::binding {

/// A failure in the form JavaScript gets it: a stable code and a message.
struct Failure {
  std::string code;
  std::string message;
};

/// Turns the exception in flight into a failure. Never throws.
Failure current_failure() noexcept;

Napi::Error to_js_error(Napi::Env env, const Failure& failure);

/// A native function whose C++ exceptions become JavaScript errors with a code.
template <Napi::Value (*function)(const Napi::CallbackInfo&)>
Napi::Value guarded(const Napi::CallbackInfo& info) {
  try {
    return function(info);
  } catch (const Napi::Error&) {
    throw;
  } catch (...) {
    throw to_js_error(info.Env(), current_failure());
  }
}

/// Adds a guarded function to the module.
template <Napi::Value (*function)(const Napi::CallbackInfo&)>
void export_function(Napi::Object& exports, const char* name) {
  exports.Set(name, Napi::Function::New<guarded<function>>(exports.Env(), name));
}

}  // namespace iba::binding
