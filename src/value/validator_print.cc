#include "value/json.h"
#include "value/validator.h"

namespace hull {
namespace {

using Kind = Validator::Kind;

struct Name {
  std::string_view text, json;
};

// Kinds without parameters.
Name name_of(Kind kind) {
  switch (kind) {
    case Kind::kNull:
      return {"v.null()", "null"};
    case Kind::kNumber:
      return {"v.float64()", "number"};
    case Kind::kBigint:
      return {"v.int64()", "bigint"};
    case Kind::kCommitTs:
      return {"v.commitTs()", "commitTs"};
    case Kind::kBoolean:
      return {"v.boolean()", "boolean"};
    case Kind::kString:
      return {"v.string()", "string"};
    case Kind::kBytes:
      return {"v.bytes()", "bytes"};
    default:
      return {"v.any()", "any"};
  }
}

std::string field_json(const Validator& type, bool optional) {
  return "{\"fieldType\":" + type.json() + ",\"optional\":" + (optional ? "true" : "false") + "}";
}

}  // namespace

std::string Validator::text() const {
  switch (kind_) {
    case Kind::kId:
      return "v.id(\"" + table_ + "\")";
    case Kind::kLiteral:
      return "v.literal(" + (literal_->is_int64() ? std::string("<bigint>") : display(literal_)) + ")";
    case Kind::kArray:
      return "v.array(" + members_[0]->text() + ")";
    case Kind::kRecord:
      return "v.record(" + members_[0]->text() + ", " + members_[1]->text() + ")";
    case Kind::kUnion: {
      std::string out = "v.union(";
      for (size_t i = 0; i < members_.size(); ++i) out += (i > 0 ? ", " : "") + members_[i]->text();
      return out + ")";
    }
    case Kind::kObject: {
      std::string out = "v.object({";
      bool first = true;
      for (const auto& [name, field] : fields_) {
        out += (first ? "" : ", ") + name + ": ";
        out += field.optional ? "v.optional(" + field.type->text() + ")" : field.type->text();
        first = false;
      }
      return out + "})";
    }
    default:
      return std::string(name_of(kind_).text);
  }
}

std::string Validator::json() const {
  switch (kind_) {
    case Kind::kId:
      return "{\"type\":\"id\",\"tableName\":" + json_string(table_) + "}";
    case Kind::kLiteral:
      return "{\"type\":\"literal\",\"value\":" + to_json(literal_) + "}";
    case Kind::kArray:
      return "{\"type\":\"array\",\"value\":" + members_[0]->json() + "}";
    case Kind::kRecord:
      return "{\"type\":\"record\",\"keys\":" + members_[0]->json() +
             ",\"values\":" + field_json(*members_[1], false) + "}";
    case Kind::kUnion: {
      std::string out = "{\"type\":\"union\",\"value\":[";
      for (size_t i = 0; i < members_.size(); ++i) out += (i > 0 ? "," : "") + members_[i]->json();
      return out + "]}";
    }
    case Kind::kObject: {
      std::string out = "{\"type\":\"object\",\"value\":{";
      bool first = true;
      for (const auto& [name, field] : fields_) {
        out += (first ? "" : ",") + json_string(name) + ":" + field_json(*field.type, field.optional);
        first = false;
      }
      return out + "}}";
    }
    default:
      return "{\"type\":\"" + std::string(name_of(kind_).json) + "\"}";
  }
}

}  // namespace hull
