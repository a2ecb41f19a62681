// The push routes over the parts beside this file: authorization, JSON in and out, the prefix of push errors.
#include "deploy/deploy.h"

#include <algorithm>
#include <mutex>
#include <shared_mutex>

#include "base/log.h"
#include "base/time.h"
#include "database/transact.h"
#include "deploy/evaluate_schema.h"
#include "deploy/evaluated_push.h"
#include "deploy/finish.h"
#include "deploy/index_diff.h"
#include "deploy/node_rows.h"
#include "deploy/schema_change.h"
#include "deploy/source_package.h"
#include "services/json_fields.h"
#include "value/json.h"

namespace hull {
namespace {

constexpr int64_t kDefaultWaitMs = 10'000;
constexpr int64_t kMaxWaitMs = 60'000;

Error with_push_prefix(Error error) {
  if (error.kind != ErrorKind::kInternal) error.message = "Hit an error while pushing:\n" + error.message;
  return error;
}

template <typename T>
Result<T> prefixed(Result<T> result) {
  if (result.ok()) return result;
  return with_push_prefix(std::move(result).error());
}

class DeployImpl : public Deploy {
 public:
  explicit DeployImpl(DeployOptions options) : options_(std::move(options)) { collect(); }

  Result<std::string> get_config_hashes(std::string body, IdentityPtr identity) override {
    HULL_TRY(auto parsed, authorized(body, identity));
    (void)parsed;
    SnapshotPtr snapshot = engine().snapshot();
    const Catalog& catalog = *snapshot->catalog();
    std::string out = "{\"config\":{\"functions\":\"convex/\"},\"moduleHashes\":[";
    for (const auto& row : catalog.system_rows("_modules")) {
      if (out.back() != '[') out += ',';
      out += "{\"path\":" + json_string(json::text_or_empty(row->value, "path")) +
             ",\"hash\":" + json_string(json::text_or_empty(row->value, "sha256")) +
             ",\"environment\":" + json_string(json::text_or_empty(row->value, "environment")) + "}";
    }
    std::string version = deployed_import_phase(catalog).server_version;
    std::string node_version = node_settings_of(catalog).version;
    out += "],\"udfServerVersion\":" + (version.empty() ? "null" : json_string(version)) +
           ",\"nodeVersion\":" + (node_version.empty() ? "null" : json_string(node_version)) + "}";
    return out;
  }

  Result<std::string> start_push(std::string body, IdentityPtr identity) override {
    HULL_TRY(auto request, push_request(std::move(body), identity));
    std::shared_lock no_collection(collection_);
    return prefixed(start(std::move(request)));
  }

  Result<std::string> evaluate_push(std::string body, IdentityPtr identity) override {
    HULL_TRY(auto request, push_request(std::move(body), identity));
    std::shared_lock no_collection(collection_);
    return prefixed(dry_evaluation(std::move(request)));
  }

  Result<std::string> evaluate_schema(std::string body, IdentityPtr identity) override {
    HULL_TRY(auto request, push_request(std::move(body), identity));
    std::shared_lock no_collection(collection_);
    auto push = prefixed(evaluate(options_, std::move(request)));
    if (!push.ok()) return std::move(push).error();
    return hull::evaluate_schema(*engine().snapshot(), push->schema.get());
  }

  Result<SchemaWait> wait_for_schema(std::string body, IdentityPtr identity) override {
    HULL_TRY(auto parsed, authorized(body, identity));
    HULL_TRY(auto change, json::object_field(parsed, "schemaChange"));
    HULL_TRY(auto schema_id, root_schema_id(change));
    int64_t timeout = kDefaultWaitMs;
    if (auto given = json::optional_field(parsed, "timeoutMs")) {
      if (!given->is_float64()) return json::wrong_type("timeoutMs", "a number");
      timeout = static_cast<int64_t>(std::clamp(given->as_float64(), 0.0, static_cast<double>(kMaxWaitMs)));
    }
    return SchemaWait{SchemaWatch(engine(), *options_.knobs, schema_id), std::chrono::milliseconds(timeout)};
  }

  Result<std::string> finish_push(std::string body, IdentityPtr identity) override {
    HULL_TRY(auto parsed, authorized(body, identity));
    std::shared_lock no_collection(collection_);
    HULL_TRY(auto request, FinishRequest::parse(parsed, *options_.blobs));
    auto finished = prefixed(finish(options_, request));
    no_collection.unlock();
    if (finished.ok() && !request.dry_run) collect();
    return finished;
  }

  Result<std::string> report_push_completed(std::string body, IdentityPtr identity) override {
    HULL_TRY(auto parsed, authorized(body, identity));
    (void)parsed;
    return std::string("null");
  }

 private:
  Engine& engine() { return options_.runner->engine(); }

  // Parses the body and checks that the caller may deploy.
  Result<Value> authorized(std::string_view body, const IdentityPtr& header_identity) {
    auto parsed = parse_plain_json(body);
    if (!parsed.ok()) return Error::bad_request("BadJsonBody", parsed.error().message);
    HULL_CHECK_OK(authorize(*parsed, header_identity));
    return std::move(*parsed);
  }
  Result<PushRequest> push_request(std::string body, const IdentityPtr& header_identity) {
    auto parsed = PushBody::parse(std::move(body));
    if (!parsed.ok()) return Error::bad_request("BadJsonBody", parsed.error().message);
    HULL_CHECK_OK(authorize(parsed->json, header_identity));
    return PushRequest::parse(*std::move(parsed));
  }

  // The body's key counts before the header's.
  Result<void> authorize(ValueView body, const IdentityPtr& header_identity) {
    if (!body.is_object()) return Error::bad_request("BadJsonBody", "expected an object");
    HULL_TRY(auto key, json::optional_string_field(body, "adminKey"));
    if (!key && !header_identity) return json::missing_field("adminKey");
    IdentityPtr identity = header_identity;
    if (key) {
      auto checked = options_.auth->from_admin_text(*key);
      if (!checked.ok()) return bad_key();
      identity = *checked;
    }
    if (!identity->is_admin()) return bad_key();
    return require_operation(*identity, "Deploy");
  }

  Error bad_key() const {
    return Error::forbidden("BadDeployKey",
                            "The provided deploy key was invalid for deployment '" + options_.instance_name +
                                "'. Double check that the environment this key was generated for "
                                "matches the desired deployment.");
  }

  // Submits the schema and prepares its indexes; the value of "schemaChange".
  Result<std::string> change_schema(Transaction& transaction, const Schema* schema,
                                    bool only_compute_indexes) {
    bool created = transaction.system_rows("_components").empty();
    transaction.depend_on_system_table("_index");
    std::string diff = index_diff(transaction.catalog(), schema).json();
    HULL_TRY(auto id, submit_schema(transaction, schema));
    if (!only_compute_indexes) HULL_CHECK_OK(prepare_indexes(transaction, schema));
    return std::string("{\"allocatedComponentIds\":") + (created ? "{\"\":\"root\"}" : "{}") +
           ",\"schemaIds\":{\"\":" + (id ? json_string(id->text()) : "null") +
           "},\"indexDiffs\":{\"\":" + diff + "}}";
  }

  Result<std::string> start(PushRequest request) {
    bool only_compute = request.dry_run || request.for_codegen;
    HULL_TRY(auto push, evaluate(options_, std::move(request)));
    std::string change;
    auto committed = transact(
        engine(), *options_.knobs, "_system/start_push", [&](Transaction& transaction) -> Result<void> {
          HULL_TRY(change, change_schema(transaction, push.schema.get(), only_compute));
          HULL_TRY(push.external_packages_id, record_external_packages(transaction, push.node));
          return {};
        });
    HULL_CHECK_OK(committed);
    if (options_.maintenance) options_.maintenance->wake();
    spdlog::info("push started modules={} dry_run={} schema={}", push.functions.size(), only_compute,
                 push.schema != nullptr);
    return "{" + push.answer_json() + ",\"schemaChange\":" + change + "}";
  }

  Result<std::string> dry_evaluation(PushRequest request) {
    HULL_TRY(auto push, evaluate(options_, std::move(request)));
    Transaction transaction(engine().snapshot(), system_transaction_options(*options_.knobs, true));
    HULL_TRY(auto change, change_schema(transaction, push.schema.get(), false));
    return "{\"schemaChange\":" + change + "}";
  }

  // Removes source packages nobody needs, unless a push is under way: the end of that one tries again.
  void collect() {
    std::unique_lock alone(collection_, std::try_to_lock);
    if (!alone) return;
    SnapshotPtr snapshot = engine().snapshot();
    auto removed = collect_packages(*snapshot->catalog(), options_.runner->code().packages_in_use(),
                                    unix_nanos(), *options_.blobs);
    if (!removed.ok()) {
      spdlog::warn("cannot remove old source packages: {}", removed.error().message);
    } else if (*removed > 0) {
      spdlog::info("removed {} source package(s) of earlier pushes", *removed);
    }
  }

  DeployOptions options_;
  // Shared by pushes while they rely on stored packages, alone for their collection.
  std::shared_mutex collection_;
};

}  // namespace

std::unique_ptr<Deploy> Deploy::create(DeployOptions options) {
  return std::make_unique<DeployImpl>(std::move(options));
}

}  // namespace hull
