// Random documents, index definitions, ranges and filters, each both as the engine takes it and as the model
// does. Few different values, so that transactions meet. Not thread-safe.
#pragma once

#include <string>
#include <vector>

#include "database/query.h"
#include "simulation/model.h"
#include "simulation/sim_random.h"

namespace hull::simulation {

// A query in both forms.
struct RandomQuery {
  std::string json;
  ModelQuery model;         // without tablet
  size_t limit = SIZE_MAX;  // of the operators
  std::string index;
};

class RandomData {
 public:
  explicit RandomData(SimRandom& random) : random_(random) {}

  // A value of the indexed field `k`; undefined = leave it out.
  Value key_value();
  // {k?, s?: {x}, v: unique, list?}; `bad` only now and then, and only if allowed: no schema knows it.
  Value document(bool may_be_bad);
  // Some fields of a document, some of them to be removed.
  Value patch();
  // Over the index with these fields (as the catalog has them; by_id: none).
  RandomQuery query(const std::string& table, const std::string& index,
                    const std::vector<std::string>& fields, bool for_page);

  static uint64_t next_unique();  // per run; see reset_unique()
  static void reset_unique();

 private:
  void fields(ValueBuilder& out, bool may_be_bad);
  Value bound_value(const std::string& field);

  SimRandom& random_;
};

}  // namespace hull::simulation
