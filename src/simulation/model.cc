#include "simulation/model.h"

#include <algorithm>
#include <string_view>

namespace hull::simulation {
namespace {

Value undefined() { return ValueBuilder().undefined().finish(); }

Value at_path(ValueView document, std::string_view dotted) {
  std::optional<ValueView> found = document;
  while (found && !dotted.empty()) {
    const size_t dot = dotted.find('.');
    found = found->is_object() ? found->find(dotted.substr(0, dot)) : std::nullopt;
    dotted = dot == std::string_view::npos ? "" : dotted.substr(dot + 1);
  }
  return found ? Value::copy_of(*found) : undefined();
}

ModelPosition position_of(const ModelQuery& query, ValueView document) {
  ModelPosition out;
  for (const std::string& field : query.fields) out.fields.push_back(at_path(document, field));
  out.id = document.find("_id")->as_string();
  return out;
}

bool within(const ModelBound& bound, ValueView document) {
  const int order = hull::compare(at_path(document, bound.field), bound.value);
  switch (bound.op) {
    case ModelBound::Op::kEq:
      return order == 0;
    case ModelBound::Op::kGt:
      return order > 0;
    case ModelBound::Op::kGte:
      return order >= 0;
    case ModelBound::Op::kLt:
      return order < 0;
    case ModelBound::Op::kLte:
      return order <= 0;
  }
  return false;
}

}  // namespace

int compare(const ModelPosition& a, const ModelPosition& b) {
  for (size_t i = 0; i < a.fields.size(); ++i) {
    if (int order = hull::compare(a.fields[i], b.fields[i])) return order;
  }
  return a.id.compare(b.id);
}

void Model::commit(Timestamp ts, const ModelWrites& writes) {
  commits_[ts] = writes;
  for (const auto& [key, value] : writes) documents_[key][ts] = value;
}

std::optional<Value> Model::get(ModelKey key, View view) const {
  if (view.own) {
    if (auto it = view.own->find(key); it != view.own->end()) return it->second;
  }
  auto document = documents_.find(key);
  if (document == documents_.end()) return std::nullopt;
  auto revision = document->second.upper_bound(view.ts);
  return revision == document->second.begin() ? std::nullopt : std::prev(revision)->second;
}

Timestamp Model::written_at(ModelKey key, Timestamp ts) const {
  auto document = documents_.find(key);
  if (document == documents_.end()) return {};
  auto revision = document->second.upper_bound(ts);
  return revision == document->second.begin() ? Timestamp{} : std::prev(revision)->first;
}

template <typename Visit>
void Model::for_each(TabletId tablet, View view, Visit visit) const {
  for (auto it = documents_.lower_bound({tablet, {}}); it != documents_.end() && it->first.tablet == tablet;
       ++it) {
    if (auto value = get(it->first, view)) visit(*value);
  }
  if (!view.own) return;
  for (auto it = view.own->lower_bound({tablet, {}}); it != view.own->end() && it->first.tablet == tablet;
       ++it) {
    if (it->second && !documents_.contains(it->first)) visit(*it->second);
  }
}

std::vector<ModelRow> Model::rows(const ModelQuery& query, View view) const {
  std::vector<ModelRow> out;
  for_each(query.tablet, view, [&](const Value& value) {
    for (const ModelBound& bound : query.bounds) {
      if (!within(bound, value)) return;
    }
    if (!query.filter || query.filter(value)) out.push_back({position_of(query, value), value});
  });
  std::sort(out.begin(), out.end(), [&](const ModelRow& a, const ModelRow& b) {
    const int order = compare(a.position, b.position);
    return query.order == Order::kAsc ? order < 0 : order > 0;
  });
  return out;
}

size_t Model::count(TabletId tablet, View view) const {
  size_t count = 0;
  for_each(tablet, view, [&](const Value&) { ++count; });
  return count;
}

Model::Page Model::page(const ModelQuery& query, const std::optional<ModelPosition>& after,
                        const Limit& limit, View view) const {
  auto follows = [&](const ModelPosition& a, const ModelPosition& b) {
    const int order = compare(a, b);
    return query.order == Order::kAsc ? order > 0 : order < 0;
  };
  Page page;
  page.end = limit.until;
  ModelQuery unfiltered = query;
  unfiltered.filter = nullptr;
  const bool bounded = !limit.until && !limit.until_end;
  std::optional<ModelPosition> last;
  size_t consumed = 0;
  for (ModelRow& row : rows(unfiltered, view)) {
    if (after && !follows(row.position, *after)) continue;
    if (limit.until && follows(row.position, *limit.until)) return page;
    if (bounded && (page.rows.size() == limit.size || consumed == limit.max_consumed)) {
      page.end = last;
      return page;
    }
    ++consumed;
    last = row.position;
    if (!query.filter || query.filter(row.value)) page.rows.push_back(std::move(row));
  }
  // Nobody looks for more once the page is full.
  if (bounded && consumed > 0 && (page.rows.size() == limit.size || consumed == limit.max_consumed))
    page.end = last;
  return page;
}

}  // namespace hull::simulation
