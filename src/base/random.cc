#include "base/random.h"

#include <sys/random.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <utility>

#include "base/encoding.h"

namespace hull {

namespace {
thread_local ScopedRandomSeed* innermost_seed = nullptr;
}

// splitmix64.
struct SeededRandom {
  static void fill(ScopedRandomSeed& seed, char* out, size_t count) {
    for (size_t at = 0; at < count; at += sizeof(uint64_t)) {
      uint64_t z = (seed.state_ += 0x9e3779b97f4a7c15);
      z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9;
      z = (z ^ (z >> 27)) * 0x94d049bb133111eb;
      z ^= z >> 31;
      std::memcpy(out + at, &z, std::min(sizeof z, count - at));
    }
  }
};

namespace {

void fill_from_system(char* out, size_t count) {
  while (count > 0) {
    ssize_t got = getrandom(out, count, 0);
    if (got < 0) {
      // The call fails only on kernels without it; going on with guessable secrets is worse than stopping.
      if (errno != EINTR) std::abort();
      continue;
    }
    out += got;
    count -= static_cast<size_t>(got);
  }
}

// Most requests are for an id: a few of them cost one system call together. What was given away is wiped, so
// that it stays with who asked.
class Stock {
 public:
  static constexpr size_t kMaxTaken = 32;

  void take(char* out, size_t count) {
    if (bytes_.size() - used_ < count) {
      fill_from_system(bytes_.data(), bytes_.size());
      used_ = 0;
    }
    std::memcpy(out, bytes_.data() + used_, count);
    std::memset(bytes_.data() + used_, 0, count);
    used_ += count;
  }

 private:
  std::array<char, 1024> bytes_{};
  size_t used_ = bytes_.size();
};

}  // namespace

void random_fill(void* target, size_t count) {
  char* out = static_cast<char*>(target);
  if (innermost_seed) return SeededRandom::fill(*innermost_seed, out, count);
  if (count > Stock::kMaxTaken) return fill_from_system(out, count);
  thread_local Stock stock;
  stock.take(out, count);
}

ScopedRandomSeed::ScopedRandomSeed(uint64_t seed)
    : state_(seed), outer_(std::exchange(innermost_seed, this)) {}

ScopedRandomSeed::~ScopedRandomSeed() { innermost_seed = outer_; }

std::string random_bytes(size_t count) {
  std::string out(count, '\0');
  random_fill(out.data(), count);
  return out;
}

uint64_t random_u64() {
  uint64_t out;
  random_fill(&out, sizeof out);
  return out;
}

std::string random_hex(size_t byte_count) { return hex_encode(random_bytes(byte_count)); }

std::string random_uuid() {
  std::string bytes = random_bytes(16);
  bytes[6] = static_cast<char>((bytes[6] & 0x0f) | 0x40);
  bytes[8] = static_cast<char>((bytes[8] & 0x3f) | 0x80);
  std::string text = hex_encode(bytes);
  for (size_t at : {20, 16, 12, 8}) text.insert(at, 1, '-');
  return text;
}

}  // namespace hull
