#include "value/validator.h"

namespace hull {
namespace {

using Kind = Validator::Kind;

// Steps from the checked value to the one at hand, linked through the stack: text is only made for a failure.
struct Path {
  enum class Step { kRoot, kField, kIndex, kKeys, kValues };
  const Path* parent = nullptr;
  Step step = Step::kRoot;
  std::string_view field = {};
  size_t index = 0;

  void append(std::string& out) const {
    if (parent != nullptr) parent->append(out);
    switch (step) {
      case Step::kRoot:
        return;
      case Step::kField:
        out.push_back('.');
        out += field;
        return;
      case Step::kIndex:
        out += "[" + std::to_string(index) + "]";
        return;
      case Step::kKeys:
        out += ".keys()";
        return;
      case Step::kValues:
        out += ".values()";
        return;
    }
  }

  std::string text() const {
    if (step == Step::kRoot) return {};
    std::string out = "Path: ";
    append(out);
    return out;
  }
};

// Checks a value and, if it is asked for the reason, words the first failure.
class Checker {
 public:
  enum class Mode {
    kExplain,
    kSilent,
    kSilentDocument,  // does not see the fields of the root that start with '_'
  };
  Checker(const TableNameResolver& tables, Mode mode) : tables_(tables), mode_(mode) {}

  bool fits(const Validator& validator, ValueView v, const Path& path) {
    switch (validator.kind()) {
      case Kind::kAny:
        return true;
      case Kind::kNull:
        return v.is_null() || mismatch(validator, v, path);
      case Kind::kNumber:
        return v.is_float64() || mismatch(validator, v, path);
      case Kind::kBigint:
      case Kind::kCommitTs:
        return v.is_int64() || v.type() == ValueType::kCommitTs || mismatch(validator, v, path);
      case Kind::kBoolean:
        return v.is_bool() || mismatch(validator, v, path);
      case Kind::kString:
        return v.is_string() || mismatch(validator, v, path);
      case Kind::kBytes:
        return v.is_bytes() || mismatch(validator, v, path);
      case Kind::kId:
        return fits_id(validator, v, path);
      case Kind::kLiteral:
        if (equal(v, validator.literal())) return true;
        return explains() && fail("`" + display(v) + "` does not match literal validator `" +
                                  validator.text() + "`." + path.text());
      case Kind::kArray:
        return fits_array(validator, v, path);
      case Kind::kRecord:
        return fits_record(validator, v, path);
      case Kind::kObject:
        return fits_object(validator, v, path);
      case Kind::kUnion:
        return fits_union(validator, v, path);
    }
    return false;
  }

  std::string take_message() { return std::move(message_); }

 private:
  bool explains() const { return mode_ == Mode::kExplain; }

  // Returns false, as the verdict of the caller.
  bool fail(std::string message) {
    message_ = std::move(message);
    return false;
  }

  bool fail_block(std::string_view first, const Path& path, std::string_view noun, ValueView v,
                  const Validator& validator) {
    if (!explains()) return false;
    return fail(std::string(first) + "\n" + path.text() + "\n" + std::string(noun) + ": " + display(v) +
                "\nValidator: " + validator.text());
  }

  bool mismatch(const Validator& validator, ValueView v, const Path& path) {
    return fail_block("Value does not match validator.", path, "Value", v, validator);
  }

  bool fits_id(const Validator& validator, ValueView v, const Path& path) {
    if (!v.is_string()) return mismatch(validator, v, path);
    Result<DocumentId> id = DocumentId::parse(v.as_string());
    if (!id.ok() || !tables_.lookup) return mismatch(validator, v, path);
    std::optional<TableNameResolver::Entry> entry = tables_.lookup(id->table);
    if (!entry) return mismatch(validator, v, path);
    if (!entry->is_system && entry->name == validator.table()) return true;
    if (!explains()) return false;
    std::string origin = entry->is_system ? "a system table" : "table `" + std::string(entry->name) + "`";
    return fail("Found ID \"" + std::string(v.as_string()) + "\" from " + origin +
                ", which does not match the table name in validator `" + validator.text() + "`." +
                path.text());
  }

  bool fits_array(const Validator& validator, ValueView v, const Path& path) {
    if (!v.is_array()) return mismatch(validator, v, path);
    const Validator& element = *validator.members()[0];
    for (size_t i = 0; i < v.count(); ++i) {
      if (!fits(element, v.element(i), {.parent = &path, .step = Path::Step::kIndex, .index = i}))
        return false;
    }
    return true;
  }

  bool fits_record(const Validator& validator, ValueView v, const Path& path) {
    if (!v.is_object()) return mismatch(validator, v, path);
    const Validator& keys = *validator.members()[0];
    const Validator& values = *validator.members()[1];
    bool any_key = keys.kind() == Kind::kString;
    for (size_t i = 0; i < v.count(); ++i) {
      auto [key, value] = v.field(i);
      if (!any_key && !fits(keys, Value::string(key), {.parent = &path, .step = Path::Step::kKeys}))
        return false;
      if (!fits(values, value, {.parent = &path, .step = Path::Step::kValues})) return false;
    }
    return true;
  }

  // Both sides ascend by name, so one walk finds partners.
  bool fits_object(const Validator& validator, ValueView v, const Path& path) {
    if (!v.is_object()) return mismatch(validator, v, path);
    bool skip_system = mode_ == Mode::kSilentDocument && path.step == Path::Step::kRoot;
    const size_t count = v.count();
    size_t next = 0;
    std::optional<size_t> extra;
    auto pass_extra = [&] {
      if (!extra && !(skip_system && v.field(next).first.starts_with('_'))) extra = next;
      ++next;
    };
    for (const auto& [name, field] : validator.fields()) {
      int order = -1;
      while (next < count && (order = v.field(next).first.compare(name)) < 0) pass_extra();
      if (next < count && order == 0) {
        ValueView value = v.field(next++).second;
        if (!fits(*field.type, value, {.parent = &path, .step = Path::Step::kField, .field = name}))
          return false;
      } else if (!field.optional) {
        return fail_block(
            "Object is missing the required field `" + name +
                "`. Consider wrapping the field validator in `v.optional(...)` if this is expected.",
            path, "Object", v, validator);
      }
    }
    while (next < count && !extra) pass_extra();
    if (!extra) return true;
    return fail_block("Object contains extra field `" + std::string(v.field(*extra).first) +
                          "` that is not in the validator.",
                      path, "Object", v, validator);
  }

  bool fits_union(const Validator& validator, ValueView v, const Path& path) {
    if (validator.members().size() == 1) return fits(*validator.members()[0], v, path);
    Checker silent(tables_, mode_ == Mode::kSilentDocument ? mode_ : Mode::kSilent);
    for (const auto& member : validator.members()) {
      if (silent.fits(*member, v, path)) return true;
    }
    return mismatch(validator, v, path);
  }

  const TableNameResolver& tables_;
  Mode mode_;
  std::string message_;
};

}  // namespace

std::optional<std::string> Validator::check(ValueView v, const TableNameResolver& tables) const {
  if (Checker(tables, Checker::Mode::kSilent).fits(*this, v, {})) return std::nullopt;
  Checker checker(tables, Checker::Mode::kExplain);
  checker.fits(*this, v, {});
  return checker.take_message();
}

std::optional<std::string> Validator::check_document(ValueView document,
                                                     const TableNameResolver& tables) const {
  if (Checker(tables, Checker::Mode::kSilentDocument).fits(*this, document, {})) return std::nullopt;
  std::vector<FieldView> user_fields;
  for (size_t i = 0; i < document.count(); ++i) {
    FieldView field = document.field(i);
    if (!field.first.starts_with('_')) user_fields.push_back(field);
  }
  return check(pack_object(user_fields), tables);
}

}  // namespace hull
