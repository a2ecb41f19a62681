#include "base/envelope.h"

#include <gtest/gtest.h>

#include "base/encoding.h"

namespace hull {
namespace {

constexpr std::string_view kSecret = "000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f";

InstanceSecret secret() { return *InstanceSecret::from_hex(kSecret); }
std::string bytes(std::string_view hex) { return *hex_decode(hex); }

TEST(Envelope, RefusesMalformedSecrets) {
  EXPECT_EQ(InstanceSecret::from_hex("zz").error().message, "Couldn't hexdecode key");
  EXPECT_EQ(InstanceSecret::from_hex("0011").error().message, "Hex-decoded key was 2 bytes, not 32");
  EXPECT_EQ(secret().hex(), kSecret);
  EXPECT_EQ(InstanceSecret::generate().raw().size(), 32u);
  EXPECT_EQ(secret().fingerprint().size(), 8u);
}

TEST(Envelope, DerivedKeys) {
  EXPECT_EQ(hex_encode(secret().derive_key("admin key")), "ce918d08f04afa58eadfa56cf8eedc2a");
  EXPECT_EQ(hex_encode(secret().derive_key("action callback token")), "cc06ca8a2339562951c107537ad589ed");
  EXPECT_EQ(hex_encode(secret().derive_key("store file authorization")), "e68564d8592f366112202af4565f58de");
  EXPECT_EQ(hex_encode(secret().derive_key("cursor")), "aacb080fcc2bfea9cfa13fc1ab2ed4f9");
  EXPECT_EQ(hex_encode(secret().derive_key("query journal")), "fda0d3f8bb7a89f0b597d34329f15639");
}

struct Vector {
  std::string_view purpose;
  uint8_t version;
  std::string_view plaintext, sealed;
};

TEST(Envelope, RandomModeVectors) {
  std::string nonce = bytes("a0a1a2a3a4a5a6a7a8a9aaab");
  for (const Vector& v : {
           Vector{"admin key", 1, "1080f2d6ca061800",
                  "01a0a1a2a3a4a5a6a7a8a9aaab70303aaf25994668074f56d6e3430f6697538700a556cf57"},
           Vector{"admin key", 1, "1080f2d6ca0618072801",
                  "01a0a1a2a3a4a5a6a7a8a9aaab0068950009850dc8dc5541039b12696564978785942c8cb83d84"},
           Vector{"admin key", 1, "1080f2d6ca062200",
                  "01a0a1a2a3a4a5a6a7a8a9aaabf158561aa7b4b90b4b7a96583294e7d29cbb0808610cf4da"},
           Vector{"action callback token", 2, "1080f2d6ca06",
                  "02a0a1a2a3a4a5a6a7a8a9aaab226b812c890e3fa5133676747b0c0907a8320c5fede2"},
       }) {
    EXPECT_EQ(secret().seal_random(v.purpose, v.version, bytes(v.plaintext), nonce), v.sealed);
    EXPECT_EQ(secret().open_random(v.purpose, v.version, v.sealed), bytes(v.plaintext));
    EXPECT_EQ(secret().open_random("another purpose", v.version, v.sealed), std::nullopt);
    EXPECT_EQ(secret().open_random(v.purpose, v.version + 1, v.sealed), std::nullopt);
    std::string tampered(v.sealed);
    tampered.back() = tampered.back() == '0' ? '1' : '0';
    EXPECT_EQ(secret().open_random(v.purpose, v.version, tampered), std::nullopt);
  }
}

TEST(Envelope, DeterministicModeIsDeterministicAndReversible) {
  std::string sealed = secret().seal_deterministic("cursor", 7, "position");
  EXPECT_EQ(sealed, secret().seal_deterministic("cursor", 7, "position"));
  EXPECT_NE(sealed, secret().seal_deterministic("cursor", 7, "positioN"));
  EXPECT_EQ(secret().open_deterministic("cursor", 7, sealed), "position");
  EXPECT_EQ(InstanceSecret::generate().open_deterministic("cursor", 7, sealed), std::nullopt);
}

TEST(Envelope, RandomModeDiffersEachTimeAndTakesEmptyText) {
  std::string a = secret().seal_random("p", 1, ""), b = secret().seal_random("p", 1, "");
  EXPECT_NE(a, b);
  EXPECT_EQ(secret().open_random("p", 1, a), "");
  EXPECT_EQ(secret().open_random("p", 1, ""), std::nullopt);
  EXPECT_EQ(secret().open_random("p", 1, "01"), std::nullopt);
  EXPECT_EQ(secret().open_random("p", 1, "no hex"), std::nullopt);
}

TEST(Envelope, LegacyVector) {
  std::string_view sealed =
      "01b0b1b2b3b4b5b6b7b8b9babbbcbdbebfc0c1c2c3c4c5c6c74b4c3e87e0b5cb09e8cf24d906813ad7135f93ec53c1df549e23"
      "edaf54f45"
      "83d769abef3f7";
  EXPECT_EQ(secret().open_legacy(sealed), bytes("0a0b6d792d696e7374616e63651080f2d6ca061800"));
  EXPECT_EQ(InstanceSecret::generate().open_legacy(sealed), std::nullopt);
  EXPECT_EQ(secret().open_legacy("01ff"), std::nullopt);
}

}  // namespace
}  // namespace hull
