#include "training/readout_trainer.h"

#include "bottleneck/loss.h"
#include "bottleneck/readout_file.h"
#include "error.h"
#include "finite.h"
#include "network/precision.h"
#include "runtime/device.h"
#include "runtime/rows.h"

namespace iba {

namespace {

/// What is summed beside the extras: images, cross-entropy, information, correct.
constexpr int64_t kOwnSums = 4;

Readout own_copy(const Readout& readout, at::Device device) {
  Readout copy = readout;
  copy.network = readout.network.clone().to(device);
  return copy;
}

constexpr const char* kDiverged = "Take a smaller learning rate or a smaller beta.";

std::string moment_name(size_t parameter, const char* which) {
  return "adam." + ReadoutNetwork::parameter_names()[parameter] + "." + which;
}

}  // namespace

struct ReadoutTrainer::Sums {
  int64_t images = 0;
  /// Cross-entropy, information and correct, double, where the network is: the host reads them once.
  Tensor terms;

  Tensor with(const std::vector<double>& extras) const {
    Tensor count = at::full({1}, images, at::kDouble);
    Tensor own = terms.defined() ? terms.cpu() : at::zeros({kOwnSums - 1}, at::kDouble);
    return at::cat({count, own, at::tensor(extras, at::kDouble)});
  }
};

ReadoutTrainer::ReadoutTrainer(const Network& network, const Readout& readout, ReadoutTrainingOptions options)
    : options_(options),
      network_(network),
      precision_(precision_of(network)),
      readout_(own_copy(readout, network.device())),
      bottleneck_(network_, readout_),
      rows_(kTrainingRows.on(network.device())) {
  for (const auto& parameter : readout_.network.parameters()) {
    optimizers_.emplace_back(parameter, options.learning_rate);
  }
}

ReadoutOutcome ReadoutTrainer::step(const ReadoutBatch& batch, const std::vector<double>& extras,
                                    const SumOverProcesses& sum_over_processes) {
  at::NoGradGuard no_grad;
  ReadoutNetwork working = readout_.network.to(precision_);
  std::vector<Tensor> gradients;
  Sums own;
  add_up(batch, working, own, &gradients);
  for (auto& gradient : gradients) gradient = gradient.to(at::kFloat);

  Tensor sums = own.with(extras);
  if (sum_over_processes) {
    std::vector<Tensor> all = gradients;
    all.push_back(sums);
    sum_over_processes(all);
  }
  ReadoutOutcome outcome = outcome_of(sums);
  if (outcome.images == 0) return outcome;
  std::vector<Tensor> norms;
  for (auto& gradient : gradients) {
    gradient.div_(static_cast<double>(outcome.images));
    norms.push_back(gradient.norm());
  }
  Tensor found = at::stack(norms).to(at::kCPU, at::kDouble);
  outcome.gradient_norms.assign(found.const_data_ptr<double>(),
                                found.const_data_ptr<double>() + found.numel());
  // Before anything is changed: what was learnt so far stays good.
  for (size_t i = 0; i < gradients.size(); ++i) {
    require_finite(outcome.gradient_norms[i], ErrorCode::not_finite,
                   "the gradient of " + ReadoutNetwork::parameter_names()[i], kDiverged);
  }
  for (size_t i = 0; i < gradients.size(); ++i) optimizers_[i].step(gradients[i]);
  return outcome;
}

ReadoutOutcome ReadoutTrainer::evaluate(const ReadoutBatch& batch,
                                        const SumOverProcesses& sum_over_processes) const {
  at::NoGradGuard no_grad;
  Sums own;
  add_up(batch, readout_.network.to(precision_), own, nullptr);
  Tensor sums = own.with({});
  if (sum_over_processes) sum_over_processes({sums});
  return outcome_of(sums);
}

void ReadoutTrainer::add_up(const ReadoutBatch& batch, const ReadoutNetwork& readout_network, Sums& sums,
                            std::vector<Tensor>* gradients) const {
  rows_.run(network_.device(), [&](int64_t rows) {
    sums = {};
    if (gradients) {
      gradients->clear();
      for (const auto& parameter : readout_network.parameters())
        gradients->push_back(at::zeros_like(parameter));
    }
    for_each_run(static_cast<int64_t>(batch.labels.size()), rows, [&](int64_t begin, int64_t end) {
      add_run(batch, begin, end, readout_network, sums, gradients);
    });
  });
}

void ReadoutTrainer::add_run(const ReadoutBatch& batch, int64_t begin, int64_t end,
                             const ReadoutNetwork& readout_network, Sums& sums,
                             std::vector<Tensor>* gradients) const {
  auto reading = bottleneck_.read(batch.images.slice(0, begin, end));
  ReadoutNetwork::Trace trace;
  Tensor alpha = bottleneck_.alpha(reading, 0, end - begin, readout_network, gradients ? &trace : nullptr);
  std::vector<NoiseStream> streams;
  for (int64_t i = begin; i < end; ++i) streams.emplace_back(batch.seeds[i], network_.device());
  std::vector<int64_t> labels(batch.labels.begin() + begin, batch.labels.begin() + end);
  std::vector<Target> targets;
  for (int64_t label : labels) targets.push_back(Target::of_class(label));

  const Cut& cut = bottleneck_.cut();
  BottleneckLoss loss(cut, bottleneck_.layer(), reading.values[cut.at()], reading.values);
  Tensor noise = bottleneck_.layer().draw_noise(streams, 1);
  Objective objective(targets, network_.classes, network_.device());
  auto terms = loss.forward(bottleneck_.layer().mask(alpha), {noise}, objective, gradients != nullptr);
  sums.images += end - begin;
  Tensor right = sent_to(network_.device(), at::tensor(labels));
  Tensor correct = terms.outputs.argmax(1).eq(right).sum().to(at::kDouble);
  Tensor found = at::stack({terms.fit.sum(), terms.information.sum(), correct});
  sums.terms = sums.terms.defined() ? sums.terms.add_(found) : found;
  if (!gradients) return;
  Tensor by_mask = loss.backward(std::move(terms), options_.beta);
  readout_network.backward(trace, bottleneck_.layer().mask_backward(alpha, std::move(by_mask)), *gradients);
}

ReadoutOutcome ReadoutTrainer::outcome_of(const Tensor& sums) const {
  const double* values = sums.const_data_ptr<double>();
  ReadoutOutcome outcome;
  outcome.extras.assign(values + kOwnSums, values + sums.numel());
  outcome.images = static_cast<int64_t>(values[0]);
  if (outcome.images == 0) return outcome;
  outcome.cross_entropy = values[1] / values[0];
  outcome.information = values[2] / values[0];
  outcome.loss = outcome.cross_entropy + options_.beta * outcome.information;
  require_finite(outcome.loss, ErrorCode::not_finite, "the loss", kDiverged);
  outcome.correct = static_cast<int64_t>(values[3]);
  return outcome;
}

Readout ReadoutTrainer::trained() const {
  return own_copy(readout_, readout_.network.parameters()[0].device());
}

void ReadoutTrainer::save(const std::filesystem::path& path,
                          const std::map<std::string, std::string>& metadata) const {
  NamedTensors moments;
  for (size_t i = 0; i < optimizers_.size(); ++i) {
    moments.emplace_back(moment_name(i, "first"), optimizers_[i].first_moment());
    moments.emplace_back(moment_name(i, "second"), optimizers_[i].second_moment());
    require_finite(moments.back().second, ErrorCode::not_finite, "the optimiser's memory", kDiverged);
  }
  auto all = metadata;
  all["adam.steps"] = std::to_string(optimizers_[0].steps());
  write_readout(path, readout_, moments, all);
}

std::map<std::string, std::string> ReadoutTrainer::restore(const std::filesystem::path& path) {
  auto file = read_weight_file(path);
  std::map<std::string, Tensor> tensors(file.tensors.begin(), file.tensors.end());
  auto fits = [&](const std::string& name, const Tensor& like) {
    auto found = tensors.find(name);
    return found != tensors.end() && found->second.numel() == like.numel() && is_finite(found->second);
  };
  const auto& names = ReadoutNetwork::parameter_names();
  const auto& parameters = readout_.network.parameters();
  for (size_t i = 0; i < names.size(); ++i) {
    if (fits(names[i], parameters[i]) && fits(moment_name(i, "first"), parameters[i]) &&
        fits(moment_name(i, "second"), parameters[i])) {
      continue;
    }
    throw Error(ErrorCode::weights,
                "'" + path.string() + "' is no checkpoint of this training: its " + names[i] +
                    ", or the optimiser's memory of it, is missing, of another shape or not finite.");
  }
  int64_t steps = std::atoll(file.metadata["adam.steps"].c_str());
  for (size_t i = 0; i < names.size(); ++i) {
    parameters[i].copy_(tensors.at(names[i]).view_as(parameters[i]));
    optimizers_[i].restore(steps, tensors.at(moment_name(i, "first")).view_as(parameters[i]),
                           tensors.at(moment_name(i, "second")).view_as(parameters[i]));
  }
  return file.metadata;
}

}  // namespace iba
