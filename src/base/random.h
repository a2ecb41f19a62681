// Randomness from the operating system. Thread-safe.
#pragma once

#include <cstdint>
#include <string>

namespace hull {

void random_fill(void* out, size_t count);
std::string random_bytes(size_t count);
uint64_t random_u64();
std::string random_hex(size_t byte_count);  // e.g. request ids: random_hex(8)
std::string random_uuid();                  // lower case, hyphenated, version 4

// For simulations only: while one lives, the functions above give the calling thread a reproducible sequence
// instead. Scopes may nest; the innermost counts.
class ScopedRandomSeed {
 public:
  explicit ScopedRandomSeed(uint64_t seed);
  ~ScopedRandomSeed();
  ScopedRandomSeed(const ScopedRandomSeed&) = delete;

 private:
  friend struct SeededRandom;
  uint64_t state_;
  ScopedRandomSeed* outer_;
};

}  // namespace hull
