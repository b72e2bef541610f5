#pragma once

#include <algorithm>
#include <chrono>
#include <string>
#include <vector>

#include "torch.h"

namespace iba::bench {

/// Waits until the device has done all that it was given.
void wait_for(at::Device device);

/// Wall-clock seconds that `work` takes, from an idle device to an idle device.
template <typename Work>
double seconds_of(at::Device device, const Work& work) {
  wait_for(device);
  auto started = std::chrono::steady_clock::now();
  work();
  wait_for(device);
  return std::chrono::duration<double>(std::chrono::steady_clock::now() - started).count();
}

/// The seconds of each of `rounds` runs, after one that isn't counted.
template <typename Work>
std::vector<double> rounds_of(at::Device device, int64_t rounds, const Work& work) {
  seconds_of(device, work);
  std::vector<double> seconds;
  for (int64_t i = 0; i < rounds; ++i) seconds.push_back(seconds_of(device, work));
  return seconds;
}

double median(std::vector<double> values);

/// Prints what one of `count` images took in runs of all of them: the median, the fastest and the slowest.
void print_times(const std::string& subject, const std::string& what, const std::vector<double>& seconds,
                 int64_t count = 1);

/// Prints one result as a line: what it is about, what was measured, the value and its unit, two or more
/// spaces apart.
void print_result(const std::string& subject, const std::string& what, double value, const std::string& unit);

}  // namespace iba::bench
