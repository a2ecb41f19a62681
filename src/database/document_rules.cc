#include "database/document_rules.h"

#include "database/limits.h"

namespace hull {
namespace {

constexpr std::string_view kId = "_id";
constexpr std::string_view kCreationTime = "_creationTime";

Result<void> check_given_system_field(std::string_view name, ValueView given, const DocumentId& id,
                                      double creation_time) {
  if (name == kId) {
    std::string text = id.text();
    if (given.is_string() && given.as_string() == text) return {};
    std::string shown = given.is_string() ? std::string(given.as_string()) : display(given);
    return Error::bad_request("InvalidIdError", "Provided document ID \"" + text +
                                                    "\" doesn't match '_id' field \"" + shown + "\"");
  }
  Value expected = Value::float64(creation_time);
  if (equal(given, expected)) return {};
  return Error::bad_request("InvalidCreationTimeError", "Provided creation time " + display(expected) +
                                                            " doesn't match '_creationTime' field in " +
                                                            display(given));
}

bool is_system_field(std::string_view name) { return name == kId || name == kCreationTime; }

}  // namespace

Result<Value> make_document(const DocumentId& id, double creation_time, ValueView fields) {
  ValueBuilder b;
  b.begin_object();
  b.key(kCreationTime).float64(creation_time);
  b.key(kId).string(id.text());
  for (size_t i = 0; i < fields.count(); ++i) {
    auto [name, value] = fields.field(i);
    if (is_system_field(name)) {
      HULL_CHECK_OK(check_given_system_field(name, value, id, creation_time));
      continue;
    }
    b.key(name).value(value);
  }
  b.end();
  return b.finish();
}

Result<Value> patch_document(const DocumentId& id, ValueView current, ValueView patch) {
  double creation_time = creation_time_of(current);
  ValueBuilder b;
  b.begin_object();
  for (size_t i = 0; i < current.count(); ++i) {
    auto [name, value] = current.field(i);
    if (is_system_field(name) || !patch.find(name)) b.key(name).value(value);
  }
  for (size_t i = 0; i < patch.count(); ++i) {
    auto [name, value] = patch.field(i);
    if (value.is_undefined()) continue;
    if (is_system_field(name)) {
      HULL_CHECK_OK(check_given_system_field(name, value, id, creation_time));
      continue;
    }
    b.key(name).value(value);
  }
  b.end();
  return b.finish();
}

Result<void> check_document_shape(ValueView document) {
  size_t user_fields =
      document.count() - document.find(kId).has_value() - document.find(kCreationTime).has_value();
  if (user_fields > kMaxDocumentFields)
    return Error::bad_request("TooManyFieldsError", "Object has too many fields (" +
                                                        std::to_string(user_fields) + " > maximum number " +
                                                        std::to_string(kMaxDocumentFields) + ")");
  std::string violations;
  auto add = [&](std::string text) { violations += (violations.empty() ? "" : "\n ") + std::move(text); };
  for (size_t i = 0; i < document.count(); ++i) {
    std::string_view name = document.field(i).first;
    if (name.starts_with('_') && !is_system_field(name))
      add("Field '" + std::string(name) +
          "' starts with an underscore, which is only allowed for system fields like '_id'");
  }
  if (size_t depth = nesting(document); depth > kMaxDocumentNesting)
    add("Document is too nested (nested " + std::to_string(depth) + " levels deep > maximum nesting " +
        std::to_string(kMaxDocumentNesting) + ")");
  if (violations.empty()) return {};
  return Error::bad_request("InvalidDocumentError", "Document(value: " + display(document) +
                                                        ") isn't a valid document: " + violations);
}

Result<void> check_document_size(size_t size) {
  if (size <= kMaxDocumentSize) return {};
  return Error::bad_request("ValueTooLargeError", "Value is too large (" + display_bytes(size) +
                                                      " > maximum size " + display_bytes(kMaxDocumentSize) +
                                                      ")");
}

double creation_time_of(ValueView document) {
  auto field = document.find(kCreationTime);
  return field && field->is_float64() ? field->as_float64() : 0;
}

bool same_document(ValueView a, ValueView b) {
  if (a.packed() == b.packed()) return true;
  // An unresolved commit timestamp compares like the largest Int64, which it is not.
  if (contains_commit_ts(a) || contains_commit_ts(b)) return false;
  return equal(a, b);
}

}  // namespace hull
