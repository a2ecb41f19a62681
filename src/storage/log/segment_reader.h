// Reads the records of one segment in order, holding one record (or a quarter of a megabyte) in memory. Not
// thread-safe; may run beside a write to the same file as long as `end` is not beyond what has been written.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "base/result.h"
#include "storage/disk.h"
#include "storage/log/log_record.h"

namespace hull {

class SegmentReader {
 public:
  // `offset` must be that of a record, `end` a place where one may end.
  SegmentReader(std::unique_ptr<DiskFile> file, uint32_t salt, uint64_t offset, uint64_t end)
      : file_(std::move(file)), salt_(salt), next_(offset), end_(end) {}

  struct Record {
    RecordHeader header;
    uint64_t offset = 0;
    std::string_view bytes;  // valid until the next call
  };
  // nullopt at the end of the valid part. An error means that the disk could not be read.
  Result<std::optional<Record>> next();
  // Where the next record would start.
  uint64_t offset() const { return next_; }

  // What follows the valid part.
  enum class Tail {
    kZero,     // nothing was written there
    kTorn,     // bytes of a record whose writing was not completed
    kDamaged,  // a later record says that what is missing here had been durable
  };
  Result<Tail> examine_tail();

 private:
  // The whole undamaged record at `offset`, or nullopt.
  Result<std::optional<Record>> record_at(uint64_t offset);
  // Up to `size` bytes from `offset`; fewer at the end.
  Result<std::string_view> bytes_at(uint64_t offset, size_t size);

  std::unique_ptr<DiskFile> file_;
  const uint32_t salt_;
  uint64_t next_;
  const uint64_t end_;
  std::string buffer_;
  uint64_t buffer_offset_ = 0;
};

}  // namespace hull
