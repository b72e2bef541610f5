#include "runtime/processor.h"

namespace iba {

bool multiplies_matrices_well() {
#if defined(__x86_64__)
  static const bool is_intel = __builtin_cpu_is("intel");
  return is_intel;
#else
  return true;
#endif
}

}  // namespace iba
