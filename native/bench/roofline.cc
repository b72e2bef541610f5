#include <algorithm>

#include "commands.h"
#include "machine.h"
#include "measure.h"
#include "network/precision.h"
#include "operator_times.h"

namespace iba::bench {

namespace {

constexpr double kGiga = 1e9;

/// What the device can do at most.
struct Roof {
  double operations;  // per second
  double bytes;       // per second

  /// The least seconds that a call can take: either its operations or its memory hold it up.
  double least_seconds(const OperatorTotal& call) const {
    return std::max(call.flops / operations, call.bytes / bytes);
  }
};

/// One pass operator by operator. Kernels of our own, which LibTorch doesn't see, are no calls.
struct Pass {
  std::vector<OperatorTotal> calls;
  double seconds;
};

template <typename Work>
Pass run_pass(at::Device device, const Work& work) {
  OperatorTimes times(device);
  double seconds = seconds_of(device, work);
  return {times.calls(), seconds};
}

/// The quicker one: other programs can only slow a pass down.
void keep_faster(Pass& fastest, Pass pass) {
  if (fastest.calls.empty() || pass.seconds < fastest.seconds) fastest = std::move(pass);
}

void print_calls(const std::string& model, const std::string& what, const std::vector<OperatorTotal>& calls,
                 const Roof& roof) {
  OperatorTotal sum;
  double least = 0;
  for (const auto& call : calls) {
    sum = sum + call;
    least += roof.least_seconds(call);
  }
  print_result(model, what + ": operations", sum.flops / kGiga, "GFLOP");
  print_result(model, what + ": memory read and written", sum.bytes / kGiga, "GB");
  print_result(model, what + ": operations for each byte", sum.flops / sum.bytes, "FLOP/B");
  print_result(model, what + ": least that the hardware allows", least, "s");
  print_result(model, what + ": taken", sum.seconds, "s");
  print_result(model, what + ": share of what the hardware allows", 100 * least / sum.seconds, "%");
}

/// How much memory the others move can't be told from their tensors, many of which are views or are only
/// allocated.
void print_pass(const std::string& model, const std::string& direction, const Pass& pass, const Roof& roof) {
  std::vector<OperatorTotal> products;
  double rest = pass.seconds;
  for (const auto& call : pass.calls) {
    if (call.flops == 0) continue;
    products.push_back(call);
    rest -= call.seconds;
  }
  print_calls(model, direction + ", convolutions and linear layers", products, roof);
  print_result(model, direction + ", everything else: taken", rest, "s");
}

}  // namespace

void roofline(const Models& models, const Options& options) {
  for (const auto& model : models) {
    Workload workload = make_workload(model, options);
    workload.network = use_precision(workload.network, options.precisions.front());
    const Roof roof{matrix_rate(options.device, precision_of(workload.network)), memory_rate(options.device)};
    NoisedPass pass(workload, options.copies);
    Pass forward, backward;
    for (int64_t round = 0; round <= options.rounds; ++round) {
      keep_faster(forward, run_pass(options.device, [&] { pass.forward(); }));
      keep_faster(backward, run_pass(options.device, [&] { pass.backward(); }));
    }
    print_result(model, "matrix product of 2048 x 2048", roof.operations / kGiga, "GFLOP/s");
    print_result(model, "copy of 256 MB, read and written", roof.bytes / kGiga, "GB/s");
    print_pass(model, "one step forward", forward, roof);
    print_pass(model, "one step backward", backward, roof);
  }
}

}  // namespace iba::bench
