// Rows of a conformance table: each calls one function over HTTP and over a websocket and looks into the function log, and what it
// sees must be the same everywhere.
import assert from "node:assert/strict";
import { it } from "node:test";
import { inspect } from "node:util";
import { ConvexClient, ConvexHttpClient } from "convex/browser";
import { convexToJson } from "convex/values";
import { sleep } from "./server.mjs";

const HEAD = /^\[Request ID: ([0-9a-f]{16})\] Server Error\n/;

/** A regular expression for an error text: `text` as it is, then one frame per name ("handler", "async handler"; "" has none). */
export function failure(text, ...frames) {
  const escape = (plain) => plain.replace(/[.*+?^${}()|[\]\\]/g, "\\$&");
  const lines = frames.map((name) => {
    const place = String.raw`\.\.?/[\w./@+-]+:\d+:\d+`;
    if (name.startsWith("=")) return `    at ${escape(name.slice(1))}`;
    return name === "" || name === "async" ? `    at ${name && "async "}${place}` : `    at ${escape(name)} \\(${place}\\)`;
  });
  return new RegExp(`^${[escape(text), ...lines].join("\n")}\n$`);
}

/** The log entries of one request, oldest first; waits for the completion. */
export async function entriesOf(server, requestId) {
  for (let tries = 0; tries < 200; tries++) {
    const response = await server.get("/api/stream_function_logs?cursor=0", { key: true, headers: { "Convex-Client": "npm-cli-1.48.0" } });
    const entries = (await response.json()).entries.filter((entry) => entry.requestId === requestId);
    if (entries.some((entry) => entry.kind === "Completion" && entry.parentExecutionId === null && !entry.willRetry)) return entries;
    await sleep(10);
  }
  return assert.fail(`no log entry of request ${requestId}`);
}

/** What the log says about a request's own function: error text and lines ("[LOG] text", host lines with their code). */
async function logged(server, requestId) {
  const entries = (await entriesOf(server, requestId)).filter((entry) => entry.parentExecutionId === null);
  const lines = entries.flatMap((entry) => entry.logLines);
  return { error: entries.find((entry) => entry.kind === "Completion").error, lines };
}

function matches(actual, expected, what) {
  if (expected instanceof RegExp) assert.match(actual, expected, what);
  else if (typeof expected === "function") assert.ok(expected(actual), `${what}: ${inspect(actual)}`);
  else assert.deepEqual(actual, expected, what);
}

const text = (expected) => (typeof expected === "string" ? `${expected}\n` : expected);

export const prettyLine = ({ level, messages, isTruncated }) => `[${level}] ${messages.join(" ")}${isTruncated ? " (truncated due to length)" : ""}`;

async function overHttp(server, row, [kind, path, args = {}]) {
  const response = await server.post(`/api/${kind}`, { path, args, format: "convex_encoded_json" });
  const body = await response.json();
  if (row.status) {
    assert.equal(response.status, row.status);
    matches(body, row.body, "HTTP body");
    return;
  }
  assert.equal(response.status, 200, JSON.stringify(body));
  if (!("error" in row)) {
    assert.equal(body.status, "success", body.errorMessage);
    matches(body.value, row.value, "value over HTTP");
  } else {
    assert.equal(body.status, "error", JSON.stringify(body));
    const [head, requestId] = HEAD.exec(body.errorMessage);
    const message = body.errorMessage.slice(head.length);
    matches(message, text(row.error), "error over HTTP");
    assert.deepEqual(body.errorData, row.data, "error data over HTTP");
    const log = await logged(server, requestId);
    assert.equal(log.error, message, "error in the log");
    if (kind !== "action") assert.deepEqual(log.lines.map(prettyLine), body.logLines ?? [], "lines in the log");
  }
  if (row.logs) matches(body.logLines ?? [], row.logs, "log lines over HTTP");
}

async function overWebsocket(client, row, [kind, path, args = {}]) {
  let value;
  try {
    value = await client[kind](path, args);
  } catch (error) {
    assert.ok("error" in row, error.message);
    const start = `[CONVEX ${kind[0].toUpperCase()}(${path})] `;
    assert.ok(error.message.startsWith(start) && error.message.endsWith("\n  Called by client"), error.message);
    const message = error.message.slice(start.length, -"\n  Called by client".length);
    const head = HEAD.exec(message);
    assert.ok(head, message);
    matches(message.slice(head[0].length), text(row.error), "error over the websocket");
    assert.deepEqual(error.data === undefined ? undefined : convexToJson(error.data), row.data, "error data over the websocket");
    return;
  }
  assert.ok(!("error" in row), `no error but ${inspect(value)}`);
  matches(convexToJson(value), row.value, "value over the websocket");
}

/** One test per row: {name, run: [kind, path, args], value | error (+ data) | status (+ body), logs?, websocket?: false}. */
export function conformance(hull, rows) {
  for (const row of rows) {
    const [kind, path, args] = row.run;
    it(`${row.name ?? ""}${row.name ? " " : ""}(${kind} ${path}${args ? ` ${JSON.stringify(args).slice(0, 60)}` : ""})`, async () => {
      await overHttp(hull.server, row, row.run);
      if (row.status || row.websocket === false) return;
      const client = new ConvexClient(hull.server.url, { logger: false });
      try {
        await overWebsocket(client, row, row.run);
      } finally {
        await client.close();
      }
    });
  }
}

export const httpClient = (server) => new ConvexHttpClient(server.url, { logger: false });
