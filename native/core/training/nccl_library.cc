#include "training/nccl_library.h"

#include <dlfcn.h>

#include <filesystem>

#include "error.h"
#include "torch.h"

namespace iba {

namespace {

constexpr char kName[] = "libnccl.so.2";

std::filesystem::path folder_of_libtorch() {
  Dl_info found{};
  const void* function = reinterpret_cast<const void*>(&c10::GetAllocator);
  if (::dladdr(function, &found) == 0 || found.dli_fname == nullptr) return {};
  return std::filesystem::path(found.dli_fname).parent_path();
}

void* open_any() {
  if (void* opened = ::dlopen(kName, RTLD_NOW | RTLD_NOLOAD)) return opened;
  const std::filesystem::path libtorch = folder_of_libtorch();
  // Of Python's packages, torch/lib has nvidia/nccl/lib beside torch.
  for (const auto& folder : {libtorch, libtorch / "../../nvidia/nccl/lib"}) {
    if (void* opened = ::dlopen((folder / kName).c_str(), RTLD_NOW)) return opened;
  }
  return ::dlopen(kName, RTLD_NOW);
}

template <typename Function>
void find(void* library, const char* name, Function& function) {
  function = reinterpret_cast<Function>(::dlsym(library, name));
  if (function == nullptr)
    throw Error(ErrorCode::process_group,
                std::string(kName) + " has no " + name + ", as version 2.14 and later have");
}

}  // namespace

NcclLibrary::NcclLibrary(const std::string& path) {
  void* library = path.empty() ? open_any() : ::dlopen(path.c_str(), RTLD_NOW);
  if (library == nullptr)
    throw Error(ErrorCode::process_group, std::string("NCCL can't be opened: ") + ::dlerror());
  find(library, "ncclGetUniqueId", get_unique_id);
  find(library, "ncclCommInitRankConfig", init);
  find(library, "ncclAllReduce", all_reduce);
  find(library, "ncclAllGather", all_gather);
  find(library, "ncclCommAbort", abort);
  find(library, "ncclCommGetAsyncError", get_async_error);
  find(library, "ncclGetErrorString", get_error_string);
  find(library, "ncclGetLastError", get_last_error);
}

void NcclLibrary::require(const char* call, NcclResult result, NcclComm* communicator) const {
  if (result == NcclResult::success) return;
  std::string text = std::string(call) + " failed: " + get_error_string(result);
  const char* last = get_last_error(communicator);
  if (last != nullptr && *last != '\0') text += " (" + std::string(last) + ")";
  throw Error(ErrorCode::process_group, text);
}

}  // namespace iba
