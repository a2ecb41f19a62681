#include "worker/modules.h"

#include <algorithm>
#include <cctype>
#include <utility>

#include "worker/host.h"
#include "worker/realm.h"
#include "worker/strings.h"

namespace hull::worker {

using v8::Context;
using v8::Local;
using v8::MaybeLocal;
using v8::Module;
using v8::Promise;
using v8::ScriptCompiler;

namespace {

constexpr std::string_view kScheme = "convex:";
// Of sources and code caches that no running call needs.
constexpr size_t kMaxKeptBytes = 16 << 20;

Local<Module> LocalOf(v8::Isolate* isolate, const v8::Global<Module>& global) {
  return Local<Module>::New(isolate, global);
}

std::string MissingModule(const std::string& path) {
  return "Couldn't find JavaScript module '" + path + "'. Did you forget to run `npx convex dev`?";
}

// Resolves "." and ".." segments of an absolute path; the result has no leading slash.
std::string Normalize(std::string_view path) {
  std::vector<std::string_view> parts;
  size_t from = 0;
  while (from <= path.size()) {
    const size_t to = std::min(path.find('/', from), path.size());
    const std::string_view part = path.substr(from, to - from);
    if (part == "..") {
      if (!parts.empty()) parts.pop_back();
    } else if (!part.empty() && part != ".") {
      parts.push_back(part);
    }
    from = to + 1;
  }
  std::string out;
  for (const auto part : parts) {
    if (!out.empty()) out += '/';
    out += part;
  }
  return out;
}

// Length of the URL scheme at the start of `text`, without the colon; 0 if there is none.
size_t SchemeLength(std::string_view text) {
  if (text.empty() || !isalpha(static_cast<unsigned char>(text[0]))) return 0;
  for (size_t i = 1; i < text.size(); ++i) {
    const auto c = static_cast<unsigned char>(text[i]);
    if (c == ':') return i;
    if (!isalnum(c) && c != '+' && c != '-' && c != '.') return 0;
  }
  return 0;
}

void ResolveWithNamespace(const v8::FunctionCallbackInfo<v8::Value>& info) {
  info.GetReturnValue().Set(info.Data());
}

}  // namespace

Local<v8::String> ModuleUrl(v8::Isolate* isolate, const std::string& path) {
  return ToV8(isolate, std::string(kScheme) + "/" + path);
}

Resolved ResolveSpecifier(std::string_view specifier, const std::string& importer) {
  const std::string_view bare = specifier.substr(0, specifier.find_first_of("?#"));
  std::string_view path = bare;
  if (const size_t scheme = SchemeLength(bare)) {
    const std::string name(bare.substr(0, scheme));
    if (name != "convex") return {"", "Unsupported scheme (" + name + ") in " + std::string(specifier)};
    path = bare.substr(scheme + 1);
  }
  if (path.substr(0, 2) == "//") {
    const std::string_view host = path.substr(2, path.find('/', 2) - 2);
    return {"", "Module URL " + std::string(kScheme) + std::string(path) +
                    " must not have an authority. Has " + std::string(host)};
  }
  if (path.substr(0, 1) == "/") return {Normalize(path), ""};
  if (path.substr(0, 2) == "./" || path.substr(0, 3) == "../") {
    const size_t slash = importer.rfind('/');
    const std::string base = slash == std::string::npos ? "" : importer.substr(0, slash + 1);
    return {Normalize(base + std::string(path)), ""};
  }
  return {"", "Relative import path \"" + std::string(specifier) +
                  "\" not prefixed with / or ./ or ../ from \"" + std::string(kScheme) + "/" + importer +
                  "\""};
}

bool ModuleStore::Ask(const std::string& path, bool source_map, const std::function<bool()>& interrupted,
                      wire::ModuleReply* reply) {
  wire::FromWorker message;
  auto* request = message.mutable_module();
  request->set_request_id(++last_request_);
  request->set_path(path);
  request->set_source_map(source_map);
  socket_.Send(message);
  return queue_.WaitFor(
      [&](wire::ToWorker& frame) {
        if (!frame.has_module() || frame.module().request_id() != last_request_)
          return FrameQueue::Take::kSkip;
        *reply = std::move(*frame.mutable_module());
        return FrameQueue::Take::kTaken;
      },
      interrupted);
}

std::shared_ptr<ModuleSource> ModuleStore::Get(const std::string& path,
                                               const std::function<bool()>& interrupted) {
  const auto known = sources_.find(path);
  if (known != sources_.end()) {
    known->second.used = ++uses_;
    return known->second.source;
  }
  wire::ModuleReply reply;
  if (!Ask(path, false, interrupted, &reply)) return nullptr;
  auto source = std::make_shared<ModuleSource>();
  source->found = reply.found();
  source->text = SourceText(v8::Isolate::GetCurrent(), std::move(*reply.mutable_source()));
  sources_[path] = {source, ++uses_};
  Trim();
  return source;
}

void ModuleStore::Trim() {
  size_t bytes = 0;
  for (const auto& [path, kept] : sources_) bytes += kept.source->bytes();
  while (bytes > kMaxKeptBytes && sources_.size() > 1) {
    const auto oldest = std::min_element(sources_.begin(), sources_.end(), [](const auto& a, const auto& b) {
      return a.second.used < b.second.used;
    });
    bytes -= oldest->second.source->bytes();
    sources_.erase(oldest);
  }
}

std::optional<std::string> ModuleStore::SourceMap(const std::string& path,
                                                  const std::function<bool()>& interrupted) {
  wire::ModuleReply reply;
  if (!Ask(path, true, interrupted, &reply) || !reply.found() || reply.source_map().empty())
    return std::nullopt;
  return std::move(*reply.mutable_source_map());
}

const std::string* ModuleGraph::PathOf(Local<Module> module) const {
  const auto [from, to] = path_by_hash_.equal_range(module->GetIdentityHash());
  for (auto it = from; it != to; ++it) {
    const auto entry = by_path_.find(it->second);
    if (entry != by_path_.end() && entry->second.module == module) return &it->second;
  }
  return nullptr;
}

MaybeLocal<Module> ModuleGraph::Find(const std::string& path) {
  const auto it = by_path_.find(path);
  if (it == by_path_.end()) return {};
  return LocalOf(v8::Isolate::GetCurrent(), it->second.module);
}

void ModuleGraph::Adopt(const std::string& path, Local<Module> module) {
  by_path_[path].module.Reset(v8::Isolate::GetCurrent(), module);
  path_by_hash_.emplace(module->GetIdentityHash(), path);
}

std::vector<std::string> ModuleGraph::paths() const {
  std::vector<std::string> out;
  for (const auto& [path, entry] : by_path_) out.push_back(path);
  return out;
}

MaybeLocal<Module> ModuleGraph::Compile(Local<Context> context, const std::string& path) {
  v8::Isolate* isolate = v8::Isolate::GetCurrent();
  const auto source = realm_.host().modules.Get(path, [&] { return realm_.stopping(); });
  if (!source) {
    LeaveTerminated(isolate);
    return {};
  }
  if (!source->found) {
    ThrowDeveloperError(isolate, MissingModule(path));
    return {};
  }
  const v8::ScriptOrigin origin(ModuleUrl(isolate, path), 0, 0, false, -1, Local<v8::Value>(), false, false,
                                true);
  // The compiler takes ownership of the cache description, not of its bytes.
  auto* cached = source->cache ? new ScriptCompiler::CachedData(source->cache->data, source->cache->length,
                                                                ScriptCompiler::CachedData::BufferNotOwned)
                               : nullptr;
  ScriptCompiler::Source code(source->text.ToV8(isolate), origin, cached);
  Local<Module> module;
  if (!ScriptCompiler::CompileModule(
           isolate, &code, cached ? ScriptCompiler::kConsumeCodeCache : ScriptCompiler::kNoCompileOptions)
           .ToLocal(&module)) {
    return {};
  }
  if (cached && cached->rejected) source->cache.reset();
  Adopt(path, module);
  by_path_[path].source = source;
  const Local<v8::FixedArray> requests = module->GetModuleRequests();
  for (int i = 0; i < requests->Length(); ++i) {
    const auto request = requests->Get(context, i).As<v8::ModuleRequest>();
    const Resolved target = ResolveSpecifier(ToUtf8(isolate, request->GetSpecifier()), path);
    if (!target.error.empty()) {
      ThrowTypeError(isolate, target.error);
      return {};
    }
    if (!by_path_.contains(target.path) && Compile(context, target.path).IsEmpty()) return {};
  }
  return module;
}

MaybeLocal<Module> ModuleGraph::Resolve(Local<Context> context, Local<v8::String> specifier,
                                        Local<v8::FixedArray>, Local<Module> referrer) {
  ModuleGraph& graph = Realm::From(context)->modules();
  const std::string* importer = graph.PathOf(referrer);
  if (!importer) return {};
  return graph.Find(ResolveSpecifier(ToUtf8(v8::Isolate::GetCurrent(), specifier), *importer).path);
}

MaybeLocal<Module> ModuleGraph::Import(Local<Context> context, const std::string& path) {
  Local<Module> module;
  if (!Find(path).ToLocal(&module) && !Compile(context, path).ToLocal(&module)) return {};
  if (module->GetStatus() < Module::kInstantiated &&
      !module->InstantiateModule(context, Resolve).FromMaybe(false)) {
    return {};
  }
  Local<v8::Value> result;
  if (module->GetStatus() < Module::kEvaluated && !module->Evaluate(context).ToLocal(&result)) return {};
  return module;
}

void ModuleGraph::SaveCode(Local<Context>) {
  v8::Isolate* isolate = v8::Isolate::GetCurrent();
  for (auto& [path, entry] : by_path_) {
    if (!entry.source || entry.source->cache) continue;
    const Local<Module> module = LocalOf(isolate, entry.module);
    entry.source->cache.reset(ScriptCompiler::CreateCodeCache(module->GetUnboundModuleScript()));
  }
}

MaybeLocal<Promise> ImportDynamically(Local<Context> context, Local<v8::Data>, Local<v8::Value> resource_name,
                                      Local<v8::String> specifier, Local<v8::FixedArray>) {
  v8::Isolate* isolate = v8::Isolate::GetCurrent();
  Local<Promise::Resolver> resolver;
  if (!Promise::Resolver::New(context).ToLocal(&resolver)) return {};
  auto reject = [&](Local<v8::Value> error) {
    resolver->Reject(context, error).Check();
    return resolver->GetPromise();
  };
  Realm* realm = Realm::From(context);
  const bool allowed = realm && (realm->phase() == Phase::kAction || realm->phase() == Phase::kHttp);
  if (!allowed) {
    return reject(v8::Exception::TypeError(ToV8(isolate, "dynamic module import unsupported")));
  }
  std::string importer = resource_name->IsString() ? ToUtf8(isolate, resource_name.As<v8::String>()) : "";
  if (importer.starts_with("convex:/")) importer.erase(0, 8);
  const Resolved target = ResolveSpecifier(ToUtf8(isolate, specifier), importer);
  if (!target.error.empty()) return reject(v8::Exception::TypeError(ToV8(isolate, target.error)));
  v8::TryCatch caught(isolate);
  Local<Module> module;
  realm->AdoptSnapshotModules(context);
  if (!realm->modules().Import(context, target.path).ToLocal(&module)) {
    if (caught.HasTerminated()) {
      caught.ReThrow();
      return {};
    }
    Local<v8::Value> error = caught.Exception();
    const std::string text =
        error->IsObject() ? TextProperty(context, error.As<v8::Object>(), "developerError") : "";
    if (!text.empty()) error = v8::Exception::Error(ToV8(isolate, text));
    return reject(error);
  }
  if (module->GetStatus() == Module::kErrored) return reject(module->GetException());
  Local<v8::Value> evaluated;
  if (!module->Evaluate(context).ToLocal(&evaluated) || !evaluated->IsPromise()) return {};
  Local<v8::Function> then;
  if (!v8::Function::New(context, ResolveWithNamespace, module->GetModuleNamespace()).ToLocal(&then))
    return {};
  return evaluated.As<Promise>()->Then(context, then);
}

void RefuseImportMeta(Local<Context>, Local<Module>, Local<v8::Object>) {
  ThrowTypeError(v8::Isolate::GetCurrent(), "import.meta unsupported");
}

}  // namespace hull::worker
