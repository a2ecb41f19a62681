#include "simulation/random_data.h"

#include "value/json.h"

namespace hull::simulation {
namespace {

uint64_t unique_values = 0;

Value undefined() { return ValueBuilder().undefined().finish(); }

Value field_of(ValueView document, const std::string& name) {
  auto value = document.find(name);
  return value ? Value::copy_of(*value) : undefined();
}

}  // namespace

uint64_t RandomData::next_unique() { return ++unique_values; }
void RandomData::reset_unique() { unique_values = 0; }

Value RandomData::key_value() {
  switch (random_.below(8)) {
    case 0:
      return undefined();
    case 1:
      return Value();
    case 2:
      return Value::string(std::string(1 + random_.below(2), static_cast<char>('a' + random_.below(2))));
    case 3:
      return Value::int64(static_cast<int64_t>(random_.below(3)) - 1);
    default:
      return Value::float64(static_cast<double>(random_.below(5)));
  }
}

void RandomData::fields(ValueBuilder& out, bool may_be_bad) {
  if (Value k = key_value(); !k->is_undefined()) out.key("k").value(k);
  if (random_.chance(0.5))
    out.key("s").begin_object().key("x").int64(static_cast<int64_t>(random_.below(3))).end();
  out.key("v").int64(static_cast<int64_t>(next_unique()));
  if (random_.chance(0.2)) out.key("text").string(std::string(random_.below(1500), 'x'));
  if (may_be_bad && random_.chance(0.03)) out.key("bad").boolean(true);
}

Value RandomData::document(bool may_be_bad) {
  ValueBuilder out;
  out.begin_object();
  fields(out, may_be_bad);
  out.end();
  return out.finish();
}

Value RandomData::patch() {
  ValueBuilder out;
  out.begin_object();
  if (random_.chance(0.5)) out.key("k").value(key_value());
  if (random_.chance(0.2)) out.key("s").undefined();
  if (random_.chance(0.9)) out.key("v").int64(static_cast<int64_t>(next_unique()));
  out.end();
  return out.finish();
}

Value RandomData::bound_value(const std::string& field) {
  if (field == "s.x")
    return random_.chance(0.2) ? undefined() : Value::int64(static_cast<int64_t>(random_.below(3)));
  if (field == "v") return Value::int64(static_cast<int64_t>(random_.below(next_unique())));
  if (field == "_creationTime") return Value::float64(1.76e12 + static_cast<double>(random_.below(60'000)));
  return key_value();
}

RandomQuery RandomData::query(const std::string& table, const std::string& index,
                              const std::vector<std::string>& fields, bool for_page) {
  RandomQuery out;
  out.index = index;
  out.model.fields = fields;
  out.model.order = random_.chance(0.5) ? Order::kAsc : Order::kDesc;
  const std::string order = out.model.order == Order::kAsc ? "asc" : "desc";
  std::string range;
  auto add_bound = [&](ModelBound::Op op, const char* type, const std::string& field) {
    Value value = bound_value(field);
    range += std::string(range.empty() ? "" : ",") + R"({"type":")" + type + R"(","fieldPath":")" + field +
             R"(","value":)" + (value->is_undefined() ? R"({"$undefined":null})" : to_json(value)) + "}";
    out.model.bounds.push_back({op, field, std::move(value)});
  };
  if (index == "by_creation_time" && random_.chance(0.5)) {
    out.json =
        R"({"source":{"type":"FullTableScan","tableName":")" + table + R"(","order":")" + order + "\"}";
  } else {
    size_t at = 0;
    while (at < fields.size() && random_.chance(0.4)) add_bound(ModelBound::Op::kEq, "Eq", fields[at++]);
    if (at < fields.size() && random_.chance(0.4)) {
      random_.chance(0.5) ? add_bound(ModelBound::Op::kGt, "Gt", fields[at])
                          : add_bound(ModelBound::Op::kGte, "Gte", fields[at]);
    }
    if (at < fields.size() && random_.chance(0.4)) {
      random_.chance(0.5) ? add_bound(ModelBound::Op::kLt, "Lt", fields[at])
                          : add_bound(ModelBound::Op::kLte, "Lte", fields[at]);
    }
    out.json = R"({"source":{"type":"IndexRange","indexName":")" + table + "." + index + R"(","order":")" +
               order + R"(","range":[)" + range + "]}";
  }
  std::string operators;
  if (random_.chance(0.25)) {
    const auto limit = static_cast<double>(random_.below(4));
    operators = R"({"filter":{"$gte":[{"$field":"k"},{"$literal":)" + to_json(Value::float64(limit)) + "}]}}";
    out.model.filter = [limit](ValueView document) {
      return compare(field_of(document, "k"), Value::float64(limit)) >= 0;
    };
  }
  if (!for_page && random_.chance(0.4)) {
    out.limit = 1 + random_.below(6);
    operators += std::string(operators.empty() ? "" : ",") + R"({"limit":)" + std::to_string(out.limit) + "}";
  }
  out.json += R"(,"operators":[)" + operators + "]}";
  return out;
}

}  // namespace hull::simulation
