#include "storage/log/segment_reader.h"

#include <algorithm>

namespace hull {
namespace {

constexpr size_t kReadBytes = 256 << 10;

}  // namespace

Result<std::string_view> SegmentReader::bytes_at(uint64_t offset, size_t size) {
  if (offset >= end_) return std::string_view();
  size = std::min<uint64_t>(size, end_ - offset);
  if (offset < buffer_offset_ || offset + size > buffer_offset_ + buffer_.size()) {
    HULL_TRY(buffer_, file_->read(offset, std::min<uint64_t>(std::max(size, kReadBytes), end_ - offset)));
    buffer_offset_ = offset;
  }
  return std::string_view(buffer_).substr(offset - buffer_offset_, size);
}

Result<std::optional<SegmentReader::Record>> SegmentReader::record_at(uint64_t offset) {
  std::optional<Record> none;
  HULL_TRY(std::string_view bytes, bytes_at(offset, kRecordHeaderBytes));
  auto header = decode_record_header(bytes, salt_, offset);
  if (!header) return none;
  // A damaged size must not make us allocate gigabytes.
  HULL_TRY(uint64_t file_bytes, file_->size());
  if (header->record_bytes > std::min(end_, file_bytes) - offset) return none;
  HULL_TRY(bytes, bytes_at(offset, header->record_bytes));
  if (bytes.size() < header->record_bytes || !verify_record(bytes)) return none;
  return std::optional(Record{*header, offset, bytes});
}

Result<std::optional<SegmentReader::Record>> SegmentReader::next() {
  HULL_TRY(std::optional<Record> record, record_at(next_));
  if (record) next_ += record->header.record_bytes;
  return record;
}

Result<SegmentReader::Tail> SegmentReader::examine_tail() {
  bool zero = true;
  for (uint64_t at = next_;; at += kReadBytes) {
    HULL_TRY(std::string_view bytes, bytes_at(at, kReadBytes));
    if (bytes.empty()) break;
    if (bytes.find_first_not_of('\0') != bytes.npos) {
      zero = false;
      break;
    }
  }
  if (zero) return Tail::kZero;
  for (uint64_t at = next_ + kRecordAlignment;; at += kRecordAlignment) {
    HULL_TRY(std::string_view bytes, bytes_at(at, kRecordHeaderBytes));
    if (bytes.size() < kRecordHeaderBytes) return Tail::kTorn;
    auto header = decode_record_header(bytes, salt_, at);
    if (!header || header->durable_before <= next_) continue;
    HULL_TRY(std::optional<Record> record, record_at(at));
    if (record) return Tail::kDamaged;
  }
}

}  // namespace hull
