#include "simulation/sparse_bytes.h"

#include <algorithm>
#include <cstring>

namespace hull::simulation {

SparseBytes& SparseBytes::operator=(const SparseBytes& other) {
  if (this == &other) return *this;
  chunks_.clear();
  chunks_.resize(other.chunks_.size());
  for (size_t i = 0; i < chunks_.size(); ++i) {
    if (other.chunks_[i]) chunks_[i] = std::make_unique<std::array<char, kChunk>>(*other.chunks_[i]);
  }
  return *this;
}

std::string SparseBytes::read(uint64_t offset, size_t size) const {
  std::string out(size, '\0');
  for (size_t done = 0; done < size;) {
    const uint64_t at = offset + done;
    const size_t chunk = at / kChunk, within = at % kChunk;
    const size_t count = std::min(size - done, kChunk - within);
    if (chunk < chunks_.size() && chunks_[chunk])
      std::memcpy(out.data() + done, chunks_[chunk]->data() + within, count);
    done += count;
  }
  return out;
}

void SparseBytes::write(uint64_t offset, std::string_view bytes) {
  for (size_t done = 0; done < bytes.size();) {
    const uint64_t at = offset + done;
    const size_t chunk = at / kChunk, within = at % kChunk;
    const size_t count = std::min(bytes.size() - done, kChunk - within);
    if (chunk >= chunks_.size()) chunks_.resize(chunk + 1);
    if (!chunks_[chunk]) chunks_[chunk] = std::make_unique<std::array<char, kChunk>>();
    std::memcpy(chunks_[chunk]->data() + within, bytes.data() + done, count);
    done += count;
  }
}

void SparseBytes::clear_from(uint64_t offset) {
  const size_t whole = (offset + kChunk - 1) / kChunk;
  if (whole < chunks_.size()) chunks_.resize(whole);
  const size_t chunk = offset / kChunk;
  if (chunk < chunks_.size() && chunks_[chunk])
    std::memset(chunks_[chunk]->data() + offset % kChunk, 0, kChunk - offset % kChunk);
}

}  // namespace hull::simulation
