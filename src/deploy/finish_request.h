// The body of finish_push (deploy-and-cli.md §2.7): the answer of start_push handed back, parsed and checked.
// Code is taken from the stored package it names, never from the body. Plain data, thread-safe.
#pragma once

#include <map>
#include <optional>
#include <string>
#include <vector>

#include "base/result.h"
#include "deploy/evaluated_push.h"
#include "storage/blob_store.h"

namespace hull {

struct FinishRequest {
  bool dry_run = false;
  std::optional<std::string> message;

  // Not filled in for a dry run.
  std::map<std::string, std::string> environment;
  std::string package_key;
  std::vector<PackageEntry> modules;       // of the package
  std::map<std::string, Value> functions;  // module path -> analyzed module
  std::vector<AuthProvider> auth;
  Value definition;
  ImportPhase import_phase;
  std::string node_version;                        // "" = any
  std::optional<DocumentId> external_packages_id;  // row of _external_packages
  std::optional<DocumentId> schema_id;
  std::optional<std::string> index_diff_json;

  // `body`: parsed by parse_plain_json.
  static Result<FinishRequest> parse(ValueView body, BlobStore& blobs);
};

// "schemaIds"[""] of a schemaChange; nullopt = the app has no schema.
Result<std::optional<DocumentId>> root_schema_id(ValueView schema_change);

}  // namespace hull
