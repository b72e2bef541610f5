#include "runtime/threads.h"

#ifdef _OPENMP
#include <omp.h>

/// MKL's number of threads for the calling thread, which MKL_NUM_THREADS would decide otherwise. Builds of
/// LibTorch without MKL don't have it.
extern "C" int MKL_Set_Num_Threads_Local(int threads) __attribute__((weak));
#endif

#include "torch.h"

namespace iba {

void compute_on_threads(int threads) {
#ifdef _OPENMP
  // A thread gets LibTorch's number when its loops first run, those of LibTorch's library and those of ours,
  // and that must be over.
  at::get_num_threads();
  at::internal::lazy_init_num_threads();
  omp_set_num_threads(threads);
  if (MKL_Set_Num_Threads_Local) MKL_Set_Num_Threads_Local(threads);
#else
  // This is also the number of threads that start later.
  at::set_num_threads(threads);
#endif
}

}  // namespace iba
