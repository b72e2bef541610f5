#pragma once

#include <exception>

#include "error.h"
#include "napi.h"

namespace iba::binding {

/// A failure in the form JavaScript gets it: a stable code and a message.
struct Failure {
  ErrorCode code;
  std::string message;
};

/// Turns the exception in flight into a failure. Never throws.
Failure current_failure() noexcept;

Napi::Error to_js_error(Napi::Env env, const Failure& failure);

/// Adds a function to the module, `Napi::Value function(const Napi::CallbackInfo&)`. Its C++ exceptions
/// become JavaScript errors with a code.
template <typename Function>
void export_function(Napi::Object& exports, const char* name, Function function) {
  auto guarded = [function](const Napi::CallbackInfo& info) -> Napi::Value {
    try {
      return function(info);
    } catch (const Napi::Error&) {
      throw;
    } catch (...) {
      throw to_js_error(info.Env(), current_failure());
    }
  };
  exports.Set(name, Napi::Function::New(exports.Env(), guarded, name));
}

template <Napi::Value (*function)(const Napi::CallbackInfo&)>
void export_function(Napi::Object& exports, const char* name) {
  export_function(exports, name, function);
}

}  // namespace iba::binding
