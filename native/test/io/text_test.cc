#include "io/text.h"

#include <doctest/doctest.h>

namespace iba::test {

TEST_CASE("messages lose what only LibTorch's developers can use") {
  const std::string said = "The size of tensor a (3) must match the size of tensor b (4)";
  for (const char* behind : {"\nException raised from infer_size at "
                             "../aten/src/ATen/ExpandUtils.cpp:35 (most recent call first):\n"
                             "frame #0: c10::Error::Error",
                             "\nframe #1: c10::detail::torchCheckFail + 0x6b (0x7f in libc10.so)",
                             "\nC++ CapturedTraceback:\n#4", "\n\n"}) {
    CHECK(io::without_frames(said + behind) == said);
  }
  CHECK(io::without_frames(said) == said);
  CHECK(io::without_frames("[enforce fail at alloc_cpu.cpp:127] err == 0. can't allocate memory") ==
        "err == 0. can't allocate memory");
  CHECK(io::without_frames("x > 0 INTERNAL ASSERT FAILED at \"../c10/core/A.h\":12, please report a bug to "
                           "PyTorch. The index is wrong") == "x > 0 The index is wrong");
  CHECK(io::without_frames("").empty());
}

TEST_CASE("the beginning of a message is short, and ends before the backtrace") {
  CHECK(io::first_lines("short\nException raised from f") == "short");
  CHECK(io::first_lines(std::string(10'000, 'x')).size() == 600);
  CHECK(
      io::first_lines("undefined value y:\n  File \"code.py\", line 4\n\n    z = y\n        ~ <--- HERE\n") ==
      "undefined value y: File \"code.py\", line 4 z = y <--- HERE");
}

}  // namespace iba::test
