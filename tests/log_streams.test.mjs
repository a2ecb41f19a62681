// Log streams against receivers on this machine: verification, delivery, signature, retries, topics, configuration.
import assert from "node:assert/strict";
import { createHmac } from "node:crypto";
import { existsSync, mkdtempSync, readFileSync } from "node:fs";
import { createServer } from "node:http";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, describe, it } from "node:test";
import { App } from "./lib/cli.mjs";
import { HullServer, ROOT, sleep } from "./lib/server.mjs";

let server, app, receiver, localFile;
const received = [];
let answerWith = () => 200;

before(async () => {
  receiver = createServer((request, response) => {
    const chunks = [];
    request.on("data", (chunk) => chunks.push(chunk));
    request.on("end", () => {
      const body = Buffer.concat(chunks).toString();
      const entry = { path: request.url, headers: request.headers, body };
      entry.status = answerWith(entry);
      received.push(entry);
      response.writeHead(entry.status).end();
    });
  });
  await new Promise((done) => receiver.listen(0, "127.0.0.1", done));
  localFile = join(mkdtempSync(join(tmpdir(), "hull-test-")), "events.jsonl");
  server = await HullServer.start({ args: ["--local-log-sink", localFile] });
  app = new App(join(ROOT, "tests/app"), server);
  await app.push();
});
after(async () => {
  app?.remove();
  await server?.stop();
  receiver?.close();
});

const target = (path) => `http://127.0.0.1:${receiver.address().port}${path}`;
async function api(path, body) {
  const response = body === undefined ? await server.get(`/api/v1/${path}`, { key: true }) : await server.post(`/api/v1/${path}`, body, { key: true });
  const text = await response.text();
  return { http: response.status, body: text ? JSON.parse(text) : null };
}
async function until(what, condition, timeout = 15_000) {
  const end = Date.now() + timeout;
  while (Date.now() < end) {
    const value = await condition();
    if (value) return value;
    await sleep(50);
  }
  assert.fail(`not seen: ${what}`);
}
const status = async (id) => (await api(`get_log_stream/${id}`)).body.status;
const eventsAt = (path) => received.filter((entry) => entry.path === path && entry.status === 200).flatMap((entry) => JSON.parse(entry.body));

describe("webhook", () => {
  let id, secret;
  it("is verified", async () => {
    const created = await api("create_log_stream", { logStreamType: "webhook", url: target("/hook"), format: "json" });
    assert.equal(created.http, 200);
    assert.equal(created.body.logStreamType, "webhook");
    ({ id, hmacSecret: secret } = created.body);
    await until("active", async () => (await status(id)).type === "active");
    const [event] = eventsAt("/hook");
    assert.deepEqual({ ...event, timestamp: 0 }, {
      topic: "verification",
      timestamp: 0,
      message: "Convex connection test",
      convex: { deployment_name: event.convex.deployment_name, deployment_type: null, deployment_ref: null, project_name: null, project_slug: null, deployment_region: null },
    });
    assert.equal((await api("create_log_stream", { logStreamType: "webhook", url: target("/b"), format: "json" })).body.code, "LogStreamAlreadyExists");
  });
  it("gets console lines and executions, signed, also after a 503", async () => {
    let refusals = 2;
    answerWith = () => (refusals-- > 0 ? 503 : 200);
    await server.call("mutation", "notes:add", { text: "hello", rank: 1 });
    await server.call("mutation", "notes:fail", { data: "x" });
    await server.call("action", "actions:relay", { text: "relayed" });
    const of = (topic, path) => eventsAt("/hook").filter((event) => event.topic === topic && event.function.path === path);
    await until("the events", () => of("function_execution", "actions:relay").length > 0);
    assert.ok(received.some((entry) => entry.status === 503), "a retry was needed");
    const [line] = of("console", "notes:add");
    assert.deepEqual([line.log_level, line.message, line.is_truncated, line.function.type], ["LOG", "'adding' 'hello'", false, "mutation"]);
    const [run] = of("function_execution", "notes:add");
    assert.deepEqual([run.status, run.error_message, run.run_reason, run.will_retry, run.usage.database_write_documents], ["success", null, "httpApi", false, 1]);
    const [failed] = of("function_execution", "notes:fail");
    assert.equal(failed.status, "failure");
    assert.match(failed.error_message, /ConvexError/);
    assert.match(of("console", "actions:relay")[0].message, /^'relaying' \{\s+text: 'relayed'\s+\}$/);
    for (const entry of received) {
      assert.equal(entry.headers["content-type"], "application/json");
      assert.equal(entry.headers["x-webhook-signature"], `sha256=${createHmac("sha256", secret).update(entry.body).digest("hex")}`);
    }
    const { delivery } = (await api(`get_log_stream/${id}`)).body;
    assert.ok(delivery.delivered >= 5);
    assert.equal(delivery.dropped, 0);
  });
  it("rotates its secret, outlives a restart, and takes other settings", async () => {
    const rotated = (await api(`rotate_webhook_secret/${id}`, {})).body;
    assert.notEqual(rotated.hmacSecret, secret);
    await server.kill("SIGTERM");
    await server.launch();
    assert.deepEqual(await status(id), { type: "active" });
    assert.equal((await api(`update_log_stream/${id}`, { logStreamType: "webhook", format: "jsonl", topics: ["console"], url: target("/lines") })).http, 200);
    await until("active again", async () => (await status(id)).type === "active");
    await server.call("mutation", "notes:add", { text: "second", rank: 1 });
    const entry = await until("the line", () => received.find((each) => each.path === "/lines" && each.body.includes("second")));
    assert.deepEqual(entry.body.split("\n").map((line) => JSON.parse(line).topic), ["console"]);
    assert.equal(entry.headers["x-webhook-signature"], `sha256=${createHmac("sha256", rotated.hmacSecret).update(entry.body).digest("hex")}`);
    const { body: config } = await api(`get_log_stream/${id}`);
    assert.deepEqual([config.format, config.topics, config.hmacSecret], ["jsonl", ["console"], rotated.hmacSecret]);
    assert.equal((await api(`update_log_stream/${id}`, { logStreamType: "webhook", topics: null })).http, 200);
    assert.equal((await api(`get_log_stream/${id}`)).body.topics, undefined);
    assert.equal((await api(`delete_log_stream/${id}`, {})).http, 200);
    assert.deepEqual((await api(`get_log_stream/${id}`)).body.code, "LogStreamDoesntExist");
  });
  it("fails with the reason", async () => {
    answerWith = () => 404;
    const { body } = await api("create_log_stream", { logStreamType: "webhook", url: target("/gone"), format: "json" });
    const failed = await until("failed", async () => ((await status(body.id)).type === "failed" ? await status(body.id) : null));
    assert.deepEqual(failed, { type: "failed", reason: "endpoint rejected the request with 404 Not Found" });
    await api(`delete_log_stream/${body.id}`, {});
    answerWith = () => 200;
  });
});

describe("other receivers", () => {
  it("PostHog logs, as OTLP", async () => {
    const { body } = await api("create_log_stream", { logStreamType: "postHogLogs", apiKey: "phc_secret", host: target("/ph") });
    await until("active", async () => (await status(body.id)).type === "active");
    const [first] = received.filter((entry) => entry.path === "/ph/i/v1/logs");
    assert.equal(first.headers.authorization, "Bearer phc_secret");
    const record = JSON.parse(first.body).resourceLogs[0].scopeLogs[0].logRecords[0];
    assert.equal(JSON.parse(record.body.stringValue).topic, "verification");
    assert.ok(!JSON.stringify((await api("list_log_streams")).body).includes("phc_secret"));
    await api(`delete_log_stream/${body.id}`, {});
  });
  it("Sentry gets exceptions only", async () => {
    const { body } = await api("create_log_stream", { logStreamType: "sentry", dsn: target("/42").replace("//", "//public@"), tags: { team: "a" } });
    await until("active", async () => (await status(body.id)).type === "active");
    await server.call("mutation", "notes:fail", {});
    const entry = await until("the exception", () => received.find((each) => each.path === "/api/42/envelope/" && each.body.includes("notes:fail")));
    const [head, item, payload] = entry.body.trim().split("\n").map((line) => JSON.parse(line));
    assert.equal(head.event_id, payload.event_id);
    assert.equal(item.type, "event");
    assert.equal(payload.tags.func, "notes:fail");
    assert.equal(payload.tags.team, "a");
    assert.equal(payload.exception.values.length, 1);
    await api(`delete_log_stream/${body.id}`, {});
  });
  it("a local file", async () => {
    await until("lines", () => existsSync(localFile) && readFileSync(localFile, "utf8").includes("notes:add"));
    const events = readFileSync(localFile, "utf8").trim().split("\n").map((line) => JSON.parse(line));
    assert.ok(events.some((event) => event.topic === "function_execution" && event.function.path === "notes:add"));
  });
});

describe("configurations that are refused", () => {
  const webhook = { logStreamType: "webhook", url: "http://a", format: "json" };
  for (const [body, code] of [
    [{ ...webhook, logStreamType: "carrierPigeon" }, "UnsupportedLogStreamType"],
    [{ ...webhook, url: "ftp://a" }, "InvalidWebhookUrl"],
    [{ ...webhook, topics: [] }, "EmptyLogTopics"],
    [{ ...webhook, topics: ["nonsense"] }, "InvalidLogTopic"],
    [{ ...webhook, format: "xml" }, "BadJsonBody"],
    [{ logStreamType: "axiom", apiKey: "k", datasetName: "d", attributes: [], ingestUrl: "http://a" }, "InvalidAxiomIngestUrl"],
    [{ logStreamType: "sentry", dsn: "https://nokey/1" }, "InvalidSentryDsn"],
    [{ logStreamType: "postHogLogs", apiKey: "k", host: "a" }, "InvalidPostHogHost"],
    [{ logStreamType: "datadog", siteLocation: "US1", ddTags: [] }, "BadJsonBody"],
  ]) {
    it(code, async () => {
      const refused = await api("create_log_stream", body);
      assert.deepEqual([refused.http, refused.body.code], [400, code]);
    });
  }
});
