#include "import/blocks.h"

#include <algorithm>
#include <set>
#include <string_view>

#include "network/graph.h"

namespace iba {

namespace {

/// Of the layer's name "layer1.0.relu#2", the module "layer1.0.relu".
std::string_view module_of(std::string_view layer) {
  return layer.substr(0, layer.find('#'));
}

bool is_inside(std::string_view module, std::string_view outer) {
  return module.starts_with(outer) && module.size() > outer.size() && module[outer.size()] == '.';
}

/// Modules that only hold others, or whose class isn't known, of which one is no block because another one
/// is.
bool is_container(const std::string& kind) {
  return kind == "Sequential" || kind == "ModuleList" || kind == "ModuleDict" || kind == kUnknownModule;
}

/// Whether the operation puts the ways of a block together, rather than scaling one by the other.
bool joins(const Operation& operation) {
  if (std::holds_alternative<Add>(operation) || std::holds_alternative<Concatenate>(operation)) return true;
  static const std::set<std::string> kNames = {"aten::add",   "aten::sub",     "aten::cat",
                                               "aten::stack", "aten::addcmul", "aten::lerp"};
  const auto* op = std::get_if<Operator>(&operation);
  return op && kNames.contains(op->name);
}

bool has_matrix(const Operation& operation) {
  bool found = false;
  visit_parameters(
      operation, [&](const char*, const Tensor& tensor) { found |= tensor.defined() && tensor.dim() >= 2; });
  return found;
}

/// The steps that lie on a way from the input to the output.
std::vector<size_t> steps_on_the_way(const Network& network) {
  auto from_input = values_computed_from(network, network.input, Through::gradients);
  auto to_output = values_needed_for(network, {network.output}, Through::gradients);
  std::vector<size_t> steps;
  for (size_t i = 0; i < network.steps.size(); ++i) {
    const Step& step = network.steps[i];
    if (from_input[step.output] && to_output[step.output] && !makes_number(step.operation)) {
      steps.push_back(i);
    }
  }
  return steps;
}

/// The innermost module that all of the steps lie in.
std::string common_module(const Network& network, const std::vector<size_t>& steps) {
  std::string_view common = network.steps[steps[0]].module;
  for (size_t i : steps) {
    std::string_view module = network.steps[i].module;
    while (!common.empty() && module != common && !is_inside(module, common)) {
      size_t dot = common.rfind('.');
      common = dot == std::string_view::npos ? std::string_view() : common.substr(0, dot);
    }
  }
  return std::string(common);
}

/// The modules in which several ways run beside each other and come together.
std::vector<std::string> joining_modules(const Network& network) {
  auto narrow = find_narrow_values(network);
  std::vector<std::string> modules;
  std::vector<size_t> beside;  // the steps since the last narrow value
  for (size_t i : steps_on_the_way(network)) {
    beside.push_back(i);
    if (!narrow[network.steps[i].output]) continue;
    bool has_weights = std::any_of(beside.begin(), beside.end(),
                                   [&](size_t step) { return has_matrix(network.steps[step].operation); });
    if (beside.size() > 1 && has_weights && joins(network.steps[i].operation)) {
      modules.push_back(common_module(network, beside));
    }
    beside.clear();
  }
  return modules;
}

/// As `joining_modules`, where the network as a whole has several ways: modules that read what they are given
/// and put it together with what they made of it.
std::vector<std::string> parallel_joining_modules(const Network& network) {
  Graph graph(network);
  std::vector<std::string> modules;
  for (const auto& layer : network.layers) {
    if (!is_module(network, graph, layer)) continue;
    std::string module(module_of(layer.name));
    auto joins_inside = [&](const Step& step) {
      bool is_own = step.module.rfind('.') == module.size() && is_inside(step.module, module);
      return is_own && step.inputs.size() > 1 && joins(step.operation);
    };
    if (std::any_of(network.steps.begin(), network.steps.end(), joins_inside)) modules.push_back(module);
  }
  return modules;
}

/// The layers that are one of the joining modules, or hold one; and those of the class of such a layer. Of
/// layers inside each other it is the outermost that joins ways itself, such as a block after its token
/// mixer's shortcut, and where none does, the innermost.
std::vector<size_t> layers_that_join(const Network& network, const std::vector<std::string>& joining,
                                     const std::vector<bool>& is_offered) {
  Graph graph(network);
  auto holds_one = [&](const Layer& layer) {
    auto module = module_of(layer.name);
    return std::any_of(joining.begin(), joining.end(),
                       [&](const std::string& inner) { return inner == module || is_inside(inner, module); });
  };
  auto is_one = [&](const Layer& layer) {
    return std::find(joining.begin(), joining.end(), module_of(layer.name)) != joining.end();
  };
  std::set<std::string> classes, joining_classes;
  for (const auto& layer : network.layers) {
    if (!is_module(network, graph, layer) || is_container(layer.kind)) continue;
    if (holds_one(layer)) classes.insert(layer.kind);
    if (is_one(layer)) joining_classes.insert(layer.kind);
  }
  std::vector<size_t> blocks;
  for (size_t i = 0; i < network.layers.size(); ++i) {
    const Layer& layer = network.layers[i];
    bool has_places = layer.layout.form != Layout::Form::none;
    if (!has_places || !is_offered[layer.value] || !is_module(network, graph, layer)) continue;
    if (classes.contains(layer.kind) || holds_one(layer)) blocks.push_back(i);
  }
  auto joins_itself = [&](size_t i) {
    return is_one(network.layers[i]) || joining_classes.contains(network.layers[i].kind);
  };
  auto holds = [&](size_t i, size_t other) {
    return is_inside(module_of(network.layers[other].name), module_of(network.layers[i].name));
  };
  auto is_block = [&](size_t i) {
    return std::none_of(blocks.begin(), blocks.end(), [&](size_t other) {
      return (holds(other, i) && joins_itself(other)) || (holds(i, other) && !joins_itself(i));
    });
  };
  std::vector<size_t> found;
  std::copy_if(blocks.begin(), blocks.end(), std::back_inserter(found), is_block);
  return found;
}

}  // namespace

std::vector<bool> find_narrow_values(const Network& network) {
  auto steps = steps_on_the_way(network);
  std::vector<size_t> last_read(network.value_count, 0);
  for (size_t i : steps) {
    for (ValueId input : network.steps[i].inputs) last_read[input] = i;
  }
  std::vector<bool> is_open(network.value_count, false), narrow(network.value_count, false);
  is_open[network.input] = narrow[network.input] = true;
  size_t open = 1;
  for (size_t i : steps) {
    const Step& step = network.steps[i];
    for (ValueId input : step.inputs) {
      if (!is_open[input] || last_read[input] != i) continue;
      is_open[input] = false;
      --open;
    }
    is_open[step.output] = true;
    narrow[step.output] = ++open == 1;
  }
  return narrow;
}

std::vector<size_t> find_blocks(const Network& network) {
  return layers_that_join(network, joining_modules(network), find_narrow_values(network));
}

std::vector<size_t> find_parallel_blocks(const Network& network) {
  return layers_that_join(network, parallel_joining_modules(network),
                          std::vector<bool>(network.value_count, true));
}

bool is_module(const Network& network, const Graph& graph, const Layer& layer) {
  auto maker = graph.maker(layer.value);
  return maker && is_inside(network.steps[*maker].module, module_of(layer.name));
}

const Layer& outermost(const Network& network, const Layer& layer) {
  const Layer* found = &layer;
  for (const auto& other : network.layers) {
    bool holds = is_inside(module_of(found->name), module_of(other.name));
    if (other.value == layer.value && holds) found = &other;
  }
  return *found;
}

}  // namespace iba
