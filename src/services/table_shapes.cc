#include "services/table_shapes.h"

#include <cmath>
#include <map>
#include <memory>
#include <set>

#include "value/json.h"
#include "value/names.h"

namespace hull {
namespace {

constexpr size_t kSample = 200;
constexpr size_t kBatch = 20;
constexpr size_t kMaxSampleBytes = 4u << 20;
constexpr size_t kMaxFields = 256;  // an object with more is a record

class Shape {
 public:
  void add(ValueView value, const Catalog& catalog) {
    switch (value.type()) {
      case ValueType::kInt64:
        kinds_.insert("Int64");
        break;
      case ValueType::kFloat64:
        add_number(value.as_float64());
        break;
      case ValueType::kString:
        add_text(value.as_string(), catalog);
        break;
      case ValueType::kBytes:
        kinds_.insert("Bytes");
        break;
      case ValueType::kArray:
        if (!element_) element_ = std::make_unique<Shape>();
        for (size_t i = 0; i < value.count(); ++i) element_->add(value.element(i), catalog);
        break;
      case ValueType::kObject:
        add_object(value, catalog);
        break;
      default:
        kinds_.insert(value.is_bool() ? "Boolean" : "Null");
    }
  }

  std::string json() const {
    std::vector<std::string> shapes;
    for (const auto& kind : kinds_) shapes.push_back("{\"type\":\"" + kind + "\"}");
    if (number_)
      shapes.push_back(std::string("{\"type\":\"Float64\",\"float64Range\":{\"hasSpecialValues\":") +
                       (special_ ? "true" : "false") + "}}");
    for (const auto& table : id_tables_)
      shapes.push_back("{\"type\":\"Id\",\"tableName\":" + json_string(table) + "}");
    if (element_) shapes.push_back("{\"type\":\"Array\",\"shape\":" + element_->json() + "}");
    if (objects_ > 0) shapes.push_back(object_json());
    if (shapes.empty()) return "{\"type\":\"Never\"}";
    if (shapes.size() == 1) return shapes.front();
    std::string out;
    for (const auto& shape : shapes) out += (out.empty() ? "" : ",") + shape;
    return "{\"type\":\"Union\",\"shapes\":[" + out + "]}";
  }

 private:
  struct Field;

  void add_number(double number) {
    number_ = true;
    special_ = special_ || !std::isfinite(number) || (number == 0 && std::signbit(number));
  }

  void add_text(std::string_view text, const Catalog& catalog) {
    auto id = DocumentId::parse(text);
    const TableInfo* table = id.ok() ? catalog.table(id->table) : nullptr;
    if (table && (!table->system || virtual_table_name(table->name)))
      id_tables_.insert(std::string(virtual_table_name(table->name).value_or(table->name)));
    else
      kinds_.insert("String");
  }

  void add_object(ValueView object, const Catalog& catalog);
  std::string object_json() const;

  std::set<std::string> kinds_, id_tables_;
  bool number_ = false, special_ = false;
  std::unique_ptr<Shape> element_;
  size_t objects_ = 0;
  std::map<std::string, Field> fields_;
};

struct Shape::Field {
  size_t seen = 0;
  Shape shape;
};

void Shape::add_object(ValueView object, const Catalog& catalog) {
  ++objects_;
  for (size_t i = 0; i < object.count(); ++i) {
    auto [name, value] = object.field(i);
    Field& field = fields_[std::string(name)];
    ++field.seen;
    field.shape.add(value, catalog);
  }
}

std::string Shape::object_json() const {
  bool record = fields_.size() > kMaxFields;
  for (const auto& [name, field] : fields_)
    record = record || !(name.starts_with('_') || check_identifier(name).ok());
  if (record) {
    std::set<std::string> values;
    for (const auto& [name, field] : fields_) values.insert(field.shape.json());
    const std::string value = values.size() == 1 ? *values.begin() : "{\"type\":\"Unknown\"}";
    return "{\"type\":\"Record\",\"keyShape\":{\"type\":\"String\"},\"valueShape\":{\"optional\":false,"
           "\"shape\":" +
           value + "}}";
  }
  std::string out;
  for (const auto& [name, field] : fields_)
    out += (out.empty() ? "" : ",") + ("{\"fieldName\":" + json_string(name) + ",\"optional\":") +
           (field.seen < objects_ ? "true" : "false") + ",\"shape\":" + field.shape.json() + "}";
  return "{\"type\":\"Object\",\"fields\":[" + out + "]}";
}

// Of the newest documents.
Result<Shape> sampled_shape(const Snapshot& snapshot, const IndexInfo& by_creation_time) {
  Shape shape;
  Interval rest{"", std::nullopt};
  size_t documents = 0, bytes = 0;
  while (documents < kSample && bytes < kMaxSampleBytes) {
    HULL_TRY(auto rows, snapshot.scan(by_creation_time, rest, Order::kDesc, kBatch));
    for (const auto& row : rows) {
      shape.add(row.document->value, *snapshot.catalog());
      bytes += convex_size(row.document->value);
    }
    documents += rows.size();
    if (rows.size() < kBatch) break;
    rest.end = rows.back().key;
  }
  return shape;
}

}  // namespace

Result<std::string> table_shapes(const Snapshot& snapshot) {
  std::string out;
  for (const auto& [name, table] : snapshot.catalog()->tables()) {
    auto index = table->system ? nullptr : table->find_index("by_creation_time");
    if (!index) continue;
    HULL_TRY(auto shape, sampled_shape(snapshot, *index));
    out += (out.empty() ? "" : ",") + json_string(name) + ":" + shape.json();
  }
  return "{" + out + "}";
}

}  // namespace hull
