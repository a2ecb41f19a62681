#include "base/random.h"

#include <sys/random.h>

#include <cerrno>
#include <cstdlib>

#include "base/encoding.h"

namespace hull {
namespace {

void fill(char* out, size_t count) {
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

}  // namespace

std::string random_bytes(size_t count) {
  std::string out(count, '\0');
  fill(out.data(), count);
  return out;
}

uint64_t random_u64() {
  uint64_t out;
  fill(reinterpret_cast<char*>(&out), sizeof out);
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
