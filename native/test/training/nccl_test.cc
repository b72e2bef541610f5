#include <dlfcn.h>
#include <doctest/doctest.h>

#include <cstring>
#include <functional>
#include <thread>

#include "bottleneck/readout_place.h"
#include "stand_in_nccl/stand_in_nccl.h"
#include "support/accelerator.h"
#include "support/closed_memory.h"
#include "support/free_port.h"
#include "support/small_networks.h"
#include "support/tensors.h"
#include "training/process_group.h"
#include "training/readout_trainer.h"

namespace iba::test {

namespace {

constexpr int kSystemError = 2;
constexpr int kInProgress = 7;

/// As NCCL's kernels read and write the memory of a GPU.
void copy_as_device(void* to, const void* from, size_t bytes) {
  const bool is_to_device = is_closed(to);
  const Opened opened(is_to_device ? to : from);
  std::memcpy(to, from, bytes);
}

/// The stand-in's own functions.
struct StandIn {
  void* library = ::dlopen(STAND_IN_NCCL, RTLD_NOW);

  StandIn() { function<decltype(stand_in_set_copy)>("stand_in_set_copy")(&copy_as_device); }

  int exchanges() const { return function<decltype(stand_in_exchanges)>("stand_in_exchanges")(); }
  void misbehave(const char* call, int rank, int result) const {
    function<decltype(stand_in_misbehave)>("stand_in_misbehave")(call, rank, result);
  }

 private:
  template <typename Function>
  Function* function(const char* name) const {
    REQUIRE(library != nullptr);
    return reinterpret_cast<Function*>(::dlsym(library, name));
  }
};

const StandIn& stand_in() {
  static const StandIn opened;
  return opened;
}

/// As long as it lives, one of NCCL's functions fails a rank.
struct Misbehaviour {
  Misbehaviour(const char* call, int rank, int result) { stand_in().misbehave(call, rank, result); }
  ~Misbehaviour() { stand_in().misbehave("", -1, 0); }
};

/// Two ranks whose GPUs are the stand-in's, through the stand-in of NCCL.
std::vector<ProcessGroupOptions> two_ranks() {
  std::vector<ProcessGroupOptions> ranks(2);
  const uint16_t port = free_port();
  for (size_t rank = 0; rank < ranks.size(); ++rank) {
    ranks[rank].rank = static_cast<int64_t>(rank);
    ranks[rank].size = 2;
    ranks[rank].address = "127.0.0.1";
    ranks[rank].port = port;
    ranks[rank].network_interface = "lo";
    ranks[rank].timeout = std::chrono::seconds(60);
    ranks[rank].device = accelerator();
    ranks[rank].gpu = std::to_string(rank);
    ranks[rank].nccl = STAND_IN_NCCL;
  }
  return ranks;
}

std::vector<ProcessGroupOptions> two_ranks_of_gloo() {
  auto ranks = two_ranks();
  for (auto& rank : ranks) rank.nccl = "/no/such/libnccl.so.2";
  return ranks;
}

/// Lets each rank do its part on a thread of its own, and gives by rank what came out.
template <typename Part>
auto together(const std::vector<ProcessGroupOptions>& ranks, Part part) {
  stand_in();
  std::vector<std::invoke_result_t<Part, ProcessGroup&>> results(ranks.size());
  std::vector<std::exception_ptr> failures(ranks.size());
  std::vector<std::thread> threads;
  for (size_t rank = 0; rank < ranks.size(); ++rank) {
    threads.emplace_back([&, rank] {
      at::set_num_threads(1);
      try {
        ProcessGroup group(ranks[rank]);
        results[rank] = part(group);
      } catch (...) {
        failures[rank] = std::current_exception();
      }
    });
  }
  for (auto& thread : threads) thread.join();
  for (const auto& failure : failures) {
    if (failure) std::rethrow_exception(failure);
  }
  return results;
}

at::Tensor numbers(const ProcessGroup& group, at::IntArrayRef shape) {
  return normal("of rank " + std::to_string(group.rank()), shape);
}

/// More than one bucket, another type, and one that isn't on the GPU.
std::vector<at::Tensor> gradients(ProcessGroup& group) {
  std::vector<at::Tensor> all = {
      numbers(group, {7'000'000}).to(at::kFloat).to(accelerator()),
      numbers(group, {5}).to(at::kFloat).to(accelerator()),
      numbers(group, {2, 3}).to(accelerator()),
      numbers(group, {4}),
  };
  group.sum(all);
  for (auto& tensor : all) tensor = tensor.cpu();
  return all;
}

/// Why NCCL isn't used, though the sums are right.
std::string fallback(const std::vector<ProcessGroupOptions>& ranks) {
  const auto reasons = together(ranks, [](ProcessGroup& group) {
    at::Tensor one = at::ones({2}).to(accelerator());
    group.sum({one});
    const bool is_right = one.cpu().equal(at::full({2}, 2.0f)) && !group.uses_nccl();
    return is_right ? group.why_not_nccl() : std::string("a wrong sum");
  });
  CHECK(reasons[0] == reasons[1]);
  return reasons[0];
}

/// What a failure says, by rank.
std::vector<std::string> failures(const std::vector<ProcessGroupOptions>& ranks) {
  return together(ranks, [](ProcessGroup& group) {
    at::Tensor one = at::ones({2}).to(accelerator());
    try {
      group.sum({one});
    } catch (const Error& error) {
      return (error.code() == ErrorCode::process_group ? "" : "another code: ") + std::string(error.what());
    }
    return std::string("no failure");
  });
}

bool has(const std::string& text, const std::string& part) {
  return text.find(part) != std::string::npos;
}

/// What two steps make of a readout whose gradients all ranks add up.
std::vector<at::Tensor> train(ProcessGroup& group) {
  Network network = small_resnet(accelerator());
  Network cpu = small_resnet(at::kCPU);
  auto place = default_readout_place(cpu);
  auto statistics = make_statistics(cpu, "seeded", Preset::iba, place.reads);
  update_statistics(statistics, cpu, small_images(4), {"a", "b", "c", "d"});
  auto readout =
      make_readout(statistics, {place, ReadoutVariant::A, Preset::iba, SmoothingKernel::of(1), 0.01, 0});
  ReadoutTrainer trainer(network, readout, {0.1, 1e-3});
  const auto seed = static_cast<uint64_t>(group.rank());
  for (int step = 0; step < 2; ++step) {
    const ReadoutBatch batch{small_images(2).to(network.device()), {group.rank(), 2}, {seed, seed + 2}};
    const auto outcome = trainer.step(batch, {}, [&](const auto& tensors) { group.sum(tensors); });
    CHECK(outcome.images == 4);
  }
  std::vector<at::Tensor> parameters;
  const Readout trained = trainer.trained();
  for (const auto& parameter : trained.network.parameters()) parameters.push_back(parameter.cpu());
  return parameters;
}

}  // namespace

TEST_CASE("tensors of GPUs are added up through NCCL to what Gloo gives") {
  const int before = stand_in().exchanges();
  const auto found = together(two_ranks(), gradients);
  // Two buckets of floats, of at most 25 MB, and one of doubles.
  CHECK(stand_in().exchanges() == before + 2 * 3);
  const auto expected = together(two_ranks_of_gloo(), gradients);
  for (size_t i = 0; i < expected[0].size(); ++i) {
    CAPTURE(i);
    CHECK(found[0][i].equal(expected[0][i]));
    CHECK(found[1][i].equal(expected[0][i]));
  }
}

TEST_CASE("what goes through NCCL doesn't go by way of the host's memory") {
  const auto waits = together(two_ranks(), [](ProcessGroup& group) {
    std::vector<at::Tensor> all = {at::ones({3}, accelerator()), at::ones({2, 2}, accelerator())};
    group.barrier();
    const int64_t before = host_waits();
    group.sum(all);
    const int64_t during = host_waits() - before;
    group.barrier();
    return group.uses_nccl() ? during : -1;
  });
  CHECK(waits == std::vector<int64_t>{0, 0});
}

TEST_CASE("tensors of GPUs are gathered by rank, and stay there") {
  for (const auto& ranks : {two_ranks(), two_ranks_of_gloo()}) {
    const auto found = together(ranks, [](ProcessGroup& group) {
      auto all = group.gather(at::full({2, 3}, static_cast<float>(group.rank()), accelerator()));
      for (auto& each : all) each = each.device() == accelerator() ? each.cpu() : at::Tensor();
      return all;
    });
    for (const auto& all : found) {
      REQUIRE(all.size() == 2);
      for (int64_t rank = 0; rank < 2; ++rank)
        CHECK(all[static_cast<size_t>(rank)].equal(at::full({2, 3}, static_cast<float>(rank))));
    }
  }
}

TEST_CASE("a readout learns with NCCL what it learns with Gloo") {
  const int before = stand_in().exchanges();
  const auto found = together(two_ranks(), train);
  CHECK(stand_in().exchanges() > before);
  const auto expected = together(two_ranks_of_gloo(), train);
  for (size_t i = 0; i < expected[0].size(); ++i) {
    CHECK(found[0][i].equal(expected[0][i]));
    CHECK(found[1][i].equal(expected[0][i]));
  }
}

TEST_CASE("where one process can't take part in NCCL, all of them use Gloo and know why") {
  CHECK(has(fallback(two_ranks_of_gloo()), "rank 0: NCCL can't be opened: /no/such/libnccl.so.2"));

  auto ranks = two_ranks();
  ranks[1].nccl = "libc10.so";
  CHECK(has(fallback(ranks), "rank 1: libnccl.so.2 has no ncclGetUniqueId"));

  ranks = two_ranks();
  ranks[1].gpu = ranks[0].gpu;
  CHECK(fallback(ranks) == "rank 0 and rank 1 share one GPU");

  ranks = two_ranks();
  ranks[1].device = at::kCPU;
  CHECK(fallback(ranks) == "rank 1 has no GPU");

  ranks = two_ranks();
  for (auto& rank : ranks) rank.device = at::kCPU;
  CHECK(fallback(ranks) == "");
}

TEST_CASE("where NCCL doesn't bring the processes together, they use Gloo") {
  {
    const Misbehaviour fails("ncclCommInitRankConfig", 1, kSystemError);
    CHECK(fallback(two_ranks()) ==
          "rank 1: ncclCommInitRankConfig failed: unhandled system error (the "
          "stand-in was told to fail)");
  }
  const Misbehaviour hangs("ncclCommInitRankConfig", 0, kInProgress);
  auto ranks = two_ranks();
  for (auto& rank : ranks) rank.timeout = std::chrono::seconds(4);
  CHECK(has(fallback(ranks), "in time"));
}

TEST_CASE("an error of NCCL ends the group in every process, and is told") {
  const Misbehaviour fails("ncclAllReduce", 1, kSystemError);
  const auto told = failures(two_ranks());
  CHECK(has(told[1], "could not add up their gradients"));
  CHECK(has(told[1], "ncclAllReduce failed: unhandled system error"));
  CHECK(has(told[0], "another process broke off"));
}

TEST_CASE("a process that is gone is noticed before the others wait for it in NCCL") {
  const auto told = together(two_ranks(), [](ProcessGroup& group) {
    at::Tensor one = at::ones({2}).to(accelerator());
    group.sum({one});
    if (group.rank() == 1) return std::string("left");
    try {
      group.sum({one});
    } catch (const Error& error) {
      return std::string(error.what());
    }
    return std::string("no failure");
  });
  CHECK(told[1] == "left");
  CHECK(has(told[0], "could not add up their gradients: rank 1 "));
}

TEST_CASE("an exchange of NCCL that never ends is given up in time") {
  const Misbehaviour hangs("ncclAllReduce", 0, kInProgress);
  auto ranks = two_ranks();
  for (auto& rank : ranks) rank.timeout = std::chrono::seconds(1);
  CHECK(has(failures(ranks)[0], "NCCL got no answer in time"));
}

}  // namespace iba::test
