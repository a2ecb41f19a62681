// GET /metrics as Prometheus reads it, and what is counted (operations.md §13.2).
import assert from "node:assert/strict";
import { after, before, describe, it } from "node:test";
import { join } from "node:path";
import { ConvexClient } from "convex/browser";
import { App } from "./lib/cli.mjs";
import { parseExposition } from "./lib/exposition.mjs";
import { HullServer, ROOT } from "./lib/server.mjs";

let server;
let app;
before(async () => {
  server = await HullServer.start({ env: { CONVEX_SITE: "my \"site\"", FUNCTION_LOGS_TO_STDOUT: "1" } });
  app = new App(join(ROOT, "tests/app"), server);
  await app.push();
});
after(async () => {
  app?.remove();
  await server?.stop();
});

const board = (name) => `convex_local_backend_${name}`;
async function scrape() {
  const response = await server.get("/metrics");
  assert.equal(response.status, 200);
  assert.match(response.headers.get("content-type"), /^text\/plain; version=0\.0\.4/);
  const families = parseExposition(await response.text());
  /** Sum over the samples with these labels; of histograms, how many values there were. */
  const value = (name, labels = {}) => {
    const family = families.get(name);
    if (!family) return undefined;
    const wanted = family.TYPE === "histogram" ? `${name}_count` : name;
    const samples = family.samples.filter((s) => s.name === wanted && Object.entries(labels).every(([k, v]) => s.labels[k] === v));
    return samples.length === 0 ? undefined : samples.reduce((sum, s) => sum + s.value, 0);
  };
  return { families, value };
}

describe("the strict reader refuses", () => {
  const head = "# HELP a x\n# TYPE a counter\n";
  for (const [what, text] of Object.entries({
    "a sample twice": `${head}a{b="1"} 1\na{b="1"} 2\n`,
    "a sample without a family": "a 1\n",
    "a bad number": `${head}a 1,5\n`,
    "a raw newline in a label": `${head}a{b="x\ny"} 1\n`,
    "a family in two places": `${head}a 1\n# HELP b x\n# TYPE b gauge\nb 1\n${head}a{c="2"} 1\n`,
    "buckets that are not cumulative": '# HELP h x\n# TYPE h histogram\nh_bucket{le="1"} 2\nh_bucket{le="+Inf"} 1\nh_sum 1\nh_count 1\n',
    "a missing last line end": `${head}a 1`,
  })) {
    it(what, () => assert.throws(() => parseExposition(text)));
  }
});

describe("/metrics", () => {
  it("is well formed, with the site as a label of everything", async () => {
    const { families, value } = await scrape();
    for (const family of families.values())
      for (const sample of family.samples) assert.equal(sample.labels.instance_name, 'my "site"', sample.name);
    assert.equal(value(board("convex_binary_versions_total"), { binary: "hull" }), 1);
    for (const name of ["process_resident_memory_bytes", "process_cpu_seconds_total", "process_open_fds", "process_start_time_seconds"])
      assert.ok(value(name) > 0, name);
    assert.ok(Math.abs(value("process_start_time_seconds") - Date.now() / 1000) < 600);
    assert.ok(value("process_open_fds") < value("process_max_fds"));
    assert.ok(value(board("application_process_memory_bytes"), { component: "workers" }) > 0);
  });

  it("counts calls, rows, cache hits and errors of each function", async () => {
    const { value: earlier } = await scrape();
    const before = (name, labels) => earlier(name, labels) ?? 0;
    for (let i = 0; i < 3; i++) await server.call("mutation", "notes:add", { text: `t${i}`, rank: i });
    for (let i = 0; i < 4; i++) await server.call("query", "notes:list", {});
    await server.call("action", "actions:explode", {});
    await server.call("query", "nothing:here", {});
    const { value } = await scrape();
    const grown = (name, labels) => value(name, labels) - before(name, labels);

    const add = { function: "notes:add", udf_type: "Mutation" };
    const list = { function: "notes:list", udf_type: "Query" };
    assert.equal(grown("hull_function_calls_total", { ...add, result: "success" }), 3);
    assert.equal(grown("hull_function_written_rows_total", add), 3);
    assert.ok(grown("hull_function_written_bytes_total", add) > 100);
    assert.equal(grown("hull_function_calls_total", { ...list, result: "success" }), 4);
    assert.equal(grown("hull_function_cache_hits_total", list), 3);
    assert.ok(grown("hull_function_read_rows_total", list) >= 3);
    assert.equal(grown("hull_function_calls_total", { function: "actions:explode", result: "developer_error" }), 1);
    // A name that a client made up never becomes a label.
    assert.equal(value("hull_function_calls_total", { function: "nothing:here" }), undefined);
    assert.equal(grown("hull_function_calls_total", { function: "_other", udf_type: "Query" }), 1);

    assert.ok(grown(board("udf_execute_seconds"), { udf_type: "Mutation", status: "success" }) >= 3);
    assert.ok(grown(board("application_mutation_seconds"), { status: "success" }) >= 3);
    assert.ok(grown(board("database_commit_seconds"), { status: "success" }) >= 3);
    assert.ok(grown(board("udf_queue_seconds")) >= 4);
    assert.equal(grown(board("cache_plan_ready_total")), 3);
    assert.equal(grown(board("database_commit_rows")), 3);
    assert.ok(value(board("cache_size_bytes")) > 0);
  });

  it("names routes by their templates and bounds what clients choose", async () => {
    await fetch(`${server.url}/api/nope/${Math.random()}`, { headers: { "Convex-Client": "madeup-77.1.0" } });
    await fetch(`${server.url}/api/query`, { method: "POST", headers: { "Convex-Client": "npm-1.48.1" }, body: "{" });
    const { families } = await scrape();
    const samples = families.get(board("http_handle_duration_seconds")).samples;
    const some = (labels) => samples.some((s) => Object.entries(labels).every(([k, v]) => s.labels[k] === v));
    assert.ok(some({ endpoint: "unknown", status: "404", client_version: "other", is_test: "false" }));
    assert.ok(some({ endpoint: "/api/query", method: "POST", status: "400", client_version: "npm-1.48" }));
    assert.ok(!samples.some((s) => /nope|madeup/.test(JSON.stringify(s.labels))));
  });

  it("knows the open websockets and their messages", async () => {
    const client = new ConvexClient(server.url);
    await new Promise((done) => client.onUpdate("notes:list", {}, done));
    const { value } = await scrape();
    assert.equal(value(board("sync_protocol_websockets_total"), { partition_id: "0" }), 1);
    assert.ok(value(board("backend_ws_in_total")) >= 2);
    assert.ok(value(board("backend_ws_out_total"), { endpoint: "sync" }) >= 1);
    assert.ok(value("hull_open_connections") >= 1);
    await client.close();
  });

  it("counts conflicts", async () => {
    await Promise.all(Array.from({ length: 40 }, () => server.call("mutation", "counters:bump", { name: "hot" })));
    const { value } = await scrape();
    const lost = value("hull_function_conflicts_total", { function: "counters:bump" });
    assert.equal(value("hull_function_calls_total", { function: "counters:bump", result: "occ" }) ?? 0, lost);
    assert.equal(value("hull_function_calls_total", { function: "counters:bump", result: "success" }), 40);
    assert.equal(value(board("commit_race_total")), lost);
  });

  it("is not needed to see what functions print: FUNCTION_LOGS_TO_STDOUT", async () => {
    const requestId = "feedfacecafe0003";
    await server.call("action", "actions:relay", { text: "seen" }, { headers: { "Convex-Request-Id": requestId } });
    await server.call("action", "actions:explode", {}, { headers: { "Convex-Request-Id": requestId } });
    const lines = server.logText().split("\n").filter((line) => line.includes(requestId));
    assert.ok(lines.some((line) => / INFO functions: function=actions:relay request_id=feedfacecafe0003 \[INFO\] 'relaying' /.test(line)), lines.join("\n"));
    assert.ok(lines.some((line) => / WARN functions: function=actions:explode request_id=feedfacecafe0003 failed: Uncaught Error: action boom\\n/.test(line)));
  });

  it("can be switched off", async () => {
    const silent = await HullServer.start({ env: { DISABLE_METRICS_ENDPOINT: "true" } });
    try {
      const response = await silent.get("/metrics");
      assert.equal(response.status, 404);
      assert.deepEqual(await response.json(), { code: "MetricsDisabled", message: "/metrics endpoint disabled" });
    } finally {
      await silent.stop();
    }
  });
});
