#include "attribution/patterns.h"
#include "bottleneck/readout_file.h"
#include "bottleneck/statistics.h"
#include "error.h"
#include "network/zoo/zoo.h"
#include "support/input.h"

namespace {

/// A narrow network whose files the authors of the paper could have written.
const iba::Network& network() {
  static const iba::Network built = iba::build_network("resnet18", {.classes = 2, .width = 8});
  return built;
}

template <typename Reader>
void attempt(const Reader& reader) {
  try {
    reader();
  } catch (const iba::Error&) {
    // It may be a file of another kind.
  }
}

}  // namespace

/// Statistics, readouts and patterns.
void iba::fuzz::read(const Input& input) {
  const auto path = input.file();
  attempt([&] { StatisticsFile::read(path); });
  attempt([&] { StatisticsFile::read_published(path, network(), ""); });
  attempt([&] { read_readout(path, network()); });
  attempt([&] { PatternsFile::read(path); });
}
