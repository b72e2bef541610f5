#include "runtime/late_flag.h"

#include <doctest/doctest.h>

#include "support/accelerator.h"

namespace iba::test {

TEST_CASE("a flag of the CPU is read at once, and one of a device a step late, without waiting for it") {
  LateFlag on_host, on_device;
  auto flag = [](bool value, at::Device device) { return at::full({}, value, at::kBool).to(device); };
  const std::vector<bool> flags = {true, false, false, true, false};
  bool before = false;
  for (bool value : flags) {
    CHECK(on_host.exchange(flag(value, at::kCPU)) == value);
    at::Tensor sent = flag(value, accelerator());
    const int64_t waits = host_waits();
    CHECK(on_device.exchange(sent) == before);
    CHECK(host_waits() == waits);
    before = value;
  }
}

}  // namespace iba::test
