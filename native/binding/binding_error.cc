#include "binding_error.h"

#include <new>

#include "torch.h"

namespace iba::binding {

Failure current_failure() noexcept {
  try {
    throw;
  } catch (const Error& error) {
    return {error.code(), error.what()};
  } catch (const c10::OutOfMemoryError& error) {
    return {"NATIVE",
            std::string("Out of device memory: use a smaller batch. ") + error.what_without_backtrace()};
  } catch (const c10::Error& error) {
    return {"NATIVE", std::string("LibTorch failed: ") + error.what_without_backtrace()};
  } catch (const std::bad_alloc&) {
    return {"NATIVE", "Out of memory: use a smaller batch or image."};
  } catch (const std::exception& error) {
    return {"NATIVE", error.what()};
  } catch (...) {
    return {"NATIVE", "An unknown native error."};
  }
}

Napi::Error to_js_error(Napi::Env env, const Failure& failure) {
  auto error = Napi::Error::New(env, failure.message);
  error.Set("code", Napi::String::New(env, failure.code));
  return error;
}

}  // namespace iba::binding
