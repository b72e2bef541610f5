#include "binding_error.h"

#include <new>

#include "io/text.h"
#include "torch.h"

namespace iba::binding {

namespace {

Failure described(const std::exception_ptr& failure) {
  try {
    std::rethrow_exception(failure);
  } catch (const Error& error) {
    return {error.code(), error.what()};
  } catch (const c10::OutOfMemoryError& error) {
    return {ErrorCode::native, std::string("Out of device memory: use a smaller batch, or fewer rows. ") +
                                   error.what_without_backtrace()};
  } catch (const c10::Error& error) {
    return {ErrorCode::native, std::string("LibTorch failed: ") + error.what_without_backtrace()};
  } catch (const std::bad_alloc&) {
    return {ErrorCode::native, "Out of memory: use a smaller batch or image."};
  } catch (const std::exception& error) {
    return {ErrorCode::native, error.what()};
  } catch (...) {
    return {ErrorCode::native, "An unknown native error."};
  }
}

}  // namespace

Failure current_failure() noexcept {
  Failure failure = described(std::current_exception());
  failure.message = io::without_frames(std::move(failure.message));
  return failure;
}

Napi::Error to_js_error(Napi::Env env, const Failure& failure) {
  auto error = Napi::Error::New(env, failure.message);
  error.Set("code", std::string(kErrorCodeNames[static_cast<size_t>(failure.code)]));
  return error;
}

}  // namespace iba::binding
