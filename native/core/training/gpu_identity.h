#pragma once

#include <string>

#include "torch.h"

namespace iba {

/// Tells a GPU from all others, of this and of other machines: by the machine's name, its start, and the
/// place on the PCI bus, as NCCL does. Throws DEVICE where the driver doesn't tell the place.
std::string gpu_identity(at::Device device);

}  // namespace iba
