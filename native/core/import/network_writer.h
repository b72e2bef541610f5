#pragma once

#include <string>
#include <vector>

#include "import/item.h"

namespace iba::imported {

/// Writes a network while a program runs: its steps are named by the modules that are running.
class NetworkWriter {
 public:
  /// Between the two, steps belong to this call of a module. `result` is what it returns.
  void enter_module(const std::string& path, const std::string& type);
  void leave_module(const Item& result);

  /// The module that is running, in words.
  std::string place() const;

  ValueId input() const { return network_.input; }
  ValueId add(const std::string& name, Operation operation, std::vector<ValueId> inputs, bool is_number);

  /// The network that computes the value, with all its modules as layers.
  Network finish(ValueId output);

 private:
  struct ModuleCall {
    std::string path;
    std::string type;
    std::vector<size_t> own_steps;  // that make activations
    bool has_inner = false;
  };
  struct Group {
    size_t after_steps;
    Layer layer;
  };

  void number_calls();
  void collect_layers(const std::vector<bool>& needed);

  Network network_;
  std::vector<ModuleCall> modules_;
  std::vector<Group> groups_;
};

}  // namespace iba::imported
