#pragma once

#include <string>
#include <vector>

#include "network/zoo/zoo.h"

namespace iba {

/// EfficientNet-Lite 0 to 4 (Google, 2020): EfficientNet (Tan and Le, 2019) with ReLU6 in place of swish and
/// without squeeze-and-excitation, under the names of the Python package `efficientnet_lite_pytorch`.
std::vector<ZooEntry> efficientnet_lite_entries();
Network build_efficientnet_lite(const std::string& architecture, const ZooOptions& options);

}  // namespace iba
