#include "base/encoding.h"

#include <gtest/gtest.h>

#include "base/digest.h"
#include "base/random.h"
#include "base/time.h"

namespace hull {
namespace {

TEST(Encoding, Hex) {
  EXPECT_EQ(hex_encode(std::string_view("\x00\xab\xff", 3)), "00abff");
  EXPECT_EQ(hex_decode("00aBFf"), std::string("\x00\xab\xff", 3));
  EXPECT_EQ(hex_decode(""), "");
  EXPECT_EQ(hex_decode("0"), std::nullopt);
  EXPECT_EQ(hex_decode("0g"), std::nullopt);
}

TEST(Encoding, Base64KnownTexts) {
  EXPECT_EQ(base64_encode(""), "");
  EXPECT_EQ(base64_encode("f"), "Zg==");
  EXPECT_EQ(base64_encode("fo"), "Zm8=");
  EXPECT_EQ(base64_encode("foo"), "Zm9v");
  EXPECT_EQ(base64_encode("\xfb\xff"), "+/8=");
  EXPECT_EQ(base64url_encode("\xfb\xff"), "-_8");
}

TEST(Encoding, Base64RoundTrip) {
  for (size_t size = 0; size < 70; ++size) {
    std::string bytes = random_bytes(size);
    EXPECT_EQ(base64_decode(base64_encode(bytes)), bytes);
    EXPECT_EQ(base64url_decode(base64url_encode(bytes)), bytes);
    EXPECT_EQ(hex_decode(hex_encode(bytes)), bytes);
  }
}

TEST(Encoding, Base64RefusesWhatTheEncoderNeverWrites) {
  for (std::string_view bad : {"Zg", "Zg=", "Z", "Zg==Zg==", "Z===", "====", "Zh==", "Zm9", "Zm 9", "-_8="})
    EXPECT_EQ(base64_decode(bad), std::nullopt) << bad;
  EXPECT_EQ(base64url_decode("-_8="), "\xfb\xff");
  EXPECT_EQ(base64url_decode("+/8"), std::nullopt);
  EXPECT_EQ(base64url_decode("-_8=="), std::nullopt);
}

TEST(Digest, KnownAnswers) {
  EXPECT_EQ(sha256_hex("abc"), "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
  EXPECT_EQ(hex_encode(hmac_sha256("Jefe", "what do ya want for nothing?")),
            "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843");
}

TEST(Random, Shapes) {
  std::string uuid = random_uuid();
  ASSERT_EQ(uuid.size(), 36u);
  for (size_t at : {8, 13, 18, 23}) EXPECT_EQ(uuid[at], '-');
  EXPECT_EQ(uuid[14], '4');
  EXPECT_NE(std::string_view("89ab").find(uuid[19]), std::string_view::npos);
  EXPECT_EQ(random_hex(8).size(), 16u);
  EXPECT_NE(random_u64(), random_u64());
  EXPECT_NE(random_bytes(16), random_bytes(16));
}

TEST(Time, Advances) {
  EXPECT_GT(unix_nanos(), 1'700'000'000'000'000'000);
  EXPECT_NEAR(unix_millis(), static_cast<double>(unix_nanos()) / 1e6, 1000);
  int64_t before = monotonic_nanos();
  EXPECT_GE(monotonic_nanos(), before);
}

}  // namespace
}  // namespace hull
