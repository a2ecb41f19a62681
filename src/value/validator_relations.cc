// What follows from validators without looking at values.
#include <algorithm>

#include "value/validator.h"

namespace hull {
namespace {

using Kind = Validator::Kind;

Kind literal_kind(const Value& literal) {
  switch (literal->type()) {
    case ValueType::kString:
      return Kind::kString;
    case ValueType::kInt64:
      return Kind::kBigint;
    case ValueType::kFloat64:
      return Kind::kNumber;
    default:
      return Kind::kBoolean;
  }
}

bool is_int64(Kind kind) { return kind == Kind::kBigint || kind == Kind::kCommitTs; }

bool covers_literal(const Validator& v, bool literal) {
  return std::any_of(v.members().begin(), v.members().end(), [&](const auto& member) {
    return member->kind() == Kind::kLiteral && member->literal()->is_bool() &&
           member->literal()->as_bool() == literal;
  });
}

bool object_is_subset(const Validator& object, const Validator& other) {
  for (const auto& [name, field] : object.fields()) {
    auto found = other.fields().find(name);
    if (found == other.fields().end()) return false;
    if (field.optional && !found->second.optional) return false;
    if (!field.type->is_subset_of(*found->second.type)) return false;
  }
  return std::all_of(other.fields().begin(), other.fields().end(), [&](const auto& entry) {
    return entry.second.optional || object.fields().contains(entry.first);
  });
}

bool object_fits_record(const Validator& object, const Validator& record) {
  if (record.members()[0]->kind() != Kind::kString) return object.fields().empty();
  return std::all_of(object.fields().begin(), object.fields().end(), [&](const auto& entry) {
    return entry.second.type->is_subset_of(*record.members()[1]);
  });
}

}  // namespace

bool Validator::is_subset_of(const Validator& other) const {
  if (other.kind_ == Kind::kAny) return true;
  if (kind_ == Kind::kUnion) {
    return std::all_of(members_.begin(), members_.end(),
                       [&](const auto& member) { return member->is_subset_of(other); });
  }
  if (other.kind_ == Kind::kUnion) {
    if (kind_ == Kind::kBoolean && covers_literal(other, true) && covers_literal(other, false)) return true;
    return std::any_of(other.members_.begin(), other.members_.end(),
                       [&](const auto& member) { return is_subset_of(*member); });
  }
  switch (kind_) {
    case Kind::kAny:
      return false;
    case Kind::kId:
      return other.kind_ == Kind::kString || (other.kind_ == Kind::kId && table_ == other.table_);
    case Kind::kLiteral: {
      if (other.kind_ == Kind::kLiteral) return equal(literal_, other.literal_);
      Kind type = literal_kind(literal_);
      return type == other.kind_ || (is_int64(type) && is_int64(other.kind_));
    }
    case Kind::kBigint:
    case Kind::kCommitTs:
      return is_int64(other.kind_);
    case Kind::kArray:
      return other.kind_ == Kind::kArray && members_[0]->is_subset_of(*other.members_[0]);
    case Kind::kRecord:
      return other.kind_ == Kind::kRecord && members_[0]->is_subset_of(*other.members_[0]) &&
             members_[1]->is_subset_of(*other.members_[1]);
    case Kind::kObject:
      if (other.kind_ == Kind::kRecord) return object_fits_record(*this, other);
      return other.kind_ == Kind::kObject && object_is_subset(*this, other);
    default:
      return kind_ == other.kind_;
  }
}

bool Validator::can_contain_path(const std::vector<std::string>& path) const {
  const Validator* at = this;
  for (size_t i = 0; i < path.size(); ++i) {
    std::vector<std::string> rest(path.begin() + static_cast<std::ptrdiff_t>(i), path.end());
    switch (at->kind_) {
      case Kind::kAny:
        return true;
      case Kind::kUnion:
        return std::any_of(at->members_.begin(), at->members_.end(),
                           [&](const auto& member) { return member->can_contain_path(rest); });
      case Kind::kRecord:
        at = at->members_[1].get();
        break;
      case Kind::kObject: {
        auto found = at->fields_.find(path[i]);
        if (found == at->fields_.end()) return false;
        at = found->second.type.get();
        break;
      }
      default:
        return false;
    }
  }
  return true;
}

void Validator::collect_id_tables(std::vector<std::string>& out) const {
  if (kind_ == Kind::kId && std::find(out.begin(), out.end(), table_) == out.end()) out.push_back(table_);
  for (const auto& member : members_) member->collect_id_tables(out);
  for (const auto& [name, field] : fields_) field.type->collect_id_tables(out);
}

std::shared_ptr<const Validator> Validator::without_system_fields() const {
  auto out = std::make_shared<Validator>(*this);
  if (kind_ == Kind::kObject) {
    std::erase_if(out->fields_, [](const auto& entry) { return entry.first.starts_with('_'); });
  } else if (kind_ == Kind::kUnion) {
    for (auto& member : out->members_) member = member->without_system_fields();
  }
  return out;
}

}  // namespace hull
