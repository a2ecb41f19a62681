#include "value/names.h"

namespace hull {
namespace {

constexpr size_t kMaxIdentifier = 64;
constexpr size_t kMaxFieldName = 1024;
constexpr size_t kMaxPathComponent = 64;

bool is_letter(char c) { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z'); }
bool is_digit(char c) { return c >= '0' && c <= '9'; }

// The whole UTF-8 character at `at`, so that messages stay valid text.
std::string character(std::string_view s, size_t at) {
  size_t end = at + 1;
  while (end < s.size() && (s[end] & 0xc0) == 0x80) ++end;
  return std::string(s.substr(at, end - at));
}

std::string too_long(std::string_view what, size_t length, size_t limit) {
  return std::string(what) + " is too long (" + std::to_string(length) + " > maximum " +
         std::to_string(limit) + ")";
}

Error bad_identifier(std::string message) {
  return Error::bad_request("InvalidIdentifier", std::move(message));
}
Error bad_field(std::string message) { return Error::bad_request("InvalidFieldName", std::move(message)); }

}  // namespace

Result<void> check_identifier(std::string_view s) {
  if (s.empty()) return bad_identifier("Identifier cannot be empty");
  std::string name(s);
  if (!is_letter(s[0]) && s[0] != '_') {
    return bad_identifier("Invalid first character '" + character(s, 0) + "' in " + name +
                          ": Identifiers must start with an alphabetic character or underscore");
  }
  for (size_t i = 1; i < s.size(); ++i) {
    if (!is_letter(s[i]) && !is_digit(s[i]) && s[i] != '_') {
      return bad_identifier("Identifier " + name + " has invalid character '" + character(s, i) +
                            "': Identifiers can only contain alphanumeric characters or underscores");
    }
  }
  if (s.size() > kMaxIdentifier) return bad_identifier(too_long("Identifier", s.size(), kMaxIdentifier));
  if (s.find_first_not_of('_') == std::string_view::npos)
    return bad_identifier("Identifier " + name + " cannot have exclusively underscores");
  return {};
}

Result<void> check_field_name(std::string_view s) {
  if (s.starts_with('$'))
    return bad_field("Field name " + std::string(s) + " starts with '$', which is reserved.");
  for (size_t i = 0; i < s.size(); ++i) {
    if (s[i] < 0x20 || s[i] > 0x7e) {
      return bad_field("Field name " + std::string(s) + " has invalid character '" + character(s, i) +
                       "': Field names can only contain non-control ASCII characters");
    }
  }
  if (s.size() > kMaxFieldName) return bad_field(too_long("Field name", s.size(), kMaxFieldName));
  return {};
}

Result<std::vector<std::string>> parse_field_path(std::string_view s) {
  std::string_view rest = s;
  while (rest.starts_with('.')) rest.remove_prefix(1);
  while (rest.ends_with('.')) rest.remove_suffix(1);
  if (rest.empty()) return Error::bad_request("InvalidFieldPath", "Empty path " + std::string(s));
  std::vector<std::string> out;
  while (true) {
    size_t dot = rest.find('.');
    std::string_view step = rest.substr(0, dot);
    HULL_CHECK_OK(check_identifier(step));
    out.emplace_back(step);
    if (dot == std::string_view::npos) return out;
    rest.remove_prefix(dot + 1);
  }
}

namespace {

Result<void> check_path_component(std::string_view component, std::string_view path) {
  auto error = [](std::string message) {
    return Error::bad_request("InvalidModulePath", std::move(message));
  };
  std::string shown(component);
  if (component.empty() || component == "." || component == "..")
    return error("Module path (" + std::string(path) + ") has an invalid component '" + shown + "'.");
  if (component.size() > kMaxPathComponent) {
    return error(too_long("Path component", component.size(), kMaxPathComponent) + ": " +
                 std::string(component.substr(0, kMaxPathComponent)) + "...");
  }
  bool has_alphanumeric = false;
  for (char c : component) {
    bool alphanumeric = is_letter(c) || is_digit(c);
    has_alphanumeric |= alphanumeric;
    if (!alphanumeric && c != '_' && c != '.') {
      return error("Path component " + shown +
                   " can only contain alphanumeric characters, underscores, or periods.");
    }
  }
  if (!has_alphanumeric)
    return error("Path component " + shown + " must have at least one alphanumeric character.");
  return {};
}

constexpr std::string_view kExtension = ".js";
constexpr std::string_view kDefaultExport = "default";

}  // namespace

Result<ModulePath> ModulePath::parse(std::string_view s) {
  std::string text(s);
  auto error = [](std::string message) {
    return Error::bad_request("InvalidModulePath", std::move(message));
  };
  if (s.starts_with('/')) return error("Module paths must be relative (" + text + " is absolute).");
  size_t slash = s.rfind('/');
  std::string_view file = slash == std::string_view::npos ? s : s.substr(slash + 1);
  // A leading dot starts a name, not an extension.
  size_t dot = file.rfind('.');
  bool has_extension = dot != std::string_view::npos && dot > 0 && file != "..";
  if (has_extension && file.substr(dot) != kExtension)
    return error("Module path (" + text + ") has an extension that isn't 'js'.");
  if (!has_extension && !file.empty() && file != "." && file != "..") text += kExtension;
  std::string_view rest = text;
  while (true) {
    size_t end = rest.find('/');
    HULL_CHECK_OK(check_path_component(rest.substr(0, end), s));
    if (end == std::string_view::npos) break;
    rest.remove_prefix(end + 1);
  }
  return ModulePath{std::move(text)};
}

std::string ModulePath::without_extension() const {
  return text.ends_with(kExtension) ? text.substr(0, text.size() - kExtension.size()) : text;
}

Result<FunctionPath> FunctionPath::parse(std::string_view s) {
  auto error = [&](const Error& cause) {
    return Error::bad_request("BadConvexFunctionIdentifier",
                              std::string(s) + " is not a valid path to a Convex function. " + cause.message);
  };
  size_t colon = s.rfind(':');
  std::string_view name = colon == std::string_view::npos ? kDefaultExport : s.substr(colon + 1);
  Result<ModulePath> module = ModulePath::parse(s.substr(0, colon));
  if (!module.ok()) return error(module.error());
  if (Result<void> checked = check_identifier(name); !checked.ok()) return error(checked.error());
  return FunctionPath{std::move(*module), std::string(name)};
}

std::string FunctionPath::canonical() const { return module.text + ":" + name; }

std::string FunctionPath::display() const {
  std::string out = module.without_extension();
  if (name != kDefaultExport) out += ":" + name;
  return out;
}

}  // namespace hull
