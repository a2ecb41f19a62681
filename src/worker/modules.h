// ES modules of a deployment: fetching sources from the server, resolving specifiers, linking a graph in a
// context.
//
// Modules are addressed by path ("messages.js"); the URL V8 shows in stack frames is "convex:/messages.js".
// Sources and the code cache V8 made of them are kept for later contexts up to a total size, graphs live as
// long as their context. Isolate thread only.
#pragma once

#include <v8.h>

#include <memory>
#include <optional>
#include <string>
#include <unordered_map>
#include <vector>

#include "worker/frame_queue.h"
#include "worker/protocol.pb.h"
#include "worker/socket.h"
#include "worker/source_text.h"

namespace hull::worker {

class Realm;

struct ModuleSource {
  bool found = false;
  SourceText text;
  std::unique_ptr<v8::ScriptCompiler::CachedData> cache;

  size_t bytes() const { return text.bytes() + (cache ? static_cast<size_t>(cache->length) : 0); }
};

class ModuleStore {
 public:
  ModuleStore(Socket& socket, FrameQueue& queue) : socket_(socket), queue_(queue) {}

  // nullptr if the wait was interrupted (the running call is being stopped).
  std::shared_ptr<ModuleSource> Get(const std::string& path, const std::function<bool()>& interrupted);
  std::optional<std::string> SourceMap(const std::string& path, const std::function<bool()>& interrupted);

 private:
  bool Ask(const std::string& path, bool source_map, const std::function<bool()>& interrupted,
           wire::ModuleReply* reply);

  Socket& socket_;
  FrameQueue& queue_;
  uint64_t last_request_ = 0;
  // Lets go of those that were not asked for the longest while there are too many.
  void Trim();

  struct Kept {
    std::shared_ptr<ModuleSource> source;
    uint64_t used = 0;
  };
  std::unordered_map<std::string, Kept> sources_;
  uint64_t uses_ = 0;
};

// Path of the module that `specifier` names when imported by the module at `importer`, or the text of the
// error.
struct Resolved {
  std::string path;
  std::string error;
};
Resolved ResolveSpecifier(std::string_view specifier, const std::string& importer);

// The modules of one context, each instantiated at most once.
class ModuleGraph {
 public:
  explicit ModuleGraph(Realm& realm) : realm_(realm) {}

  // Compiles `path` and everything it imports, links and evaluates it. Empty with a pending exception on
  // failure.
  v8::MaybeLocal<v8::Module> Import(v8::Local<v8::Context> context, const std::string& path);
  v8::MaybeLocal<v8::Module> Find(const std::string& path);
  // Makes a module that came with the context from a snapshot findable.
  void Adopt(const std::string& path, v8::Local<v8::Module> module);
  std::vector<std::string> paths() const;
  // Keeps V8's compiled code of all modules for the next context.
  void SaveCode(v8::Local<v8::Context> context);

 private:
  struct Entry {
    v8::Global<v8::Module> module;
    std::shared_ptr<ModuleSource> source;
  };

  v8::MaybeLocal<v8::Module> Compile(v8::Local<v8::Context> context, const std::string& path);
  static v8::MaybeLocal<v8::Module> Resolve(v8::Local<v8::Context> context, v8::Local<v8::String> specifier,
                                            v8::Local<v8::FixedArray> attributes,
                                            v8::Local<v8::Module> referrer);
  const std::string* PathOf(v8::Local<v8::Module> module) const;

  Realm& realm_;
  std::unordered_map<std::string, Entry> by_path_;
  std::unordered_multimap<int, std::string> path_by_hash_;
};

v8::Local<v8::String> ModuleUrl(v8::Isolate* isolate, const std::string& path);

// Isolate callbacks.
v8::MaybeLocal<v8::Promise> ImportDynamically(v8::Local<v8::Context> context, v8::Local<v8::Data> options,
                                              v8::Local<v8::Value> resource_name,
                                              v8::Local<v8::String> specifier,
                                              v8::Local<v8::FixedArray> attributes);
void RefuseImportMeta(v8::Local<v8::Context> context, v8::Local<v8::Module> module,
                      v8::Local<v8::Object> meta);

}  // namespace hull::worker
