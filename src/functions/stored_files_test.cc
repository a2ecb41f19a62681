#include "functions/stored_files.h"

#include <gtest/gtest.h>

#include "base/encoding.h"
#include "database/test_support.h"

namespace hull {
namespace {

using testing::failure;
using testing::FakeDatabase;
using testing::options;

class StoredFilesTest : public ::testing::Test {
 protected:
  std::unique_ptr<Transaction> begin(TableAccess access = TableAccess::kUser) {
    return std::make_unique<Transaction>(db_.snapshot(), options(true, access));
  }
  DocumentId insert(const std::optional<std::string>& content_type) {
    auto tx = begin();
    auto id = insert_file(*tx, {"key-1", std::string(32, '\x01'), 5}, content_type);
    EXPECT_EQ(failure(id), "");
    EXPECT_TRUE(db_.commit(tx->commit_request("test")));
    return *id;
  }
  FakeDatabase db_;
};

TEST(Uuid, InAnySpelling) {
  const std::string uuid = "6f6c0a4e-0f0e-4f7b-9d6b-0123456789ab";
  for (const char* text : {"6f6c0a4e-0f0e-4f7b-9d6b-0123456789ab", "6F6C0A4E-0F0E-4F7B-9D6B-0123456789AB",
                           "6f6c0a4e0f0e4f7b9d6b0123456789ab", "{6f6c0a4e-0f0e-4f7b-9d6b-0123456789ab}",
                           "urn:uuid:6f6c0a4e-0f0e-4f7b-9d6b-0123456789ab"}) {
    EXPECT_EQ(parse_uuid(text), uuid) << text;
  }
  for (const char* text :
       {"", "6f6c0a4e", "6f6c0a4e-0f0e-4f7b-9d6b-0123456789a", "6f6c0a4e-0f0e-4f7b-9d6b0-123456789ab",
        "6f6c0a4eg0f0e-4f7b-9d6b-0123456789ab", "zf6c0a4e0f0e4f7b9d6b0123456789ab",
        "{6f6c0a4e0f0e4f7b9d6b0123456789ab", "kg24t8wc208bsw2pxvr2kfcmk98jyc31"}) {
    EXPECT_EQ(parse_uuid(text), std::nullopt) << text;
  }
}

TEST_F(StoredFilesTest, AreFoundByIdAndByUuid) {
  DocumentId id = insert("image/png");
  auto tx = begin();
  auto found = find_file(*tx, StorageId(id));
  ASSERT_TRUE(found.ok() && found->has_value());
  EXPECT_EQ((*found)->bytes.storage_key, "key-1");
  EXPECT_EQ((*found)->bytes.size, 5u);
  EXPECT_EQ((*found)->content_type, "image/png");
  auto by_uuid = find_file(*tx, StorageId((*found)->storage_id));
  ASSERT_TRUE(by_uuid.ok() && by_uuid->has_value());
  EXPECT_EQ((*by_uuid)->id, id);
  EXPECT_FALSE(find_file_by_uuid(*tx, "6f6c0a4e-0f0e-4f7b-9d6b-0123456789ab")->has_value());
}

TEST_F(StoredFilesTest, IdsOfOtherTablesAreRefused) {
  auto tx = begin();
  const Catalog& catalog = tx->catalog();
  DocumentId module{512 + 9, InternalId{}}, unknown{10999, InternalId{}};
  for (const DocumentId& other : {module, unknown}) {
    EXPECT_EQ(failure(parse_storage_id(catalog, other.text(), "storage.getUrl")),
              "InvalidArgument: Invalid storage ID. Storage ID cannot be an ID on any table other than "
              "'_storage'.");
  }
  EXPECT_EQ(failure(parse_storage_id(catalog, "x", "storage.getUrl")),
            "InvalidArgument: Invalid argument `storageId` for `storage.getUrl`: Invalid storage ID: \"x\". "
            "Storage ID should be an Id of '_storage' table, or a UUID string.");
}

TEST_F(StoredFilesTest, RemovalIsPartOfTheTransaction) {
  DocumentId id = insert(std::nullopt);
  auto tx = begin();
  ASSERT_EQ(failure(remove_file(*tx, StorageId(id), id.text())), "");
  EXPECT_FALSE(find_file(*tx, StorageId(id))->has_value());
  EXPECT_EQ(failure(remove_file(*tx, StorageId(id), "what I said")),
            "StorageIdNotFound: storage id what I said not found");
  EXPECT_TRUE(find_file(*begin(), StorageId(id))->has_value());
  ASSERT_TRUE(db_.commit(tx->commit_request("test")));
  EXPECT_FALSE(find_file(*begin(), StorageId(id))->has_value());
}

TEST_F(StoredFilesTest, UsersSeeStorageDocuments) {
  DocumentId id = insert(std::nullopt);
  auto tx = begin();
  auto shown = tx->get(id.text(), true, std::nullopt);
  ASSERT_TRUE(shown.ok() && *shown);
  std::string expected = R"({"_creationTime":)" + to_json((*shown)->value->find("_creationTime").value()) +
                         R"(,"_id":")" + id.text() + R"(","contentType":null,"sha256":")" +
                         base64_encode(std::string(32, '\x01')) + R"(","size":5.0})";
  EXPECT_EQ(to_json((*shown)->value), to_json(testing::json(expected)));
  EXPECT_EQ(testing::collect(*tx, testing::full_scan("_storage")).size(), 1u);
  // As stored for the server itself.
  auto raw = begin(TableAccess::kSystem)->get(id.text(), true, "_file_storage");
  ASSERT_TRUE(raw.ok() && *raw);
  EXPECT_TRUE((*raw)->value->find("storageKey").has_value());
}

TEST_F(StoredFilesTest, DigestsAreHexForOldModules) {
  DocumentId id = insert(std::nullopt);
  const std::pair<const char*, std::string> cases[] = {
      {"1.8.9", hex_encode(std::string(32, '\x01'))},    {"0.19.1", hex_encode(std::string(32, '\x01'))},
      {"1.9.0", base64_encode(std::string(32, '\x01'))}, {"1.48.0", base64_encode(std::string(32, '\x01'))},
      {"2.0.0", base64_encode(std::string(32, '\x01'))},
  };
  for (const auto& [version, sha256] : cases) {
    auto tx = begin(TableAccess::kSystem);
    for (const auto& row : tx->system_rows("_udf_config")) ASSERT_TRUE(tx->system_remove(row->id).ok());
    ValueBuilder row;
    row.begin_object().key("serverVersion").string(version).end();
    ASSERT_TRUE(tx->system_insert("_udf_config", row.finish()).ok());
    ASSERT_TRUE(db_.commit(tx->commit_request("test")));
    auto shown = begin()->get(id.text(), true, std::nullopt);
    ASSERT_TRUE(shown.ok() && *shown);
    EXPECT_EQ((*shown)->value->find("sha256")->as_string(), sha256) << version;
  }
}

TEST(FileBlob, IsKeptUnderItsKey) { EXPECT_EQ(file_blob_key("abc"), "files/abc.blob"); }

}  // namespace
}  // namespace hull
