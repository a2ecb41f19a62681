#include "database/overlay.h"

namespace hull {

const Overlay::Entry* Overlay::find(TabletId tablet, const InternalId& id) const {
  auto it = entries_.find({tablet, id});
  return it == entries_.end() ? nullptr : &it->second;
}

const Overlay::Rows* Overlay::rows(IndexId index) const {
  auto it = rows_.find(index);
  return it == rows_.end() || it->second.empty() ? nullptr : &it->second;
}

void Overlay::set_row(IndexId index, std::string key, DocumentPtr document) {
  Rows& rows = rows_[index];
  Undo undo;
  undo.index = index;
  undo.row_key = key;
  auto it = rows.find(key);
  if (it != rows.end()) {
    undo.row = it->second;
    it->second = std::move(document);
  } else {
    rows.emplace(std::move(key), std::move(document));
  }
  undo_.push_back(std::move(undo));
}

void Overlay::put(const TableInfo& table, const DocumentId& id, const DocumentPtr& current,
                  const DocumentPtr& after) {
  Key key{table.tablet, id.internal};
  Undo undo;
  undo.key = key;
  auto it = entries_.find(key);
  if (it != entries_.end()) {
    undo.entry = it->second;
    it->second.after = after;
  } else {
    entries_.emplace(key, Entry{id, current, after});
  }
  undo_.push_back(std::move(undo));
  for (const auto& index : table.indexes) {
    if (current) set_row(index->id, index->key_for(current->value), nullptr);
    if (after) set_row(index->id, index->key_for(after->value), after);
  }
}

void Overlay::add_index(const IndexInfo& index) {
  for (auto it = entries_.lower_bound({index.tablet, InternalId{}});
       it != entries_.end() && it->first.first == index.tablet; ++it) {
    const Entry& entry = it->second;
    if (entry.before) set_row(index.id, index.key_for(entry.before->value), nullptr);
    if (entry.after) set_row(index.id, index.key_for(entry.after->value), entry.after);
  }
}

void Overlay::rollback(size_t mark) {
  while (undo_.size() > mark) {
    Undo& undo = undo_.back();
    if (undo.index) {
      Rows& rows = rows_[*undo.index];
      if (undo.row)
        rows[undo.row_key] = *undo.row;
      else
        rows.erase(undo.row_key);
    } else if (undo.entry) {
      entries_[undo.key] = *undo.entry;
    } else {
      entries_.erase(undo.key);
    }
    undo_.pop_back();
  }
}

}  // namespace hull
