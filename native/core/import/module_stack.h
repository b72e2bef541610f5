#pragma once

#include <algorithm>
#include <string>
#include <vector>

#include "import/recorder.h"

namespace iba::imported {

/// A call of a module. `key` tells calls of the same module apart, where the file does.
struct ModuleFrame {
  std::string key;
  std::string path;
  std::string type;

  bool operator==(const ModuleFrame&) const = default;
};

/// The modules that are running, for programs that tell of each step which modules it lies in.
class ModuleStack {
 public:
  explicit ModuleStack(Recorder& recorder) : recorder_(recorder) {}

  /// The calls that are running, outermost first.
  const std::vector<ModuleFrame>& frames() const { return frames_; }

  /// Leaves the calls that are done, and enters those that begin.
  void enter(const std::vector<ModuleFrame>& frames);
  void leave_all() { enter({}); }

  /// What a step made: the modules that are running return that if nothing follows.
  void make(const Item& item) { std::fill(made_.begin(), made_.end(), item); }

 private:
  Recorder& recorder_;
  std::vector<ModuleFrame> frames_;
  /// What was made last in each; None in one that has made nothing, such as a node that asks for a shape.
  std::vector<Item> made_;
};

}  // namespace iba::imported
