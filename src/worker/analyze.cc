#include "worker/analyze.h"

#include <functional>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "worker/realm.h"
#include "worker/strings.h"

namespace hull::worker {

using v8::Context;
using v8::Local;
using v8::Object;
using v8::Value;

namespace {

constexpr int kMaxLogLines = 100;

class Analyzer {
 public:
  Analyzer(Host& host, const wire::Analyze& request) : host_(host), request_(request) {}

  wire::AnalyzeResult Run() {
    for (const std::string& path : request_.modules()) {
      if (!AnalyzeFunctions(path)) return std::move(result_);
    }
    const bool listed_http = Listed(request_.http_module());
    const bool listed_crons = Listed(request_.crons_module());
    if (!request_.http_module().empty() && !listed_http && !AnalyzeFunctions(request_.http_module())) {
      return std::move(result_);
    }
    if (!request_.crons_module().empty() && !listed_crons && !AnalyzeFunctions(request_.crons_module())) {
      return std::move(result_);
    }
    if (Export(request_.schema_module(), Phase::kSchema, "exportSchema", result_.mutable_schema_json()) &&
        Export(request_.auth_module(), Phase::kAuth, "exportAuth", result_.mutable_auth_json())) {
      Export(request_.definition_module(), Phase::kDefinition, "exportDefinition",
             result_.mutable_definition_json());
    }
    return std::move(result_);
  }

 private:
  bool Listed(const std::string& path) const {
    for (const std::string& module : request_.modules()) {
      if (module == path) return true;
    }
    return false;
  }

  // Evaluates `path` and hands its namespace to `use`, which returns false if it failed the realm.
  bool InRealm(const std::string& path, Phase phase, const std::function<bool(Realm&, Local<Object>)>& use) {
    const v8::HandleScope handles(host_.v8());
    Realm realm(host_, ++last_id_, request_.user_timeout_ms());
    if (realm.Create(phase)) {
      const Turn turn(realm);
      Local<Object> exports;
      if (realm.ImportEntry(path).ToLocal(&exports) && !realm.FailOnUnhandledRejection()) use(realm, exports);
    }
    for (auto& line : realm.TakeLogs()) {
      if (result_.logs_size() < kMaxLogLines) *result_.add_logs() = std::move(line);
    }
    if (!realm.failure()) return true;
    result_.set_failed_module(path);
    *result_.mutable_error() = *realm.failure();
    result_.set_error_code(realm.failure_code());
    return false;
  }

  bool WithModule(const std::string& path, Phase phase,
                  const std::function<bool(Realm&, Local<Object>)>& use) {
    const bool ok = InRealm(path, phase, use);
    host_.isolate->CollectIfGrown();
    return ok;
  }

  std::optional<std::string> HookText(Realm& realm, const char* hook, std::vector<Local<Value>> args) {
    v8::TryCatch caught(host_.v8());
    Local<Value> value;
    if (!realm.CallHook(hook, std::move(args)).ToLocal(&value)) {
      realm.Fail(caught);
      return std::nullopt;
    }
    if (!value->IsString()) {
      realm.Fail(wire::JsError::INTERNAL, std::string("the runtime's ") + hook + " returned no text");
      return std::nullopt;
    }
    return ToUtf8(host_.v8(), value.As<v8::String>());
  }

  bool AnalyzeFunctions(const std::string& path) {
    wire::ModuleAnalysis analysis;
    analysis.set_path(path);
    const bool ok = WithModule(path, Phase::kImport, [&](Realm& realm, Local<Object> exports) {
      const auto functions = HookText(realm, "analyzeModule", {exports, ToV8(host_.v8(), path)});
      if (!functions) return false;
      ReadFunctions(realm, *functions, &analysis);
      if (path == request_.http_module()) {
        const auto routes = HookText(realm, "analyzeHttp", {exports});
        if (!routes) return false;
        ReadRoutes(realm, *routes, &analysis);
      }
      if (path == request_.crons_module()) {
        const auto crons = HookText(realm, "analyzeCrons", {exports});
        if (!crons) return false;
        analysis.set_is_crons(true);
        analysis.set_crons_json(*crons);
      }
      return true;
    });
    if (ok) *result_.add_modules() = std::move(analysis);
    return ok;
  }

  // Calls `each` with the objects of the array `field` in the JSON `text`, which the runtime wrote.
  void EachOf(Realm& realm, const std::string& text, const char* field,
              const std::function<void(Local<Context>, Local<Object>)>& each) {
    const Local<Context> context = realm.context();
    const v8::TryCatch ignored(host_.v8());
    Local<Value> parsed;
    if (!v8::JSON::Parse(context, ToV8(host_.v8(), text)).ToLocal(&parsed) || !parsed->IsObject()) return;
    const Local<Value> list = Property(context, parsed.As<Object>(), field);
    if (!list->IsArray()) return;
    const auto array = list.As<v8::Array>();
    for (uint32_t i = 0; i < array->Length(); ++i) {
      Local<Value> item;
      if (array->Get(context, i).ToLocal(&item) && item->IsObject()) each(context, item.As<Object>());
    }
  }

  void ReadFunctions(Realm& realm, const std::string& text, wire::ModuleAnalysis* analysis) {
    EachOf(realm, text, "functions", [&](Local<Context> context, Local<Object> item) {
      auto* function = analysis->add_functions();
      function->set_name(TextProperty(context, item, "name"));
      function->set_udf_type(TextProperty(context, item, "udfType"));
      function->set_visibility(TextProperty(context, item, "visibility"));
      function->set_args_json(TextProperty(context, item, "args"));
      function->set_returns_json(TextProperty(context, item, "returns"));
      function->set_line(Property(context, item, "line")->Int32Value(context).FromMaybe(0));
      function->set_column(Property(context, item, "column")->Int32Value(context).FromMaybe(0));
    });
  }

  void ReadRoutes(Realm& realm, const std::string& text, wire::ModuleAnalysis* analysis) {
    analysis->set_is_http(true);
    EachOf(realm, text, "routes", [&](Local<Context> context, Local<Object> item) {
      auto* route = analysis->add_http_routes();
      route->set_path(TextProperty(context, item, "path"));
      route->set_method(TextProperty(context, item, "method"));
    });
  }

  bool Export(const std::string& path, Phase phase, const char* hook, std::string* into) {
    if (path.empty()) return true;
    return WithModule(path, phase, [&](Realm& realm, Local<Object> exports) {
      auto text = HookText(realm, hook, {exports});
      if (text) *into = std::move(*text);
      return text.has_value();
    });
  }

  Host& host_;
  const wire::Analyze& request_;
  wire::AnalyzeResult result_;
  uint64_t last_id_ = 0;
};

}  // namespace

wire::AnalyzeResult AnalyzeModules(Host& host, const wire::Analyze& request) {
  return Analyzer(host, request).Run();
}

}  // namespace hull::worker
