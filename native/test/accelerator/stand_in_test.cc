#include <ATen/CPUGeneratorImpl.h>
#include <doctest/doctest.h>
#include <sys/wait.h>
#include <unistd.h>

#include <csignal>
#include <functional>

#include "runtime/device.h"
#include "runtime/noise.h"
#include "support/accelerator.h"
#include "support/tensors.h"

namespace iba::test {

namespace {

/// The signal that ends a process which does this, 0 where it ends by itself.
int signal_of(const std::function<void()>& work) {
  pid_t child = fork();
  if (child == 0) {
    std::signal(SIGSEGV, SIG_DFL);
    std::signal(SIGBUS, SIG_DFL);
    work();
    _exit(0);
  }
  int status = 0;
  REQUIRE(waitpid(child, &status, 0) == child);
  return WIFSIGNALED(status) ? WTERMSIG(status) : 0;
}

at::Tensor on_device(const at::Tensor& tensor) {
  return tensor.to(accelerator());
}

void touch(const at::Tensor& tensor) {
  *static_cast<volatile float*>(tensor.mutable_data_ptr());
}

}  // namespace

TEST_CASE("tensors come back from the accelerator as they were, in any layout") {
  at::Tensor image = normal("image", {2, 3, 4, 5}).to(at::kFloat);
  for (const auto& tensor :
       {image, image.contiguous(at::MemoryFormat::ChannelsLast), image.permute({3, 1, 0, 2})}) {
    at::Tensor moved = on_device(tensor);
    CHECK(moved.device() == accelerator());
    CHECK(moved.cpu().equal(tensor));
    CHECK(moved.select(2, 1).cpu().equal(tensor.select(2, 1)));
    CHECK((moved * 2).relu_().cpu().equal((tensor * 2).relu()));
  }
}

TEST_CASE("the host can't touch the accelerator's memory, before and after a kernel used it") {
  at::Tensor tensor = on_device(at::ones({3}));
  CHECK(signal_of([&] { touch(tensor); }) != 0);
  tensor.add_(1);
  CHECK(signal_of([&] { touch(tensor); }) != 0);
  CHECK(signal_of([&] { touch(tensor.cpu()); }) == 0);
}

TEST_CASE("a tensor of the CPU doesn't mix with those of the accelerator, a number does") {
  at::Tensor host = at::ones({2, 2}), moved = on_device(host);
  CHECK_THROWS_AS(moved + host, c10::Error);
  CHECK_THROWS_AS(at::matmul(moved, host), c10::Error);
  CHECK_THROWS_AS(at::cat({moved, host}), c10::Error);
  CHECK_THROWS_AS(moved.clone().index_select(0, at::zeros({1}, at::kLong)), c10::Error);
  at::Tensor image = on_device(at::ones({1, 1, 3, 3}));
  CHECK_THROWS_AS(at::conv2d(image, at::ones({1, 1, 3, 3})), c10::Error);
  CHECK((moved + at::scalar_tensor(1)).cpu().equal(host + 1));
}

TEST_CASE("a generator serves its own device alone") {
  auto host = at::detail::createCPUGenerator(1);
  auto device = at::globalContext().defaultGenerator(accelerator()).clone();
  CHECK_THROWS_AS(on_device(at::empty({20})).normal_(0, 1, host), c10::Error);
  CHECK_THROWS_AS(at::empty({20}).normal_(0, 1, device), c10::Error);
}

TEST_CASE("a stream of noise draws on the accelerator, the same for the same seed") {
  NoiseStream one(7, accelerator()), same(7, accelerator()), other(8, accelerator());
  at::Tensor first = one.draw({4, 5});
  CHECK(first.device() == accelerator());
  CHECK(first.equal(same.draw({4, 5})));
  CHECK(!first.equal(other.draw({4, 5})));
  CHECK(!first.equal(one.draw({4, 5})));
  CHECK(first.cpu().equal(NoiseStream(7, at::kCPU).draw({4, 5})));
}

TEST_CASE("what the host waits for is counted, kernels and copies that don't block are not") {
  at::Tensor host = at::ones({3});
  at::Tensor moved = on_device(host);
  int64_t before = host_waits();
  at::Tensor sum = at::matmul(moved, sent_to(accelerator(), host)).add_(1);
  CHECK(host_waits() == before);
  CHECK(sum.item<double>() == 4);
  CHECK(moved.cpu().equal(host));
  CHECK(on_device(host).device() == accelerator());
  CHECK(host_waits() == before + 3);
}

}  // namespace iba::test
