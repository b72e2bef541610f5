#include "training/nccl_communicator.h"

#include <c10/core/DeviceGuard.h>
#include <c10/core/Event.h>
#include <c10/core/impl/VirtualGuardImpl.h>

#include <thread>

#include "error.h"

namespace iba {

namespace {

constexpr std::chrono::microseconds kPoll{50};
constexpr std::chrono::seconds kPatience{1};

std::optional<NcclType> type_of(const at::Tensor& tensor) {
  switch (tensor.scalar_type()) {
    case at::kChar:
      return NcclType::int8;
    case at::kByte:
      return NcclType::uint8;
    case at::kInt:
      return NcclType::int32;
    case at::kLong:
      return NcclType::int64;
    case at::kHalf:
      return NcclType::float16;
    case at::kFloat:
      return NcclType::float32;
    case at::kDouble:
      return NcclType::float64;
    case at::kBFloat16:
      return NcclType::bfloat16;
    default:
      return std::nullopt;
  }
}

c10::Stream current_stream(at::Device device) {
  return c10::impl::VirtualGuardImpl(device.type()).getStream(device);
}

}  // namespace

NcclCommunicator::NcclCommunicator(std::shared_ptr<const NcclLibrary> library, const NcclUniqueId& id,
                                   const Member& member)
    : library_(std::move(library)), member_(member) {
  const c10::DeviceGuard guard(member_.device);
  // A build of LibTorch that doesn't give NCCL the stream says so here, before anything depends on it.
  current_stream(member_.device).native_handle();
  NcclConfig config;
  const NcclResult result = library_->init(&communicator_, static_cast<int>(member_.size), id,
                                           static_cast<int>(member_.rank), &config);
  if (result != NcclResult::in_progress) library_->require("ncclCommInitRankConfig", result, communicator_);
}

NcclCommunicator::~NcclCommunicator() {
  const c10::DeviceGuard guard(member_.device);
  if (communicator_ != nullptr) library_->abort(communicator_);
}

NcclResult NcclCommunicator::state() const {
  NcclResult state = NcclResult::success;
  library_->require("ncclCommGetAsyncError", library_->get_async_error(communicator_, &state), communicator_);
  return state;
}

bool NcclCommunicator::is_ready() const {
  const NcclResult found = state();
  if (found == NcclResult::in_progress) return false;
  library_->require("ncclCommInitRankConfig", found, communicator_);
  return true;
}

bool NcclCommunicator::takes(const at::Tensor& tensor) const {
  return tensor.device() == member_.device && type_of(tensor).has_value();
}

template <typename IsDone>
void NcclCommunicator::wait_until(IsDone is_done) const {
  const auto start = std::chrono::steady_clock::now();
  auto look_around_at = start + kPatience;
  while (!is_done()) {
    const auto now = std::chrono::steady_clock::now();
    if (now > start + member_.timeout) throw Error(ErrorCode::process_group, "NCCL got no answer in time");
    if (now > look_around_at) {
      member_.look_around();
      look_around_at = now + kPatience;
    }
    std::this_thread::sleep_for(kPoll);
  }
}

void NcclCommunicator::enqueue(const char* call, const std::function<NcclResult(void*)>& begin) {
  const c10::DeviceGuard guard(member_.device);
  NcclResult result = begin(current_stream(member_.device).native_handle());
  wait_until([&] {
    if (result == NcclResult::in_progress) result = state();
    return result != NcclResult::in_progress;
  });
  library_->require(call, result, communicator_);
}

void NcclCommunicator::sum(const at::Tensor& tensor) {
  enqueue("ncclAllReduce", [&](void* stream) {
    void* data = tensor.mutable_data_ptr();
    return library_->all_reduce(data, data, static_cast<size_t>(tensor.numel()), *type_of(tensor),
                                NcclOperation::sum, communicator_, stream);
  });
}

at::Tensor NcclCommunicator::gather(const at::Tensor& tensor) {
  const at::Tensor own = tensor.contiguous();
  std::vector<int64_t> shape = {member_.size};
  shape.insert(shape.end(), own.sizes().begin(), own.sizes().end());
  at::Tensor all = at::empty(shape, own.options());
  enqueue("ncclAllGather", [&](void* stream) {
    return library_->all_gather(own.const_data_ptr(), all.mutable_data_ptr(),
                                static_cast<size_t>(own.numel()), *type_of(own), communicator_, stream);
  });
  return all;
}

void NcclCommunicator::finish() {
  const c10::DeviceGuard guard(member_.device);
  c10::Event done(member_.device.type());
  done.record(current_stream(member_.device));
  wait_until([&] {
    library_->require("NCCL's exchange", state(), communicator_);
    return done.query();
  });
}

}  // namespace iba
