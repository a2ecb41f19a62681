#include "functions/stored_files.h"

#include <algorithm>

#include "base/encoding.h"
#include "base/random.h"
#include "functions/lookup.h"

namespace hull {

namespace {

constexpr std::string_view kTable = "_file_storage";
constexpr std::string_view kVirtualTable = "_storage";
constexpr std::string_view kIndex = "by_storage_id";

Result<std::optional<StoredFile>> parse_row(const DocumentPtr& row) {
  if (!row) return std::optional<StoredFile>();
  StoredFile file;
  file.id = row->id;
  auto storage_id = row->value->find("storageId"), storage_key = row->value->find("storageKey");
  auto sha256 = row->value->find("sha256"), size = row->value->find("size");
  auto content_type = row->value->find("contentType");
  if (!storage_id || !storage_id->is_string() || !storage_key || !storage_key->is_string() || !sha256 ||
      !sha256->is_bytes() || !size || !size->is_int64()) {
    return Error::internal("malformed _file_storage row " + row->id.text());
  }
  file.storage_id = storage_id->as_string();
  file.bytes = {std::string(storage_key->as_string()), std::string(sha256->as_string()),
                static_cast<uint64_t>(size->as_int64())};
  if (content_type && content_type->is_string()) file.content_type = content_type->as_string();
  return std::optional(std::move(file));
}

}  // namespace

std::optional<std::string> parse_uuid(std::string_view text) {
  if (text.starts_with("urn:uuid:")) {
    text.remove_prefix(9);
  } else if (text.size() == 38 && text.front() == '{' && text.back() == '}') {
    text = text.substr(1, 36);
  }
  std::string digits;
  for (size_t i = 0; i < text.size(); ++i) {
    const bool at_hyphen = text.size() == 36 && (i == 8 || i == 13 || i == 18 || i == 23);
    if (at_hyphen != (text[i] == '-')) return std::nullopt;
    if (!at_hyphen) digits += text[i];
  }
  auto bytes = hex_decode(digits);
  if (!bytes || bytes->size() != 16) return std::nullopt;
  std::string uuid = hex_encode(*bytes);
  for (size_t at : {20, 16, 12, 8}) uuid.insert(at, "-");
  return uuid;
}

Result<StorageId> parse_storage_id(const Catalog& catalog, std::string_view text, std::string_view method) {
  if (auto id = DocumentId::parse(text); id.ok()) {
    const TableInfo* table = catalog.table(id->table);
    if (table && table->name == kTable) return StorageId(*id);
    return Error::bad_request(
        "InvalidArgument",
        "Invalid storage ID. Storage ID cannot be an ID on any table other than '_storage'.");
  }
  if (auto uuid = parse_uuid(text)) return StorageId(*std::move(uuid));
  return Error::bad_request(
      "InvalidArgument",
      argument_error("storageId", method,
                     "Invalid storage ID: \"" + std::string(text) + "\". Storage ID should be an Id of '" +
                         std::string(kVirtualTable) + "' table, or a UUID string."));
}

Result<std::optional<StoredFile>> find_file(Transaction& transaction, const StorageId& id) {
  if (const auto* uuid = std::get_if<std::string>(&id)) return find_file_by_uuid(transaction, *uuid);
  HULL_TRY(DocumentPtr row, transaction.system_get(std::get<DocumentId>(id)));
  return parse_row(row);
}

Result<std::optional<StoredFile>> find_file_by_uuid(Transaction& transaction, std::string_view uuid) {
  HULL_TRY(DocumentPtr row, transaction.system_find(kTable, kIndex, {Value::string(uuid)}));
  return parse_row(row);
}

Result<DocumentId> insert_file(Transaction& transaction, const StoredBytes& bytes,
                               const std::optional<std::string>& content_type) {
  ValueBuilder row;
  row.begin_object();
  row.key("storageId").string(random_uuid());
  row.key("storageKey").string(bytes.storage_key);
  row.key("sha256").bytes(bytes.sha256);
  row.key("size").int64(static_cast<int64_t>(bytes.size));
  row.key("contentType");
  if (content_type) {
    row.string(*content_type);
  } else {
    row.null();
  }
  return transaction.system_insert(kTable, row.end().finish());
}

Result<void> remove_file(Transaction& transaction, const StorageId& id, std::string_view text) {
  HULL_TRY(auto file, find_file(transaction, id));
  if (!file) {
    return Error::bad_request("StorageIdNotFound", "storage id " + std::string(text) + " not found");
  }
  return transaction.system_remove(file->id);
}

std::string file_blob_key(std::string_view storage_key) {
  return std::string(kFilesDirectory) + "/" + std::string(storage_key) + std::string(kBlobSuffix);
}

}  // namespace hull
