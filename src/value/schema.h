// Schemas (values-and-schema.md §10, §11): parsed from schema.ts's exported JSON, checked, re-emitted.
// Immutable, thread-safe.
#pragma once

#include <map>
#include <memory>
#include <string>
#include <vector>

#include "base/result.h"
#include "value/validator.h"

namespace hull {

struct DatabaseIndexDef {
  std::string name;
  std::vector<std::string> fields;  // dotted paths as stored: "_creationTime" appended
  bool staged = false;
};
struct SearchIndexDef {
  std::string name, search_field;
  std::vector<std::string> filter_fields;
  bool staged = false;
};
struct VectorIndexDef {
  std::string name, vector_field;
  uint32_t dimensions = 0;
  std::vector<std::string> filter_fields;
  bool staged = false;
};
struct TableDef {
  std::string name;
  std::map<std::string, DatabaseIndexDef> indexes;
  std::map<std::string, SearchIndexDef> search_indexes;
  std::map<std::string, VectorIndexDef> vector_indexes;
  std::shared_ptr<const Validator> document_type;  // null = anything
};

struct Schema {
  std::map<std::string, TableDef> tables;
  bool validation = false;  // schemaValidation

  // Codes and texts of §10 and §11.3, without the "Hit an error while evaluating your schema:\n" prefix.
  static Result<std::shared_ptr<const Schema>> parse(std::string_view json);
  // What json() gave: the indexes already end with `_creationTime`, which parse() would refuse.
  static Result<std::shared_ptr<const Schema>> parse_stored(std::string_view json);
  std::string json() const;  // every list present, `_creationTime` appended, tables sorted by name
};

}  // namespace hull
