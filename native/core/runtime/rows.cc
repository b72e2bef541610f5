#include "runtime/rows.h"

#include <utility>

namespace iba {

namespace {

thread_local bool several_runs = false;

}  // namespace

RunsWatch::RunsWatch() : outer_(std::exchange(several_runs, false)) {}

RunsWatch::~RunsWatch() {
  several_runs = several_runs || outer_;
}

bool RunsWatch::were_several() const {
  return several_runs;
}

void for_each_run(int64_t rows, int64_t most, const std::function<void(int64_t, int64_t)>& run) {
  int64_t runs = runs_of(rows, most);
  if (runs > 1) several_runs = true;
  for (int64_t i = 0; i < runs; ++i) run(rows * i / runs, rows * (i + 1) / runs);
}

int64_t runs_of(int64_t rows, int64_t most) {
  return (rows + most - 1) / most;
}

}  // namespace iba
