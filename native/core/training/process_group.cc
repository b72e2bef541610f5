#include "training/process_group.h"

#include <unistd.h>
#include <torch/csrc/distributed/c10d/PrefixStore.hpp>
#include <torch/csrc/distributed/c10d/ProcessGroupGloo.hpp>
#include <torch/csrc/distributed/c10d/TCPStore.hpp>

#include <array>
#include <limits>

#include "error.h"

namespace iba {

namespace {

constexpr int64_t kBucketBytes = 25 << 20;
/// To find out who is missing, after something went wrong.
constexpr std::chrono::milliseconds kInquiry{5'000};

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

std::string first_line(const std::exception& error) {
  std::string text = error.what();
  return text.substr(0, text.find('\n'));
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
    std::string missing = connection_->store ? missing_processes() : "";
    throw Error(
        "PROCESS_GROUP",
        "The " + std::to_string(options.size) + " processes didn't meet at " + options.address + ":" +
            std::to_string(options.port) + (missing.empty() ? "" : ": " + missing) +
            ". Check that MASTER_ADDR and MASTER_PORT are the same for all and can be reached, and that each "
            "has its own RANK below WORLD_SIZE. (" +
            first_line(error) + ")");
  }
}

ProcessGroup::~ProcessGroup() = default;

template <typename Call>
auto ProcessGroup::together(const char* what, Call call) {
  if (!connection_)
    throw Error("PROCESS_GROUP", "The group of processes has broken up before. Start them again.");
  try {
    connection_->store->set(key_of("calls", options_.rank), bytes_of(std::to_string(++calls_)));
    return call();
  } catch (const std::exception& error) {
    std::string missing = missing_processes();
    connection_.reset();
    throw Error("PROCESS_GROUP", std::string("The processes could not ") + what + ": " +
                                     (missing.empty() ? "one of them broke off" : missing) + ". (" +
                                     first_line(error) + ")");
  }
}

/// Those that did not come as far as this one.
std::string ProcessGroup::missing_processes() const {
  auto& store = *connection_->store;
  std::string missing;
  try {
    store.setTimeout(kInquiry);
    for (int64_t rank = 0; rank < options_.size; ++rank) {
      std::string calls = key_of("calls", rank), name = key_of("name", rank);
      int64_t reached = store.check({calls}) ? std::stoll(text_of(store.get(calls))) : 0;
      bool is_known = store.check({name});
      if (is_known && reached >= calls_) continue;
      missing += (missing.empty() ? "" : ", ") + std::string("rank ") + std::to_string(rank) +
                 (is_known ? " (" + text_of(store.get(name)) + ") does not answer" : " never came");
    }
  } catch (const std::exception&) {
    if (missing.empty()) return "rank 0, where they meet (" + options_.address + "), does not answer";
  }
  return missing;
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

void ProcessGroup::meet() {
  sum({at::zeros({1})});
}

}  // namespace iba
