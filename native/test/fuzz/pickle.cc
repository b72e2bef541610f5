#include "support/input.h"
#include "weights/pickle_machine.h"

namespace {

/// Storages of zeros.
class Zeros : public iba::pickle::StorageSource {
 public:
  using StorageSource::StorageSource;

 protected:
  void load(const std::string&, const iba::pickle::TensorStorage& storage) override {
    if (storage.bytes() > 0) std::memset(storage.memory.mutable_data(), 0, storage.bytes());
  }
};

void run(const iba::io::InputFile& file, iba::pickle::Vocabulary vocabulary) {
  iba::pickle::Arena arena("input", file.size());
  Zeros storages(arena);
  iba::io::ByteReader in(file, 0, file.size(), "the pickle");
  iba::pickle::read_pickle(in, arena, &storages, vocabulary);
}

}  // namespace

void iba::fuzz::read(const Input& input) {
  const io::InputFile file(input.file());
  try {
    run(file, pickle::Vocabulary::weights);
  } catch (const io::Malformed&) {
    run(file, pickle::Vocabulary::script);
  }
}
