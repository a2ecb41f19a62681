// CommitLog: the durable log of commits, as a directory of segment files (bytes: log_record.cc).
//
// A group of commits is one record: one write and one sync. Segments are reserved ahead with zeros, so that a
// sync changes no metadata and cannot run out of space. A segment is never reused or overwritten.
//
// Invariants
//  * A segment's `continues_after` is the newest timestamp that was durable when it was made. Later records
//    of the segments before it are void: that is how the unknown rest of a failed write stays dead for good.
//  * Up to there the earlier segments are complete; when they are not, it is damage, and reported as such.
//    Only the last segment may end in a torn record.
//
// Thread-safety: append() and recover() on one thread at a time, maintain() on one, trim() on one, readers
// anywhere, all side by side. No mutex is held while a caller's code runs.
#pragma once

#include <atomic>
#include <cstdint>
#include <memory>
#include <mutex>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "base/env.h"
#include "base/result.h"
#include "storage/disk.h"
#include "storage/log/segment_reader.h"
#include "storage/store.h"

namespace hull {

enum class Durability {
  kSync,     // a commit is acknowledged when it is on the disk
  kRelaxed,  // when the operating system has it; the disk follows about a second later. A power cut may lose
             // the last moments, a crash of the process nothing
};

class CommitLog {
 public:
  struct Options {
    std::string directory;
    Durability durability = Durability::kSync;
    Disk* disk = &Disk::real();
    Env* env = &Env::real();  // for the second of kRelaxed
    uint64_t segment_bytes = 16 << 20;
  };

  // Opens or creates. `applied` is what the latest state already contains; what lies before it is not
  // read. Everything found is durable when this returns.
  static Result<std::unique_ptr<CommitLog>> open(Options options, Timestamp applied);
  ~CommitLog();
  CommitLog(const CommitLog&) = delete;
  CommitLog& operator=(const CommitLog&) = delete;

  // Timestamps must ascend. After an error only recover() is possible.
  Result<void> append(std::span<const StoredCommit> group);
  // Makes a new segment, which voids everything that was not acknowledged.
  Result<void> recover();
  // Forgets the whole log and goes on after `applied`: for a state that is ahead of a relaxed log. Only
  // before anything else is done with it.
  Result<void> discard(Timestamp applied);

  // Newest acknowledged timestamp.
  Timestamp last() const { return Timestamp{last_.load(std::memory_order_acquire)}; }
  uint64_t bytes() const;  // on disk

  // Work that need not delay a commit: the overdue sync of kRelaxed, reserving the next segment. Call it
  // about once a second at least. Failures show up in the next append().
  void maintain();

  // Removes oldest segments while their commits are all before `horizon`, or more than `max_bytes` are used;
  // but none with a commit after `keep_after`, and never the newest segment. Returns the bytes freed.
  Result<size_t> trim(Timestamp horizon, size_t max_bytes, Timestamp keep_after);
  // Whether that would remove anything.
  bool can_trim(Timestamp horizon, size_t max_bytes, Timestamp keep_after) const;

  // Walks the commits after a timestamp, up to the newest when it began. OutOfRetention if some of them are
  // trimmed. Not thread-safe; must not outlive the log.
  class Cursor {
   public:
    // False at the end. Without `index_writes` those are left out.
    Result<bool> next(StoredCommit& commit, bool index_writes);
    // A later cursor that starts here or later finds its place faster.
    void remember() const;

   private:
    friend class CommitLog;
    Cursor(CommitLog& log, Timestamp after) : log_(log), after_(after), seen_(after), until_(log.last()) {}
    Result<bool> next_segment();

    CommitLog& log_;
    const Timestamp after_;
    Timestamp seen_;  // newest commit passed
    const Timestamp until_;
    Timestamp limit_;        // newest commit of the segment that counts
    uint64_t sequence_ = 0;  // of the segment
    std::optional<SegmentReader> reader_;
    RecordDecoder decoder_;
    uint64_t record_offset_ = 0;
    Timestamp record_after_;  // newest commit before the record
  };
  Cursor read_after(Timestamp after) { return Cursor(*this, after); }

 private:
  struct Segment {
    SegmentHeader header;
    uint64_t bytes = 0;  // of the file
  };
  struct Prepared {
    std::unique_ptr<DiskFile> file;
    uint64_t sequence = 0, bytes = 0;
  };
  struct Place {  // all commits of the segment before `offset` are at or before `after`
    Timestamp after;
    uint64_t sequence = 0, offset = 0;
  };
  struct View {  // what a cursor needs to know of a segment
    Segment segment;
    Timestamp limit;
    uint64_t start, end;
  };

  explicit CommitLog(Options options) : options_(std::move(options)) {}
  std::string path_of(uint64_t sequence) const;
  Error damage(uint64_t sequence, uint64_t offset, const std::string& what) const;
  Result<void> load_segments();
  Result<void> scan(Timestamp applied);
  Result<void> scan_last(Timestamp& seen);

  // io_mutex_ held:
  Result<void> start_segment(uint64_t needed_bytes);
  Result<void> sync_active();
  Result<void> copy_unsynced(std::string& records, std::vector<size_t>& sizes);

  Result<Prepared> reserve_segment(uint64_t sequence, uint64_t bytes);
  uint64_t wanted_bytes() const;  // mutex_ held
  // The segment with the smallest sequence number above `sequence`; or, for 0, the one to start with.
  Result<std::optional<View>> view_after(uint64_t sequence, Timestamp after);

  const Options options_;
  std::atomic<int64_t> last_{0};

  std::mutex io_mutex_;  // the active segment's file; taken before mutex_
  std::unique_ptr<DiskFile> active_;
  Segment active_segment_;
  uint64_t durable_end_ = 0;
  Timestamp durable_last_;
  int64_t unsynced_since_ns_ = 0;
  bool failed_ = false;

  mutable std::mutex mutex_;       // never held during disk operations
  std::vector<Segment> segments_;  // by sequence; the last one is active if there is an active one
  uint64_t end_ = 0;               // acknowledged bytes of the active segment
  uint64_t next_sequence_ = 1;
  std::optional<Prepared> prepared_;
  std::vector<Place> places_;  // few, oldest first
};

}  // namespace hull
