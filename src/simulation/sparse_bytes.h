// The bytes of a simulated file: grows by writing, reads zeros where nothing was written, and uses memory
// only for what was. Not thread-safe.
#pragma once

#include <array>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

namespace hull::simulation {

class SparseBytes {
 public:
  SparseBytes() = default;
  SparseBytes(const SparseBytes& other) { *this = other; }
  SparseBytes& operator=(const SparseBytes& other);
  SparseBytes(SparseBytes&&) = default;
  SparseBytes& operator=(SparseBytes&&) = default;

  // `size` bytes from `offset`, zeros beyond what was ever written.
  std::string read(uint64_t offset, size_t size) const;
  void write(uint64_t offset, std::string_view bytes);
  // Everything from `offset` on reads as zeros.
  void clear_from(uint64_t offset);
  // End of the memory in use; beyond it there are only zeros.
  uint64_t extent() const { return chunks_.size() * kChunk; }

 private:
  static constexpr size_t kChunk = 16384;
  std::vector<std::unique_ptr<std::array<char, kChunk>>> chunks_;
};

}  // namespace hull::simulation
