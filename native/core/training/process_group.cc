#include "training/process_group.h"

#include <unistd.h>
#include <torch/csrc/distributed/c10d/PrefixStore.hpp>
#include <torch/csrc/distributed/c10d/ProcessGroupGloo.hpp>
#include <torch/csrc/distributed/c10d/TCPStore.hpp>

#include <algorithm>
#include <array>
#include <future>
#include <thread>

#include "error.h"

namespace iba {

namespace {

constexpr int64_t kBucketBytes = 25 << 20;
/// To find out who is missing, after something went wrong.
constexpr std::chrono::milliseconds kInquiry{3'000};
constexpr std::chrono::milliseconds kPause{50};

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
std::string reason_of(const std::exception& error) {
  std::string text = error.what();
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
  store.set(key_of("noticed", options.rank), bytes_of("yes"));
  auto until = std::chrono::steady_clock::now() + kInquiry;
  std::vector<int64_t> silent;
  for (;;) {
    silent.clear();
    for (int64_t rank = 0; rank < options.size; ++rank) {
      if (!store.check({key_of("noticed", rank)})) silent.push_back(rank);
    }
    if (silent.empty() || std::chrono::steady_clock::now() > until) break;
    std::this_thread::sleep_for(kPause);
  }
  std::string names;
  for (int64_t rank : silent) {
    std::string name = key_of("name", rank);
    names += (names.empty() ? "" : ", ") + std::string("rank ") + std::to_string(rank) +
             (store.check({name}) ? " (" + text_of(store.get(name)) + ") does not answer" : " never came");
  }
  return names;
}

/// Pieces of tensors that are exchanged together: one as it lies in memory, or several that are copied behind
/// each other.
struct Bucket {
  std::vector<at::Tensor> pieces;
  int64_t bytes = 0;
  at::Tensor exchanged;

  bool takes(const at::Tensor& piece) const {
    return pieces.empty() ||
           (bytes + static_cast<int64_t>(piece.nbytes()) <= kBucketBytes &&
            piece.scalar_type() == pieces[0].scalar_type() && piece.device() == pieces[0].device());
  }
  void add(const at::Tensor& piece) {
    pieces.push_back(piece);
    bytes += static_cast<int64_t>(piece.nbytes());
  }
  at::Tensor& pack() {
    exchanged = (pieces.size() == 1 ? pieces[0] : at::cat(pieces)).cpu();
    return exchanged;
  }
  void unpack() const {
    int64_t begin = 0;
    for (const auto& piece : pieces) {
      at::Tensor part = exchanged.narrow(0, begin, piece.numel());
      if (part.data_ptr() != piece.data_ptr()) at::Tensor(piece).copy_(part);
      begin += piece.numel();
    }
  }
};

std::vector<Bucket> buckets_of(const std::vector<at::Tensor>& tensors) {
  std::vector<Bucket> buckets;
  for (const auto& tensor : tensors) {
    at::Tensor flat = tensor.view(-1);
    int64_t most = kBucketBytes / static_cast<int64_t>(flat.element_size());
    for (int64_t begin = 0; begin < flat.numel(); begin += most) {
      at::Tensor piece = flat.narrow(0, begin, std::min(most, flat.numel() - begin));
      if (buckets.empty() || !buckets.back().takes(piece)) buckets.emplace_back();
      buckets.back().add(piece);
    }
  }
  return buckets;
}

}  // namespace

struct ProcessGroup::Connection {
  c10::intrusive_ptr<c10d::Store> store;
  c10::intrusive_ptr<c10d::ProcessGroupGloo> group;
};

ProcessGroup::ProcessGroup(const ProcessGroupOptions& options)
    : options_(options), connection_(std::make_unique<Connection>()) {
  try {
    c10d::TCPStoreOptions store_options;
    store_options.port = options.port;
    store_options.isServer = options.rank == 0 && !options.is_hosted;
    store_options.numWorkers = static_cast<size_t>(options.size);
    store_options.waitWorkers = false;
    store_options.timeout = options.timeout;
    store_options.useLibUV = false;
    auto store = c10::make_intrusive<c10d::TCPStore>(options.address, store_options);
    connection_->store = c10::make_intrusive<c10d::PrefixStore>(options.meeting, store);
    connection_->store->set(key_of("name", options.rank), bytes_of(process_name()));
    auto group_options = c10d::ProcessGroupGloo::Options::create(options.timeout);
    group_options->devices.push_back(
        options.network_interface.empty()
            ? c10d::ProcessGroupGloo::createDefaultDevice()
            : c10d::ProcessGroupGloo::createDeviceForInterface(options.network_interface));
    connection_->group = c10::make_intrusive<c10d::ProcessGroupGloo>(
        c10::make_intrusive<c10d::PrefixStore>("gloo", connection_->store), static_cast<int>(options.rank),
        static_cast<int>(options.size), group_options);
  } catch (const std::exception& error) {
    std::string missing = connection_->store ? missing_processes() : "nobody answers there";
    throw Error(
        ErrorCode::process_group,
        "The " + std::to_string(options.size) + " processes didn't meet at " + options.address + ":" +
            std::to_string(options.port) + ": " + who(missing) +
            ". Check that MASTER_ADDR and MASTER_PORT are the same for all and can be reached, and that each "
            "has its own RANK below WORLD_SIZE. (" +
            reason_of(error) + ".)");
  }
}

ProcessGroup::~ProcessGroup() = default;

template <typename Call>
auto ProcessGroup::together(const char* what, Call call) {
  if (!connection_)
    throw Error(ErrorCode::process_group, "The group of processes has broken up before. Start them again.");
  try {
    return call();
  } catch (const std::exception& error) {
    std::string missing = missing_processes();
    connection_.reset();
    throw Error(ErrorCode::process_group, std::string("The processes could not ") + what + ": " +
                                              who(missing) + ". (" + reason_of(error) + ".)");
  }
}

/// Those that don't notice that the group has broken up, which is what those that are well do.
std::string ProcessGroup::missing_processes() {
  // Whoever waits for this process learns of it now.
  connection_->group.reset();
  // Where the meeting place is a process that hangs, an answer never comes: then this thread waits to the
  // end.
  auto inquiry = std::make_shared<std::packaged_task<std::string()>>(
      [store = connection_->store, options = options_] { return silent_processes(*store, options); });
  auto answer = inquiry->get_future();
  std::thread([inquiry] { (*inquiry)(); }).detach();
  bool has_answered = answer.wait_for(2 * kInquiry) == std::future_status::ready;
  if (has_answered) {
    try {
      return answer.get();
    } catch (const std::exception&) {
      // It broke off while it was asked.
    }
  }
  std::string place = options_.is_hosted ? "the launcher" : "rank 0";
  return place + ", where they meet (" + options_.address + "), does not answer";
}

void ProcessGroup::sum(const std::vector<at::Tensor>& tensors) {
  together("add up their gradients", [&] {
    auto buckets = buckets_of(tensors);
    std::vector<c10::intrusive_ptr<c10d::Work>> works;
    for (auto& bucket : buckets) {
      std::vector<at::Tensor> one = {bucket.pack()};
      works.push_back(connection_->group->allreduce(one));
    }
    for (size_t i = 0; i < buckets.size(); ++i) {
      works[i]->wait();
      buckets[i].unpack();
    }
    return 0;
  });
}

std::vector<at::Tensor> ProcessGroup::gather(const at::Tensor& tensor) {
  return together("gather what each has found", [&] {
    std::vector<at::Tensor> own = {tensor.cpu().contiguous()};
    std::vector<std::vector<at::Tensor>> all(1);
    for (int64_t i = 0; i < options_.size; ++i) all[0].push_back(at::empty_like(own[0]));
    connection_->group->allgather(all, own)->wait();
    return all[0];
  });
}

void ProcessGroup::barrier() {
  sum({at::zeros({1})});
}

}  // namespace iba
