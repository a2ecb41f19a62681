#include "value/id.h"

#include "base/random.h"

namespace hull {
namespace {

constexpr std::string_view kAlphabet = "0123456789abcdefghjkmnpqrstvwxyz";
constexpr size_t kFooterBytes = 2;
constexpr size_t kMinText = 31, kMaxText = DocumentId::kMaxText;
constexpr int64_t kNanosPerDay = 86'400'000'000'000;

constexpr std::array<int8_t, 256> kDigits = [] {
  std::array<int8_t, 256> table{};
  table.fill(-1);
  for (size_t i = 0; i < kAlphabet.size(); ++i)
    table[static_cast<uint8_t>(kAlphabet[i])] = static_cast<int8_t>(i);
  return table;
}();

uint16_t fletcher16(std::string_view bytes) {
  uint8_t low = 0, high = 0;
  for (char c : bytes) {
    low = static_cast<uint8_t>(low + static_cast<uint8_t>(c));
    high = static_cast<uint8_t>(high + low);
  }
  return static_cast<uint16_t>(high << 8 | low);
}

// Writes the digits of `bytes` and gives their number.
size_t write_base32(std::string_view bytes, char* out) {
  uint32_t bits = 0;
  int held = 0;
  size_t count = 0;
  for (char c : bytes) {
    bits = bits << 8 | static_cast<uint8_t>(c);
    held += 8;
    while (held >= 5) {
      held -= 5;
      out[count++] = kAlphabet[bits >> held & 31];
    }
  }
  if (held > 0) out[count++] = kAlphabet[bits << (5 - held) & 31];
  return count;
}

Error undecodable(std::string_view cause) {
  return Error::bad_request("InvalidArgument", "Unable to decode ID: " + std::string(cause));
}

Error bad_length(size_t length) { return undecodable("Invalid ID length " + std::to_string(length)); }

}  // namespace

InternalId InternalId::from(std::string_view raw16) {
  InternalId id;
  if (raw16.size() == id.bytes.size()) std::memcpy(id.bytes.data(), raw16.data(), raw16.size());
  return id;
}

InternalId InternalId::random(int64_t now_ns) {
  constexpr size_t kRandom = 14;
  InternalId id;
  random_fill(id.bytes.data(), kRandom);
  auto days = static_cast<uint16_t>(now_ns / kNanosPerDay);
  id.bytes[kRandom] = static_cast<uint8_t>(days >> 8);
  id.bytes[kRandom + 1] = static_cast<uint8_t>(days);
  return id;
}

DocumentId::Text DocumentId::short_text() const {
  constexpr size_t kMaxVarint = 5;
  std::array<char, kMaxVarint + sizeof internal.bytes + kFooterBytes> bytes;
  size_t size = 0;
  TableNumber rest = table;
  for (; rest >= 0x80; rest >>= 7) bytes[size++] = static_cast<char>(rest | 0x80);
  bytes[size++] = static_cast<char>(rest);
  std::memcpy(bytes.data() + size, internal.bytes.data(), internal.bytes.size());
  size += internal.bytes.size();
  uint16_t footer = fletcher16({bytes.data(), size});
  bytes[size++] = static_cast<char>(footer);
  bytes[size++] = static_cast<char>(footer >> 8);
  Text out;
  out.size = static_cast<uint8_t>(write_base32({bytes.data(), size}, out.digits.data()));
  return out;
}

Result<DocumentId> DocumentId::parse(std::string_view text) {
  if (text.size() < kMinText || text.size() > kMaxText) return bad_length(text.size());
  std::array<char, kMaxText> buffer;
  size_t size = 0;
  uint32_t bits = 0;
  int held = 0;
  for (char c : text) {
    int8_t digit = kDigits[static_cast<uint8_t>(c)];
    if (digit < 0) return undecodable("ID wasn't valid base32");
    bits = bits << 5 | static_cast<uint32_t>(digit);
    held += 5;
    if (held >= 8) {
      held -= 8;
      buffer[size++] = static_cast<char>(bits >> held);
    }
  }
  std::string_view bytes(buffer.data(), size);

  DocumentId id;
  size_t at = 0;
  for (int shift = 0;; shift += 7) {
    uint64_t byte = static_cast<uint8_t>(bytes[at++]);
    uint64_t part = (byte & 0x7f) << shift;
    if (part > UINT32_MAX || (byte == 0 && shift > 0)) return undecodable("Invalid table number");
    id.table |= static_cast<uint32_t>(part);
    if (byte < 0x80) break;
    if (shift == 28) return undecodable("Invalid table number");
  }
  if (id.table == 0) return undecodable("Invalid table number");
  size_t body = at + id.internal.bytes.size();
  if (size != body + kFooterBytes) return bad_length(text.size());
  id.internal = InternalId::from(bytes.substr(at, id.internal.bytes.size()));
  uint16_t footer =
      static_cast<uint16_t>(static_cast<uint8_t>(bytes[body]) | static_cast<uint8_t>(bytes[body + 1]) << 8);
  if (uint16_t version = footer ^ fletcher16(bytes.substr(0, body)); version != 0)
    return undecodable("Invalid ID version " + std::to_string(version) + " (expected 0)");
  // Unused low bits of the last digit, or a superfluous digit.
  if (id.short_text().view() != text) return undecodable("ID wasn't valid base32");
  return id;
}

}  // namespace hull
