#include "training/gpu_identity.h"

#include <dlfcn.h>
#include <unistd.h>

#include <array>
#include <fstream>

#include "error.h"

namespace iba {

namespace {

/// Two machines may have one name.
std::string machine() {
  std::array<char, 256> host{};
  if (::gethostname(host.data(), host.size() - 1) != 0) host[0] = '?';
  std::string boot;
  std::getline(std::ifstream("/proc/sys/kernel/random/boot_id"), boot);
  return std::string(host.data()) + " " + boot;
}

/// A function of NVIDIA's driver. LibTorch has opened it for CUDA.
template <typename Function>
Function driver_function(const char* name) {
  static void* const driver = ::dlopen("libcuda.so.1", RTLD_NOW);
  void* found = driver == nullptr ? nullptr : ::dlsym(driver, name);
  if (found == nullptr)
    throw Error(ErrorCode::device, std::string("NVIDIA's driver, libcuda.so.1, has no ") + name);
  return reinterpret_cast<Function>(found);
}

}  // namespace

std::string gpu_identity(at::Device device) {
  const auto init = driver_function<int (*)(unsigned)>("cuInit");
  const auto get = driver_function<int (*)(int*, int)>("cuDeviceGet");
  const auto get_place = driver_function<int (*)(char*, int, int)>("cuDeviceGetPCIBusId");
  int found = 0;
  std::array<char, 32> place{};
  int failure = init(0);
  if (failure == 0) failure = get(&found, device.index());
  if (failure == 0) failure = get_place(place.data(), static_cast<int>(place.size()), found);
  if (failure != 0)
    throw Error(ErrorCode::device, "NVIDIA's driver doesn't tell the place of '" + device.str() +
                                       "' on the PCI bus (error " + std::to_string(failure) + ")");
  return machine() + " " + place.data();
}

}  // namespace iba
