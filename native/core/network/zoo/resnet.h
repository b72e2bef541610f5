#pragma once

#include <string>
#include <vector>

#include "network/zoo/zoo.h"

namespace iba {

/// ResNet (He et al., 2015), wide ResNet (Zagoruyko and Komodakis, 2016) and ResNeXt (Xie et al., 2017).
std::vector<ZooEntry> resnet_entries();
Network build_resnet(const std::string& architecture, const ZooOptions& options);

}  // namespace iba
