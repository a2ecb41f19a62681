// Opening a commit log: finding its segments and the end of its valid part.
#include <charconv>
#include <filesystem>

#include "storage/log/commit_log.h"

namespace hull {
namespace {

// The number in "00000000000000000007.log"; nullopt for any other name.
std::optional<uint64_t> sequence_of(std::string_view name) {
  if (name.size() != 24 || !name.ends_with(".log")) return std::nullopt;
  uint64_t sequence = 0;
  auto [end, error] = std::from_chars(name.data(), name.data() + 20, sequence);
  if (error != std::errc() || end != name.data() + 20) return std::nullopt;
  return sequence;
}

constexpr size_t kPlaces = 16;

}  // namespace

Result<std::unique_ptr<CommitLog>> CommitLog::open(Options options, Timestamp applied) {
  HULL_CHECK_OK(options.disk->create_directory(options.directory));
  std::string parent = std::filesystem::path(options.directory).parent_path().string();
  HULL_CHECK_OK(options.disk->sync_directory(parent.empty() ? "." : parent));
  std::unique_ptr<CommitLog> log(new CommitLog(std::move(options)));
  HULL_CHECK_OK(log->load_segments());
  // What is not there must stay away too: a segment whose making failed was removed, but would, if it came
  // back, void commits that are taken for durable below.
  HULL_CHECK_OK(log->options_.disk->sync_directory(log->options_.directory));
  HULL_CHECK_OK(log->scan(applied));
  return log;
}

Result<void> CommitLog::load_segments() {
  HULL_TRY(auto names, options_.disk->list(options_.directory));
  for (const std::string& name : names) {
    auto sequence = sequence_of(name);
    if (!sequence) continue;
    next_sequence_ = *sequence + 1;
    HULL_TRY(auto file, options_.disk->open(path_of(*sequence), Disk::Open::kExisting));
    HULL_TRY(std::string bytes, file->read(0, kSegmentHeaderBytes));
    HULL_TRY(uint64_t size, file->size());
    auto header = decode_segment_header(bytes);
    if (!header || header->sequence != *sequence) {
      // Reserved ahead, or its making was cut short: then nothing follows the header.
      SegmentReader rest(std::move(file), 0, kSegmentHeaderBytes, size);
      HULL_TRY(SegmentReader::Tail tail, rest.examine_tail());
      if (tail != SegmentReader::Tail::kZero)
        return damage(*sequence, 0, "the header is unreadable, or was written by a newer Hull.");
      HULL_CHECK_OK(options_.disk->remove(path_of(*sequence)));
      continue;
    }
    if (!segments_.empty() && header->continues_after < segments_.back().header.continues_after)
      return damage(*sequence, 0, "it continues a timestamp before that of the segment before it.");
    segments_.push_back({*header, size});
  }
  return {};
}

Result<void> CommitLog::scan(Timestamp applied) {
  Timestamp seen = applied;
  if (!segments_.empty()) {
    size_t i = 0;
    while (i + 1 < segments_.size() && segments_[i + 1].header.continues_after <= applied) ++i;
    seen = segments_[i].header.continues_after;
    if (seen > applied) {
      return damage(segments_[i].header.sequence, 0,
                    "the log begins after timestamp " + std::to_string(seen.ns) +
                        ", but the database only contains the commits up to " + std::to_string(applied.ns) +
                        ".");
    }
    for (; i + 1 < segments_.size(); ++i) {
      const SegmentHeader& header = segments_[i].header;
      const Timestamp limit = segments_[i + 1].header.continues_after;
      HULL_TRY(auto file, options_.disk->open(path_of(header.sequence), Disk::Open::kExisting));
      SegmentReader reader(std::move(file), header.salt, kSegmentHeaderBytes, segments_[i].bytes);
      while (seen < limit) {
        HULL_TRY(auto record, reader.next());
        if (!record) return damage(header.sequence, reader.offset(), "commits are missing from here on.");
        seen = record->header.last;
      }
    }
    HULL_CHECK_OK(scan_last(seen));
    const Segment& last = segments_.back();
    if (seen < applied && !last.header.relaxed)
      return damage(last.header.sequence, end_,
                    "commits that the database contains are missing from here on.");
  }
  last_.store(seen.ns, std::memory_order_release);
  durable_last_ = seen;
  durable_end_ = end_;
  return {};
}

Result<void> CommitLog::scan_last(Timestamp& seen) {
  const Segment& segment = segments_.back();
  const std::string path = path_of(segment.header.sequence);
  HULL_TRY(auto file, options_.disk->open(path, Disk::Open::kExisting));
  HULL_TRY(auto writable, options_.disk->open(path, Disk::Open::kExisting));
  SegmentReader reader(std::move(file), segment.header.salt, kSegmentHeaderBytes, segment.bytes);
  std::string last_record;
  uint64_t last_offset = 0;
  while (true) {
    HULL_TRY(auto record, reader.next());
    if (!record) break;
    seen = record->header.last;
    last_record = record->bytes;
    last_offset = record->offset;
  }
  HULL_TRY(SegmentReader::Tail tail, reader.examine_tail());
  if (tail == SegmentReader::Tail::kDamaged)
    return damage(segment.header.sequence, reader.offset(), "a damaged record lies before undamaged ones.");
  // A process that died may have written the last record without having synced it, and a failed sync may have
  // left it in the cache only. It counts from now on, so it must really be on the disk.
  if (!last_record.empty()) HULL_CHECK_OK(writable->write(last_offset, last_record));
  HULL_CHECK_OK(writable->sync());
  const bool relaxed = options_.durability == Durability::kRelaxed;
  if (tail == SegmentReader::Tail::kZero && relaxed == segment.header.relaxed) {
    active_ = std::move(writable);
    active_segment_ = segment;
    end_ = reader.offset();
  }
  return {};
}

Result<std::optional<CommitLog::View>> CommitLog::view_after(uint64_t sequence, Timestamp after) {
  std::lock_guard lock(mutex_);
  std::optional<View> none;
  size_t i = 0;
  if (sequence != 0) {
    while (i < segments_.size() && segments_[i].header.sequence <= sequence) ++i;
    if (i == segments_.size()) return none;
  } else {
    if (segments_.empty()) {
      if (after < last()) return Error::out_of_retention();
      return none;
    }
    if (segments_[0].header.continues_after > after) return Error::out_of_retention();
    while (i + 1 < segments_.size() && segments_[i + 1].header.continues_after <= after) ++i;
  }
  const bool newest = i + 1 == segments_.size();
  View view{.segment = segments_[i],
            .limit = newest ? last() : segments_[i + 1].header.continues_after,
            .start = kSegmentHeaderBytes,
            .end = newest && end_ != 0 ? end_ : segments_[i].bytes};
  for (const Place& place : places_)
    if (place.sequence == view.segment.header.sequence && place.after <= after && place.offset > view.start)
      view.start = place.offset;
  return std::optional(view);
}

Result<bool> CommitLog::Cursor::next_segment() {
  HULL_TRY(std::optional<View> view, log_.view_after(sequence_, after_));
  if (!view) return false;
  sequence_ = view->segment.header.sequence;
  limit_ = view->limit;
  seen_ = std::max(seen_, view->segment.header.continues_after);
  auto file = log_.options_.disk->open(log_.path_of(sequence_), Disk::Open::kExisting);
  if (!file.ok()) {
    // It may have been trimmed a moment ago.
    std::lock_guard lock(log_.mutex_);
    if (log_.segments_.empty() || log_.segments_.front().header.sequence > sequence_)
      return Error::out_of_retention();
    return std::move(file).error();
  }
  reader_.emplace(std::move(*file), view->segment.header.salt, view->start, view->end);
  return true;
}

Result<bool> CommitLog::Cursor::next(StoredCommit& commit, bool index_writes) {
  while (true) {
    if (reader_) {
      HULL_TRY(bool found, decoder_.next(commit, index_writes));
      if (found) {
        if (commit.ts > limit_) continue;
        seen_ = std::max(seen_, commit.ts);
        if (commit.ts > until_) return false;
        if (commit.ts <= after_) continue;
        return true;
      }
      if (seen_ < limit_) {
        record_after_ = seen_;
        record_offset_ = reader_->offset();
        HULL_TRY(auto record, reader_->next());
        if (!record) return log_.damage(sequence_, reader_->offset(), "commits are missing from here on.");
        decoder_ = RecordDecoder(record->bytes);
        continue;
      }
      reader_.reset();
    }
    if (seen_ >= until_) return false;
    HULL_TRY(bool more, next_segment());
    if (!more) return false;
  }
}

void CommitLog::Cursor::remember() const {
  if (record_offset_ == 0) return;
  std::lock_guard lock(log_.mutex_);
  if (log_.places_.size() >= kPlaces) log_.places_.erase(log_.places_.begin());
  log_.places_.push_back({record_after_, sequence_, record_offset_});
}

}  // namespace hull
