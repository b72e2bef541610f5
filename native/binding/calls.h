#pragma once

#include <concepts>
#include <tuple>
#include <type_traits>

#include "environment.h"
#include "fields.h"
#include "runtime/progress.h"

namespace iba::binding {

template <>
struct HandleType<Cancellation> {
  static constexpr char name[] = "cancellation";
};

/// Work for an executor, which must not touch JavaScript. A call that returns one gives JavaScript a promise
/// of the result.
template <typename Result>
struct Task {
  Executor& executor;
  std::function<Result(const Cancellation&, const StepProgress&, const StepTelling&)> work;
  /// Stay alive until the work is done.
  std::vector<Napi::Object> kept;

  /// `run` may take the cancellation and the progress, whom to tell of steps as well, or nothing.
  template <typename Run>
  Task(Executor& on, Run run, std::vector<Napi::Object> keep = {}) : executor(on), kept(std::move(keep)) {
    if constexpr (std::is_invocable_v<Run>) {
      work = [run = std::move(run)](const auto&...) { return run(); };
    } else if constexpr (std::is_invocable_v<Run, const Cancellation&, const StepProgress&>) {
      work = [run = std::move(run)](const auto& cancellation, const auto& progress, const auto&) {
        return run(cancellation, progress);
      };
    } else {
      work = std::move(run);
    }
  }
};

template <typename Result>
Napi::Value settle(const Napi::CallbackInfo& info, const Result& result) {
  return write(info.Env(), result);
}

/// `cancellation`, `onProgress` and `onStep` may be among the options of every call that returns a task.
template <typename Result>
Napi::Value settle(const Napi::CallbackInfo& info, Task<Result>&& task) {
  RunOptions options{.kept = std::move(task.kept)};
  if (info[0].IsObject()) {
    auto given = info[0].As<Napi::Object>();
    Napi::Value cancellation = given["cancellation"];
    if (!cancellation.IsUndefined()) options.cancellation = from_handle<Cancellation>(cancellation);
    options.on_progress = given["onProgress"];
    options.on_step = given["onStep"];
  }
  Work work = [run = std::move(task.work)](const Cancellation& cancellation, const Progress& progress,
                                           const StepTelling& tell_step) -> Conversion {
    if constexpr (std::is_void_v<Result>) {
      run(cancellation, progress, tell_step);
      return [](Napi::Env env) { return env.Undefined(); };
    } else {
      return [result = run(cancellation, progress, tell_step)](Napi::Env env) { return write(env, result); };
    }
  };
  return Environment::of(info.Env()).run(task.executor, std::move(work), std::move(options));
}

/// What one of a function's parameters is called among the options, and the range of a number.
struct Parameter {
  const char* name;
  Bounds bounds;

  Parameter(const char* its_name, Bounds its_bounds = {}) : name(its_name), bounds(its_bounds) {}
};

/// Calls a function with what JavaScript passed, and writes what it returns.
template <typename Function, typename... Arguments>
Napi::Value call(const Napi::CallbackInfo& info, Function function, const Arguments&... arguments) {
  if constexpr (std::is_void_v<decltype(function(arguments...))>) {
    function(arguments...);
    return info.Env().Undefined();
  } else {
    return settle(info, function(arguments...));
  }
}

/// Adds a function to the module. Its one parameter is the object of options that JavaScript passes, a struct
/// with `fields`; it returns anything that `write` takes, a `Task`, or nothing.
template <typename Result, typename Options>
void export_call(Napi::Object& exports, const char* name, Result (*function)(Options)) {
  export_function(exports, name, [=](const Napi::CallbackInfo& info) {
    return call(info, function, read<std::remove_cvref_t<Options>>(info[0], "options"));
  });
}

/// Adds a function whose parameters are read from the object of options by these names.
template <typename Result, typename... P, std::convertible_to<Parameter>... Names>
  requires(sizeof...(P) == sizeof...(Names))
void export_call(Napi::Object& exports, const char* name, Result (*function)(P...), Names... names) {
  export_function(exports, name, [=](const Napi::CallbackInfo& info) {
    if constexpr (sizeof...(P) == 0) {
      return call(info, function);
    } else {
      auto options = object_argument(info[0], "options");
      auto argument = [&]<typename T>(std::type_identity<T>, const Parameter& parameter) {
        return read<T>(options.Get(parameter.name), parameter.name, parameter.bounds);
      };
      std::tuple<std::remove_cvref_t<P>...> arguments{
          argument(std::type_identity<std::remove_cvref_t<P>>(), names)...};
      return std::apply([&](const auto&... each) { return call(info, function, each...); }, arguments);
    }
  });
}

template <auto function, typename... Names>
void export_call(Napi::Object& exports, const char* name, Names... names) {
  export_call(exports, name, function, names...);
}

}  // namespace iba::binding
