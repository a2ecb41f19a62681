// Usage limits, the audit log and the OpenAPI descriptions of /api/v1, and `npx convex deployment usage-limits`.
import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { useApp } from "./lib/fixture.mjs";
import { sleep } from "./lib/server.mjs";

const hull = useApp("tests/app");
async function api(path, body) {
  const response = body === undefined ? await hull.server.get(`/api/v1/${path}`, { key: true }) : await hull.server.post(`/api/v1/${path}`, body, { key: true });
  const text = await response.text();
  return { http: response.status, body: text ? JSON.parse(text) : null };
}
const calls = async () => (await api("get_current_usage")).body.metrics.functionCalls.usage;
async function until(what, condition) {
  for (let i = 0; i < 200; i++) {
    if (await condition()) return;
    await sleep(50);
  }
  assert.fail(`not seen: ${what}`);
}

describe("usage", () => {
  const limit = { metric: "functionCalls", window: "day", limitType: "disable", limit: 1e6, enabled: true };
  it("counts calls and database I/O, also over a restart", async () => {
    const before = await calls();
    for (let i = 0; i < 5; i++) await hull.server.call("mutation", "notes:add", { text: "x".repeat(1000), rank: i });
    await until("five calls", async () => (await calls()).current_day === before.current_day + 5);
    assert.equal((await calls()).current_month, before.current_month + 5);
    const { body } = await api("get_current_usage");
    assert.ok(body.metrics.databaseIoGb.usage.current_day >= 5e-6);
    assert.equal(body.metrics.databaseIoGb.unit, "GB");
    const counted = await calls();
    await hull.server.kill("SIGTERM");
    await hull.server.launch();
    assert.deepEqual(await calls(), counted);
  });
  it("limits are kept, and a `disable` limit stops functions until it is lifted", async () => {
    const created = await api("create_usage_limit", limit);
    assert.equal(created.http, 200);
    const { id, ...rest } = created.body.usageLimit;
    assert.deepEqual(rest, limit);
    assert.deepEqual((await api("list_usage_limits")).body, { usageLimits: [{ id, ...limit }] });
    const used = (await calls()).current_day;
    assert.equal((await api(`update_usage_limit/${id}`, { ...limit, limit: used + 2 })).body.usageLimit.limit, used + 2);
    await hull.server.call("query", "notes:list");
    await hull.server.call("query", "notes:list");
    await until("the stop", async () => /deployment is paused/.test((await hull.server.call("query", "notes:list")).errorMessage ?? ""));
    const state = await hull.server.call("query", "_system/frontend/backendState:backendState", {}, { key: true });
    assert.deepEqual(state.value, { system: "none", usage_limit: "disabled", user: "none" });
    assert.equal((await api(`update_usage_limit/${id}`, { ...limit, limit: 1 })).body.code, "UsageLimitBelowCurrentUsage");
    assert.equal((await api(`delete_usage_limit/${id}`, {})).http, 200);
    await until("functions again", async () => (await hull.server.call("query", "notes:list")).status === "success");
    assert.equal((await api(`delete_usage_limit/${id}`, {})).body.code, "UsageLimitNotFound");
  });
  it("limits that make no sense are refused", async () => {
    for (const [change, code] of [
      [{ limit: 0 }, "InvalidUsageLimit"],
      [{ metric: "dataEgressGb" }, "InvalidUsageLimit"],
      [{ metric: "smiles" }, "BadJsonBody"],
      [{ window: "year" }, "BadJsonBody"],
      [{ limit: "5" }, "BadJsonBody"],
    ]) {
      const refused = await api("create_usage_limit", { ...limit, ...change });
      assert.deepEqual([refused.http, refused.body.code], [400, code]);
    }
  });
  it("npx convex deployment usage-limits", async () => {
    const result = await hull.app.run(["deployment", "usage-limits", "list"]);
    assert.equal(result.code, 0, result.all);
  });
});

describe("descriptions", () => {
  it("name the routes that exist, with valid references", async () => {
    for (const path of ["/api/v1/openapi.json", "/api/public_openapi.json", "/api/dashboard_openapi.json"]) {
      const description = await (await hull.server.get(path)).json();
      assert.equal(description.openapi, "3.1.0");
      const ids = Object.values(description.paths).flatMap((methods) => Object.values(methods).map((operation) => operation.operationId));
      assert.equal(new Set(ids).size, ids.length);
      for (const [route, methods] of Object.entries(description.paths)) {
        for (const method of Object.keys(methods)) {
          const response = await fetch(hull.server.url + route.replaceAll(/\{\w+\}/g, "x"), { method: method.toUpperCase() });
          assert.notEqual(response.status, 405, `${method} ${route}`);
          if (response.status === 404) assert.notEqual(await response.text(), "", `${method} ${route}`);
          else await response.text();
        }
      }
    }
    const { paths } = await (await hull.server.get("/api/v1/openapi.json")).json();
    assert.ok(paths["/api/v1/update_usage_limit/{id}"].post.parameters[0].required);
  });
  it("the audit log, page by page", async () => {
    await hull.server.setEnv({ ONE: "1", TWO: "2" });
    const seen = [];
    for (let cursor = ""; ; ) {
      const { http, body } = await api(`list_audit_log_events?from=0&limit=2&cursor=${cursor}`);
      assert.equal(http, 200);
      seen.push(...body.items);
      if (!body.pagination.hasMore) break;
      cursor = body.pagination.nextCursor;
    }
    assert.deepEqual(seen.slice(-2).map(({ action, metadata }) => [action, metadata.variable_name]), [["create_environment_variable", "ONE"], ["create_environment_variable", "TWO"]]);
    assert.equal(seen[0].action, "push_config_with_components");
    assert.deepEqual((await api(`list_audit_log_events?from=${seen.at(-1).createTime}`)).body.items.at(-1), seen.at(-1));
    for (const [query, code] of [["limit=0", "LimitOutOfRange"], ["limit=101", "LimitOutOfRange"], ["cursor=!", "InvalidCursor"], ["from=x", "BadQueryArgs"]]) {
      const refused = await api(`list_audit_log_events?${query}`);
      assert.deepEqual([refused.http, refused.body.code], [400, code]);
    }
  });
});
