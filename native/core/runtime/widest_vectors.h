#pragma once

#include <cstdint>

// Which vector instructions there are is only known where the program runs. Clang clones no function
// templates.
#if defined(__x86_64__) && defined(__linux__) && defined(__GNUC__) && !defined(__clang__)
#define IBA_VECTOR_CLONES __attribute__((target_clones("avx512f", "avx2", "default")))
#else
#define IBA_VECTOR_CLONES
#endif

namespace iba {

/// Calls `loop(i)` for each index below `length`, compiled for the widest vectors of the processor that it
/// runs on. There a product and a sum may be rounded once, so sums of products in float32 that must stay the
/// same are not for it.
template <typename Loop>
IBA_VECTOR_CLONES void in_widest_vectors(int64_t length, const Loop& loop) {
  for (int64_t i = 0; i < length; ++i) loop(i);
}

}  // namespace iba
