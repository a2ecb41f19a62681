#include "services/admin_keys.h"

#include <gtest/gtest.h>

namespace hull {
namespace {

// Vectors of auth-and-node.md §4.3.
const InstanceSecret& secret() {
  static const InstanceSecret value =
      *InstanceSecret::from_hex("000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f");
  return value;
}
constexpr std::string_view kName = "my-instance";
constexpr std::string_view kAdmin =
    "my-instance|01a0a1a2a3a4a5a6a7a8a9aaab70303aaf25994668074f56d6e3430f6697538700a556cf57";
constexpr std::string_view kReadOnly =
    "01a0a1a2a3a4a5a6a7a8a9aaab0068950009850dc8dc5541039b12696564978785942c8cb83d84";
constexpr std::string_view kSystem =
    "01a0a1a2a3a4a5a6a7a8a9aaabf158561aa7b4b90b4b7a96583294e7d29cbb0808610cf4da";
constexpr std::string_view kLegacy =
    "01b0b1b2b3b4b5b6b7b8b9babbbcbdbebfc0c1c2c3c4c5c6c74b4c3e87e0b5cb09e8cf24d906813ad7135f93ec53c1df549e23ed"
    "af5"
    "4f4583d769abef3f7";

bool accepted(std::string_view key) { return check_admin_key(secret(), kName, key).ok(); }

TEST(AdminKeysTest, AcceptsTheReferenceVectors) {
  auto admin = check_admin_key(secret(), kName, kAdmin);
  ASSERT_TRUE(admin.ok());
  EXPECT_FALSE(admin->read_only);
  EXPECT_FALSE(admin->system);
  EXPECT_EQ(admin->issued_s, 1767225600u);

  auto read_only = check_admin_key(secret(), kName, "my-instance|" + std::string(kReadOnly));
  ASSERT_TRUE(read_only.ok());
  EXPECT_TRUE(read_only->read_only);
  EXPECT_EQ(read_only->member_id, 7u);

  auto system = check_admin_key(secret(), kName, "my-instance|" + std::string(kSystem));
  ASSERT_TRUE(system.ok());
  EXPECT_TRUE(system->system);
}

TEST(AdminKeysTest, AcceptsTheLegacyCipherWithAndWithoutName) {
  EXPECT_TRUE(accepted(kLegacy));
  EXPECT_TRUE(accepted("my-instance|" + std::string(kLegacy)));
}

TEST(AdminKeysTest, AcceptsTypePrefixesAndEitherCase) {
  EXPECT_TRUE(accepted("prod:" + std::string(kAdmin)));
  EXPECT_TRUE(accepted("dev:" + std::string(kAdmin)));
  std::string upper(kAdmin);
  for (size_t i = kName.size() + 1; i < upper.size(); ++i)
    upper[i] = static_cast<char>(std::toupper(upper[i]));
  EXPECT_TRUE(accepted(upper));
  // The part before the bar is no instance name here, and the key itself names none.
  EXPECT_FALSE(accepted("preview:team:" + std::string(kAdmin)));
  EXPECT_TRUE(accepted("preview:team:project|" + std::string(kLegacy)));
}

TEST(AdminKeysTest, RefusesEverythingElse) {
  for (std::string key :
       {std::string(), std::string("my-instance|"), std::string("my-instance|zz"), std::string(kReadOnly),
        "other|" + std::string(kReadOnly), std::string(kAdmin).substr(0, kAdmin.size() - 2) + "00"}) {
    auto result = check_admin_key(secret(), kName, key);
    ASSERT_FALSE(result.ok()) << key;
    EXPECT_EQ(result.error().kind, ErrorKind::kUnauthenticated);
    EXPECT_EQ(result.error().code, "BadAdminKey");
    EXPECT_EQ(result.error().message, "The provided admin key was invalid for this instance");
  }
}

TEST(AdminKeysTest, MintedKeysComeBackAndDiffer) {
  for (const AdminKeyClaims& claims :
       {AdminKeyClaims{false, false, 0, 1}, AdminKeyClaims{true, false, 1ull << 63, 1ull << 40},
        AdminKeyClaims{false, true, 0, 5}}) {
    std::string key = mint_admin_key(secret(), "a-b", claims);
    EXPECT_NE(key, mint_admin_key(secret(), "a-b", claims));
    auto read = check_admin_key(secret(), "a-b", key);
    ASSERT_TRUE(read.ok());
    EXPECT_EQ(read->read_only, claims.read_only);
    EXPECT_EQ(read->system, claims.system);
    EXPECT_EQ(read->member_id, claims.member_id);
    EXPECT_EQ(read->issued_s, claims.issued_s);
    EXPECT_FALSE(check_admin_key(InstanceSecret::generate(), "a-b", key).ok());
  }
  EXPECT_FALSE(accepted(mint_admin_key(secret(), kName, {})));  // never issued
}

TEST(AdminKeysTest, NamesThatNoHeaderCarriesAreInsideTheKey) {
  for (std::string name : {"anonymous-my app", "anonymous-d\u00e9j\u00e0 vu", "local:thing"}) {
    std::string key = mint_admin_key(secret(), name, {false, false, 0, 1});
    EXPECT_EQ(key.find_first_not_of("0123456789abcdef"), std::string::npos) << key;
    EXPECT_TRUE(check_admin_key(secret(), name, key).ok()) << name;
    EXPECT_FALSE(accepted(key)) << name;
  }
}

}  // namespace
}  // namespace hull
