#include <limits>

#include "commands.h"
#include "machine.h"
#include "measure.h"
#include "network/precision.h"
#include "operator_times.h"

namespace iba::bench {

namespace {

constexpr double kGiga = 1e9;

/// The fastest of some forward and backward passes, counting convolutions and linear layers alone.
struct Passes {
  double flops = 0;  // of either: the gradient at a layer's input takes as many multiplications as its output
  double forward = std::numeric_limits<double>::infinity();   // seconds
  double backward = std::numeric_limits<double>::infinity();  // seconds
};

Passes measure_passes(const Workload& workload, const Options& options) {
  NoisedPass pass(workload, options.copies);
  Passes fastest;
  for (int64_t round = 0; round <= options.rounds; ++round) {  // the first warms up
    {
      OperatorTimes times(options.device);
      pass.forward();
      auto sum = times.sum({"convolution", "_convolution_pointwise", "linear", "mm", "addmm"});
      fastest.flops = sum.flops;
      fastest.forward = std::min(fastest.forward, sum.seconds);
    }
    OperatorTimes times(options.device);
    pass.backward();
    auto sum = times.sum({"convolution_backward", "_convolution_pointwise", "matmul", "mm"});
    fastest.backward = std::min(fastest.backward, sum.seconds);
  }
  return fastest;
}

void print_share(const std::string& model, const std::string& direction, double rate, double peak) {
  print_result(model, direction + ": rate of convolutions and linear layers", rate, "GFLOP/s");
  print_result(model, direction + ": share of the matrix product's rate", 100 * rate / peak, "%");
}

}  // namespace

void peak(const Models& models, const Options& options) {
  for (const auto& model : models) {
    Workload workload = make_workload(model, options);
    workload.network = use_precision(workload.network, options.precisions.front());
    const auto type = precision_of(workload.network);
    double peak = matrix_rate(options.device, type) / kGiga;
    Passes passes = measure_passes(workload, options);
    // Before and after, as the machine's speed may change.
    peak = std::max(peak, matrix_rate(options.device, type) / kGiga);
    double gigaflops = passes.flops / kGiga;
    print_result(model, "matrix product of 2048 x 2048", peak, "GFLOP/s");
    print_result(model, "work of one noise copy, forward", gigaflops / static_cast<double>(options.copies),
                 "GFLOP");
    print_share(model, "forward", gigaflops / passes.forward, peak);
    print_share(model, "backward", gigaflops / passes.backward, peak);
  }
}

}  // namespace iba::bench
