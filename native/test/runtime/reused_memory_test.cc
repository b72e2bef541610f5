#include "runtime/reused_memory.h"

#include <ATen/ATen.h>
#include <doctest/doctest.h>

#include <thread>

using iba::ReusedMemory;

namespace {

at::Tensor large(int64_t count = 1 << 20) {
  return at::empty({count});
}

const void* place_of_dead_tensor() {
  return large().fill_(1).data_ptr();
}

}  // namespace

TEST_CASE("memory that a tensor gave back is the next one's of about its size") {
  ReusedMemory reused;
  const void* place = place_of_dead_tensor();
  at::Tensor smaller = large((1 << 20) - 1000);
  CHECK(smaller.data_ptr() == place);
  CHECK(large().data_ptr() != place);
}

TEST_CASE("memory isn't kept for tensors of quite another size, nor for those of other threads") {
  ReusedMemory reused;
  const void* place = place_of_dead_tensor();
  CHECK(large(1 << 19).data_ptr() != place);
  at::Tensor other;
  std::thread([&] { other = large(); }).join();
  CHECK(other.data_ptr() != place);
  CHECK(large().data_ptr() == place);
}

TEST_CASE("tensors outlive the scope that they were made in, and other threads may let go of them") {
  at::Tensor kept, moved;
  {
    ReusedMemory outer;
    {
      ReusedMemory inner;
      kept = at::ones({1 << 20});
    }
    moved = at::ones({1 << 20});
    std::thread([&] { moved.reset(); }).join();
    at::Tensor next = at::full({1 << 20}, 3.0f);
    CHECK(next.sum().item<float>() == 3.0f * (1 << 20));
  }
  CHECK(kept.sum().item<float>() == 1 << 20);
  kept.reset();
  at::Tensor after = at::ones({1 << 20});
  CHECK(after.sum().item<float>() == 1 << 20);
}
