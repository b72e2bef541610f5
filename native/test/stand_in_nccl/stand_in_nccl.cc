#include "stand_in_nccl/stand_in_nccl.h"

#include <atomic>
#include <cstdint>
#include <cstring>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "training/nccl_library.h"

namespace iba {

namespace {

using Bytes = std::vector<char>;

/// What the ranks bring to one call, by rank.
using Exchange = std::map<int, Bytes>;

struct Group {
  int size;
  int come = 0;
  std::map<size_t, Exchange> exchanges;
};

std::mutex mutex;
std::map<std::string, std::shared_ptr<Group>> groups;
StandInCopy copy = nullptr;
std::string misbehaving;
int misbehaving_rank = -1;
auto misbehaviour = NcclResult::success;
std::atomic<int> exchanges = 0;

/// What a call gives this rank instead of what it should; success: nothing.
NcclResult misbehaviour_of(const char* function, int rank) {
  return misbehaving == function && misbehaving_rank == rank ? misbehaviour : NcclResult::success;
}

size_t size_of(NcclType type) {
  switch (type) {
    case NcclType::float64:
    case NcclType::int64:
      return 8;
    case NcclType::float32:
    case NcclType::int32:
      return 4;
    case NcclType::float16:
    case NcclType::bfloat16:
      return 2;
    default:
      return 1;
  }
}

template <typename Number>
void add(Bytes& sum, const Bytes& other) {
  for (size_t i = 0; i < sum.size(); i += sizeof(Number)) {
    Number left, right;
    std::memcpy(&left, sum.data() + i, sizeof left);
    std::memcpy(&right, other.data() + i, sizeof right);
    left += right;
    std::memcpy(sum.data() + i, &left, sizeof left);
  }
}

Bytes sum_of(const Exchange& exchange, NcclType type) {
  Bytes sum = exchange.at(0);
  for (const auto& [rank, bytes] : exchange) {
    if (rank == 0) continue;
    if (type == NcclType::float32) add<float>(sum, bytes);
    if (type == NcclType::float64) add<double>(sum, bytes);
    if (type == NcclType::int64) add<int64_t>(sum, bytes);
  }
  return sum;
}

Bytes all_of(const Exchange& exchange) {
  Bytes all;
  for (const auto& [rank, bytes] : exchange) all.insert(all.end(), bytes.begin(), bytes.end());
  return all;
}

}  // namespace

struct NcclComm {
  std::shared_ptr<Group> group;
  int rank;
  const char* begun = "ncclCommInitRankConfig";
  size_t calls = 0;
  /// Where the result of the last call goes, until it is there.
  void* to = nullptr;
  NcclType type = NcclType::int8;

  bool is_done() {
    if (misbehaviour_of(begun, rank) == NcclResult::in_progress) return false;
    if (to == nullptr) return group->come == group->size;
    const Exchange& exchange = group->exchanges[calls];
    if (static_cast<int>(exchange.size()) < group->size) return false;
    const bool is_sum = std::string_view(begun) == "ncclAllReduce";
    const Bytes result = is_sum ? sum_of(exchange, type) : all_of(exchange);
    copy(to, result.data(), result.size());
    to = nullptr;
    ++exchanges;
    return true;
  }

  NcclResult begin(const char* function, const void* from, void* target, size_t count, NcclType of) {
    const std::lock_guard lock(mutex);
    const NcclResult wrong = misbehaviour_of(function, rank);
    if (wrong != NcclResult::success && wrong != NcclResult::in_progress) return wrong;
    begun = function;
    to = target;
    type = of;
    Bytes own(count * size_of(of));
    copy(own.data(), from, own.size());
    group->exchanges[++calls][rank] = std::move(own);
    return NcclResult::in_progress;
  }
};

extern "C" {

NcclResult ncclGetUniqueId(NcclUniqueId* id) {
  static std::atomic<int> count = 0;
  *id = {};
  std::strcpy(id->bytes, std::to_string(++count).c_str());
  return NcclResult::success;
}

NcclResult ncclCommInitRankConfig(NcclComm** communicator, int size, NcclUniqueId id, int rank,
                                  NcclConfig* config) {
  const std::lock_guard lock(mutex);
  const NcclResult wrong = misbehaviour_of("ncclCommInitRankConfig", rank);
  if (wrong != NcclResult::success && wrong != NcclResult::in_progress) return wrong;
  if (config->magic != 0xcafebeef || config->is_blocking != 0) return NcclResult{4};
  auto& group = groups[id.bytes];
  if (!group) group = std::make_shared<Group>(Group{size, 0, {}});
  ++group->come;
  *communicator = new NcclComm{group, rank};
  return NcclResult::in_progress;
}

NcclResult ncclAllReduce(const void* from, void* to, size_t count, NcclType type, NcclOperation,
                         NcclComm* communicator, void*) {
  return communicator->begin("ncclAllReduce", from, to, count, type);
}

NcclResult ncclAllGather(const void* from, void* to, size_t count, NcclType type, NcclComm* communicator,
                         void*) {
  return communicator->begin("ncclAllGather", from, to, count, type);
}

NcclResult ncclCommGetAsyncError(NcclComm* communicator, NcclResult* state) {
  const std::lock_guard lock(mutex);
  *state = communicator->is_done() ? NcclResult::success : NcclResult::in_progress;
  return NcclResult::success;
}

NcclResult ncclCommAbort(NcclComm* communicator) {
  const std::lock_guard lock(mutex);
  delete communicator;
  return NcclResult::success;
}

const char* ncclGetErrorString(NcclResult result) {
  return result == NcclResult{2} ? "unhandled system error" : "another error";
}

const char* ncclGetLastError(NcclComm*) {
  return "the stand-in was told to fail";
}

void stand_in_set_copy(StandInCopy given) {
  const std::lock_guard lock(mutex);
  copy = given;
}

void stand_in_misbehave(const char* function, int rank, int result) {
  const std::lock_guard lock(mutex);
  misbehaving = function;
  misbehaving_rank = rank;
  misbehaviour = NcclResult{result};
}

int stand_in_exchanges() {
  return exchanges;
}
}

}  // namespace iba
