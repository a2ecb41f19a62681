// Functions called within a transaction: limits, commit timestamps, refusals (syscalls.md §8.2).
#include <gmock/gmock.h>

#include "functions/test_deployment.h"

namespace hull::testing {
namespace {

using ::testing::HasSubstr;

constexpr const char* kModule = R"js(
const limited = (udfType, name, args, transactionLimits) => op('1.0/runUdf', {udfType, name, args, transactionLimits});
const caught = async (promise) => { try { return await promise; } catch (e) { return e.message; } };
const token = {$commitTs: null};
export const fill = mutation(async ({n}) => { for (let i = 0; i < n; i++) await insert('rows', {i}); });
export const readAll = query(async () => (await collect('rows')).length);
export const readUnder = query(async ({limits}) => [
  await caught(limited('query', 'm:readAll', {}, limits)), await runQuery('m:readAll')]);
export const snapshotUnder = mutation(async ({limits}) => {
  await insert('rows', {i: 99});
  return [await caught(limited('snapshotQuery', 'm:readAll', {}, limits)), await runQuery('m:readAll'),
    (await op('1.0/getTransactionMetrics', {})).documentsRead.used];
});
export const writeUnder = mutation(async ({limits}) => [
  await caught(limited('mutation', 'm:fill', {n: 3}, limits)), await runQuery('m:readAll')]);
export const metrics = query(async () => (await op('1.0/getTransactionMetrics', {})).documentsRead);
export const metricsUnder = query(async ({limits}) => {
  await collect('rows', 1);
  return limited('query', 'm:metrics', {}, limits);
});
export const echo = mutation(async ({v}) => v);
export const stamped = mutation(async () => {
  const id = await insert('stamps', {at: token});
  const row = await op('1.0/get', {id});
  const back = await runMutation('m:echo', {v: [token]});
  return [JSON.stringify(row.at), JSON.stringify(back)];
});
export const stamps = query(async () => (await collect('stamps')).map(r => typeof r.at.$integer));
export const leaks = mutation(async () => token);
export const queryRange = query(async () => {
  const id = stream({source: {type: 'IndexRange', indexName: 'rows.by_creation_time', order: 'asc',
    range: [{type: 'Gt', fieldPath: '_creationTime', value: token}]}, operators: []});
  return next(id);
});
export const badReturn = mutation(async () => { await insert('rows', {i: 0}); return 'x'; });
export const catchesBadReturn = mutation(async () => [await caught(runMutation('m:badReturn')), await runQuery('m:readAll')]);
export const deep = mutation(async () => {
  let v = 1;
  for (let i = 0; i < 13; i++) v = [v];
  await insert('rows', {v});
});
)js";

class NestedCallTest : public ::testing::Test {
 protected:
  void SetUp() override {
    ASSERT_EQ(d.push({{"m.js", kModule}}, {{"badReturn", {"", R"({"type":"number"})"}}}), "");
    ASSERT_TRUE(d.mutation("m:fill", R"({"n":5})").ok());
  }
  TestDeployment d;
};

TEST_F(NestedCallTest, LimitsBindTheCallAndNotItsCaller) {
  std::string under = d.text(d.query("m:readUnder", R"({"limits":{"documentsRead":3}})"));
  EXPECT_THAT(under, HasSubstr("Too many documents read in a single function execution (limit: 3)."));
  EXPECT_THAT(under, HasSubstr(",5]"));
  EXPECT_EQ(d.text(d.query("m:readUnder", R"({"limits":{"documentsRead":5,"filesRead":1}})")), "[5,5]");
  EXPECT_EQ(d.text(d.query("m:readUnder", R"({"limits":{"documentsRead":null}})")), "[5,5]");
  EXPECT_THAT(d.text(d.query("m:readUnder", R"({"limits":{"bytesRead":-1}})")),
              HasSubstr("Invalid arguments for `runUdf`: `bytesRead` must be a non-negative integer"));
  EXPECT_EQ(d.text(d.query("m:metricsUnder", R"({"limits":{"documentsRead":7}})")),
            R"({"remaining":7,"used":1})");
  std::string written = d.text(d.mutation("m:writeUnder", R"({"limits":{"documentsWritten":2}})"));
  EXPECT_THAT(written, HasSubstr("Too many writes in a single function execution (limit: 2)"));
  EXPECT_THAT(written, HasSubstr(",5]"));
}

TEST_F(NestedCallTest, SnapshotQueriesReadThePastOnTheCallersAccount) {
  EXPECT_EQ(d.text(d.mutation("m:snapshotUnder", R"({"limits":{}})")), "[5,6,11]");
  EXPECT_THAT(d.text(d.mutation("m:snapshotUnder", R"({"limits":{"documentsRead":2}})")),
              HasSubstr("Too many documents read in a single function execution (limit: 2)."));
}

TEST_F(NestedCallTest, CommitTimestampsStayInsideTheMutation) {
  EXPECT_EQ(d.text(d.mutation("m:stamped", "{}")), R"(["{\"$commitTs\":null}","[{\"$commitTs\":null}]"])");
  EXPECT_EQ(d.text(d.query("m:stamps")), R"(["string"])");
  EXPECT_THAT(d.text(d.mutation("m:leaks", "{}")),
              HasSubstr("Value contains an unresolved commit timestamp"));
  EXPECT_THAT(d.text(d.query("m:queryRange")),
              HasSubstr("Field name $commitTs starts with '$', which is reserved."));
}

TEST_F(NestedCallTest, ARefusedReturnValueRollsBackAndCanBeCaught) {
  EXPECT_EQ(
      d.text(d.mutation("m:catchesBadReturn", "{}")),
      R"js(["ReturnsValidationError: Value does not match validator.\n\nValue: \"x\"\nValidator: v.float64()",5])js");
}

TEST_F(NestedCallTest, DocumentsNearTheirLimitsWarn) {
  auto result = d.mutation("m:deep", "{}");
  ASSERT_TRUE(result.ok()) << d.text(result);
  ASSERT_EQ(result.log_lines.size(), 1u);
  EXPECT_EQ(result.log_lines[0].system_code, "warning:TooNested");
  EXPECT_EQ(result.log_lines[0].level, "WARN");
  EXPECT_THAT(result.log_lines[0].messages[0], HasSubstr("Deeply nested document written with ID \""));
}

}  // namespace
}  // namespace hull::testing
