#include "database/overlay.h"

#include <algorithm>

namespace hull {

const Overlay::Entry* Overlay::find(TabletId tablet, const InternalId& id) const {
  if (entries_.empty()) return nullptr;
  auto it = entries_.find({tablet, id});
  return it == entries_.end() ? nullptr : &it->second;
}

void Overlay::add_rows(Built& built, const Entry& entry) {
  if (entry.before) built.rows[built.index.key_for(entry.before->value)] = nullptr;
  if (entry.after) built.rows[built.index.key_for(entry.after->value)] = entry.after;
}

// Keys end with the document's id, so no other entry has rows under them.
void Overlay::remove_rows(Built& built, const Entry& entry) {
  for (const auto& document : {entry.before, entry.after})
    if (document) built.rows.erase(built.index.key_for(document->value));
}

const Overlay::Rows* Overlay::rows(const IndexInfo& index) {
  if (entries_.empty()) return nullptr;
  auto found = built_.find(index.id);
  if (found == built_.end()) {
    auto first = entries_.lower_bound({index.tablet, InternalId{}});
    if (first == entries_.end() || first->first.first != index.tablet) return nullptr;
    found = built_.emplace(index.id, Built{index, {}}).first;
    for (auto it = first; it != entries_.end() && it->first.first == index.tablet; ++it)
      add_rows(found->second, it->second);
  }
  return found->second.rows.empty() ? nullptr : &found->second.rows;
}

int64_t Overlay::document_delta(TabletId tablet) const {
  for (const auto& [changed, delta] : deltas_)
    if (changed == tablet) return delta;
  return 0;
}

void Overlay::count(TabletId tablet, const Entry* old_entry, const Entry* new_entry) {
  auto added = [](const Entry* entry) { return entry ? int{!!entry->after} - int{!!entry->before} : 0; };
  int change = added(new_entry) - added(old_entry);
  if (change == 0) return;
  auto it = std::find_if(deltas_.begin(), deltas_.end(), [&](const auto& d) { return d.first == tablet; });
  if (it == deltas_.end()) it = deltas_.insert(it, {tablet, 0});
  it->second += change;
}

// `change` edits entries_ at `key` only; rows and counts follow.
template <typename Change>
void Overlay::change_entry(const Key& key, const Change& change) {
  auto for_built = [&](auto&& update) {
    auto it = entries_.find(key);
    if (it == entries_.end()) return;
    for (auto& [id, built] : built_)
      if (built.index.tablet == key.first) update(built, it->second);
  };
  if (!built_.empty()) for_built(remove_rows);
  change();
  if (!built_.empty()) for_built(add_rows);
}

void Overlay::put(const TableInfo& table, const DocumentId& id, const DocumentPtr& current,
                  DocumentPtr after) {
  Key key{table.tablet, id.internal};
  change_entry(key, [&] {
    auto [it, added] = entries_.try_emplace(key, Entry{id, current, nullptr});
    Undo& undo = undo_.emplace_back(Undo{key, {}});
    if (!added) undo.entry = it->second;
    it->second.after = std::move(after);
    count(key.first, undo.entry ? &*undo.entry : nullptr, &it->second);
  });
}

void Overlay::rollback(size_t mark) {
  while (undo_.size() > mark) {
    Undo& undo = undo_.back();
    change_entry(undo.key, [&] {
      auto it = entries_.find(undo.key);
      count(undo.key.first, &it->second, undo.entry ? &*undo.entry : nullptr);
      if (undo.entry)
        it->second = std::move(*undo.entry);
      else
        entries_.erase(it);
    });
    undo_.pop_back();
  }
}

}  // namespace hull
