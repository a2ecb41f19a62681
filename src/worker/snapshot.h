// Snapshots: one V8 startup blob per deployment that holds, for each entry module, a context in which the
// runtime and the module with its imports are already evaluated.
//
// File = magic "HULLSNP1", u32 little-endian length, SnapshotIndex of that length, zeros up to a multiple of
// 4096, V8 blob.
//
// A blob can only be read by the same node binary, the same worker.node and the same --hash-seed; the server
// makes one hash seed when it starts and throws files of earlier runs away.
#pragma once

#include <v8.h>

#include <string>

#include "worker/host.h"
#include "worker/protocol.pb.h"

namespace hull::worker {

// A snapshot file mapped into memory for the life of the process.
class SnapshotFile {
 public:
  // False if the file is missing, malformed or made by another V8.
  bool Open(const std::string& path);
  const wire::SnapshotEntry* Find(const std::string& entry) const;
  const wire::SnapshotIndex& index() const { return index_; }
  v8::StartupData* blob() { return blob_.data ? &blob_ : nullptr; }

 private:
  wire::SnapshotIndex index_;
  v8::StartupData blob_{nullptr, 0};
};

// Where a snapshot is being written. Opened before user code runs, because the sandbox forbids opening files.
class SnapshotWriter {
 public:
  ~SnapshotWriter();
  bool Open(const std::string& path);
  bool Commit(const wire::SnapshotIndex& index, const v8::StartupData& blob);

 private:
  std::string path_;
  int fd_ = -1;
};

// Builds the snapshot in an isolate of its own, which must be the process's first. Entries that throw, time
// out, or leave native objects behind that V8 cannot serialize are reported as failed.
wire::SnapshotBuilt BuildSnapshot(Host& host, node::MultiIsolatePlatform* platform,
                                  const IsolateLimits& limits, const wire::BuildSnapshot& request,
                                  SnapshotWriter& writer);

}  // namespace hull::worker
