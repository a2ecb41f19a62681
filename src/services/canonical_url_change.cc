#include "services/canonical_url_change.h"

#include <algorithm>

#include "functions/canonical_urls.h"
#include "services/audit_log.h"
#include "services/json_fields.h"
#include "services/variable_change.h"

namespace hull {
namespace {

constexpr size_t kMaxUrlBytes = 2048;

// An origin, possibly with a path below which everything is served.
bool is_address(std::string_view url) {
  for (std::string_view scheme : {"https://", "http://"}) {
    if (!url.starts_with(scheme)) continue;
    std::string_view rest = url.substr(scheme.size());
    return !rest.empty() && rest.front() != '/' && url.size() <= kMaxUrlBytes &&
           std::all_of(rest.begin(), rest.end(), [](char c) {
             return static_cast<unsigned char>(c) > 0x20 && static_cast<unsigned char>(c) < 0x7f &&
                    std::string_view("?#@\"<>\\").find(c) == std::string_view::npos;
           });
  }
  return false;
}

Result<void> write_row(Transaction& transaction, const std::string& destination,
                       const std::optional<std::string>& url) {
  DocumentPtr row;
  for (const DocumentPtr& each : transaction.system_rows("_canonical_urls")) {
    if (json::text_or_empty(each->value, "requestDestination") == destination) row = each;
  }
  if (url ? row && json::text_or_empty(row->value, "url") == *url : !row) return {};
  ValueBuilder metadata;
  metadata.begin_object().key("request_destination").string(destination);
  if (url) metadata.key("url").string(*url);
  metadata.end();
  HULL_CHECK_OK(append_audit_row(transaction, url ? "update_canonical_url" : "delete_canonical_url",
                                 metadata.finish()));
  if (!url) return transaction.system_remove(row->id);
  ValueBuilder fields;
  fields.begin_object();
  fields.key("requestDestination").string(destination);
  fields.key("url").string(*url);
  fields.end();
  if (row) return transaction.system_replace(row->id, fields.finish());
  auto id = transaction.system_insert("_canonical_urls", fields.finish());
  if (!id.ok()) return std::move(id).error();
  return {};
}

}  // namespace

Result<void> set_canonical_url(FunctionRunner& runner, const Knobs& knobs, const std::string& destination,
                               const std::optional<std::string>& url) {
  const std::string variable(canonical_url_variable(destination));
  if (variable.empty()) {
    return Error::bad_request("InvalidRequestDestination",
                              "`requestDestination` must be `convexCloud` or `convexSite`");
  }
  if (url && !is_address(*url)) {
    return Error::bad_request("InvalidCanonicalUrl",
                              "A canonical URL must start with http:// or https:// and name a host");
  }
  return change_variables(
      runner, knobs, "_system/update_canonical_url", [&](const Catalog& catalog) -> Result<VariableChange> {
        VariableChange change;
        change.variables = code_variables(catalog);
        change.variables.erase(variable);
        if (url) change.variables[variable] = *url;
        change.write = [&](Transaction& transaction) { return write_row(transaction, destination, url); };
        return change;
      });
}

}  // namespace hull
