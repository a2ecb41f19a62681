// The bytes of the commit log: segment headers and records, one record per group of commits. The layout is in
// log_record.cc. Pure functions; nothing here touches a disk.
//
// A record is tied to its place: its first word depends on the segment and on its offset, so that bytes which
// were meant for another place, or are left from something else, never look valid.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "base/result.h"
#include "storage/store.h"

namespace hull {

inline constexpr size_t kSegmentHeaderBytes = 64;
inline constexpr size_t kRecordHeaderBytes = 40;
inline constexpr size_t kRecordAlignment = 8;

struct SegmentHeader {
  uint64_t sequence = 0;
  // Newest timestamp that was durable and acknowledged when the segment was made. Records of earlier segments
  // with a greater timestamp are void.
  Timestamp continues_after;
  // Written without a sync per group: after a power cut its end may be behind the latest state.
  bool relaxed = false;
  uint32_t salt = 0;  // ties records to this segment; set by decoding
};

std::string encode_segment_header(const SegmentHeader& header);
// nullopt if the bytes are no header of a version that this program knows.
std::optional<SegmentHeader> decode_segment_header(std::string_view bytes);

// A whole record whose place is not known yet. TooLarge above 4 GiB.
Result<std::string> encode_record(std::span<const StoredCommit> group);
// Fills in the rest: the record's place, and how many bytes of the segment were durable before it.
void seal_record(std::string& record, uint32_t salt, uint64_t offset, uint64_t durable_before);

struct RecordHeader {
  size_t record_bytes = 0;  // header, payload and padding
  uint64_t durable_before = 0;
  Timestamp last;  // newest timestamp in the record
};
// `bytes` starts with the header of a record at `offset`; nullopt if it is none. The payload is not looked
// at.
std::optional<RecordHeader> decode_record_header(std::string_view bytes, uint32_t salt, uint64_t offset);
// Whether a whole record, whose header has been decoded, is undamaged.
bool verify_record(std::string_view record);

// Walks the commits of an undamaged record. Borrows it.
class RecordDecoder {
 public:
  RecordDecoder() = default;
  explicit RecordDecoder(std::string_view record);
  // False at the end. Without `index_writes` those are left out.
  Result<bool> next(StoredCommit& commit, bool index_writes);

 private:
  std::string_view rest_;
  uint32_t left_ = 0;
};

}  // namespace hull
