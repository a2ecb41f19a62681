// The dashboard's filter language over one table (system-functions.md §2.3): parsed into a query and what is
// looked at after it. Pure functions, thread-safe.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "value/schema.h"
#include "value/value.h"

namespace hull {

// Stands for `undefined`, which JSON does not have.
inline constexpr std::string_view kUndefinedPlaceholder =
    "__CONVEX_PLACEHOLDER_undefined_"
    "I23atX0jcndVbFgXoQZffsih7eAqktCyFjgUuAeNBtfr3ySOljPSPSEOPFgprkdBO3zXNiGEJxmJ5Z"
    "FPc5C5qKesG80QRPvlJe8vgSxAt9feLTwxTg4PHfVwUaTEJU67FDwldWmTxp1guMPwxQ2jOuhEryTBf3mQ";

struct DocumentFilter {
  // Told as a page of its own instead of documents. `clause` -1 = the index.
  struct Problem {
    int clause;
    std::string text;
  };
  struct TypeClause {
    std::string field, type;
    bool negated = false;
    bool passes(ValueView document) const;
  };
  std::vector<Problem> problems;
  std::optional<std::string> id;  // nothing but this document is wanted
  std::string query_json;         // for QuerySpec::parse
  std::vector<TypeClause> types;  // applied to a page that was read

  bool passes(ValueView document) const;

  // `encoded`: the argument, base64 of JSON in either alphabet; "" = no filter. `table`: the name to query;
  // `definition`: its definition in the active schema, null if it has none. Error: not of the grammar.
  static Result<DocumentFilter> parse(std::string_view encoded, const std::string& table,
                                      const TableDef* definition);
};

}  // namespace hull
