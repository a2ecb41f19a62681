#include "database/document_rules.h"

#include <array>
#include <cstring>
#include <vector>

#include "database/limits.h"

namespace hull {
namespace {

constexpr std::string_view kId = "_id";
constexpr std::string_view kCreationTime = "_creationTime";

bool is_system_field(std::string_view name) { return name == kId || name == kCreationTime; }

// The system fields of a document as packed values.
class SystemFields {
 public:
  SystemFields(const DocumentId& id, double creation_time) : id_text_(id.short_text()) {
    creation_time_[0] = static_cast<char>(ValueType::kFloat64);
    std::memcpy(creation_time_ + 1, &creation_time, sizeof creation_time);
    id_[0] = static_cast<char>(ValueType::kString);
    uint32_t length = id_text_.size;
    std::memcpy(id_ + 1, &length, sizeof length);
    std::memcpy(id_ + 1 + sizeof length, id_text_.digits.data(), id_text_.size);
  }
  FieldView creation_time() const { return {kCreationTime, ValueView(creation_time_)}; }
  FieldView id() const { return {kId, ValueView(id_)}; }

  // A caller may name a system field only to repeat it.
  Result<void> check_given(std::string_view name, ValueView given) const {
    if (name == kId) {
      if (given.is_string() && given.as_string() == id_text_.view()) return {};
      std::string shown = given.is_string() ? std::string(given.as_string()) : display(given);
      return Error::bad_request("InvalidIdError", "Provided document ID \"" + std::string(id_text_.view()) +
                                                      "\" doesn't match '_id' field \"" + shown + "\"");
    }
    ValueView expected = creation_time().second;
    if (equal(given, expected)) return {};
    return Error::bad_request("InvalidCreationTimeError", "Provided creation time " + display(expected) +
                                                              " doesn't match '_creationTime' field in " +
                                                              display(given));
  }

 private:
  DocumentId::Text id_text_;
  char creation_time_[1 + sizeof(double)];
  char id_[1 + sizeof(uint32_t) + DocumentId::kMaxText];
};

}  // namespace

Result<Value> make_document(const DocumentId& id, double creation_time, ValueView fields) {
  SystemFields system(id, creation_time);
  const std::array<FieldView, 2> own = {system.creation_time(), system.id()};
  size_t placed = 0;
  std::vector<FieldView> out;
  out.reserve(fields.count() + own.size());
  for (size_t i = 0; i < fields.count(); ++i) {
    FieldView field = fields.field(i);
    if (is_system_field(field.first)) {
      HULL_CHECK_OK(system.check_given(field.first, field.second));
      continue;
    }
    while (placed < own.size() && own[placed].first < field.first) out.push_back(own[placed++]);
    out.push_back(field);
  }
  while (placed < own.size()) out.push_back(own[placed++]);
  return pack_object(out);
}

Result<Value> patch_document(const DocumentId& id, ValueView current, ValueView patch) {
  SystemFields system(id, creation_time_of(current));
  std::vector<FieldView> out;
  out.reserve(current.count() + patch.count());
  size_t kept = 0;
  auto keep_below = [&](std::string_view name) {
    for (; kept < current.count() && current.field(kept).first < name; ++kept)
      out.push_back(current.field(kept));
  };
  for (size_t i = 0; i < patch.count(); ++i) {
    FieldView field = patch.field(i);
    if (is_system_field(field.first)) {
      if (!field.second.is_undefined()) HULL_CHECK_OK(system.check_given(field.first, field.second));
      continue;
    }
    keep_below(field.first);
    if (kept < current.count() && current.field(kept).first == field.first) ++kept;
    if (!field.second.is_undefined()) out.push_back(field);
  }
  for (; kept < current.count(); ++kept) out.push_back(current.field(kept));
  return pack_object(out);
}

Result<void> check_document_shape(ValueView document, size_t levels) {
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
  if (levels > kMaxDocumentNesting)
    add("Document is too nested (nested " + std::to_string(levels) + " levels deep > maximum nesting " +
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
