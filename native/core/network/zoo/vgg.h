#pragma once

#include <string>
#include <vector>

#include "network/zoo/zoo.h"

namespace iba {

/// VGG (Simonyan and Zisserman, 2014): the depths 11, 13, 16 and 19, with and without batch norm.
std::vector<ZooEntry> vgg_entries();
Network build_vgg(const std::string& architecture, const ZooOptions& options);

}  // namespace iba
