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
};

/// Processes that work on one thing, through c10d with Gloo: on the CPU; tensors of a GPU go by way of it.
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

  /// Adds up each tensor over all processes, in place, in buckets of 25 MB.
  void sum(const std::vector<at::Tensor>& tensors);

  /// The tensors of all processes by rank; they have one shape.
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
};

}  // namespace iba
