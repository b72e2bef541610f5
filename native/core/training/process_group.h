#pragma once

#include <chrono>
#include <memory>
#include <string>
#include <vector>

#include "runtime/cancellation.h"
#include "torch.h"

namespace iba {

struct ProcessGroupOptions {
  int64_t rank = 0;
  int64_t size = 1;
  /// Where the processes meet.
  std::string address;
  uint16_t port = 0;
  /// Whether something else, such as torchrun's agent, listens there; otherwise rank 0 does.
  bool is_hosted = false;
  /// Keeps meetings apart that use one host after the other.
  std::string meeting = "iba";
  /// The network interface to talk over; empty: the one that the machine's name stands for.
  std::string network_interface;
  /// How long a process waits for the others.
  std::chrono::milliseconds timeout{300'000};
  /// What this process computes on.
  at::Device device = at::kCPU;
  /// Tells its GPU from those of all others; empty: `gpu_identity` is asked.
  std::string gpu;
  /// The library of NCCL; empty: it is looked for.
  std::string nccl;
};

/// Processes that work on one thing, through c10d with Gloo, on the CPU. Where each has a GPU of its own and
/// NCCL is there, tensors of these GPUs go through that; otherwise they go by way of the processor's memory.
/// Every process makes the same calls in the same order. All throw PROCESS_GROUP, naming the process that is
/// missing where it can be told; after that the group can't be used any more.
class ProcessGroup {
 public:
  /// Meets the others. Throws ABORTED once it is cancelled.
  explicit ProcessGroup(const ProcessGroupOptions& options, const Cancellation& cancellation = {});
  ~ProcessGroup();
  ProcessGroup(const ProcessGroup&) = delete;
  ProcessGroup& operator=(const ProcessGroup&) = delete;

  int64_t rank() const { return options_.rank; }
  int64_t size() const { return options_.size; }
  /// Whether tensors of GPUs go through NCCL; the same for all processes.
  bool uses_nccl() const { return uses_nccl_; }
  /// Why they don't, where one of the processes has a GPU; otherwise empty.
  const std::string& why_not_nccl() const { return why_not_nccl_; }

  /// Adds up each tensor over all processes, in place, in buckets of 25 MB.
  void sum(const std::vector<at::Tensor>& tensors);

  /// The tensors of all processes by rank, where this one's is; they have one shape.
  std::vector<at::Tensor> gather(const at::Tensor& tensor);

  /// Waits until all processes are here, so that none leaves while another still talks to it.
  void barrier();

  /// Shows a text to all processes.
  void publish(const std::string& key, const std::string& text);
  /// A text that some process publishes; waits for it.
  std::string read(const std::string& key);

 private:
  struct Connection;

  /// Makes a call that all processes make.
  template <typename Call>
  auto together(const char* what, Call call);
  std::string missing_processes();
  std::string who_is_there() const;

  ProcessGroupOptions options_;
  std::unique_ptr<Connection> connection_;
  bool uses_nccl_ = false;
  std::string why_not_nccl_;
};

}  // namespace iba
