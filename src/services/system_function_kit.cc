#include "services/system_function_kit.h"

#include <cstdlib>

#include "value/json.h"

namespace hull::sys {

std::shared_ptr<const Validator> args_validator(
    std::initializer_list<std::pair<std::string_view, std::string_view>> fields) {
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

std::shared_ptr<const Validator> component_args() {
  return args_validator({{"componentId?", kNullableString}});
}

void add_query(SystemFunctions& functions, std::string path, std::string operation, Handler handler,
               std::shared_ptr<const Validator> args) {
  SystemFunction function;
  function.type = UdfType::kQuery;
  function.operation = std::move(operation);
  function.args = std::move(args);
  function.run = [handler = std::move(handler)](Transaction& transaction, ValueView args,
                                                std::optional<std::string_view>) {
    return handler(transaction, args);
  };
  functions.add(std::move(path), std::move(function));
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
