#pragma once

#include <cstddef>
#include <functional>

namespace iba {

/// Does the work on a thread with so large a stack, and waits for it. What the work throws is thrown again.
/// For libraries that recurse as deep as their input is nested, where the system's threads may have 512 KB.
void run_on_large_stack(size_t bytes, const std::function<void()>& work);

}  // namespace iba
