#include "measure.h"

#include <ATen/Context.h>
#include <ATen/detail/CUDAHooksInterface.h>

#include <cstdio>

namespace iba::bench {

void wait_for(at::Device device) {
  if (device.is_cuda()) at::detail::getCUDAHooks().deviceSynchronize(device.index());
}

double median(std::vector<double> values) {
  std::sort(values.begin(), values.end());
  size_t middle = values.size() / 2;
  return values.size() % 2 == 1 ? values[middle] : (values[middle - 1] + values[middle]) / 2;
}

void print_times(const std::string& subject, const std::string& what, const std::vector<double>& seconds,
                 int64_t count) {
  auto print = [&](const std::string& which, double whole) {
    print_result(subject, what + ": " + which, whole / static_cast<double>(count), "s");
  };
  print("median", median(seconds));
  print("fastest", *std::min_element(seconds.begin(), seconds.end()));
  print("slowest", *std::max_element(seconds.begin(), seconds.end()));
}

void print_result(const std::string& subject, const std::string& what, double value,
                  const std::string& unit) {
  std::printf("%-16s  %-52s  %12.6g  %s\n", subject.c_str(), what.c_str(), value, unit.c_str());
  std::fflush(stdout);
}

}  // namespace iba::bench
