#include "services/system_files.h"

#include "services/audit_log.h"
#include "services/json_fields.h"
#include "services/system_function_kit.h"
#include "value/json.h"

namespace hull {
namespace {

constexpr std::string_view kTable = "_storage";

Value metadata_with(const std::function<void(ValueBuilder&)>& more) {
  ValueBuilder b;
  b.begin_object();
  b.key("component_id").null();
  b.key("component").null();
  more(b);
  b.end();
  return b.finish();
}

// The document as users see it, with its URL.
Result<Value> with_url(const FileStore& files, Transaction& transaction, const DocumentPtr& document) {
  HULL_TRY(auto file, find_file(transaction, StorageId(document->id)));
  ValueBuilder b;
  b.begin_object();
  for (size_t i = 0; i < document->value->count(); ++i) {
    auto [name, value] = document->value->field(i);
    b.key(name).value(value);
  }
  b.key("url");
  if (file) {
    b.string(files.download_url(transaction.catalog(), *file));
  } else {
    b.null();
  }
  b.end();
  return b.finish();
}

// {minCreationTime?, maxCreationTime?, order?} as a query over the creation time.
Result<QuerySpec> page_query(ValueView args) {
  auto filters = json::optional_field(args, "filters");
  std::string range, order = "desc";
  auto bound = [&](std::string_view field, std::string_view comparison) {
    auto value = filters ? json::optional_field(*filters, field) : std::nullopt;
    if (!value || !value->is_float64()) return;
    range += (range.empty() ? "" : ",") + std::string(R"({"type":")") + std::string(comparison) +
             R"(","fieldPath":"_creationTime","value":)" + to_json(*value) + "}";
  };
  bound("minCreationTime", "Gte");
  bound("maxCreationTime", "Lte");
  if (filters) {
    if (std::string given = json::text_or_empty(*filters, "order"); !given.empty()) order = given;
  }
  return QuerySpec::parse(
      R"({"source":{"type":"IndexRange","indexName":"_storage.by_creation_time","range":[)" + range +
          R"(],"order":")" + order + R"("},"operators":[]})",
      "queryPage");
}

Result<Value> file_metadata(const FileStore& files, Transaction& transaction, ValueView args,
                            std::optional<std::string_view> journal_end) {
  auto options = args.find("paginationOpts");
  if (!options || !options->is_object())
    return Error::bad_request("InvalidArgument", "paginationOpts must be an object");
  auto count = [&](std::string_view name) -> std::optional<size_t> {
    auto field = json::optional_field(*options, name);
    if (!field || !field->is_float64() || field->as_float64() < 1) return std::nullopt;
    return static_cast<size_t>(field->as_float64());
  };
  auto text = [&](std::string_view name) -> std::optional<std::string> {
    auto field = json::optional_field(*options, name);
    if (!field || !field->is_string()) return std::nullopt;
    return std::string(field->as_string());
  };
  PageSpec spec;
  HULL_TRY(spec.query, page_query(args));
  spec.cursor = text("cursor");
  spec.end_cursor = text("endCursor");
  spec.page_size = count("numItems").value_or(1);
  spec.maximum_rows_read = count("maximumRowsRead");
  spec.maximum_bytes_read = count("maximumBytesRead");
  HULL_TRY(Page page, transaction.paginate(spec, journal_end));
  for (DocumentPtr& document : page.documents) {
    HULL_TRY(Value value, with_url(files, transaction, document));
    document = std::make_shared<const Document>(
        Document{document->id, document->tablet, document->ts, std::move(value)});
  }
  return sys::page_value(page);
}

Result<Value> get_file(const FileStore& files, Transaction& transaction, ValueView args) {
  auto id = parse_storage_id(transaction.catalog(), json::text_or_empty(args, "storageId"), "storage.get");
  if (!id.ok()) return Value();
  HULL_TRY(auto file, find_file(transaction, *id));
  if (!file) return Value();
  HULL_TRY(DocumentPtr document, transaction.get(file->id.text(), true, kTable));
  return with_url(files, transaction, document);
}

Result<Value> delete_files(Transaction& transaction, const std::vector<std::string>& ids) {
  for (const std::string& text : ids) {
    HULL_TRY(StorageId id, parse_storage_id(transaction.catalog(), text, "storage.delete"));
    HULL_CHECK_OK(remove_file(transaction, id, text));
  }
  HULL_CHECK_OK(append_audit_row(transaction, "delete_files", metadata_with([&](ValueBuilder& b) {
                                   b.key("storage_ids").begin_array();
                                   for (const std::string& id : ids) b.string(id);
                                   b.end();
                                 })));
  return Value();
}

constexpr std::string_view kFilters =
    R"({"type":"object","value":{"minCreationTime":{"fieldType":{"type":"number"},"optional":true},)"
    R"("maxCreationTime":{"fieldType":{"type":"number"},"optional":true},)"
    R"("order":{"fieldType":{"type":"union","value":[{"type":"literal","value":"asc"},)"
    R"({"type":"literal","value":"desc"}]},"optional":true}}})";
constexpr std::string_view kStorageId = R"({"type":"id","tableName":"_storage"})";
constexpr std::string_view kStorageIds = R"({"type":"array","value":{"type":"id","tableName":"_storage"}})";

}  // namespace

void register_file_functions(FunctionRunner& runner, FileStore& files) {
  SystemFunctions& functions = runner.system_functions();
  const std::string module = "_system/frontend/fileStorageV2.js:";
  sys::add_query(
      functions, module + "numFiles", "ViewData",
      [](Transaction& transaction, ValueView) -> Result<Value> {
        HULL_TRY(size_t count, transaction.count(kTable));
        return Value::float64(static_cast<double>(count));
      },
      sys::component_args());
  sys::add_page_query(
      functions, module + "fileMetadata", "ViewData",
      [&files](Transaction& transaction, ValueView args, std::optional<std::string_view> journal_end) {
        return file_metadata(files, transaction, args, journal_end);
      },
      sys::component_args({{"paginationOpts", sys::kAny}, {"filters?", kFilters}}));
  sys::add_query(
      functions, module + "getFile", "ViewData",
      [&files](Transaction& transaction, ValueView args) { return get_file(files, transaction, args); },
      sys::component_args({{"storageId", sys::kString}}));
  sys::add_mutation(
      functions, module + "deleteFile", "WriteData",
      [](Transaction& transaction, ValueView args) {
        return delete_files(transaction, {json::text_or_empty(args, "storageId")});
      },
      sys::component_args({{"storageId", kStorageId}}));
  sys::add_mutation(
      functions, module + "deleteFiles", "WriteData",
      [](Transaction& transaction, ValueView args) {
        std::vector<std::string> ids;
        ValueView list = *args.find("storageIds");
        for (size_t i = 0; i < list.count(); ++i) ids.emplace_back(list.element(i).as_string());
        return delete_files(transaction, ids);
      },
      sys::component_args({{"storageIds", kStorageIds}}));
  sys::add_mutation(
      functions, module + "generateUploadUrl", "WriteData",
      [&files](Transaction& transaction, ValueView) -> Result<Value> {
        HULL_CHECK_OK(
            append_audit_row(transaction, "generate_upload_url", metadata_with([](ValueBuilder&) {})));
        return Value::string(
            files.upload_url(transaction.catalog(), static_cast<int64_t>(unix_millis() / 1000)));
      },
      sys::component_args());
}

}  // namespace hull
