#pragma once

#include <optional>
#include <string>

#include "torch.h"

namespace iba::test {

/// Names the device that tests in native/test/device compare with the CPU: `cpu`, `cuda` or `cuda:N`. Opens
/// CUDA's library for it, and leaves TF32 out of its float32 products. Throws DEVICE where it can't run.
void choose_test_device(const std::string& name);

/// The device that was chosen, or none.
const std::optional<at::Device>& chosen_test_device();

/// The device that was chosen. Throws DEVICE where none was.
at::Device test_device();

}  // namespace iba::test
