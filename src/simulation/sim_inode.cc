#include "simulation/sim_inode.h"

#include <algorithm>
#include <utility>

namespace hull::simulation {

namespace {
constexpr size_t kMaxVersions = 6;
}

std::string SimInode::read(uint64_t offset, size_t size) const {
  if (offset >= size_) return {};
  return current_.read(offset, static_cast<size_t>(std::min<uint64_t>(size, size_ - offset)));
}

void SimInode::add_version(uint64_t sector) {
  auto& contents = unsynced_.sectors[sector].contents;
  // Which of the middle ones is forgotten does not matter, as long as the newest stays.
  if (contents.size() == kMaxVersions) contents.erase(contents.begin() + kMaxVersions / 2);
  contents.push_back(current_.read(sector * kSector, kSector));
}

void SimInode::set_size(uint64_t size) {
  size_ = size;
  unsynced_.sizes.push_back(size);
}

void SimInode::write(uint64_t offset, std::string_view bytes) {
  if (bytes.empty()) return;
  current_.write(offset, bytes);
  for (uint64_t s = offset / kSector; s <= (offset + bytes.size() - 1) / kSector; ++s) add_version(s);
  if (offset + bytes.size() > size_) set_size(offset + bytes.size());
}

void SimInode::extend(uint64_t size) {
  if (size > size_) set_size(size);
}

void SimInode::truncate(uint64_t size) {
  if (size >= size_) return extend(size);
  if (!before_truncation_) before_truncation_ = std::make_unique<Unsynced>(unsynced_);
  const uint64_t end = std::max(current_.extent(), durable_.extent());
  current_.clear_from(size);
  for (uint64_t s = size / kSector; s * kSector < end; ++s) {
    auto& versions = unsynced_.sectors[s];
    versions.contents = {current_.read(s * kSector, kSector)};
    versions.replaced = s * kSector >= size;
  }
  size_ = size;
  unsynced_.sizes = {size};
  unsynced_.size_replaced = true;
}

void SimInode::sync() {
  for (auto& [sector, versions] : unsynced_.sectors) {
    durable_.write(sector * kSector, versions.contents.back());
  }
  durable_size_ = size_;
  unsynced_ = {};
  before_truncation_.reset();
}

void SimInode::fail_sync(SimRandom& random, AfterFailedSync after) {
  for (auto& [sector, versions] : unsynced_.sectors) {
    if (random.chance(0.5)) {
      durable_.write(sector * kSector, versions.contents.back());
    } else if (after == AfterFailedSync::kEvicted && random.chance(0.5)) {
      current_.write(sector * kSector, durable_.read(sector * kSector, kSector));
    }
  }
  if (after == AfterFailedSync::kStillUnsynced) return;
  // Metadata is journalled apart from the data and repeated until it gets through.
  unsynced_.sectors.clear();
  if (before_truncation_) before_truncation_->sectors.clear();
}

void SimInode::lose_power(SimRandom& random) {
  if (before_truncation_ && random.chance(0.5)) unsynced_ = std::move(*before_truncation_);
  before_truncation_.reset();
  for (auto& [sector, versions] : unsynced_.sectors) {
    const size_t choices = versions.contents.size() + (versions.replaced ? 0 : 1);
    const size_t chosen = random.below(choices);
    if (chosen < versions.contents.size()) durable_.write(sector * kSector, versions.contents[chosen]);
  }
  const size_t chosen = random.below(unsynced_.sizes.size() + (unsynced_.size_replaced ? 0 : 1));
  if (chosen < unsynced_.sizes.size()) durable_size_ = unsynced_.sizes[chosen];
  durable_.clear_from(durable_size_);
  current_ = durable_;
  size_ = durable_size_;
  unsynced_ = {};
}

}  // namespace hull::simulation
