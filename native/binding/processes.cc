#include "arguments.h"
#include "environment.h"
#include "executors.h"
#include "handles.h"
#include "module.h"
#include "training/shared_statistics.h"

namespace iba::binding {

namespace {

constexpr int64_t kMostProcesses = 100'000;
constexpr int64_t kLongestWait = int64_t{7} * 24 * 3600 * 1000;

ProcessGroupOptions group_options(const Napi::Object& object) {
  ProcessGroupOptions options;
  options.size = integer_argument(object["size"], "size", 1, kMostProcesses);
  options.rank = integer_argument(object["rank"], "rank", 0, options.size - 1);
  options.address = string_argument(object["address"], "address");
  options.port = static_cast<uint16_t>(integer_argument(object["port"], "port", 1, 65'535));
  options.is_hosted = boolean_argument(object["isHosted"], "isHosted");
  options.meeting = string_argument(object["meeting"], "meeting");
  options.network_interface = string_argument(object["networkInterface"], "networkInterface");
  options.timeout =
      std::chrono::milliseconds(integer_argument(object["timeout"], "timeout", 1, kLongestWait));
  return options;
}

Napi::Value join(const Napi::CallbackInfo& info) {
  auto options = group_options(object_argument(info[0], "options"));
  Work work = [options](const Cancellation&, const Progress&) -> Conversion {
    auto group = std::make_shared<ProcessGroup>(options);
    return [group](Napi::Env env) { return make_handle(env, group); };
  };
  return Environment::of(info.Env()).run(executor_of(at::kCPU), std::move(work));
}

/// (group, statistics) → the statistics of all processes together.
Napi::Value merge_statistics_of_all(const Napi::CallbackInfo& info) {
  auto group = from_handle<ProcessGroup>(info[0]);
  auto statistics = from_handle<ModelStatistics>(info[1]);
  Work work = [group, statistics](const Cancellation&, const Progress&) -> Conversion {
    auto merged = std::make_shared<ModelStatistics>(merge_over_processes(*statistics, *group));
    return [merged](Napi::Env env) { return make_handle(env, merged); };
  };
  return Environment::of(info.Env()).run(executor_of(at::kCPU), std::move(work));
}

Napi::Value meet(const Napi::CallbackInfo& info) {
  auto group = from_handle<ProcessGroup>(info[0]);
  Work work = [group](const Cancellation&, const Progress&) -> Conversion {
    group->meet();
    return [](Napi::Env env) { return env.Undefined(); };
  };
  return Environment::of(info.Env()).run(executor_of(at::kCPU), std::move(work));
}

Napi::Value leave(const Napi::CallbackInfo& info) {
  dispose_handle<ProcessGroup>(info[0]);
  return info.Env().Undefined();
}

}  // namespace

void export_processes(Napi::Object exports) {
  export_function<join>(exports, "joinProcesses");
  export_function<merge_statistics_of_all>(exports, "mergeStatisticsOfProcesses");
  export_function<meet>(exports, "meetProcesses");
  export_function<leave>(exports, "leaveProcesses");
}

}  // namespace iba::binding
