#pragma once

#include <chrono>
#include <functional>
#include <memory>
#include <optional>

#include "torch.h"
#include "training/nccl_library.h"

namespace iba {

/// Processes with a GPU each that exchange tensors between these, through NCCL, on the GPU's current stream.
///
/// The communicator is one that doesn't block, and the host asks for its state until a call's work is done:
/// so no other thread has to watch over it, and a process that waits for one that is gone gives up in time.
/// Little is lost by waiting, since a training step reads right after what the processes have added up.
///
/// All calls throw PROCESS_GROUP with NCCL's text, or where the others don't take part in time.
class NcclCommunicator {
 public:
  struct Member {
    int64_t rank;
    int64_t size;
    at::Device device;
    /// How long every call waits for the others.
    std::chrono::milliseconds timeout;
    /// Called each second of waiting; throws where it is known by other ways that one of them broke off.
    std::function<void()> look_around;
  };

  /// Begins to meet the others, which have the same id.
  NcclCommunicator(std::shared_ptr<const NcclLibrary> library, const NcclUniqueId& id, const Member& member);
  /// Leaves without waiting for anybody: the others may be gone.
  ~NcclCommunicator();
  NcclCommunicator(const NcclCommunicator&) = delete;
  NcclCommunicator& operator=(const NcclCommunicator&) = delete;

  /// Whether all have met. Until then nothing else may be called.
  bool is_ready() const;

  /// Whether a tensor can be exchanged this way: it is on the GPU, and of a type that NCCL knows.
  bool takes(const at::Tensor& tensor) const;

  /// Adds up a contiguous tensor over all processes, in place. `finish` waits until it is done.
  void sum(const at::Tensor& tensor);

  /// The tensors of all processes (size, ...), by rank. `finish` waits until they are there.
  at::Tensor gather(const at::Tensor& tensor);

  /// Waits until all that was begun is done.
  void finish();

 private:
  void enqueue(const char* call, const std::function<NcclResult(void* stream)>& begin);
  NcclResult state() const;
  template <typename IsDone>
  void wait_until(IsDone is_done) const;

  std::shared_ptr<const NcclLibrary> library_;
  Member member_;
  NcclComm* communicator_ = nullptr;
};

}  // namespace iba
