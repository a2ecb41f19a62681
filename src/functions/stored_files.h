// Stored files as rows (file-storage.md §1, §2): `_file_storage` {storageId: uuid text, storageKey, sha256:
// bytes, size: int64, contentType: string or null}. The bytes are a blob of their own (file_store.h). Reads
// and writes belong to the transaction that is passed.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <variant>

#include "database/transaction.h"

namespace hull {

// What a blob is known by once its bytes are durable.
struct StoredBytes {
  std::string storage_key;
  std::string sha256;  // 32 raw bytes
  uint64_t size = 0;
};

struct StoredFile {
  DocumentId id;           // Id<"_storage">
  std::string storage_id;  // the uuid in URLs
  StoredBytes bytes;
  std::optional<std::string> content_type;
};

// How callers name a file: by document id or, as clients before 1.6 did, by uuid.
using StorageId = std::variant<DocumentId, std::string>;

// Lower-case and hyphenated; nullopt if `text` is not a UUID in any of its spellings.
std::optional<std::string> parse_uuid(std::string_view text);
// The argument `storageId` of `method` ("storage.getUrl").
Result<StorageId> parse_storage_id(const Catalog& catalog, std::string_view text, std::string_view method);

// nullopt: no such file. Recorded as a read either way.
Result<std::optional<StoredFile>> find_file(Transaction& transaction, const StorageId& id);
Result<std::optional<StoredFile>> find_file_by_uuid(Transaction& transaction, std::string_view uuid);
// A new file over these bytes, under new random names.
Result<DocumentId> insert_file(Transaction& transaction, const StoredBytes& bytes,
                               const std::optional<std::string>& content_type);
// StorageIdNotFound if there is none; `text` is how the caller named it.
Result<void> remove_file(Transaction& transaction, const StorageId& id, std::string_view text);

// Where the blobs of files are kept: "files/<storageKey>.blob".
inline constexpr std::string_view kFilesDirectory = "files", kBlobSuffix = ".blob";
std::string file_blob_key(std::string_view storage_key);

}  // namespace hull
