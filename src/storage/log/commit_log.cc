#include "storage/log/commit_log.h"

#include <algorithm>
#include <cstdio>
#include <utility>

namespace hull {
namespace {

constexpr uint64_t kFirstSegmentBytes = 1 << 20;
constexpr int64_t kRelaxedSyncNs = 1'000'000'000;
constexpr std::string_view kSuffix = ".log";

}  // namespace

std::string CommitLog::path_of(uint64_t sequence) const {
  char name[32];
  std::snprintf(name, sizeof name, "%020llu", static_cast<unsigned long long>(sequence));
  return options_.directory + "/" + name + std::string(kSuffix);
}

Error CommitLog::damage(uint64_t sequence, uint64_t offset, const std::string& what) const {
  return Error::internal("The commit log is damaged in " + path_of(sequence) + " at byte " +
                         std::to_string(offset) + ": " + what);
}

CommitLog::~CommitLog() {
  std::lock_guard io(io_mutex_);
  if (active_ && !failed_) (void)sync_active();  // nobody is left to be told
  if (prepared_) (void)options_.disk->remove(path_of(prepared_->sequence));
}

uint64_t CommitLog::bytes() const {
  std::lock_guard lock(mutex_);
  uint64_t sum = prepared_ ? prepared_->bytes : 0;
  for (const Segment& segment : segments_) sum += segment.bytes;
  return sum;
}

Result<void> CommitLog::append(std::span<const StoredCommit> group) {
  if (group.empty()) return {};
  HULL_TRY(std::string record, encode_record(group));
  std::lock_guard io(io_mutex_);
  if (failed_) return Error::internal("the commit log has failed before and must be recovered first");
  Timestamp before = last();
  for (const StoredCommit& commit : group) {
    if (commit.ts <= before) return Error::internal("commit timestamps do not ascend");
    before = commit.ts;
  }
  failed_ = true;  // until it is done
  if (!active_ || end_ + record.size() > active_segment_.bytes) {
    if (active_) HULL_CHECK_OK(sync_active());
    HULL_CHECK_OK(start_segment(record.size()));
  }
  seal_record(record, active_segment_.header.salt, end_, durable_end_);
  HULL_CHECK_OK(active_->write(end_, record));
  const uint64_t new_end = end_ + record.size();
  if (options_.durability == Durability::kSync) {
    HULL_CHECK_OK(active_->sync());
    durable_end_ = new_end;
    durable_last_ = before;
  } else {
    const int64_t now = options_.env->monotonic_nanos();
    if (durable_end_ == end_) unsynced_since_ns_ = now;
    if (now - unsynced_since_ns_ >= kRelaxedSyncNs) {
      HULL_CHECK_OK(active_->sync());
      durable_end_ = new_end;
      durable_last_ = before;
    }
  }
  {
    std::lock_guard lock(mutex_);
    end_ = new_end;
    last_.store(before.ns, std::memory_order_release);
  }
  failed_ = false;
  return {};
}

Result<void> CommitLog::sync_active() {
  if (durable_end_ == end_) return {};
  HULL_CHECK_OK(active_->sync());
  durable_end_ = end_;
  durable_last_ = last();
  return {};
}

Result<void> CommitLog::recover() {
  std::lock_guard io(io_mutex_);
  failed_ = true;
  std::string records;
  std::vector<size_t> sizes;
  HULL_CHECK_OK(copy_unsynced(records, sizes));
  HULL_CHECK_OK(start_segment(records.size()));
  std::string sealed;
  for (size_t size : sizes) {
    std::string record = records.substr(sealed.size(), size);
    seal_record(record, active_segment_.header.salt, end_ + sealed.size(), end_);
    sealed += record;
  }
  if (!sealed.empty()) {
    HULL_CHECK_OK(active_->write(end_, sealed));
    HULL_CHECK_OK(active_->sync());
    std::lock_guard lock(mutex_);
    end_ += sealed.size();
  }
  durable_end_ = end_;
  durable_last_ = last();
  failed_ = false;
  return {};
}

// Acknowledged records whose sync has failed or was not due. After a failed sync the disk may not have them,
// but the file system's cache does.
Result<void> CommitLog::copy_unsynced(std::string& records, std::vector<size_t>& sizes) {
  if (!active_ || durable_end_ == end_) return {};
  const SegmentHeader header = active_segment_.header;
  HULL_TRY(auto file, options_.disk->open(path_of(header.sequence), Disk::Open::kExisting));
  SegmentReader reader(std::move(file), header.salt, durable_end_, end_);
  while (true) {
    HULL_TRY(auto record, reader.next());
    if (!record) break;
    records += record->bytes;
    sizes.push_back(record->bytes.size());
  }
  if (reader.offset() == end_) return {};
  return damage(header.sequence, reader.offset(), "a commit that was not synced yet cannot be read back");
}

uint64_t CommitLog::wanted_bytes() const {
  if (segments_.empty()) return std::min(kFirstSegmentBytes, options_.segment_bytes);
  return std::clamp(segments_.back().bytes * 2, std::min(kFirstSegmentBytes, options_.segment_bytes),
                    options_.segment_bytes);
}

Result<CommitLog::Prepared> CommitLog::reserve_segment(uint64_t sequence, uint64_t bytes) {
  const std::string path = path_of(sequence);
  HULL_TRY(auto file, options_.disk->open(path, Disk::Open::kCreate));
  Result<void> made = file->reserve(bytes);
  if (made.ok()) made = options_.disk->sync_directory(options_.directory);
  if (!made.ok()) {
    (void)options_.disk->remove(path);
    return std::move(made).error();
  }
  return Prepared{std::move(file), sequence, bytes};
}

Result<void> CommitLog::start_segment(uint64_t needed_bytes) {
  needed_bytes += kSegmentHeaderBytes;
  std::optional<Prepared> prepared, useless;
  uint64_t sequence, bytes;
  {
    std::lock_guard lock(mutex_);
    std::swap(prepared, prepared_);
    bytes = std::max(wanted_bytes(), needed_bytes);
    if (prepared && prepared->bytes < needed_bytes) std::swap(useless, prepared);
    // Also tells a segment being prepared right now that it comes too late.
    sequence = prepared ? prepared->sequence : next_sequence_++;
  }
  if (useless) (void)options_.disk->remove(path_of(useless->sequence));
  if (!prepared) {
    HULL_TRY(prepared, reserve_segment(sequence, bytes));
  }
  const std::string header_bytes =
      encode_segment_header({.sequence = sequence,
                             .continues_after = durable_last_,
                             .relaxed = options_.durability == Durability::kRelaxed});
  Result<void> made = prepared->file->write(0, header_bytes);
  if (made.ok()) made = prepared->file->sync();
  if (!made.ok()) {
    (void)options_.disk->remove(path_of(sequence));
    return made;
  }
  active_ = std::move(prepared->file);
  active_segment_ = {*decode_segment_header(header_bytes), prepared->bytes};
  durable_end_ = kSegmentHeaderBytes;
  std::lock_guard lock(mutex_);
  segments_.push_back(active_segment_);
  end_ = kSegmentHeaderBytes;
  return {};
}

void CommitLog::maintain() {
  if (options_.durability == Durability::kRelaxed) {
    std::lock_guard io(io_mutex_);
    if (active_ && !failed_ && durable_end_ != end_ &&
        options_.env->monotonic_nanos() - unsynced_since_ns_ >= kRelaxedSyncNs) {
      failed_ = !sync_active().ok();
    }
  }
  uint64_t sequence, bytes;
  {
    std::lock_guard lock(mutex_);
    if (end_ == 0 || prepared_ || end_ < segments_.back().bytes / 2) return;
    sequence = next_sequence_++;
    bytes = wanted_bytes();
  }
  auto made = reserve_segment(sequence, bytes);
  if (!made.ok()) return;  // the commit that needs the segment tries again, and tells
  {
    std::lock_guard lock(mutex_);
    if (next_sequence_ == sequence + 1) {
      prepared_ = std::move(*made);
      return;
    }
  }
  (void)options_.disk->remove(path_of(sequence));
}

Result<void> CommitLog::discard(Timestamp applied) {
  std::lock_guard io(io_mutex_);
  while (!segments_.empty()) {
    // One after the other, so that what a power cut leaves has no gap.
    HULL_CHECK_OK(options_.disk->remove(path_of(segments_.front().header.sequence)));
    HULL_CHECK_OK(options_.disk->sync_directory(options_.directory));
    std::lock_guard lock(mutex_);
    segments_.erase(segments_.begin());
  }
  std::lock_guard lock(mutex_);
  active_.reset();
  end_ = 0;
  places_.clear();
  durable_last_ = applied;
  last_.store(applied.ns, std::memory_order_release);
  return {};
}

bool CommitLog::can_trim(Timestamp horizon, size_t max_bytes, Timestamp keep_after) const {
  const uint64_t used = bytes();
  std::lock_guard lock(mutex_);
  if (segments_.size() < 2) return false;
  const Timestamp newest = segments_[1].header.continues_after;
  return newest <= keep_after && (newest < horizon || used > max_bytes);
}

Result<size_t> CommitLog::trim(Timestamp horizon, size_t max_bytes, Timestamp keep_after) {
  size_t freed = 0;
  while (can_trim(horizon, max_bytes, keep_after)) {
    Segment oldest;
    {
      std::lock_guard lock(mutex_);
      oldest = segments_.front();
      segments_.erase(segments_.begin());
    }
    Result<void> removed = options_.disk->remove(path_of(oldest.header.sequence));
    if (!removed.ok()) {
      std::lock_guard lock(mutex_);
      segments_.insert(segments_.begin(), oldest);
      return std::move(removed).error();
    }
    freed += oldest.bytes;
    HULL_CHECK_OK(options_.disk->sync_directory(options_.directory));
  }
  return freed;
}

}  // namespace hull
