// Validators (values-and-schema.md §9): parsed from JSON, printed as text and JSON, checked against values
// with the spec's exact messages. Immutable, shared, thread-safe.
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "value/id.h"
#include "value/value.h"

namespace hull {

// Maps a table number of the calling component to its name. nullopt = unknown number. System tables visible
// through a virtual name return that name ("_storage"); private ones set `is_system`. Names live as long as
// what the resolver was made from.
struct TableNameResolver {
  struct Entry {
    std::string_view name;
    bool is_system = false;
  };
  std::function<std::optional<Entry>(TableNumber)> lookup;
};

class Validator {
 public:
  enum class Kind {
    kAny,
    kNull,
    kNumber,
    kBigint,
    kCommitTs,
    kBoolean,
    kString,
    kBytes,
    kId,
    kLiteral,
    kArray,
    kRecord,
    kObject,
    kUnion
  };
  struct Field {
    std::shared_ptr<const Validator> type;
    bool optional = false;
  };

  static Result<std::shared_ptr<const Validator>> parse(std::string_view json);
  static Result<std::shared_ptr<const Validator>> from_value(
      ValueView json);  // JSON parsed by parse_plain_json
  static std::shared_ptr<const Validator> any();

  Kind kind() const { return kind_; }
  std::string text() const;  // §9.2 v.object({...})
  std::string json() const;  // §9.1
  // Message of §9.4 without code; nullopt = the value fits.
  std::optional<std::string> check(ValueView v, const TableNameResolver& tables) const;
  // The same for a document, whose top-level fields that start with '_' are left out (§10.1).
  std::optional<std::string> check_document(ValueView document, const TableNameResolver& tables) const;
  bool accepts_everything() const { return kind_ == Kind::kAny; }
  // Every value that fits *this also fits `other` (values-and-schema.md §10.2); may err on the side of false.
  bool is_subset_of(const Validator& other) const;
  // Whether an object that fits can have something at the dotted path (index field check, §11.3).
  bool can_contain_path(const std::vector<std::string>& path) const;

  const std::map<std::string, Field>& fields() const { return fields_; }  // object
  const std::vector<std::shared_ptr<const Validator>>& members() const {
    return members_;
  }                                                    // union; array/record: inner ones
  const std::string& table() const { return table_; }  // id
  // Names of all tables named by v.id() anywhere inside.
  void collect_id_tables(std::vector<std::string>& out) const;
  // A copy without top-level fields that start with '_' (document validators, §10).
  std::shared_ptr<const Validator> without_system_fields() const;

  const Value& literal() const { return literal_; }  // literal

 private:
  friend class ValidatorParser;
  Kind kind_ = Kind::kAny;
  std::string table_;
  Value literal_;
  std::map<std::string, Field> fields_;
  std::vector<std::shared_ptr<const Validator>> members_;
};

}  // namespace hull
