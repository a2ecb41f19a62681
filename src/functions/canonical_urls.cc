#include "functions/canonical_urls.h"

namespace hull {

std::string_view canonical_url_variable(std::string_view destination) {
  if (destination == "convexCloud") return "CONVEX_CLOUD_URL";
  if (destination == "convexSite") return "CONVEX_SITE_URL";
  return "";
}

std::string cloud_url(const Catalog& catalog, std::string_view origin) {
  auto urls = canonical_url_variables(catalog);
  auto canonical = urls.find("CONVEX_CLOUD_URL");
  std::string url = canonical == urls.end() ? std::string(origin) : canonical->second;
  while (url.ends_with('/')) url.pop_back();
  return url;
}

std::map<std::string, std::string> canonical_url_variables(const Catalog& catalog) {
  std::map<std::string, std::string> variables;
  for (const DocumentPtr& row : catalog.system_rows("_canonical_urls")) {
    auto destination = row->value->find("requestDestination"), url = row->value->find("url");
    if (!destination || !destination->is_string() || !url || !url->is_string()) continue;
    std::string_view name = canonical_url_variable(destination->as_string());
    if (!name.empty()) variables[std::string(name)] = std::string(url->as_string());
  }
  return variables;
}

}  // namespace hull
