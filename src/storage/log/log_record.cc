// Integers are little-endian; crc is CRC-32 as of zlib.
//
//   segment = header record* zero*
//   header  = "HullLog\n" version:u32 flags:u32 sequence:u64 continues_after:i64 zero[28] crc:u32
//             version 1; flags bit 0 = relaxed; crc of the 60 bytes before it, also the segment's salt
//   record  = place:u32 crc:u32 payload_bytes:u32 commits:u32 durable_before:u64 last_ts:i64 zero[8]
//             commit{commits} padding to 8
//             place = crc(salt, offset of the record); crc of everything after it without the padding
//   commit  = ts:i64 writes:u32 index_writes:u32 index_bytes:u32 deltas:u32
//             write{writes} index_write{index_writes} delta{deltas}
//             index_bytes = size of all index_writes, to step over them
//   write   = tablet:u32 id[16] flags:u8 [prev:i64] [size:u32 value[size]]
//             flags bit 0 = has prev, bit 1 = has value (else deleted)
//   index_write = index:u32 tablet:u32 id[16] deleted:u8 size:u32 key[size]
//   delta   = tablet:u32 documents:i64 bytes:i64
#include "storage/log/log_record.h"

#include <zlib.h>

#include <bit>
#include <cstring>
#include <limits>
#include <utility>

namespace hull {
namespace {

constexpr std::string_view kMagic("HullLog\n", 8);
constexpr uint32_t kVersion = 1;
constexpr uint8_t kHasPrev = 1, kHasValue = 2;
constexpr size_t kCommitHeaderBytes = 24, kIndexWriteBytes = 29, kDeltaBytes = 20;

static_assert(std::endian::native == std::endian::little, "numbers are copied as they lie in memory");

template <typename T>
void put(std::string& out, T n) {
  out.append(reinterpret_cast<const char*>(&n), sizeof n);
}
template <typename T>
void put_at(std::string& out, size_t at, T n) {
  std::memcpy(out.data() + at, &n, sizeof n);
}
template <typename T>
T load(std::string_view bytes, size_t at) {
  T n;
  std::memcpy(&n, bytes.data() + at, sizeof n);
  return n;
}

uint32_t crc(uint32_t start, std::string_view bytes) {
  return static_cast<uint32_t>(
      ::crc32_z(start, reinterpret_cast<const unsigned char*>(bytes.data()), bytes.size()));
}

uint32_t place(uint32_t salt, uint64_t offset) {
  return crc(salt, {reinterpret_cast<const char*>(&offset), sizeof offset});
}

// Takes values from the front of a record; ok() turns false, and everything is empty, once it is too short.
class Input {
 public:
  explicit Input(std::string_view bytes) : bytes_(bytes) {}
  template <typename T>
  T take() {
    std::string_view part = take_bytes(sizeof(T));
    return ok_ ? load<T>(part, 0) : T{};
  }
  std::string_view take_bytes(size_t size) {
    if (size > bytes_.size()) ok_ = false;
    if (!ok_) return {};
    std::string_view part = bytes_.substr(0, size);
    bytes_.remove_prefix(size);
    return part;
  }
  InternalId take_id() {
    std::string_view part = take_bytes(16);
    return ok_ ? InternalId::from(part) : InternalId{};
  }
  bool ok() const { return ok_; }
  std::string_view rest() const { return bytes_; }

 private:
  std::string_view bytes_;
  bool ok_ = true;
};

void put_commit(std::string& out, const StoredCommit& commit) {
  put(out, commit.ts.ns);
  put(out, static_cast<uint32_t>(commit.writes.size()));
  put(out, static_cast<uint32_t>(commit.index_writes.size()));
  uint32_t index_bytes = 0;
  for (const StoredIndexWrite& write : commit.index_writes)
    index_bytes += static_cast<uint32_t>(kIndexWriteBytes + write.key.size());
  put(out, index_bytes);
  put(out, static_cast<uint32_t>(commit.deltas.size()));
  for (const StoredWrite& write : commit.writes) {
    put(out, write.tablet.n);
    out += write.id.view();
    put(out, static_cast<uint8_t>((write.prev ? kHasPrev : 0) | (write.value ? kHasValue : 0)));
    if (write.prev) put(out, write.prev->ns);
    if (write.value) {
      put(out, static_cast<uint32_t>(write.value->packed().size()));
      out += write.value->packed();
    }
  }
  for (const StoredIndexWrite& write : commit.index_writes) {
    put(out, write.index.n);
    put(out, write.tablet.n);
    out += write.id.view();
    put(out, static_cast<uint8_t>(write.deleted));
    put(out, static_cast<uint32_t>(write.key.size()));
    out += write.key;
  }
  for (const SummaryDelta& delta : commit.deltas) {
    put(out, delta.tablet.n);
    put(out, delta.change.documents);
    put(out, delta.change.bytes);
  }
}

size_t encoded_bytes(const StoredCommit& commit) {
  size_t size = kCommitHeaderBytes + commit.deltas.size() * kDeltaBytes;
  for (const StoredWrite& write : commit.writes)
    size += 33 + (write.value ? write.value->packed().size() : 0);
  for (const StoredIndexWrite& write : commit.index_writes) size += kIndexWriteBytes + write.key.size();
  return size;
}

}  // namespace

std::string encode_segment_header(const SegmentHeader& header) {
  std::string out(kMagic);
  put(out, kVersion);
  put(out, uint32_t{header.relaxed});
  put(out, header.sequence);
  put(out, header.continues_after.ns);
  out.resize(kSegmentHeaderBytes - 4);
  put(out, crc(0, out));
  return out;
}

std::optional<SegmentHeader> decode_segment_header(std::string_view bytes) {
  if (bytes.size() < kSegmentHeaderBytes) return std::nullopt;
  bytes = bytes.substr(0, kSegmentHeaderBytes);
  const uint32_t salt = load<uint32_t>(bytes, kSegmentHeaderBytes - 4);
  if (!bytes.starts_with(kMagic) || load<uint32_t>(bytes, 8) != kVersion ||
      crc(0, bytes.substr(0, kSegmentHeaderBytes - 4)) != salt)
    return std::nullopt;
  return SegmentHeader{.sequence = load<uint64_t>(bytes, 16),
                       .continues_after = Timestamp{load<int64_t>(bytes, 24)},
                       .relaxed = (load<uint32_t>(bytes, 12) & 1) != 0,
                       .salt = salt};
}

Result<std::string> encode_record(std::span<const StoredCommit> group) {
  size_t size = kRecordHeaderBytes + kRecordAlignment;
  for (const StoredCommit& commit : group) size += encoded_bytes(commit);
  if (size > std::numeric_limits<uint32_t>::max())
    return Error::internal("a group of commits of " + std::to_string(size) +
                           " bytes is too large for the log");
  std::string out;
  out.reserve(size);
  out.resize(kRecordHeaderBytes);
  for (const StoredCommit& commit : group) put_commit(out, commit);
  put_at(out, 8, static_cast<uint32_t>(out.size() - kRecordHeaderBytes));
  put_at(out, 12, static_cast<uint32_t>(group.size()));
  put_at(out, 24, group.empty() ? int64_t{0} : group.back().ts.ns);
  out.resize((out.size() + kRecordAlignment - 1) / kRecordAlignment * kRecordAlignment);
  return out;
}

void seal_record(std::string& record, uint32_t salt, uint64_t offset, uint64_t durable_before) {
  put_at(record, 0, place(salt, offset));
  put_at(record, 16, durable_before);
  const size_t end = kRecordHeaderBytes + load<uint32_t>(record, 8);
  put_at(record, 4, crc(0, std::string_view(record).substr(8, end - 8)));
}

std::optional<RecordHeader> decode_record_header(std::string_view bytes, uint32_t salt, uint64_t offset) {
  if (bytes.size() < kRecordHeaderBytes || load<uint32_t>(bytes, 0) != place(salt, offset))
    return std::nullopt;
  const size_t end = kRecordHeaderBytes + load<uint32_t>(bytes, 8);
  return RecordHeader{.record_bytes = (end + kRecordAlignment - 1) / kRecordAlignment * kRecordAlignment,
                      .durable_before = load<uint64_t>(bytes, 16),
                      .last = Timestamp{load<int64_t>(bytes, 24)}};
}

bool verify_record(std::string_view record) {
  const size_t end = kRecordHeaderBytes + load<uint32_t>(record, 8);
  return end <= record.size() && crc(0, record.substr(8, end - 8)) == load<uint32_t>(record, 4);
}

RecordDecoder::RecordDecoder(std::string_view record)
    : rest_(record.substr(kRecordHeaderBytes, load<uint32_t>(record, 8))),
      left_(load<uint32_t>(record, 12)) {}

Result<bool> RecordDecoder::next(StoredCommit& commit, bool index_writes) {
  if (left_ == 0) return false;
  --left_;
  Input in(rest_);
  commit = StoredCommit{.ts = Timestamp{in.take<int64_t>()}};
  const auto writes = in.take<uint32_t>(), indexed = in.take<uint32_t>(), index_bytes = in.take<uint32_t>(),
             deltas = in.take<uint32_t>();
  for (uint32_t i = 0; i < writes && in.ok(); ++i) {
    StoredWrite& write = commit.writes.emplace_back();
    write.tablet.n = in.take<uint32_t>();
    write.id = in.take_id();
    const auto flags = in.take<uint8_t>();
    if (flags & kHasPrev) write.prev = Timestamp{in.take<int64_t>()};
    if (flags & kHasValue) {
      write.value = Value::verify_and_adopt(std::string(in.take_bytes(in.take<uint32_t>())));
      if (!write.value) return Error::internal("commit log: a stored document is damaged");
    }
  }
  if (index_writes) {
    for (uint32_t i = 0; i < indexed && in.ok(); ++i) {
      StoredIndexWrite& write = commit.index_writes.emplace_back();
      write.index.n = in.take<uint32_t>();
      write.tablet.n = in.take<uint32_t>();
      write.id = in.take_id();
      write.deleted = in.take<uint8_t>() != 0;
      write.key = in.take_bytes(in.take<uint32_t>());
    }
  } else {
    in.take_bytes(index_bytes);
  }
  for (uint32_t i = 0; i < deltas && in.ok(); ++i) {
    SummaryDelta& delta = commit.deltas.emplace_back();
    delta.tablet.n = in.take<uint32_t>();
    delta.change.documents = in.take<int64_t>();
    delta.change.bytes = in.take<int64_t>();
  }
  if (!in.ok()) return Error::internal("commit log: a record is shorter than its contents");
  rest_ = in.rest();
  return true;
}

}  // namespace hull
