#pragma once

#include <array>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "attribution/patterns.h"
#include "bottleneck/readout.h"
#include "bottleneck/statistics.h"

namespace iba {

/// What has to be made once for a network before some methods can be used with it.
enum class Resource { statistics, patterns, readout };

/// The names that users know them by, in that order.
inline constexpr std::array<std::string_view, 3> kResourceNames = {"statistics", "patterns", "readout"};

/// The resources that were given to a method; null where there is none.
struct Resources {
  std::shared_ptr<const ModelStatistics> statistics = nullptr;
  std::shared_ptr<const ModelPatterns> patterns = nullptr;
  std::shared_ptr<const Readout> readout = nullptr;
};

/// Throws INVALID_ARGUMENT where one of the needed resources is missing; STATISTICS, PATTERNS or WEIGHTS
/// where one was made with another network than that of this architecture and these weights.
void check_resources(const std::vector<Resource>& needed, const Resources& given,
                     const std::string& architecture, const std::string& weight_hash);

}  // namespace iba
