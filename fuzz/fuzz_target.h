// What every fuzz target of this directory is: a function that is fed arbitrary bytes and must neither crash,
// nor hang, nor break one of its own checks. Built twice: against libFuzzer (preset `fuzz`, scripts/fuzz),
// which looks for new inputs, and against replay_main.cc, which runs the inputs kept in fuzz/corpus/ as an
// ordinary test.
#pragma once

#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <string_view>

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size);

namespace hull {

inline std::string_view fuzz_text(const uint8_t* data, size_t size) {
  return {reinterpret_cast<const char*>(data), size};
}

// Aborts, also in builds without assert(): an invariant that must hold for every input.
inline void fuzz_check(bool holds, const char* what) {
  if (holds) return;
  std::fprintf(stderr, "fuzz check failed: %s\n", what);
  std::abort();
}

}  // namespace hull
