#include "target/objective.h"

#include <algorithm>
#include <limits>

#include "runtime/device.h"

namespace iba {

namespace {

using Parameters = Objective::Parameters;
using Formula = Tensor (*)(const Tensor&, const Parameters&);

/// Below it a length counts as this, as PyTorch's cosine does it.
constexpr double kSmallestLength = 1e-8;

Tensor at_index(const Tensor& outputs, const Tensor& index, const Tensor& value) {
  return at::zeros_like(outputs).scatter_(1, index, value);
}

Tensor picked(const Tensor& outputs, const Parameters& p) {
  return outputs.gather(1, p.index).squeeze(1);
}

Tensor picked_gradient(const Tensor& outputs, const Parameters& p) {
  return at_index(outputs, p.index, at::ones_like(p.index, outputs.options()));
}

namespace classification {

Tensor loss(const Tensor& outputs, const Parameters& p) {
  return -at::log_softmax(outputs, 1).gather(1, p.index).squeeze(1);
}

/// p − 1[class]
Tensor loss_gradient(const Tensor& outputs, const Parameters& p) {
  Tensor gradient = at::log_softmax(outputs, 1).exp_();
  return gradient.scatter_add_(1, p.index, -at::ones_like(p.index, outputs.options()));
}

Tensor probability(const Tensor& outputs, const Parameters& p) {
  return at::softmax(outputs, 1).gather(1, p.index).squeeze(1);
}

}  // namespace classification

namespace label {

Tensor loss(const Tensor& outputs, const Parameters& p) {
  return -at::log_sigmoid(picked(outputs, p));
}

Tensor loss_gradient(const Tensor& outputs, const Parameters& p) {
  return at_index(outputs, p.index, -at::sigmoid(-outputs.gather(1, p.index)));
}

Tensor probability(const Tensor& outputs, const Parameters& p) {
  return at::sigmoid(picked(outputs, p));
}

}  // namespace label

namespace contrast {

Tensor of_others(const Tensor& outputs, const Parameters& p) {
  return outputs.masked_fill(p.chosen.logical_not(), -std::numeric_limits<double>::infinity());
}

Tensor score(const Tensor& outputs, const Parameters& p) {
  return picked(outputs, p) - at::logsumexp(of_others(outputs, p), 1);
}

Tensor score_gradient(const Tensor& outputs, const Parameters& p) {
  Tensor gradient = -at::softmax(of_others(outputs, p), 1);
  return gradient.scatter_add_(1, p.index, at::ones_like(p.index, outputs.options()));
}

Tensor loss(const Tensor& outputs, const Parameters& p) {
  return -at::log_sigmoid(score(outputs, p));
}

Tensor loss_gradient(const Tensor& outputs, const Parameters& p) {
  return score_gradient(outputs, p) * -at::sigmoid(-score(outputs, p)).unsqueeze(1);
}

Tensor probability(const Tensor& outputs, const Parameters& p) {
  return at::sigmoid(score(outputs, p));
}

}  // namespace contrast

namespace labels {

/// max(y, 0) − y·[holds] + ln(1 + exp(−|y|))
Tensor of_each(const Tensor& outputs, const Parameters& p) {
  return -at::where(p.chosen, at::log_sigmoid(outputs), at::log_sigmoid(-outputs));
}

Tensor loss(const Tensor& outputs, const Parameters& p) {
  return of_each(outputs, p).mean(1);
}

Tensor loss_gradient(const Tensor& outputs, const Parameters& p) {
  return (at::sigmoid(outputs) - p.chosen.to(outputs.scalar_type())) / outputs.size(1);
}

Tensor score(const Tensor& outputs, const Parameters& p) {
  return -loss(outputs, p);
}

Tensor score_gradient(const Tensor& outputs, const Parameters& p) {
  return -loss_gradient(outputs, p);
}

/// That all labels are as they should be, as if they didn't depend on each other.
Tensor probability(const Tensor& outputs, const Parameters& p) {
  return (-of_each(outputs, p).sum(1)).exp_();
}

}  // namespace labels

namespace squared {

Tensor distance(const Tensor& outputs, const Parameters& p) {
  return outputs.gather(1, p.index) - p.value.to(outputs.scalar_type());
}

Tensor loss(const Tensor& outputs, const Parameters& p) {
  return distance(outputs, p).square().squeeze(1);
}

Tensor loss_gradient(const Tensor& outputs, const Parameters& p) {
  return at_index(outputs, p.index, 2 * distance(outputs, p));
}

Tensor score(const Tensor& outputs, const Parameters& p) {
  return -loss(outputs, p);
}

Tensor score_gradient(const Tensor& outputs, const Parameters& p) {
  return -loss_gradient(outputs, p);
}

}  // namespace squared

namespace similarity {

Tensor length_of(const Tensor& vectors) {
  return vectors.norm(2, {1}, true).clamp_min_(kSmallestLength);
}

Tensor direction(const Tensor& outputs, const Parameters& p) {
  Tensor wanted = p.weights.to(outputs.scalar_type());
  return wanted / length_of(wanted);
}

Tensor score(const Tensor& outputs, const Parameters& p) {
  return (outputs / length_of(outputs) * direction(outputs, p)).sum(1);
}

/// (e − cos·y/|y|)/|y| for the wanted direction e.
Tensor score_gradient(const Tensor& outputs, const Parameters& p) {
  Tensor length = length_of(outputs), unit = outputs / length;
  return (direction(outputs, p) - unit * score(outputs, p).unsqueeze(1)) / length;
}

Tensor loss(const Tensor& outputs, const Parameters& p) {
  return -score(outputs, p);
}

Tensor loss_gradient(const Tensor& outputs, const Parameters& p) {
  return -score_gradient(outputs, p);
}

}  // namespace similarity

namespace weighting {

Tensor score(const Tensor& outputs, const Parameters& p) {
  return (outputs * p.weights.to(outputs.scalar_type())).sum(1);
}

Tensor score_gradient(const Tensor& outputs, const Parameters& p) {
  return p.weights.to(outputs.scalar_type(), false, true);
}

Tensor loss(const Tensor& outputs, const Parameters& p) {
  return -score(outputs, p);
}

Tensor loss_gradient(const Tensor& outputs, const Parameters& p) {
  return -score_gradient(outputs, p);
}

}  // namespace weighting

Tensor no_probability(const Tensor& outputs, const Parameters&) {
  return at::full({outputs.size(0)}, std::numeric_limits<double>::quiet_NaN(), outputs.options());
}

/// All that is computed for a kind of target.
struct Formulas {
  Formula score, score_gradient, loss, loss_gradient, probability, strength;
};

const Formulas& formulas_of(Target::Kind kind) {
  static const Formulas of_kinds[] = {
      {picked, picked_gradient, classification::loss, classification::loss_gradient,
       classification::probability, classification::probability},
      {picked, picked_gradient, label::loss, label::loss_gradient, label::probability, label::probability},
      {contrast::score, contrast::score_gradient, contrast::loss, contrast::loss_gradient,
       contrast::probability, contrast::probability},
      {labels::score, labels::score_gradient, labels::loss, labels::loss_gradient, labels::probability,
       labels::probability},
      {picked, picked_gradient, squared::loss, squared::loss_gradient, no_probability, picked},
      {squared::score, squared::score_gradient, squared::loss, squared::loss_gradient, no_probability,
       squared::score},
      {squared::loss, squared::loss_gradient, squared::score, squared::score_gradient, no_probability,
       squared::loss},
      {similarity::score, similarity::score_gradient, similarity::loss, similarity::loss_gradient,
       no_probability, similarity::score},
      {weighting::score, weighting::score_gradient, weighting::loss, weighting::loss_gradient, no_probability,
       weighting::score},
  };
  return of_kinds[static_cast<size_t>(kind)];
}

/// As many rows as there are copies.
Parameters repeated(const Parameters& parameters, int64_t copies) {
  if (copies == 1) return parameters;
  auto each = [&](const Tensor& tensor) {
    return tensor.defined() ? tensor.repeat_interleave(copies, 0) : tensor;
  };
  return {each(parameters.index), each(parameters.chosen), each(parameters.weights), each(parameters.value)};
}

/// Which outputs a target names beside its index: of a contrast without others, all but its own.
std::vector<uint8_t> chosen_outputs(const Target& target, int64_t outputs) {
  const bool is_against_all = target.kind == Target::Kind::contrast && target.others.empty();
  std::vector<uint8_t> chosen(static_cast<size_t>(outputs), is_against_all ? 1 : 0);
  if (is_against_all) chosen[static_cast<size_t>(target.index)] = 0;
  for (int64_t other : target.others) chosen[static_cast<size_t>(other)] = 1;
  return chosen;
}

}  // namespace

Objective::Objective(const std::vector<Target>& targets, int64_t outputs, at::Device device)
    : images_(static_cast<int64_t>(targets.size())) {
  std::vector<Target::Kind> kinds;
  for (const auto& target : targets) {
    if (std::find(kinds.begin(), kinds.end(), target.kind) == kinds.end()) kinds.push_back(target.kind);
  }
  for (auto kind : kinds) {
    std::vector<Target> of_kind;
    std::vector<int64_t> images;
    for (size_t i = 0; i < targets.size(); ++i) {
      if (targets[i].kind != kind) continue;
      of_kind.push_back(targets[i]);
      images.push_back(static_cast<int64_t>(i));
    }
    groups_.push_back(group_of(kind, of_kind, outputs, device));
    if (kinds.size() > 1) groups_.back().images = sent_to(device, at::tensor(images));
  }
}

Objective::Group Objective::group_of(Target::Kind kind, const std::vector<Target>& targets, int64_t outputs,
                                     at::Device device) {
  using Kind = Target::Kind;
  Group group{kind, {}, {}};
  std::vector<int64_t> indices;
  std::vector<double> values, weights;
  std::vector<uint8_t> chosen;
  for (const auto& target : targets) {
    indices.push_back(target.index);
    values.push_back(target.value);
    weights.insert(weights.end(), target.weights.begin(), target.weights.end());
    auto named = chosen_outputs(target, outputs);
    chosen.insert(chosen.end(), named.begin(), named.end());
  }
  auto images = static_cast<int64_t>(targets.size());
  auto as_float = [&](const std::vector<double>& numbers, int64_t columns) {
    return sent_to(device, at::tensor(numbers, at::kFloat).view({images, columns}));
  };
  Parameters& parameters = group.parameters;
  if (kind == Kind::contrast || kind == Kind::labels)
    parameters.chosen = sent_to(device, at::tensor(chosen, at::kByte).view({images, outputs}).to(at::kBool));
  if (kind == Kind::similarity || kind == Kind::weighting) {
    parameters.weights = as_float(weights, outputs);
  } else {
    parameters.index = sent_to(device, at::tensor(indices).unsqueeze(1));
  }
  if (kind == Kind::prediction || kind == Kind::value || kind == Kind::away)
    parameters.value = as_float(values, 1);
  return group;
}

/// The formula that `choose` takes of each group's, for the rows of its images.
template <typename Choose>
Tensor Objective::by_group(const Tensor& outputs, Choose choose) const {
  int64_t copies = outputs.size(0) / images_;
  if (groups_.size() == 1) {
    const Group& group = groups_[0];
    return choose(formulas_of(group.kind))(outputs, repeated(group.parameters, copies));
  }
  Tensor of_images = outputs.view({images_, copies, outputs.size(1)});
  Tensor all;
  for (const auto& group : groups_) {
    Tensor own = of_images.index_select(0, group.images).flatten(0, 1);
    Tensor found = choose(formulas_of(group.kind))(own, repeated(group.parameters, copies));
    auto shape = found.sizes().vec();
    shape[0] = images_;
    shape.insert(shape.begin() + 1, copies);
    if (!all.defined()) all = at::empty(shape, found.options());
    shape[0] = group.images.size(0);
    all.index_copy_(0, group.images, found.view(shape));
  }
  return all.flatten(0, 1);
}

Tensor Objective::score(const Tensor& outputs) const {
  return by_group(outputs, [](const Formulas& formulas) { return formulas.score; });
}

Tensor Objective::score_gradient(const Tensor& outputs) const {
  return by_group(outputs, [](const Formulas& formulas) { return formulas.score_gradient; });
}

Tensor Objective::loss(const Tensor& outputs) const {
  return by_group(outputs, [](const Formulas& formulas) { return formulas.loss; });
}

Tensor Objective::loss_gradient(const Tensor& outputs) const {
  return by_group(outputs, [](const Formulas& formulas) { return formulas.loss_gradient; });
}

Tensor Objective::probability(const Tensor& outputs) const {
  return by_group(outputs, [](const Formulas& formulas) { return formulas.probability; });
}

Tensor Objective::strength(const Tensor& outputs) const {
  return by_group(outputs, [](const Formulas& formulas) { return formulas.strength; });
}

}  // namespace iba
