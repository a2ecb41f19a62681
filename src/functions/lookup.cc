#include "functions/lookup.h"

#include <spdlog/fmt/fmt.h>

#include "functions/stopped_text.h"
#include "value/json.h"

namespace hull {

FunctionError host_error(std::string text) { return FunctionError{std::move(text) + "\n", std::nullopt}; }

FunctionError host_error(const Error& error) {
  return FunctionError{std::string(error.public_message()) + "\n", error.data_json};
}

std::optional<UdfType> udf_type_of(const FunctionInfo& function) {
  if (function.udf_type == "Query") return UdfType::kQuery;
  if (function.udf_type == "Mutation") return UdfType::kMutation;
  if (function.udf_type == "Action") return UdfType::kAction;
  return std::nullopt;
}

std::string not_found_text(const FunctionPath& path, bool public_text) {
  if (public_text) return fmt::format("Could not find public function for '{}'.", path.display());
  return fmt::format("Could not find function for '{}'. Did you forget to run `npx convex dev`?",
                     path.display());
}

Result<const FunctionInfo*> find_function(const Code& code, const FunctionPath& path,
                                          std::optional<UdfType> expected, LookupOptions options) {
  const FunctionInfo* function = path.module.is_deps() ? nullptr : code.find(path);
  if (!function || (!function->is_public && !options.allow_internal)) {
    return Error::bad_request("FunctionNotFound", not_found_text(path, options.public_not_found_text));
  }
  std::string_view wanted = expected ? udf_type_name(*expected) : std::string_view(function->udf_type);
  if (function->udf_type != wanted) {
    return Error::bad_request("FunctionWrongType",
                              fmt::format("Trying to execute {} as {}, but it is defined as {}.",
                                          path.canonical(), wanted, function->udf_type));
  }
  return function;
}

Result<void> check_args(const FunctionPath& path, const Validator* validator, ValueView args,
                        const Catalog& catalog, const Knobs& knobs) {
  size_t size = convex_size(args);
  if (size > knobs.max_args_size) {
    return Error::bad_request(
        "FunctionArgumentsTooLarge",
        fmt::format("Arguments for {} are too large (actual: {}, limit: {})", path.canonical(),
                    display_bytes(size), display_bytes(knobs.max_args_size)));
  }
  if (!validator) return {};
  auto fail = [](std::string cause) {
    return Error::bad_request("InvalidArgs", "ArgumentValidationError: " + std::move(cause));
  };
  if (args.count() != 1) {
    return fail(fmt::format(
        "Expected to receive a single object as the function's argument. Instead received {} arguments: {}",
        args.count(), display(args)));
  }
  if (!args.element(0).is_object()) {
    return fail("Expected to receive an object as the function's argument. Instead received: " +
                display(args.element(0)));
  }
  if (auto cause = validator->check(args.element(0), catalog.resolver())) return fail(*std::move(cause));
  return {};
}

Result<Value> check_result(const FunctionPath& path, const Validator* validator, std::string_view json,
                           const Catalog& catalog, const Knobs& knobs, bool allow_commit_ts) {
  auto value = parse_convex_json(json, {.allow_commit_ts = allow_commit_ts});
  if (!value.ok()) {
    if (value.error().code == "InvalidJson") {
      return Error::bad_request("FunctionReturnInvalidJson",
                                fmt::format("Function {} failed. Could not parse return value as json: {}",
                                            path.canonical(), value.error().message));
    }
    return Error::bad_request("InvalidReturnValue", fmt::format("Function {} return value invalid: {}",
                                                                path.canonical(), value.error().message));
  }
  size_t size = convex_size(*value);
  if (size > knobs.max_result_size) {
    return Error::bad_request(
        "FunctionResultTooLarge",
        fmt::format("Function {} return value is too large (actual: {}, limit: {})", path.canonical(),
                    display_bytes(size), display_bytes(knobs.max_result_size)));
  }
  if (validator) {
    if (auto cause = validator->check(*value, catalog.resolver())) {
      return Error::bad_request("InvalidReturnValue", "ReturnsValidationError: " + *cause);
    }
  }
  return value;
}

std::optional<std::string> stopped_text(const Catalog& catalog) {
  for (const DocumentPtr& row : catalog.system_rows("_backend_state")) {
    for (std::string_view field : {"system", "usage_limit", "user"}) {
      auto state = row->value->find(field);
      if (!state || !state->is_string() || state->as_string() == "none") continue;
      return std::string(kStoppedText);
    }
  }
  return std::nullopt;
}

std::string argument_error(std::string_view argument, std::string_view method, std::string_view cause) {
  return fmt::format("Invalid argument `{}` for `{}`: {}", argument, method, cause);
}

}  // namespace hull
