#include <doctest/doctest.h>

#include "support/device.h"
#include "support/free_port.h"
#include "training/process_group.h"

namespace iba::test {

TEST_CASE("a process alone meets itself through NCCL, and adds up and gathers what it has") {
  ProcessGroupOptions options;
  options.address = "127.0.0.1";
  options.port = free_port();
  options.timeout = std::chrono::seconds(60);
  options.device = test_device();
  ProcessGroup group(options);
  if (group.why_not_nccl().find("can't be opened") != std::string::npos) {
    MESSAGE(group.why_not_nccl());
  } else {
    INFO(group.why_not_nccl());
    CHECK(group.uses_nccl() == !test_device().is_cpu());
  }
  for (auto type : {at::kFloat, at::kDouble, at::kBFloat16, at::kLong}) {
    const at::Tensor numbers = at::arange(1'000, at::TensorOptions(test_device()).dtype(type));
    const at::Tensor sum = numbers.clone();
    group.sum({sum, at::ones({2})});
    CHECK(sum.equal(numbers));
    const auto all = group.gather(numbers);
    REQUIRE(all.size() == 1);
    CHECK(all[0].device() == test_device());
    CHECK(all[0].equal(numbers));
  }
}

}  // namespace iba::test
