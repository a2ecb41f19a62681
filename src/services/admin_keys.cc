// The claims travel as a protobuf message (auth-and-node.md §4.1), written and read by hand:
//   1: instance_name string   2: issued_s uint64   oneof {3: member_id uint64; 4: system {}}   5:
//   is_read_only bool
// Scalars of the oneof are always written; other zero or false scalars are omitted.
#include "services/admin_keys.h"

#include <algorithm>
#include <optional>

#include "base/encoding.h"
#include "base/log.h"

namespace hull {
namespace {

constexpr std::string_view kPurpose = "admin key";
constexpr uint8_t kVersion = 1;

void put_varint(std::string& out, uint64_t n) {
  while (n >= 0x80) {
    out.push_back(static_cast<char>(n | 0x80));
    n >>= 7;
  }
  out.push_back(static_cast<char>(n));
}

// `instance_name`: "" = not part of the claims.
std::string encode_claims(const AdminKeyClaims& claims, std::string_view instance_name) {
  std::string out;
  if (!instance_name.empty()) {
    out.push_back(0x0a);
    put_varint(out, instance_name.size());
    out += instance_name;
  }
  if (claims.issued_s != 0) {
    out.push_back(0x10);
    put_varint(out, claims.issued_s);
  }
  if (claims.system) {
    out.append("\x22\x00", 2);
  } else {
    out.push_back(0x18);
    put_varint(out, claims.member_id);
  }
  if (claims.read_only) out.append("\x28\x01", 2);
  return out;
}

class Reader {
 public:
  explicit Reader(std::string_view bytes) : rest_(bytes) {}
  bool done() const { return rest_.empty(); }
  std::optional<uint64_t> varint() {
    uint64_t value = 0;
    for (int shift = 0; shift < 64 && !rest_.empty(); shift += 7) {
      auto byte = static_cast<uint8_t>(rest_.front());
      rest_.remove_prefix(1);
      value |= static_cast<uint64_t>(byte & 0x7f) << shift;
      if (byte < 0x80) return value;
    }
    return std::nullopt;
  }
  std::optional<std::string_view> bytes() {
    auto size = varint();
    if (!size || *size > rest_.size()) return std::nullopt;
    return take(*size);
  }
  // Skips a field of a kind this version does not know.
  bool skip(uint64_t wire_type) {
    switch (wire_type) {
      case 0:
        return varint().has_value();
      case 1:
        return rest_.size() >= 8 && (take(8), true);
      case 2:
        return bytes().has_value();
      case 5:
        return rest_.size() >= 4 && (take(4), true);
      default:
        return false;
    }
  }

 private:
  std::string_view take(size_t n) {
    auto taken = rest_.substr(0, n);
    rest_.remove_prefix(n);
    return taken;
  }
  std::string_view rest_;
};

struct DecodedClaims {
  AdminKeyClaims claims;
  std::string instance_name;
};

std::optional<DecodedClaims> decode_claims(std::string_view bytes) {
  DecodedClaims out;
  bool has_owner = false;
  for (Reader reader(bytes); !reader.done();) {
    auto tag = reader.varint();
    if (!tag) return std::nullopt;
    uint64_t wire_type = *tag & 7;
    if (*tag == 0x0a || *tag == 0x22) {
      auto field = reader.bytes();
      if (!field) return std::nullopt;
      if (*tag == 0x0a) out.instance_name = std::string(*field);
      if (*tag == 0x22) out.claims.system = has_owner = true;
    } else if (*tag == 0x10 || *tag == 0x18 || *tag == 0x28) {
      auto number = reader.varint();
      if (!number) return std::nullopt;
      if (*tag == 0x10) out.claims.issued_s = *number;
      if (*tag == 0x18) {
        out.claims.member_id = *number;
        out.claims.system = false;
        has_owner = true;
      }
      if (*tag == 0x28) out.claims.read_only = *number != 0;
    } else if (!reader.skip(wire_type)) {
      return std::nullopt;
    }
  }
  if (!has_owner || out.claims.issued_s == 0) return std::nullopt;
  return out;
}

// Whether a key may begin with the name: keys travel in HTTP headers, and a colon would end a type.
bool fits_in_front(std::string_view name) {
  return std::all_of(name.begin(), name.end(), [](char c) { return c > ' ' && c < 127 && c != ':'; });
}

// Which part of a key it fails at; the key itself is never logged.
std::string why_not_opened(std::string_view hex) {
  constexpr size_t kShortest = 1 + 12 + 16;  // version, nonce, tag
  auto bytes = hex_decode(hex);
  const bool decodable = bytes && bytes->size() >= kShortest && bytes->front() == kVersion;
  return decodable ? "wrong secret: it was made with another INSTANCE_SECRET"
                   : "undecodable: it is not the text of an admin key";
}

// A name as it came, for the log.
std::string shown(std::string_view name) {
  constexpr size_t kLongest = 64;
  std::string out;
  for (char c : name.substr(0, kLongest)) out += c > ' ' && c < 127 ? c : '?';
  return "\"" + out + "\"";
}

Error bad_key(std::string_view reason) {
  spdlog::warn("BadAdminKey: {}", reason);
  return Error::unauthenticated("BadAdminKey", "The provided admin key was invalid for this instance");
}

}  // namespace

std::string mint_admin_key(const InstanceSecret& secret, std::string_view instance_name,
                           const AdminKeyClaims& claims) {
  if (!fits_in_front(instance_name))
    return secret.seal_random(kPurpose, kVersion, encode_claims(claims, instance_name));
  return std::string(instance_name) + "|" + secret.seal_random(kPurpose, kVersion, encode_claims(claims, ""));
}

Result<AdminKeyClaims> check_admin_key(const InstanceSecret& secret, std::string_view instance_name,
                                       std::string_view key) {
  std::optional<std::string_view> name;
  if (size_t bar = key.find('|'); bar != std::string_view::npos) {
    name = key.substr(0, bar);
    key.remove_prefix(bar + 1);
    if (size_t colon = name->find(':'); colon != std::string_view::npos) {
      std::string_view type = name->substr(0, colon);
      if (type == "preview" || type == "project")
        name.reset();
      else
        name->remove_prefix(colon + 1);
    }
  }
  std::optional<std::string> plain = secret.open_random(kPurpose, kVersion, key);
  if (!plain) plain = secret.open_legacy(key);
  if (!plain) return bad_key(why_not_opened(key));
  auto decoded = decode_claims(*plain);
  if (!decoded) return bad_key("undecodable: its content is malformed");
  std::string_view claimed = name ? *name : std::string_view(decoded->instance_name);
  if (claimed != instance_name)
    return bad_key("the name " + shown(claimed) + " is not this instance's, " + shown(instance_name));
  return decoded->claims;
}

}  // namespace hull
