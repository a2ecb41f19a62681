#include "database/virtual_tables.h"

#include <charconv>

#include "base/encoding.h"
#include "database/transaction.h"

namespace hull {

bool pushed_with(Transaction& transaction, int major, int minor) {
  auto rows = transaction.system_rows("_udf_config");
  auto version = rows.empty() ? std::nullopt : rows.front()->value->find("serverVersion");
  if (!version || !version->is_string()) return true;
  std::string_view text = version->as_string();
  int found_major = 0, found_minor = 0;
  auto [dot, error] = std::from_chars(text.data(), text.data() + text.size(), found_major);
  if (error != std::errc() || dot == text.data() + text.size() || *dot != '.') return true;
  if (std::from_chars(dot + 1, text.data() + text.size(), found_minor).ec != std::errc()) return true;
  return found_major > major || (found_major == major && found_minor >= minor);
}

namespace {

// `_storage` (file-storage.md §2).
Result<DocumentPtr> show_file(Transaction& transaction, const DocumentPtr& row) {
  auto sha256 = row->value->find("sha256"), size = row->value->find("size");
  auto id = row->value->find("_id"), created = row->value->find("_creationTime");
  auto content_type = row->value->find("contentType");
  if (!id || !created || !sha256 || !sha256->is_bytes() || !size || !size->is_int64() || !content_type) {
    return Error::internal("malformed _file_storage row");
  }
  ValueBuilder shown;
  shown.begin_object();
  shown.key("_id").value(*id);
  shown.key("_creationTime").value(*created);
  shown.key("sha256").string(pushed_with(transaction, 1, 9) ? base64_encode(sha256->as_string())
                                                            : hex_encode(sha256->as_string()));
  shown.key("size").float64(static_cast<double>(size->as_int64()));
  shown.key("contentType").value(*content_type);
  shown.end();
  return std::make_shared<const Document>(Document{row->id, row->tablet, row->ts, shown.finish()});
}

}  // namespace

ShowRow how_to_show(std::string_view virtual_table) {
  if (virtual_table == "_scheduled_functions") return show_scheduled_job;
  return virtual_table == "_storage" ? show_file : nullptr;
}

}  // namespace hull
