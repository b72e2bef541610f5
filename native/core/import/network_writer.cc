#include "import/network_writer.h"

#include <map>

#include "network/graph.h"

namespace iba::imported {

std::string NetworkWriter::place() const {
  return modules_.empty() || modules_.back().path.empty() ? "the model itself"
                                                          : "module '" + modules_.back().path + "'";
}

void NetworkWriter::enter_module(const std::string& path, const std::string& type) {
  if (!modules_.empty()) modules_.back().has_inner = true;
  modules_.push_back({path, type, {}, false});
}

void NetworkWriter::leave_module(const Item& result) {
  ModuleCall module = std::move(modules_.back());
  modules_.pop_back();
  if (module.path.empty()) {
    network_.architecture = module.type;
    return;
  }
  if (module.own_steps.size() == 1 && !module.has_inner) {
    network_.steps[module.own_steps[0]].module = module.path;
    return;
  }
  Item tensor = first_tensor(result);
  if (!tensor || !tensor->from_pixels || !tensor->id || *tensor->id == network_.input) return;
  groups_.push_back({network_.steps.size(), {module.path, module.type, *tensor->id}});
}

ValueId NetworkWriter::add(const std::string& name, Operation operation, std::vector<ValueId> inputs,
                           bool is_number) {
  std::string path = modules_.empty() ? "" : modules_.back().path;
  if (!modules_.empty() && !is_number) modules_.back().own_steps.push_back(network_.steps.size());
  return network_.add(path.empty() ? name : path + "." + name, std::move(operation), std::move(inputs));
}

void NetworkWriter::number_calls() {
  auto calls = network_.number_calls();
  std::map<std::string, size_t> group_calls, seen;
  for (const auto& group : groups_) ++group_calls[group.layer.name];
  for (auto& group : groups_) {
    std::string& name = group.layer.name;
    if (group_calls[name] > 1 || calls[name] > 0) name += "#" + std::to_string(++seen[name] + calls[name]);
  }
}

/// Steps and groups in execution order.
void NetworkWriter::collect_layers(const std::vector<bool>& needed) {
  auto group = groups_.begin();
  auto add_groups = [&](size_t steps) {
    for (; group != groups_.end() && group->after_steps <= steps; ++group) {
      if (needed[group->layer.value]) network_.layers.push_back(group->layer);
    }
  };
  for (size_t i = 0; i < network_.steps.size(); ++i) {
    const Step& step = network_.steps[i];
    if (needed[step.output]) network_.layers.push_back({step.name(), kind(step.operation), step.output});
    add_groups(i + 1);
  }
}

Network NetworkWriter::finish(ValueId output) {
  network_.output = output;
  auto needed = values_needed_for(network_, {output});
  number_calls();
  collect_layers(needed);
  std::erase_if(network_.steps, [&](const Step& step) { return !needed[step.output]; });
  return std::move(network_);
}

}  // namespace iba::imported
