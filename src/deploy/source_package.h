// Where pushed code is kept: one package (functions/package.h) per push under "modules/<sha256 of the blob>",
// referred to by the `_modules` rows and by packages of later pushes that left a module unchanged
// (deploy-and-cli.md §2.4 steps 2 and 3).
#pragma once

#include <string>
#include <vector>

#include "base/result.h"
#include "database/catalog.h"
#include "deploy/push_request.h"
#include "functions/code.h"
#include "functions/package.h"
#include "storage/blob_store.h"

namespace hull {

// The modules of `request` that are already stored, with the keys of their packages. Errors are 409: the CLI
// reads the hashes again and retries.
Result<std::vector<PackageEntry>> unchanged_modules(const PushRequest& request, const Catalog& catalog,
                                                    PackageShelf& shelf);

// Writes the package that `writer` has gathered; answers its key. Error: 400 ModulesTooLarge.
Result<std::string> store_package(PackageWriter writer, BlobStore& blobs);
// The modules listed in a package, each with the key of the package that holds its texts. `key` comes from a
// client. Error: 400 BadJsonBody.
Result<std::vector<PackageEntry>> modules_of_package(const std::string& key, BlobStore& blobs);

// Reads texts of `modules` while `shelf` lives. For one thread.
LoadText text_loader(const std::vector<PackageEntry>& modules, PackageShelf& shelf);

// Removes packages that nothing refers to any more: no row of `_modules`, no code in use (`in_use`), no
// package of a push that may still be finished (younger than a day, counted to `now_ns`, unix time). No push
// may be between its start and the storing of its package meanwhile. Answers how many it removed.
Result<size_t> collect_packages(const Catalog& catalog, const std::vector<std::string>& in_use,
                                int64_t now_ns, BlobStore& blobs);

}  // namespace hull
