#include "services/system_function_kit.h"

#include <algorithm>
#include <cstdlib>

#include "services/component_reference.h"
#include "services/json_fields.h"
#include "value/json.h"

namespace hull::sys {

std::shared_ptr<const Validator> args_validator(const ArgFields& fields) {
  std::string json = R"({"type":"object","value":{)";
  bool first = true;
  for (auto [name, type] : fields) {
    bool optional = name.ends_with('?');
    if (optional) name.remove_suffix(1);
    if (!first) json += ',';
    first = false;
    json += json_string(name) + R"(:{"fieldType":)" + std::string(type) + R"(,"optional":)" +
            (optional ? "true" : "false") + "}";
  }
  auto validator = Validator::parse(json + "}}");
  if (!validator.ok()) std::abort();  // the text is ours
  return *validator;
}

std::shared_ptr<const Validator> component_args(ArgFields fields) {
  fields.emplace_back("componentId?", kNullableString);
  return args_validator(fields);
}

namespace {

// Arguments that name a component.
Result<void> check_component_args(Transaction& transaction, ValueView args) {
  for (std::string_view name : {"componentId", "tableNamespace"}) {
    auto id = args.find(name);
    if (!id || !id->is_string()) continue;
    transaction.depend_on_system_table("_components");
    HULL_CHECK_OK(check_component(transaction.catalog(), id->as_string()));
  }
  return {};
}

void add(SystemFunctions& functions, UdfType type, std::string path, std::string operation,
         PageHandler handler, std::shared_ptr<const Validator> args) {
  SystemFunction function;
  function.type = type;
  function.operation = std::move(operation);
  function.args = std::move(args);
  function.run = [handler = std::move(handler)](
                     Transaction& transaction, ValueView given,
                     std::optional<std::string_view> journal_end) -> Result<Value> {
    HULL_CHECK_OK(check_component_args(transaction, given));
    return handler(transaction, given, journal_end);
  };
  functions.add(std::move(path), std::move(function));
}

PageHandler without_journal(Handler handler) {
  return
      [handler = std::move(handler)](Transaction& transaction, ValueView args,
                                     std::optional<std::string_view>) { return handler(transaction, args); };
}

}  // namespace

void add_query(SystemFunctions& functions, std::string path, std::string operation, Handler handler,
               std::shared_ptr<const Validator> args) {
  add(functions, UdfType::kQuery, std::move(path), std::move(operation), without_journal(std::move(handler)),
      std::move(args));
}

void add_mutation(SystemFunctions& functions, std::string path, std::string operation, Handler handler,
                  std::shared_ptr<const Validator> args) {
  add(functions, UdfType::kMutation, std::move(path), std::move(operation),
      without_journal(std::move(handler)), std::move(args));
}

void add_page_query(SystemFunctions& functions, std::string path, std::string operation, PageHandler handler,
                    std::shared_ptr<const Validator> args) {
  add(functions, UdfType::kQuery, std::move(path), std::move(operation), std::move(handler), std::move(args));
}

std::optional<std::string> reachable_table(const std::string& name) {
  if (!name.starts_with('_')) return name.empty() ? std::nullopt : std::optional<std::string>(name);
  return system_table_of_virtual(name) ? std::optional<std::string>(name) : std::nullopt;
}

Result<PageSpec> page_spec(ValueView args) {
  constexpr size_t kMaxRowsRead = 10000;
  constexpr size_t kMaxBytesRead = 5'000'000;
  constexpr size_t kMaxPageItems = 10000;
  auto options = args.find("paginationOpts");
  if (!options || !options->is_object())
    return Error::bad_request("InvalidArgument", "paginationOpts must be an object");
  auto text = [&](std::string_view name) -> std::optional<std::string> {
    auto field = json::optional_field(*options, name);
    return field && field->is_string() ? std::optional<std::string>(field->as_string()) : std::nullopt;
  };
  PageSpec page;
  page.cursor = text("cursor");
  page.end_cursor = text("endCursor");
  auto items = json::optional_field(*options, "numItems");
  double wanted = items && items->is_float64() ? items->as_float64() : 0;
  page.page_size =
      wanted >= 1 ? static_cast<size_t>(std::min(wanted, static_cast<double>(kMaxPageItems))) : 1;
  page.maximum_rows_read = kMaxRowsRead;
  page.maximum_bytes_read = kMaxBytesRead;
  return page;
}

Value page_value(const Page& page) {
  ValueBuilder b;
  b.begin_object();
  b.key("page").begin_array();
  for (const auto& document : page.documents) b.value(document->value);
  b.end();
  b.key("isDone").boolean(page.is_done);
  b.key("continueCursor").string(page.continue_cursor);
  if (page.split_cursor) b.key("splitCursor").string(*page.split_cursor);
  if (page.status == Page::Status::kSplitRecommended) b.key("pageStatus").string("SplitRecommended");
  if (page.status == Page::Status::kSplitRequired) b.key("pageStatus").string("SplitRequired");
  b.end();
  return b.finish();
}

Value empty_page() {
  ValueBuilder b;
  b.begin_object();
  b.key("page").begin_array().end();
  b.key("isDone").boolean(true);
  b.key("continueCursor").string("");
  b.end();
  return b.finish();
}

}  // namespace hull::sys
