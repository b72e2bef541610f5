#pragma once

#include <cstddef>
#include <string>

namespace iba {

// What is used of NCCL's C interface, as its header has it since version 2.14. It is said here again since no
// LibTorch brings nccl.h along, and since one program serves machines with and without NCCL.

struct NcclUniqueId {
  char bytes[128];
};

/// The settings of a communicator as of version 2.14; later versions take what came after from their
/// defaults.
struct NcclConfig {
  size_t size = sizeof(NcclConfig);
  unsigned magic = 0xcafebeef;
  unsigned version = 21'400;
  int is_blocking = 0;
};

struct NcclComm;

enum class NcclResult : int { success = 0, in_progress = 7 };
enum class NcclType : int {
  int8 = 0,
  uint8 = 1,
  int32 = 2,
  int64 = 4,
  float16 = 6,
  float32 = 7,
  float64 = 8,
  bfloat16 = 9,
};
enum class NcclOperation : int { sum = 0 };

/// NCCL's library, opened by its name. It stays open, since its threads may outlive what used it.
struct NcclLibrary {
  /// Opens the one at `path`, or where that is empty the one that LibTorch has opened; otherwise the one that
  /// lies beside LibTorch or among NVIDIA's packages for Python; otherwise the one that the system finds.
  /// Throws PROCESS_GROUP where there is none, or none of version 2.14 or later.
  explicit NcclLibrary(const std::string& path = "");

  NcclResult (*get_unique_id)(NcclUniqueId*);
  NcclResult (*init)(NcclComm**, int size, NcclUniqueId, int rank, NcclConfig*);
  NcclResult (*all_reduce)(const void* from, void* to, size_t count, NcclType, NcclOperation, NcclComm*,
                           void* stream);
  NcclResult (*all_gather)(const void* from, void* to, size_t count, NcclType, NcclComm*, void* stream);
  NcclResult (*abort)(NcclComm*);
  NcclResult (*get_async_error)(NcclComm*, NcclResult*);
  const char* (*get_error_string)(NcclResult);
  const char* (*get_last_error)(NcclComm*);

  /// Throws PROCESS_GROUP with NCCL's text, unless the result is success.
  void require(const char* call, NcclResult result, NcclComm* communicator) const;
};

}  // namespace iba
