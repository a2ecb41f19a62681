// Operations on stored files (syscalls.md §7, file-storage.md §3). In queries and mutations they belong to
// the transaction; in actions each is a transaction of its own, and bytes stream.
#include <spdlog/fmt/fmt.h>

#include "base/encoding.h"
#include "base/time.h"
#include "functions/file_store.h"
#include "functions/media_type.h"
#include "functions/running_action.h"
#include "functions/transaction_call.h"

namespace hull {

namespace {

struct NamedFile {
  std::string text;
  StorageId id;
};

Result<NamedFile> named_file(const Catalog& catalog, std::string_view json, std::string_view method) {
  HULL_TRY(OpArgs args, OpArgs::parse(json, method));
  HULL_TRY(std::string text, args.string("storageId"));
  HULL_TRY(StorageId id, parse_storage_id(catalog, text, method));
  return NamedFile{std::move(text), std::move(id)};
}

Result<std::optional<StoredFile>> look_up(Transaction& transaction, std::string_view json,
                                          std::string_view method) {
  HULL_TRY(NamedFile named, named_file(transaction.catalog(), json, method));
  return find_file(transaction, named.id);
}

std::string string_or_null(const std::optional<std::string>& text) {
  return text ? json_string(*text) : "null";
}

Result<std::string> url_of(Transaction& transaction, const FileStore& files, std::string_view json) {
  HULL_TRY(auto file, look_up(transaction, json, "storage.getUrl"));
  if (!file) return std::string("null");
  return json_string(files.download_url(transaction.catalog(), *file));
}

Result<std::string> metadata_of(Transaction& transaction, std::string_view json) {
  HULL_TRY(auto file, look_up(transaction, json, "storage.getMetadata"));
  if (!file) return std::string("null");
  return fmt::format(R"({{"storageId":{},"sha256":"{}","size":{},"contentType":{}}})",
                     json_string(file->storage_id), hex_encode(file->bytes.sha256), file->bytes.size,
                     string_or_null(file->content_type));
}

// "" stands for none.
Result<std::optional<std::string>> content_type_of(const OpArgs& args) {
  HULL_TRY(auto given, args.optional_string("contentType"));
  if (!given || given->empty()) return std::optional<std::string>();
  auto type = normalized_media_type(*given);
  if (!type) return Error::bad_request("InvalidContentTypeHeader", "Invalid content type: " + *given);
  return type;
}

// 32 bytes.
Result<std::optional<std::string>> sha256_of(const OpArgs& args) {
  HULL_TRY(auto given, args.optional_string("sha256"));
  if (!given) return std::optional<std::string>();
  auto digest = base64_decode(*given);
  if (!digest || digest->size() != 32) {
    return Error::bad_request("InvalidDigestHeader", "Invalid SHA-256 digest: " + *given);
  }
  return digest;
}

}  // namespace

// --- Queries and mutations ---

std::optional<Result<std::string>> TransactionCall::storage_op(Level& level, const wire::Op& op) {
  const std::string& name = op.name();
  const std::string& args = op.args_json();
  if (name == "1.0/storageGetUrl") return url_of(*level.transaction, *settings_.files, args);
  if (name == "1.0/storageGetMetadata") return metadata_of(*level.transaction, args);
  if (level.type != UdfType::kMutation) return std::nullopt;
  if (name == "1.0/storageGenerateUploadUrl") {
    return json_string(
        settings_.files->upload_url(level.transaction->catalog(), static_cast<int64_t>(now_ms_ / 1000)));
  }
  if (name == "1.0/storageDelete") return op_storage_delete(level, args);
  if (name == "1.0/storageStore") return op_storage_store(level, args);
  if (name == "1.0/storageGet") return op_storage_get(level, args);
  return std::nullopt;
}

Result<std::string> TransactionCall::op_storage_delete(Level& level, std::string_view json) {
  HULL_TRY(NamedFile named, named_file(level.transaction->catalog(), json, "storage.delete"));
  HULL_CHECK_OK(remove_file(*level.transaction, named.id, named.text));
  return std::string("null");
}

// The blob is written now, its row with the transaction. A retry or a rollback leaves a blob without a row.
Result<std::string> TransactionCall::op_storage_store(Level& level, std::string_view json) {
  HULL_TRY(OpArgs args, OpArgs::parse(json, "storage.store"));
  HULL_TRY(std::string text, args.string("blob"));
  auto bytes = base64_decode(text);
  if (!bytes) return args.invalid("blob", "not base64");
  HULL_TRY(auto content_type, content_type_of(args));
  HULL_TRY(auto sha256, sha256_of(args));
  HULL_TRY(StoredBytes stored, settings_.files->put(*bytes, sha256));
  HULL_TRY(DocumentId id, insert_file(*level.transaction, stored, content_type));
  ++files_.written;
  files_.bytes_written += stored.size;
  return json_string(id.text());
}

Result<std::string> TransactionCall::op_storage_get(Level& level, std::string_view json) {
  HULL_TRY(auto file, look_up(*level.transaction, json, "storage.get"));
  if (!file) return std::string("null");
  if (file->bytes.size > settings_.knobs->max_array_buffers) {
    return Error::bad_request("FileTooLarge",
                              fmt::format("The file is too large for a mutation ({} bytes). Read it in an "
                                          "action.",
                                          file->bytes.size));
  }
  HULL_TRY(auto reader, settings_.files->open(file->bytes));
  HULL_TRY(std::string bytes, reader->read(0, reader->size()));
  ++files_.read;
  files_.bytes_read += bytes.size();
  return R"({"blob":")" + base64_encode(bytes) + R"(","contentType":)" + string_or_null(file->content_type) +
         "}";
}

// --- Actions ---
// What runs on threads of the FileStore may end after the runner: it does not look at parts_.

Result<bool> RunningAction::start_storage_op(const wire::Op& op) {
  const std::string& name = op.name();
  FileStore& files = *parts_.settings.files;
  if (name == "1.0/storageGenerateUploadUrl") {
    answer_json(op.op_id(), json_string(files.upload_url(*parts_.engine->snapshot()->catalog(),
                                                         static_cast<int64_t>(unix_millis() / 1000))));
  } else if (name == "1.0/storageGetUrl") {
    HULL_TRY(std::string url, url_of(*lookup_transaction(), files, op.args_json()));
    answer_json(op.op_id(), std::move(url));
  } else if (name == "1.0/storageGetMetadata") {
    HULL_TRY(std::string metadata, metadata_of(*lookup_transaction(), op.args_json()));
    answer_json(op.op_id(), std::move(metadata));
  } else if (name == "1.0/storageDelete") {
    HULL_CHECK_OK(delete_file(op));
  } else if (name == "storage/store") {
    HULL_CHECK_OK(store_file(op));
  } else if (name == "storage/get") {
    HULL_CHECK_OK(get_file(op));
  } else if (name == "storage/read") {
    HULL_CHECK_OK(read_file(op));
  } else {
    return false;
  }
  return true;
}

Result<void> RunningAction::delete_file(const wire::Op& op) {
  HULL_TRY(NamedFile named,
           named_file(*parts_.engine->snapshot()->catalog(), op.args_json(), "storage.delete"));
  commit_apart(op.op_id(), [named = std::move(named)](Transaction& transaction) -> Result<std::string> {
    HULL_CHECK_OK(remove_file(transaction, named.id, named.text));
    return std::string("null");
  });
  return {};
}

// The bytes come with the operation, or, if it says so, with "fetch/write" operations.
Result<void> RunningAction::store_file(const wire::Op& op) {
  HULL_TRY(OpArgs args, OpArgs::parse(op.args_json(), "storage.store"));
  HULL_TRY(auto content_type, content_type_of(args));
  HULL_TRY(auto sha256, sha256_of(args));
  auto source = std::make_shared<BytePipe>();
  if (args.flag("streams")) {
    HULL_TRY(std::string upload_id, args.string("fetchId"));
    std::lock_guard lock(mutex_);
    fetches_[upload_id] = {std::make_shared<OneShot>(), source, true};
  } else {
    source->write(op.payload(), [](bool) {});
    source->finish();
  }
  FileStore* files = parts_.settings.files;
  files->receive(
      source, std::move(sha256),
      [self = shared_from_this(), files, id = op.op_id(), content_type](Result<StoredBytes> stored) {
        if (!stored.ok()) return self->answer_error(id, stored.error());
        auto file = files->insert(*stored, content_type);
        if (!file.ok()) return self->answer_error(id, file.error());
        self->answer_json(id, json_string(file->text()));
      });
  return {};
}

// The function gets a number by which it can read the content, as often and in such parts as it likes.
Result<void> RunningAction::get_file(const wire::Op& op) {
  HULL_TRY(auto file, look_up(*lookup_transaction(), op.args_json(), "storage.get"));
  if (!file) {
    answer_json(op.op_id(), "null");
    return {};
  }
  size_t number = 0;
  {
    std::lock_guard lock(mutex_);
    number = files_.size();
    files_.push_back(file->bytes);
  }
  answer_json(op.op_id(), fmt::format(R"({{"file":{},"size":{},"contentType":{}}})", number, file->bytes.size,
                                      string_or_null(file->content_type)));
  return {};
}

Result<void> RunningAction::read_file(const wire::Op& op) {
  HULL_TRY(OpArgs args, OpArgs::parse(op.args_json(), "storage.get"));
  HULL_TRY(size_t number, args.count("file"));
  HULL_TRY(size_t from, args.count("from"));
  HULL_TRY(size_t to, args.count("to"));
  StoredBytes bytes;
  {
    std::lock_guard lock(mutex_);
    if (number >= files_.size()) return args.invalid("file", "unknown");
    bytes = files_[number];
  }
  if (from > to || to > bytes.size) return args.invalid("to", "outside of the file");
  FileStore* files = parts_.settings.files;
  files->read_later([self = shared_from_this(), files, id = op.op_id(), bytes = std::move(bytes), from, to] {
    auto reader = files->open(bytes);
    if (!reader.ok()) return self->answer_error(id, reader.error());
    std::string stream = "file-" + std::to_string(id);
    auto pipe = files->send(*std::move(reader), from, to - from);
    {
      std::lock_guard lock(self->mutex_);
      if (!self->over_) self->sources_[stream] = pipe;
      if (self->over_) stream.clear();
    }
    if (stream.empty()) return pipe->cancel();
    self->answer_json(id, R"({"streamId":")" + stream + R"("})");
  });
  return {};
}

}  // namespace hull
