#include "runtime/rows.h"

namespace iba {

void for_each_run(int64_t rows, int64_t most, const std::function<void(int64_t, int64_t)>& run) {
  int64_t runs = runs_of(rows, most);
  for (int64_t i = 0; i < runs; ++i) run(rows * i / runs, rows * (i + 1) / runs);
}

int64_t runs_of(int64_t rows, int64_t most) {
  return (rows + most - 1) / most;
}

}  // namespace iba
