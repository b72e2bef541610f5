#include "attribution/attention.h"

#include <algorithm>
#include <set>

#include "attribution/rules/operator_arguments.h"
#include "error.h"
#include "io/text.h"
#include "network/graph.h"
#include "network/grid.h"

namespace iba {

namespace {

bool is_softmax(const std::string& name) {
  return name == "softmax" || name == "-softmax" || name == "-safe-softmax";
}

/// Whether a product reads the value, or what only dropout or another shape or type was made of it.
bool weights_a_sum(const Network& network, const Graph& graph, ValueId value) {
  static const std::set<std::string> kPassOn = {"dropout", "identity", "to",     "type-as",   "clone",
                                                "view",    "reshape",  "expand", "contiguous"};
  static const std::set<std::string> kProducts = {"matmul", "bmm", "einsum"};
  const auto& readers = graph.readers(value);
  return std::any_of(readers.begin(), readers.end(), [&](size_t reader) {
    const Step& step = network.steps[reader];
    std::string name = kind(step.operation);
    return kProducts.contains(name) || (kPassOn.contains(name) && weights_a_sum(network, graph, step.output));
  });
}

/// Which of the step's inputs are the attention's values.
size_t values_of(const Step& step) {
  if (auto input = input_argument(std::get<Operator>(step.operation), "value")) return *input;
  throw Error(ErrorCode::model, "The attention '" + step.name() +
                                    "' has values that are the same for all images. Choose a method that "
                                    "follows no attention.");
}

/// What attention of these inputs weights its values by, with its mask and scale: what it makes of unit
/// vectors in their place.
Tensor weights_of(const Step& step, std::vector<Tensor> inputs) {
  Tensor& values = inputs[values_of(step)];
  auto shape = values.sizes().vec();
  shape.back() = shape[shape.size() - 2];
  values = at::eye(shape.back(), values.options()).expand(shape).contiguous();
  return forward(step.operation, std::move(inputs), nullptr);
}

/// Equal shares of the tokens whose weights (N, heads, T, T) matter for the output; of all where none does.
Tensor tokens_read(const Tensor& derivative) {
  Tensor read = derivative.ne(0).any(3).any(1).to(derivative.scalar_type());
  Tensor count = read.sum(1, true);
  return at::where(count > 0, read / count.clamp_min(1), 1.0 / static_cast<double>(read.size(1)));
}

}  // namespace

/// The rows of the images of one batch, for one call: they come in runs, and in each the pass back reaches
/// the last attention first.
class TokenAttention::Run {
 public:
  Run(const TokenAttention& attention, const Batch& batch, const CarryBack& carry)
      : attention_(attention), carry_(carry) {
    for_each_run(batch.size(), batch.rows,
                 [&](int64_t begin, int64_t end) { images_.push_back(end - begin); });
  }

  StepRules rules() {
    StepRules rules(attention_.network_.steps.size());
    for (size_t i = 0; i < attention_.found_.size(); ++i) {
      auto backward = [this, i](const Operation& operation, const StepState& state, const Tensor& gradient) {
        pass(i, state, gradient);
        return iba::backward(operation, state, gradient);
      };
      rules[attention_.found_[i].step] = std::make_shared<const Rule>(Rule{backward, true});
    }
    return rules;
  }

  Tensor rows() const { return at::cat(rows_); }

 private:
  void pass(size_t i, const StepState& state, const Tensor& gradient) {
    bool is_last = i + 1 == attention_.found_.size();
    int64_t images = images_[is_last ? rows_.size() : rows_.size() - 1];
    Attended attended = attention_.attended(attention_.found_[i], state, gradient, images);
    attended.above = static_cast<int64_t>(attention_.found_.size() - i) - 1;
    if (is_last) rows_.push_back(tokens_read(attended.derivative));
    attention_.require_tokens(rows_.back().size(1), attended.weights.size(3));
    rows_.back() = carry_(rows_.back(), attended);
  }

  const TokenAttention& attention_;
  const CarryBack& carry_;
  std::vector<int64_t> images_;  // of each run
  std::vector<Tensor> rows_;     // of the runs so far
};

TokenAttention::TokenAttention(const Network& network, std::string method)
    : network_(network), method_(std::move(method)) {
  find_attention();
  require_chain();
  find_tokens();
}

void TokenAttention::refuse(const std::string& why) const {
  throw Error(ErrorCode::model, method_ + " " + why);
}

void TokenAttention::find_attention() {
  auto from_input = values_computed_from(network_, network_.input, Through::gradients);
  auto to_output = values_needed_for(network_, {network_.output}, Through::gradients);
  Graph graph(network_);
  std::set<std::string> others;
  for (size_t i = 0; i < network_.steps.size(); ++i) {
    ValueId output = network_.steps[i].output;
    if (!from_input[output] || !to_output[output]) continue;
    std::string name = kind(network_.steps[i].operation);
    if (name == "scaled-dot-product-attention") {
      found_.push_back({i, false});
    } else if (is_softmax(name) && weights_a_sum(network_, graph, output)) {
      found_.push_back({i, true});
    } else {
      others.insert(name);
    }
  }
  if (!found_.empty()) return;
  refuse("follows the attention between tokens, of which this " + network_.architecture +
         " has none: it has " + io::joined({others.begin(), others.end()}) + ". Choose grad-cam or lrp.");
}

void TokenAttention::require_chain() const {
  for (size_t i = 1; i < found_.size(); ++i) {
    const Step& before = network_.steps[found_[i - 1].step];
    const Step& step = network_.steps[found_[i].step];
    if (values_computed_from(network_, before.output, Through::gradients)[step.output]) continue;
    refuse("follows tokens from each attention to the next, but '" + before.name() + "' and '" + step.name() +
           "' of this " + network_.architecture + " lie side by side. Choose gradient or occlusion.");
  }
}

void TokenAttention::find_tokens() {
  auto from_input = values_computed_from(network_, network_.input, Through::gradients);
  auto to_attention =
      values_needed_for(network_, {network_.steps[found_[0].step].output}, Through::gradients);
  for (const auto& layer : network_.layers) {
    bool lies_before = from_input[layer.value] && to_attention[layer.value] &&
                       layer.value != network_.steps[found_[0].step].output;
    if (!lies_before || layer.layout.form != Layout::Form::tokens) continue;
    if (!tokens_ || layer.value > tokens_->value) tokens_ = &layer;
  }
  if (tokens_) return;
  refuse("needs a layer of tokens whose places in the image are known in front of '" +
         network_.steps[found_[0].step].name() + "', and this " + network_.architecture +
         " has none: its attention may be within windows. Choose gradient or occlusion.");
}

Attended TokenAttention::attended(const Found& found, const StepState& state, const Tensor& gradient,
                                  int64_t images) const {
  const Step& step = network_.steps[found.step];
  Attended attended{state.output.detach(), gradient};
  if (!found.is_softmax) {
    Tensor values = state.inputs[values_of(step)];
    attended = {weights_of(step, state.inputs), at::matmul(gradient, values.transpose(-2, -1))};
  }
  auto by_heads = [&](const Tensor& matrices) {
    int64_t dimensions = matrices.dim(), tokens = matrices.size(-1);
    bool is_whole = matrices.size(-2) == tokens && ((dimensions == 4 && matrices.size(0) == images) ||
                                                    (dimensions == 3 && matrices.size(0) % images == 0));
    if (is_whole) return at_least_float(matrices).reshape({images, -1, tokens, tokens});
    refuse("needs attention among all tokens of an image, but for " + std::to_string(images) + " images '" +
           step.name() + "' has weights of the shape " + io::shape_text(matrices.sizes()) +
           ", expected (images, heads, tokens, tokens): such as within windows. Choose gradient or "
           "occlusion.");
  };
  return {by_heads(attended.weights), by_heads(attended.derivative)};
}

void TokenAttention::require_tokens(int64_t expected, int64_t found) const {
  if (found == expected) return;
  refuse("needs one number of tokens in all attention of this " + network_.architecture + ", which has " +
         std::to_string(expected) + " and " + std::to_string(found) + ". Choose gradient or occlusion.");
}

TokenAttention::Carried TokenAttention::carry_back(const Batch& batch, const CarryBack& carry) const {
  Run run(*this, batch, carry);
  auto found = BackwardPass(network_, tokens_->value, run.rules()).run(batch);
  Grid grid = require_grid(*tokens_, found.activation.sizes().slice(1), batch.image_size());
  Tensor rows = run.rows();
  require_tokens(found.activation.size(1), rows.size(1));
  return {grid.to_image(rows.unsqueeze(2)).squeeze(1), std::move(found.targets)};
}

}  // namespace iba
