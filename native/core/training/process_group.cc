#include "training/process_group.h"

#include <c10/util/Logging.h>
#include <unistd.h>
#include <torch/csrc/distributed/c10d/PrefixStore.hpp>
#include <torch/csrc/distributed/c10d/ProcessGroupGloo.hpp>
#include <torch/csrc/distributed/c10d/TCPStore.hpp>

#include <array>
#include <cstdlib>
#include <future>
#include <optional>
#include <string_view>
#include <thread>

#include "error.h"
#include "training/buckets.h"
#include "training/meeting_place.h"
#include "training/nccl_agreement.h"

namespace iba {

namespace {

/// To find out who is missing, after something went wrong.
constexpr std::chrono::milliseconds kInquiry{3'000};
constexpr std::chrono::milliseconds kJoinPause{50};
constexpr char kSize[] = "size";
constexpr char kDisagreement[] = "disagreement";
constexpr char kBroken[] = "broken";

std::string process_name() {
  std::array<char, 256> host{};
  if (::gethostname(host.data(), host.size() - 1) != 0) host[0] = '?';
  return std::string(host.data()) + ", process " + std::to_string(::getpid());
}

std::string key_of(const char* what, int64_t rank) {
  return std::string(what) + "/" + std::to_string(rank);
}

std::vector<uint8_t> bytes_of(const std::string& text) {
  return {text.begin(), text.end()};
}

std::string text_of(const std::vector<uint8_t>& bytes) {
  return {bytes.begin(), bytes.end()};
}

/// What LibTorch or Gloo say, without the place in their sources and their advice.
std::string reason_of(const std::exception_ptr& thrown) {
  std::string text;
  try {
    std::rethrow_exception(thrown);
  } catch (const std::exception& error) {
    text = error.what();
  } catch (...) {
    return "unknown failure";
  }
  text = text.substr(0, text.find('\n'));
  text = text.substr(0, text.find(". This is typically"));
  size_t place = text.find(".cc:");
  size_t end = text.find("] ");
  bool begins_with_place =
      text.rfind("[", 0) == 0 && place != std::string::npos && end != std::string::npos && place < end;
  return begins_with_place ? text.substr(end + 2) : text;
}

std::string who(const std::string& names) {
  return names.empty() ? "one of them broke off" : names;
}

/// Tells the others that this process is there, and names those that don't do the same in time.
std::string silent_processes(c10d::Store& store, const ProcessGroupOptions& options) {
  store.set(kBroken, bytes_of("yes"));
  store.set(key_of("noticed", options.rank), bytes_of("yes"));
  auto until = std::chrono::steady_clock::now() + kInquiry;
  std::vector<int64_t> silent;
  for (;;) {
    silent.clear();
    for (int64_t rank = 0; rank < options.size; ++rank) {
      if (!store.check({key_of("noticed", rank)})) silent.push_back(rank);
    }
    if (silent.empty() || std::chrono::steady_clock::now() > until) break;
    std::this_thread::sleep_for(kJoinPause);
  }
  if (!silent.empty() && store.check({kDisagreement})) return text_of(store.get(kDisagreement));
  std::string names;
  for (int64_t rank : silent) {
    std::string name = key_of("name", rank);
    names += (names.empty() ? "" : ", ") + std::string("rank ") + std::to_string(rank) +
             (store.check({name}) ? " (" + text_of(store.get(name)) + ") does not answer" : " never came");
  }
  return names;
}

}  // namespace

struct ProcessGroup::Connection {
  c10::intrusive_ptr<c10d::Store> store;
  c10::intrusive_ptr<c10d::ProcessGroupGloo> group;
  /// None where Gloo takes everything.
  std::unique_ptr<NcclCommunicator> nccl;
};

namespace {

/// Does work on a thread of its own, since what waits in LibTorch for an answer may wait for ever; nothing
/// where it isn't done in time. The thread then keeps what the work holds until that ends.
template <typename Work>
std::optional<std::invoke_result_t<Work>> within(std::chrono::milliseconds limit,
                                                 const Cancellation* cancellation, Work work) {
  auto task = std::make_shared<std::packaged_task<std::invoke_result_t<Work>()>>(std::move(work));
  auto answer = task->get_future();
  std::thread([task] { (*task)(); }).detach();
  const auto until = std::chrono::steady_clock::now() + limit;
  while (answer.wait_for(kJoinPause) != std::future_status::ready) {
    if (cancellation != nullptr) cancellation->check();
    if (std::chrono::steady_clock::now() > until) return std::nullopt;
  }
  return answer.get();
}

/// Where the processes meet. Whoever counts others than rank 0 says so and doesn't come in.
c10::intrusive_ptr<c10d::Store> enter(const ProcessGroupOptions& options) {
  c10d::TCPStoreOptions store_options;
  store_options.port = options.port;
  store_options.isServer = options.rank == 0 && !options.is_hosted;
  store_options.numWorkers = static_cast<size_t>(options.size);
  store_options.waitWorkers = false;
  store_options.timeout = options.timeout;
  store_options.useLibUV = false;
  if (store_options.isServer)
    store_options.masterListenFd = open_meeting_place(options.address, options.port);
  auto tcp = c10::make_intrusive<c10d::TCPStore>(options.address, store_options);
  auto store = c10::make_intrusive<c10d::PrefixStore>(options.meeting, tcp);
  store->set(key_of("name", options.rank), bytes_of(process_name()));
  if (options.rank == 0) store->set(kSize, bytes_of(std::to_string(options.size)));
  const std::string size = text_of(store->get(kSize));
  if (size != std::to_string(options.size)) {
    const std::string complaint = "WORLD_SIZE is " + size + " for rank 0 and " +
                                  std::to_string(options.size) + " for rank " + std::to_string(options.rank);
    store->set(kDisagreement, bytes_of(complaint));
    throw Error(ErrorCode::process_group, complaint + ". Start all processes with the same.");
  }
  if (!options.is_hosted && store->add(key_of("came", options.rank), 1) > 1)
    throw Error(ErrorCode::process_group, "There is a process with RANK " + std::to_string(options.rank) +
                                              " already. Each needs a RANK of its own, from 0 to " +
                                              std::to_string(options.size - 1) + ".");
  return store;
}

c10::intrusive_ptr<c10d::ProcessGroupGloo> connect(const c10::intrusive_ptr<c10d::Store>& store,
                                                   const ProcessGroupOptions& options) {
  auto group_options = c10d::ProcessGroupGloo::Options::create(options.timeout);
  group_options->devices.push_back(
      options.network_interface.empty()
          ? c10d::ProcessGroupGloo::createDefaultDevice()
          : c10d::ProcessGroupGloo::createDeviceForInterface(options.network_interface));
  return c10::make_intrusive<c10d::ProcessGroupGloo>(c10::make_intrusive<c10d::PrefixStore>("gloo", store),
                                                     static_cast<int>(options.rank),
                                                     static_cast<int>(options.size), group_options);
}

void sum_by_gloo(c10d::ProcessGroupGloo& group, std::vector<Bucket>& buckets) {
  std::vector<c10::intrusive_ptr<c10d::Work>> works;
  for (auto& bucket : buckets) {
    std::vector<at::Tensor> one = {bucket.pack(at::kCPU)};
    works.push_back(group.allreduce(one));
  }
  for (size_t i = 0; i < buckets.size(); ++i) {
    works[i]->wait();
    buckets[i].unpack();
  }
}

/// Throws where another process has noticed that the group is no more, or the store doesn't answer.
void require_unbroken(const c10::intrusive_ptr<c10d::Store>& store) {
  const auto is_broken = within(kInquiry, nullptr, [store] { return store->check({kBroken}); });
  if (!is_broken) throw std::runtime_error("the store does not answer");
  if (*is_broken) throw std::runtime_error("another process broke off");
}

/// What fails is thrown, and told once. LibTorch would print it as well, at each try and with its own stack,
/// unless somebody who wants to see that asked for it.
void silence_libtorch() {
  const char* wanted = std::getenv("TORCH_CPP_LOG_LEVEL");
  if (wanted == nullptr || std::string_view(wanted) == "ERROR") FLAGS_caffe2_log_level = c10::GLOG_FATAL;
}

}  // namespace

ProcessGroup::ProcessGroup(const ProcessGroupOptions& options, const Cancellation& cancellation)
    : options_(options), connection_(std::make_unique<Connection>()) {
  silence_libtorch();
  std::string reason = "no answer came in time";
  try {
    auto store = within(options.timeout, &cancellation, [options] { return enter(options); });
    if (store) {
      connection_->store = *store;
      // Gloo keeps the time by itself, and knows more about a failure.
      auto group = within(options.timeout + kInquiry, &cancellation,
                          [store = *store, options] { return connect(store, options); });
      auto agreement =
          group ? within(options.timeout + kInquiry, &cancellation,
                         [store = *store, options] {
                           return agree_on_nccl(*store, options, [store] { require_unbroken(store); });
                         })
                : std::nullopt;
      if (agreement) {
        connection_->group = *group;
        connection_->nccl = std::move(agreement->communicator);
        uses_nccl_ = connection_->nccl != nullptr;
        why_not_nccl_ = agreement->reason;
        return;
      }
    }
  } catch (const Error&) {
    throw;
  } catch (...) {
    reason = reason_of(std::current_exception());
  }
  throw Error(
      ErrorCode::process_group,
      "The " + std::to_string(options.size) + " processes didn't meet at " + options.address + ":" +
          std::to_string(options.port) + ": " +
          who(connection_->store ? missing_processes() : who_is_there()) +
          ". Check that MASTER_ADDR and MASTER_PORT are the same for all and can be reached, and that each "
          "has its own RANK below WORLD_SIZE. (" +
          reason + ".)");
}

ProcessGroup::~ProcessGroup() = default;

/// Where the processes should meet, but don't.
std::string ProcessGroup::who_is_there() const {
  if (!is_anybody_at(options_.address, options_.port)) return "nobody answers there";
  return "something takes connections there, but doesn't answer as such processes do: another program may "
         "use "
         "this port";
}

template <typename Call>
auto ProcessGroup::together(const char* what, Call call) {
  if (!connection_)
    throw Error(ErrorCode::process_group, "The group of processes has broken up before. Start them again.");
  try {
    return call();
  } catch (...) {
    const std::string reason = reason_of(std::current_exception());
    std::string missing = missing_processes();
    connection_.reset();
    throw Error(ErrorCode::process_group,
                std::string("The processes could not ") + what + ": " + who(missing) + ". (" + reason + ".)");
  }
}

/// Those that don't notice that the group has broken up, which is what those that are well do.
std::string ProcessGroup::missing_processes() {
  // Whoever waits for this process learns of it now.
  connection_->group.reset();
  connection_->nccl.reset();
  try {
    // Where the meeting place is a process that hangs, an answer never comes.
    auto names = within(2 * kInquiry, nullptr, [store = connection_->store, options = options_] {
      return silent_processes(*store, options);
    });
    if (names) return *names;
  } catch (...) {
    // It broke off while it was asked.
  }
  std::string place = options_.is_hosted ? "the launcher" : "rank 0";
  return place + ", where they meet (" + options_.address + "), does not answer";
}

void ProcessGroup::publish(const std::string& key, const std::string& text) {
  together("compare their settings", [&] {
    const auto done = within(options_.timeout, nullptr, [store = connection_->store, key, text] {
      store->set("published/" + key, bytes_of(text));
      return true;
    });
    if (!done) throw std::runtime_error("no answer came in time");
    return 0;
  });
}

std::string ProcessGroup::read(const std::string& key) {
  return together("compare their settings", [&] {
    auto text = within(options_.timeout + kInquiry, nullptr,
                       [store = connection_->store, key] { return text_of(store->get("published/" + key)); });
    if (!text) throw std::runtime_error("no answer came in time");
    return *text;
  });
}

void ProcessGroup::sum(const std::vector<at::Tensor>& tensors) {
  together("add up their gradients", [&] {
    NcclCommunicator* nccl = connection_->nccl.get();
    std::vector<Bucket> by_nccl, by_gloo;
    for (auto& bucket : buckets_of(tensors)) {
      (nccl != nullptr && nccl->takes(bucket.first()) ? by_nccl : by_gloo).push_back(std::move(bucket));
    }
    if (by_gloo.empty()) by_gloo = buckets_of({at::zeros({1})});
    sum_by_gloo(*connection_->group, by_gloo);
    // Gloo tells at once that a process is gone, where NCCL would wait for it: here all have come this far.
    for (auto& bucket : by_nccl) nccl->sum(bucket.pack(bucket.first().device()));
    for (const auto& bucket : by_nccl) bucket.unpack();
    if (!by_nccl.empty()) nccl->finish();
    return 0;
  });
}

std::vector<at::Tensor> ProcessGroup::gather(const at::Tensor& tensor) {
  return together("gather what each has found", [&] {
    NcclCommunicator* nccl = connection_->nccl.get();
    if (nccl != nullptr && nccl->takes(tensor)) {
      auto presence = buckets_of({at::zeros({1})});
      sum_by_gloo(*connection_->group, presence);
      auto all = nccl->gather(tensor).unbind(0);
      nccl->finish();
      return all;
    }
    std::vector<at::Tensor> own = {tensor.cpu().contiguous()};
    std::vector<std::vector<at::Tensor>> all(1);
    for (int64_t i = 0; i < options_.size; ++i) all[0].push_back(at::empty_like(own[0]));
    connection_->group->allgather(all, own)->wait();
    for (auto& each : all[0]) each = each.to(tensor.device());
    return all[0];
  });
}

void ProcessGroup::barrier() {
  sum({at::zeros({1})});
}

}  // namespace iba
