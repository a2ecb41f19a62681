// The space that is left free on a disk, so that whoever runs the server can still work on it.
#pragma once

#include <algorithm>
#include <cstdint>

namespace hull {

// `wanted` bytes, on a small disk a twentieth of its `total`.
inline uint64_t disk_reserve(uint64_t wanted, uint64_t total) { return std::min(wanted, total / 20); }

}  // namespace hull
