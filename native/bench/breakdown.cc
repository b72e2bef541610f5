#include "commands.h"
#include "measure.h"
#include "operator_times.h"
#include "runtime/noise.h"

namespace iba::bench {

namespace {

/// Operators below this share of a pass are left to the rest.
constexpr double kSmallShare = 0.01;

/// Seconds of the parts of one map.
struct Parts {
  double before_cut;
  double clean_pass;  // chooses the target and gives its probability
  double forward;     // of one step
  double backward;    // of one step
  double noise;       // of one step, drawn alone
  double whole;
};

double whole_map(const Workload& workload, const Options& options) {
  PreparedMethod method = make_per_sample(workload, options);
  Tensor image = workload.images.slice(0, 0, 1);
  return median(rounds_of(options.device, options.rounds, [&] { attribute(method, image); }));
}

Parts measure_parts(const Workload& workload, NoisedPass& pass, const Options& options) {
  auto device = options.device;
  auto rounds = [&](const auto& work) { return median(rounds_of(device, options.rounds, work)); };

  Tensor image = workload.images.slice(0, 0, 1);
  Cut cut(workload.network, workload.network.layer(workload.network.bottleneck_layer).value);
  Values values = cut.before(image);
  Tensor activation = values[cut.at()];
  auto noise_shape = activation.sizes().vec();
  noise_shape[0] = options.copies;
  NoiseStream stream(0, device);

  Parts parts{};
  parts.before_cut = rounds([&] { cut.before(image); });
  parts.clean_pass = rounds([&] { cut.after(values, activation); });
  parts.noise = rounds([&] { stream.draw(noise_shape); });
  std::vector<double> forward, backward;  // in turns: a backward pass uses up what the forward pass left
  for (int64_t round = 0; round < options.rounds; ++round) {
    forward.push_back(seconds_of(device, [&] { pass.forward(); }));
    backward.push_back(seconds_of(device, [&] { pass.backward(); }));
  }
  parts.forward = median(forward);
  parts.backward = median(backward);
  parts.whole = whole_map(workload, options);
  return parts;
}

/// The last step of a map has no backward pass. Noise may be drawn while the network runs, so its time isn't
/// taken from the whole.
void print_parts(const std::string& model, const Parts& parts, const Options& options) {
  auto steps = static_cast<double>(options.steps);
  double known = 0;
  auto print = [&](const std::string& what, double seconds) {
    known += seconds;
    print_result(model, "map: " + what, seconds, "s");
  };
  print("before the cut", parts.before_cut);
  print("clean pass", parts.clean_pass);
  print("forward passes", parts.forward * steps);
  print("backward passes", parts.backward * (steps - 1));
  print("the bottleneck's own work and the rest", parts.whole - known);
  print_result(model, "map: whole", parts.whole, "s");
  print_result(model, "one step, noise drawn alone", parts.noise, "s");
}

/// Runs one pass operator by operator. What kernels of our own do, LibTorch doesn't see: it is in the rest.
template <typename Work>
void print_operators(const std::string& model, const std::string& direction, at::Device device,
                     const Work& work) {
  OperatorTimes times(device);
  double rest = seconds_of(device, work);
  double smallest = kSmallShare * rest;
  for (const auto& [name, total] : times.totals()) {
    if (total.seconds < smallest) continue;
    rest -= total.seconds;
    print_result(model, "one step, " + direction + ": " + name, total.seconds, "s");
  }
  print_result(model, "one step, " + direction + ": own kernels and the rest", rest, "s");
}

}  // namespace

void breakdown(const Models& models, const Options& options) {
  for (const auto& model : models) {
    Workload workload = make_workload(model, options);
    workload.network = use_precision(workload.network, options.precisions.front());
    NoisedPass pass(workload, options.copies);
    pass.forward();
    pass.backward();
    print_parts(model, measure_parts(workload, pass, options), options);
    print_operators(model, "forward", options.device, [&] { pass.forward(); });
    print_operators(model, "backward", options.device, [&] { pass.backward(); });
  }
}

}  // namespace iba::bench
