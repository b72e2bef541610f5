#include "import/onnx/fusions.h"

#include <algorithm>
#include <cmath>
#include <map>
#include <optional>
#include <set>

#include "import/onnx/call.h"

namespace iba::imported::onnx {

namespace {

bool is(const Node& node, const char* operation, size_t inputs) {
  return node.domain.empty() && node.operation == operation && node.inputs.size() == inputs &&
         node.outputs.size() == 1;
}

/// Who makes and reads the values of a graph, and which are constant.
class Uses {
 public:
  explicit Uses(const Graph& graph) : graph_(graph) {
    for (size_t i = 0; i < graph.nodes.size(); ++i) {
      for (const auto& name : graph.nodes[i].outputs) makers_[name] = i;
      for (const auto& name : graph.nodes[i].inputs) ++readers_[name];
    }
    for (const auto& output : graph.outputs) ++readers_[output.name];
  }

  /// The node that makes the value, if the value is read once.
  const Node* only_for_one(const std::string& value) const {
    auto readers = readers_.find(value);
    return readers != readers_.end() && readers->second == 1 ? maker(value) : nullptr;
  }

  const Node* maker(const std::string& value) const {
    auto found = makers_.find(value);
    return found == makers_.end() ? nullptr : &graph_.nodes[found->second];
  }

  const Tensor* constant(const std::string& value) const {
    auto found = graph_.tensors.find(value);
    if (found != graph_.tensors.end()) return &found->second;
    const Node* node = maker(value);
    if (!node || node->operation != "Constant") return nullptr;
    auto held = node->attributes.find("value");
    return held == node->attributes.end() ? nullptr : std::get_if<Tensor>(&held->second);
  }

  bool is_number(const std::string& value, double number) const {
    const Tensor* tensor = constant(value);
    return tensor && tensor->defined() && tensor->numel() == 1 && tensor->is_floating_point() &&
           std::abs(tensor->item<double>() - number) < 1e-3 * std::abs(number);
  }

 private:
  const Graph& graph_;
  std::map<std::string, size_t> makers_;
  std::map<std::string, size_t> readers_;
};

/// The other input of a node of two, if one of them is `value`.
const std::string* beside(const Node& node, const std::string& value) {
  if (node.inputs[0] == value) return &node.inputs[1];
  return node.inputs[1] == value ? &node.inputs[0] : nullptr;
}

/// The other input of a node of two, if one of them is that number.
const std::string* beside_number(const Uses& uses, const Node& node, double number) {
  if (uses.is_number(node.inputs[1], number)) return &node.inputs[0];
  return uses.is_number(node.inputs[0], number) ? &node.inputs[1] : nullptr;
}

/// A node in place of others.
struct Fusion {
  Node node;
  std::vector<const Node*> replaced;
};

Fusion in_place_of(const Node& named, const Node& last, const char* operation,
                   std::vector<std::string> inputs, std::vector<const Node*> others) {
  Node node = named;
  node.domain = "fused";
  node.operation = operation;
  node.inputs = std::move(inputs);
  node.outputs = last.outputs;
  node.attributes.clear();
  others.push_back(&last);
  return {std::move(node), std::move(others)};
}

/// x·W + b
std::optional<Fusion> linear_layer(const Uses& uses, const Node& sum) {
  if (!is(sum, "Add", 2)) return std::nullopt;
  for (size_t i : {0, 1}) {
    const Node* product = uses.only_for_one(sum.inputs[i]);
    const std::string& bias_name = sum.inputs[1 - i];
    const Tensor* bias = uses.constant(bias_name);
    if (!product || !bias || !is(*product, "MatMul", 2)) continue;
    const Tensor* weight = uses.constant(product->inputs[1]);
    bool fits = weight && weight->dim() == 2 && bias->dim() == 1 && bias->size(0) == weight->size(1);
    if (!fits) continue;
    return in_place_of(*product, sum, "Linear", {product->inputs[0], product->inputs[1], bias_name},
                       {product});
  }
  return std::nullopt;
}

std::optional<Fusion> silu(const Uses& uses, const Node& product) {
  if (!is(product, "Mul", 2)) return std::nullopt;
  for (size_t i : {0, 1}) {
    const Node* gate = uses.only_for_one(product.inputs[i]);
    const std::string& input = product.inputs[1 - i];
    if (gate && is(*gate, "Sigmoid", 1) && gate->inputs[0] == input) {
      return in_place_of(product, product, "Silu", {input}, {gate});
    }
  }
  return std::nullopt;
}

/// The nodes of 1 + erf(x / √2), and x. Absent where it is something else.
struct ErrorTerm {
  std::string input;
  std::vector<const Node*> nodes;
};

std::optional<ErrorTerm> error_term(const Uses& uses, const std::string& value) {
  const Node* sum = uses.only_for_one(value);
  const std::string* error = sum && is(*sum, "Add", 2) ? beside_number(uses, *sum, 1) : nullptr;
  const Node* erf = error ? uses.only_for_one(*error) : nullptr;
  const Node* scaled = erf && is(*erf, "Erf", 1) ? uses.only_for_one(erf->inputs[0]) : nullptr;
  if (!scaled) return std::nullopt;
  const double root = std::sqrt(2.0);
  if (is(*scaled, "Div", 2) && uses.is_number(scaled->inputs[1], root)) {
    return ErrorTerm{scaled->inputs[0], {scaled, erf, sum}};
  }
  const std::string* input = is(*scaled, "Mul", 2) ? beside_number(uses, *scaled, 1 / root) : nullptr;
  return input ? std::optional(ErrorTerm{*input, {scaled, erf, sum}}) : std::nullopt;
}

/// 0.5 · x · (1 + erf(x / √2)), with its factors in any order.
std::optional<Fusion> whole_gelu(const Uses& uses, const Node& product) {
  if (!is(product, "Mul", 2)) return std::nullopt;
  if (const std::string* whole = beside_number(uses, product, 0.5)) {
    const Node* inner = uses.only_for_one(*whole);
    if (!inner || !is(*inner, "Mul", 2)) return std::nullopt;
    for (const auto& factor : inner->inputs) {
      auto term = error_term(uses, factor);
      const std::string* input = term ? beside(*inner, factor) : nullptr;
      if (!input || *input != term->input) continue;
      term->nodes.push_back(inner);
      return in_place_of(product, product, "Gelu", {term->input}, term->nodes);
    }
    return std::nullopt;
  }
  for (const auto& factor : product.inputs) {
    auto term = error_term(uses, factor);
    const std::string* other = term ? beside(product, factor) : nullptr;
    const Node* half = other ? uses.only_for_one(*other) : nullptr;
    if (!half || !is(*half, "Mul", 2)) continue;
    const std::string* input = beside_number(uses, *half, 0.5);
    if (!input || *input != term->input) continue;
    term->nodes.push_back(half);
    return in_place_of(product, product, "Gelu", {term->input}, term->nodes);
  }
  return std::nullopt;
}

/// Elements of a tensor by their places in its memory, as exporters write a view.
std::optional<Fusion> taken(const Uses& uses, const Node& gather) {
  if (!is(gather, "Gather", 2)) return std::nullopt;
  auto axis = gather.attributes.find("axis");
  const auto* number = axis == gather.attributes.end() ? nullptr : std::get_if<int64_t>(&axis->second);
  if (axis != gather.attributes.end() && !(number && *number == 0)) return std::nullopt;
  const Node* flat = uses.only_for_one(gather.inputs[0]);
  if (!flat || !is(*flat, "Reshape", 2)) return std::nullopt;
  const Tensor* shape = uses.constant(flat->inputs[1]);
  bool flattens = shape && shape->numel() == 1 && shape->dim() == 1 && shape->scalar_type() == at::kLong &&
                  shape->item<int64_t>() == -1;
  if (!flattens) return std::nullopt;
  return in_place_of(gather, gather, "Take", {flat->inputs[0], gather.inputs[1]}, {flat});
}

/// An order of dimensions, of a value before it.
struct Transposition {
  std::string source;
  std::vector<int64_t> order;
};

std::optional<Transposition> transposition(const Node& node) {
  if (!is(node, "Transpose", 1)) return std::nullopt;
  auto order = node.attributes.find("perm");
  const auto* given =
      order == node.attributes.end() ? nullptr : std::get_if<std::vector<int64_t>>(&order->second);
  if (!given || !is_order(*given)) return std::nullopt;
  return Transposition{node.inputs[0], *given};
}

void join_transpositions(std::vector<Node>& nodes) {
  std::map<std::string, Transposition> made;
  for (auto& node : nodes) {
    auto last = transposition(node);
    if (!last) continue;
    auto first = made.find(last->source);
    if (first != made.end() && first->second.order.size() == last->order.size()) {
      for (auto& dimension : last->order) dimension = first->second.order[static_cast<size_t>(dimension)];
      last->source = first->second.source;
      node.inputs[0] = last->source;
      node.attributes["perm"] = last->order;
    }
    made[node.outputs[0]] = *last;
  }
}

}  // namespace

std::vector<Node> fused_nodes(const Graph& graph) {
  const Uses uses(graph);
  std::set<const Node*> replaced;
  std::map<const Node*, Node> made;
  for (const auto& node : graph.nodes) {
    for (auto find : {linear_layer, silu, whole_gelu, taken}) {
      auto fusion = find(uses, node);
      if (!fusion) continue;
      replaced.insert(fusion->replaced.begin(), fusion->replaced.end());
      made.emplace(&node, std::move(fusion->node));
      break;
    }
  }
  std::vector<Node> nodes;
  for (const auto& node : graph.nodes) {
    auto fusion = made.find(&node);
    if (fusion != made.end()) {
      nodes.push_back(std::move(fusion->second));
    } else if (!replaced.contains(&node)) {
      nodes.push_back(node);
    }
  }
  join_transpositions(nodes);
  return nodes;
}

}  // namespace iba::imported::onnx
