// wait_for_schema (deploy-and-cli.md §2.6): where validation and back-filling of a push stand, and word when
// that may have changed. Holds no thread: whoever waits brings the timer.
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <string>

#include "base/knobs.h"
#include "database/engine.h"
#include "value/id.h"

namespace hull {

struct SchemaStatus {
  bool in_progress = false;
  std::string json;  // the response body
};
SchemaStatus schema_status(const Catalog& catalog, const std::optional<DocumentId>& schema_id);

// Watches one push. look() is for one thread at a time.
class SchemaWatch {
 public:
  SchemaWatch(Engine& engine, const Knobs& knobs, std::optional<DocumentId> schema_id)
      : engine_(engine), knobs_(knobs), schema_id_(schema_id) {}

  struct Look {
    std::string json;    // the response body as of now
    bool final = false;  // the push is no longer in progress, or got on since the first look
    // Not final: as long as it lives, `changed` will be called once the status may be another.
    std::shared_ptr<Subscription> subscription;
  };
  // `changed` runs on the log-writer thread, or before this returns; it must not block.
  Look look(std::function<void()> changed);
  // The response body as of now. For any thread.
  std::string status() const;

 private:
  Engine& engine_;
  const Knobs& knobs_;
  const std::optional<DocumentId> schema_id_;
  std::optional<std::string> first_;
};

}  // namespace hull
