#pragma once

#include <optional>
#include <vector>

#include "network/network.h"

namespace iba {

/// Which steps of a network make and read each of its values.
class Graph {
 public:
  explicit Graph(const Network& network);
  /// Of a selection of the steps; steps are then counted within it.
  Graph(const Network& network, const std::vector<size_t>& steps);

  /// The step that makes the value; absent for the network's input.
  std::optional<size_t> maker(ValueId value) const { return makers_[value]; }

  /// The steps that read the value, in order. A step that reads it twice is there twice.
  const std::vector<size_t>& readers(ValueId value) const { return readers_[value]; }

  /// The last step that reads the value, or else the one that makes it. Absent where neither is there.
  std::optional<size_t> last_use(ValueId value) const;

 private:
  void add(size_t position, const Step& step);

  std::vector<std::optional<size_t>> makers_;
  std::vector<std::vector<size_t>> readers_;
};

/// The step that makes the value, or null for the network's input.
const Step* maker_of(const Network& network, ValueId value);

/// By which steps a value counts as computed from another: all, or those that a gradient flows through, which
/// leaves out numbers such as a batch size.
enum class Through { all, gradients };

/// For each value whether one of the wanted values, which count as well, is computed from it.
std::vector<bool> values_needed_for(const Network& network, const std::vector<ValueId>& wanted,
                                    Through through = Through::all);

/// For each value whether it is computed from the value `from`, which counts as well.
std::vector<bool> values_computed_from(const Network& network, ValueId from, Through through = Through::all);

/// The steps needed for the wanted values, in order.
std::vector<size_t> steps_for(const Network& network, const std::vector<ValueId>& wanted);

}  // namespace iba
