// Where pushed code is kept: one blob per push under "modules/<sha256 of the blob>", referred to by the
// `_modules` rows. Also the modules that a push leaves unchanged, taken from there (deploy-and-cli.md §2.4
// steps 2 and 3). Pure apart from blob access.
#pragma once

#include <string>
#include <vector>

#include "base/result.h"
#include "database/catalog.h"
#include "deploy/push_request.h"
#include "functions/code.h"
#include "storage/blob_store.h"

namespace hull {

// Sources of the modules that are already stored. Errors are 409: the CLI reads the hashes again and retries.
Result<std::vector<ModuleSource>> unchanged_modules(const PushRequest& request, const Catalog& catalog,
                                                    BlobStore& blobs);

// Writes the package unless it is there; answers its key. Error: 400 ModulesTooLarge.
Result<std::string> store_package(const std::vector<ModuleSource>& modules, BlobStore& blobs);
// `key` comes from a client. Error: 400 BadJsonBody.
Result<std::vector<ModuleSource>> load_package(const std::string& key, BlobStore& blobs);

}  // namespace hull
