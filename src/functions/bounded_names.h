// Names that became labels, each with a small number. There are at most so many: what comes later shares the
// number of "_other", so that neither a client that makes up names nor a very large app can use up memory.
// Not thread-safe.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

namespace hull {

class BoundedNames {
 public:
  static constexpr uint32_t kOther = 0;

  explicit BoundedNames(size_t max_names) : max_names_(max_names), names_{"_other"} {}

  // Of a known name, else kOther.
  uint32_t find(std::string_view name) const {
    auto it = ids_.find(std::string(name));
    return it == ids_.end() ? kOther : it->second;
  }
  // Takes the name in if there is room.
  uint32_t add(std::string_view name) {
    auto it = ids_.find(std::string(name));
    if (it != ids_.end()) return it->second;
    if (names_.size() > max_names_) return kOther;
    names_.emplace_back(name);
    return ids_[names_.back()] = static_cast<uint32_t>(names_.size() - 1);
  }
  const std::string& name(uint32_t id) const { return names_[id]; }

 private:
  const size_t max_names_;
  std::vector<std::string> names_;
  std::unordered_map<std::string, uint32_t> ids_;
};

}  // namespace hull
