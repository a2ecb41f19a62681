#include "services/env_declarations.h"

#include "services/json_fields.h"

namespace hull {
namespace {

// Strings, string literals and unions of them.
bool describes_text(const Validator& validator) {
  switch (validator.kind()) {
    case Validator::Kind::kString:
      return true;
    case Validator::Kind::kLiteral:
      return validator.text().find('"') != std::string::npos;
    case Validator::Kind::kUnion:
      for (const auto& member : validator.members())
        if (!describes_text(*member)) return false;
      return true;
    default:
      return false;
  }
}

Error bad_declaration(const std::string& name, const std::string& why) {
  return Error::bad_request("InvalidEnvVarDeclaration",
                            "Environment variable " + name + " has an invalid declaration: " + why);
}

}  // namespace

Result<std::vector<EnvDeclaration>> parse_env_declarations(ValueView definition) {
  std::vector<EnvDeclaration> declarations;
  auto list = json::optional_field(definition, "envVars");
  if (!list) return declarations;
  if (!list->is_array()) return bad_declaration("list", "it is not an array");
  for (size_t i = 0; i < list->count(); ++i) {
    ValueView entry = list->element(i);
    if (!entry.is_array() || entry.count() != 2 || !entry.element(0).is_string())
      return bad_declaration("#" + std::to_string(i), "it is not a pair of name and validator");
    EnvDeclaration declaration;
    declaration.name = std::string(entry.element(0).as_string());
    auto validator = Validator::parse(json::text_or_empty(entry.element(1), "value"));
    if (!validator.ok()) return bad_declaration(declaration.name, validator.error().message);
    declaration.validator = *validator;
    if (!describes_text(*declaration.validator))
      return bad_declaration(declaration.name, "only string validators are supported");
    auto optional = json::optional_field(entry.element(1), "optional");
    declaration.optional = optional && optional->is_bool() && optional->as_bool();
    declarations.push_back(std::move(declaration));
  }
  return declarations;
}

std::vector<EnvDeclaration> deployed_env_declarations(const Catalog& catalog) {
  for (const auto& row : catalog.system_rows("_component_definitions")) {
    if (json::text_or_empty(row->value, "path") != "") continue;
    auto definition = row->value.view().find("definition");
    if (!definition) continue;
    auto declarations = parse_env_declarations(*definition);
    if (declarations.ok()) return *declarations;
  }
  return {};
}

Result<void> check_declared_value(const EnvDeclaration& declaration, const std::string& value) {
  auto problem = declaration.validator->check(Value::string(value), TableNameResolver{});
  if (!problem) return {};
  // The value itself may be a secret, so only the validator is named.
  return Error::bad_request("InvalidEnvironmentVariable",
                            "Environment variable " + declaration.name +
                                " does not match its declared validator: " + declaration.validator->text());
}

Result<void> check_environment(const std::vector<EnvDeclaration>& declarations,
                               const std::map<std::string, std::string>& environment) {
  std::string missing;
  for (const auto& declaration : declarations) {
    if (declaration.optional || environment.contains(declaration.name)) continue;
    if (!missing.empty()) missing += ", ";
    missing += declaration.name;
  }
  if (!missing.empty())
    return Error::bad_request("MissingEnvironmentVariables",
                              "Required environment variables are not set: " + missing +
                                  ". Set them in the Convex dashboard or CLI before pushing.");
  for (const auto& declaration : declarations)
    if (auto it = environment.find(declaration.name); it != environment.end())
      HULL_CHECK_OK(check_declared_value(declaration, it->second));
  return {};
}

}  // namespace hull
