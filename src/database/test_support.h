// Test only: short ways to say things about transactions.
#pragma once

#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "database/fake_snapshot.h"
#include "database/transaction.h"
#include "value/json.h"

namespace hull::testing {

inline Value json(std::string_view text) {
  auto value = parse_convex_json(
      text, {.allow_undefined = true, .allow_undefined_fields = true, .allow_commit_ts = true});
  EXPECT_TRUE(value.ok()) << text << ": " << (value.ok() ? "" : value.error().message);
  return value.ok() ? *value : Value();
}

inline const InstanceSecret& test_secret() {
  static const InstanceSecret secret = *InstanceSecret::from_hex(std::string(64, 'a'));
  return secret;
}

inline Transaction::Options options(bool writable = true, TableAccess access = TableAccess::kUser,
                                    const Knobs* knobs = nullptr) {
  Transaction::Options result;
  result.access = access;
  result.writable = writable;
  result.knobs = knobs;
  result.cursors = {&test_secret(), "test"};
  return result;
}

inline QuerySpec spec(std::string_view text) {
  auto result = QuerySpec::parse(text, "queryStream", true);
  EXPECT_TRUE(result.ok()) << text << ": " << (result.ok() ? "" : result.error().message);
  return result.ok() ? *result : QuerySpec{};
}

// "code: message", or "" if the result is a value.
template <typename T>
std::string failure(const Result<T>& result) {
  return result.ok() ? "" : result.error().code + ": " + result.error().message;
}

inline std::vector<DocumentPtr> collect(Transaction& tx, const QuerySpec& query) {
  std::vector<DocumentPtr> documents;
  auto stream = tx.query(query, false);
  EXPECT_EQ(failure(stream), "");
  if (!stream.ok()) return documents;
  while (true) {
    auto document = (*stream)->next();
    EXPECT_EQ(failure(document), "");
    if (!document.ok() || !*document) return documents;
    documents.push_back(*document);
  }
}

inline std::string field(const DocumentPtr& document, std::string_view name) {
  auto value = document->value.view().find(name);
  return value ? display(*value) : "undefined";
}

inline std::string fields(const std::vector<DocumentPtr>& documents, std::string_view name) {
  std::string out;
  for (const auto& document : documents) out += (out.empty() ? "" : " ") + field(document, name);
  return out;
}

inline QuerySpec full_scan(std::string_view table, std::string_view order = "asc") {
  return spec(R"({"source":{"type":"FullTableScan","tableName":")" + std::string(table) + R"(","order":")" +
              std::string(order) + R"("},"operators":[]})");
}

}  // namespace hull::testing
