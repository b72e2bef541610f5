#include "calls.h"
#include "device_argument.h"
#include "executors.h"
#include "handles.h"
#include "module.h"
#include "training/shared_statistics.h"

namespace iba {

void fields(Of<ProcessGroupOptions> auto& options, auto&& field) {
  field("size", options.size, {1, 100'000});
  field("rank", options.rank, {0, 99'999});
  field("address", options.address);
  field("port", options.port, {1, 65'535});
  field("isHosted", options.is_hosted);
  field("meeting", options.meeting);
  field("networkInterface", options.network_interface);
  field("timeout", options.timeout);
  field("device", options.device);
}

}  // namespace iba

namespace iba::binding {

template <>
std::chrono::milliseconds read<std::chrono::milliseconds>(const Napi::Value& value, const char* name,
                                                          Bounds) {
  constexpr int64_t kWeek = int64_t{7} * 24 * 3600 * 1000;
  return std::chrono::milliseconds(integer_argument(value, name, 1, kWeek));
}

namespace {

using Group = std::shared_ptr<ProcessGroup>;

Task<Group> join(const ProcessGroupOptions& options) {
  if (options.rank >= options.size)
    throw Error(ErrorCode::invalid_argument, "Expected a rank below the number of processes.");
  return {executor_of(at::kCPU), [options](const Cancellation& cancellation, const StepProgress&) {
            return std::make_shared<ProcessGroup>(options, cancellation);
          }};
}

/// How tensors of GPUs are exchanged.
struct Exchange {
  bool uses_nccl;
  std::string why_not_nccl;
};

void fields(Of<Exchange> auto& exchange, auto&& field) {
  field("usesNccl", exchange.uses_nccl);
  field("whyNotNccl", exchange.why_not_nccl);
}

Exchange describe_exchange(const Group& group) {
  return {group->uses_nccl(), group->why_not_nccl()};
}

/// The statistics of all processes together.
Task<std::shared_ptr<ModelStatistics>> merge_statistics_of_all(
    const Group& group, const std::shared_ptr<ModelStatistics>& statistics) {
  return {executor_of(at::kCPU),
          [=] { return std::make_shared<ModelStatistics>(merge_over_processes(*statistics, *group)); }};
}

/// Shows a text to all processes.
Task<void> publish(const Group& group, const std::string& key, const std::string& text) {
  return {executor_of(at::kCPU), [=] { group->publish(key, text); }};
}

/// A text that one of the processes publishes.
Task<std::string> read_published(const Group& group, const std::string& key) {
  return {executor_of(at::kCPU), [=] { return group->read(key); }};
}

/// Waits until all processes are here.
Task<void> barrier(const Group& group) {
  return {executor_of(at::kCPU), [group] { group->barrier(); }};
}

}  // namespace

void export_processes(Napi::Object exports) {
  export_call<join>(exports, "joinProcesses");
  export_call<describe_exchange>(exports, "describeExchange", "group");
  export_call<merge_statistics_of_all>(exports, "mergeStatisticsOfProcesses", "group", "statistics");
  export_call<publish>(exports, "publishToProcesses", "group", "key", "text");
  export_call<read_published>(exports, "readFromProcesses", "group", "key");
  export_call<barrier>(exports, "barrier", "group");
}

}  // namespace iba::binding
