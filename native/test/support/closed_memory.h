#pragma once

#include <c10/core/Allocator.h>

/// Memory that faults when it is touched, until it is opened.
namespace iba::test {

class ClosedMemory : public c10::Allocator {
 public:
  explicit ClosedMemory(c10::Device device) : device_(device) {}

  c10::DataPtr allocate(size_t size) override;
  void copy_data(void* to, const void* from, size_t size) const override;

 private:
  c10::Device device_;
};

/// Whether an address lies in such memory, opened or not.
bool is_closed(const void* address);

/// Opens an allocation of such memory, by an address in it, as long as this lives.
class Opened {
 public:
  explicit Opened(const void* memory);
  ~Opened();
  Opened(const Opened&) = delete;
  Opened& operator=(const Opened&) = delete;

 private:
  const void* memory_;
};

}  // namespace iba::test
