#include "training/nccl_agreement.h"

#include <algorithm>
#include <cstring>
#include <map>
#include <optional>
#include <thread>

#include "error.h"
#include "training/gpu_identity.h"

namespace iba {

namespace {

constexpr std::chrono::milliseconds kPause{10};

// Why a process can't begin, or GPU and the name of its own. Rank 0 collects them.
constexpr char kOffer[] = "nccl/offer/";
// An empty text and the id of NCCL, or the reason why not.
constexpr char kPlan[] = "nccl/plan";
constexpr char kId[] = "nccl/id";
// That a process has met all others, or what kept it.
constexpr char kMet[] = "nccl/met/";
constexpr char kFailure[] = "nccl/failure";
// Empty, or the reason why NCCL isn't used.
constexpr char kVerdict[] = "nccl/verdict";

constexpr std::string_view kProcessor = "processor";
constexpr std::string_view kGpu = "GPU ";

/// Texts under names, which all processes see.
class Board {
 public:
  explicit Board(c10d::Store& store) : store_(store) {}

  void write(const std::string& name, std::string_view text) { store_.set(name, std::string(text)); }
  /// Waits for it.
  std::string read(const std::string& name) {
    const auto bytes = store_.get(name);
    return {bytes.begin(), bytes.end()};
  }
  bool has(const std::string& name) { return store_.check({name}); }

 private:
  c10d::Store& store_;
};

std::string named(const char* name, int64_t rank) {
  return name + std::to_string(rank);
}

std::string rank_text(int64_t rank) {
  return "rank " + std::to_string(rank);
}

/// What keeps the processes from trying, by all their offers; empty: nothing.
std::string obstacle(const std::vector<std::string>& offers) {
  std::map<std::string, size_t> ranks;
  for (size_t rank = 0; rank < offers.size(); ++rank) {
    const std::string& offer = offers[rank];
    if (offer == kProcessor) return rank_text(static_cast<int64_t>(rank)) + " has no GPU";
    if (!offer.starts_with(kGpu)) return rank_text(static_cast<int64_t>(rank)) + ": " + offer;
    const auto [other, is_first] = ranks.emplace(offer, rank);
    if (!is_first)
      return rank_text(static_cast<int64_t>(other->second)) + " and " +
             rank_text(static_cast<int64_t>(rank)) + " share one GPU";
  }
  return "";
}

/// The way of one process to the agreement.
class Negotiation {
 public:
  Negotiation(c10d::Store& store, const ProcessGroupOptions& options, std::function<void()> look_around)
      : board_(store),
        options_(options),
        look_around_(std::move(look_around)),
        until_(std::chrono::steady_clock::now() + options.timeout / 2) {}

  NcclAgreement run() {
    board_.write(named(kOffer, options_.rank), offer());
    if (options_.rank == 0) plan();
    NcclAgreement agreement;
    agreement.reason = board_.read(kPlan);
    if (agreement.reason == kProcessor) return {};
    if (!agreement.reason.empty()) return agreement;
    auto communicator = meet();
    if (options_.rank == 0) board_.write(kVerdict, verdict());
    agreement.reason = board_.read(kVerdict);
    if (agreement.reason.empty()) agreement.communicator = std::move(communicator);
    return agreement;
  }

 private:
  std::string offer() {
    if (options_.device.is_cpu()) return std::string(kProcessor);
    try {
      library_ = std::make_shared<NcclLibrary>(options_.nccl);
      return std::string(kGpu) + (options_.gpu.empty() ? gpu_identity(options_.device) : options_.gpu);
    } catch (const Error& error) {
      return error.what();
    }
  }

  /// What rank 0 says to the offers.
  void plan() {
    std::vector<std::string> offers;
    for (int64_t rank = 0; rank < options_.size; ++rank) offers.push_back(board_.read(named(kOffer, rank)));
    std::string reason = obstacle(offers);
    if (reason.empty()) {
      try {
        NcclUniqueId id;
        library_->require("ncclGetUniqueId", library_->get_unique_id(&id), nullptr);
        board_.write(kId, {id.bytes, sizeof id.bytes});
      } catch (const Error& error) {
        reason = error.what();
      }
    }
    const bool is_wanted =
        std::any_of(offers.begin(), offers.end(), [](const auto& each) { return each != kProcessor; });
    board_.write(kPlan, is_wanted ? reason : std::string(kProcessor));
  }

  /// None where this process, or another, doesn't get through.
  std::unique_ptr<NcclCommunicator> meet() {
    try {
      NcclUniqueId id{};
      const std::string bytes = board_.read(kId);
      std::memcpy(id.bytes, bytes.data(), std::min(bytes.size(), sizeof id.bytes));
      auto communicator = std::make_unique<NcclCommunicator>(
          library_, id,
          NcclCommunicator::Member{options_.rank, options_.size, options_.device, options_.timeout,
                                   look_around_});
      while (!communicator->is_ready()) {
        if (board_.has(kFailure)) return nullptr;
        if (is_late()) throw Error(ErrorCode::process_group, "NCCL did not meet the others in time");
        std::this_thread::sleep_for(kPause);
      }
      board_.write(named(kMet, options_.rank), "");
      return communicator;
    } catch (const std::exception& error) {
      board_.write(kFailure, rank_text(options_.rank) + ": " + error.what());
      return nullptr;
    }
  }

  /// Rank 0 alone decides, so that none thinks that all have met while another has given up.
  std::string verdict() {
    for (int64_t rank = 0; rank < options_.size; ++rank) {
      while (!board_.has(named(kMet, rank))) {
        if (board_.has(kFailure)) return board_.read(kFailure);
        if (is_late()) board_.write(kFailure, rank_text(rank) + " did not answer in time");
        std::this_thread::sleep_for(kPause);
      }
    }
    return "";
  }

  bool is_late() const { return std::chrono::steady_clock::now() > until_; }

  Board board_;
  const ProcessGroupOptions& options_;
  std::function<void()> look_around_;
  /// Before the store's own time is up, in which the others wait for what rank 0 says.
  std::chrono::steady_clock::time_point until_;
  std::shared_ptr<const NcclLibrary> library_;
};

}  // namespace

NcclAgreement agree_on_nccl(c10d::Store& store, const ProcessGroupOptions& options,
                            std::function<void()> look_around) {
  return Negotiation(store, options, std::move(look_around)).run();
}

}  // namespace iba
