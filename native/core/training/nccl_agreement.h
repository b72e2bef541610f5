#pragma once

#include <functional>
#include <memory>
#include <string>
#include <torch/csrc/distributed/c10d/Store.hpp>

#include "training/nccl_communicator.h"
#include "training/process_group.h"

namespace iba {

/// Whether processes use NCCL: all of them or none.
struct NcclAgreement {
  /// None where they don't.
  std::unique_ptr<NcclCommunicator> communicator;
  /// Why they don't, where one of them has a GPU; otherwise empty.
  std::string reason;
};

/// Comes to an agreement over the store, which all processes call together. They use NCCL where each has a
/// GPU of its own and all of them get through to the others; what stands in the way of one is the reason for
/// all. Throws where the store fails.
/// `look_around` is the communicator's.
NcclAgreement agree_on_nccl(c10d::Store& store, const ProcessGroupOptions& options,
                            std::function<void()> look_around);

}  // namespace iba
