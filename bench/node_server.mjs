// Baseline of the live-query figures: what one would write by hand in Node. Counters in SQLite (one durable transaction per write),
// every query evaluated again after each write, and those whose result changed sent over `ws`. Speaks just enough of the sync
// protocol and of the HTTP API for the load generators.
//   node bench/node_server.mjs <port> <database file>      runs until it is killed
import { createServer } from "node:http";
import { DatabaseSync } from "node:sqlite";
import { WebSocketServer } from "ws";

const [port, file] = process.argv.slice(2);
const database = new DatabaseSync(file);
database.exec("PRAGMA journal_mode=WAL; PRAGMA synchronous=FULL; CREATE TABLE IF NOT EXISTS counters (name TEXT PRIMARY KEY, value REAL)");
const select = database.prepare("SELECT value FROM counters WHERE name = ?");
const upsert = database.prepare("INSERT INTO counters VALUES (?, 1) ON CONFLICT (name) DO UPDATE SET value = value + 1 RETURNING value");

const FUNCTIONS = {
  "counters:get": ({ name }) => select.get(name)?.value ?? 0,
  "facts:echo": ({ value }) => value,
};
const encodeTimestamp = (n) => {
  const bytes = Buffer.alloc(8);
  bytes.writeBigUInt64LE(BigInt(n));
  return bytes.toString("base64");
};
let timestamp = Date.now() * 1e6;
const subscribers = new Set();

function transition(subscriber, changed) {
  const startVersion = subscriber.version;
  const endVersion = { querySet: subscriber.querySet, identity: 0, ts: encodeTimestamp(timestamp) };
  subscriber.version = endVersion;
  const modifications = changed.map(({ id, json }) => `{"type":"QueryUpdated","queryId":${id},"value":${json},"logLines":[],"journal":null}`);
  subscriber.socket.send(
    `{"type":"Transition","startVersion":${JSON.stringify(startVersion)},"endVersion":${JSON.stringify(endVersion)},"modifications":[${modifications}]}`,
  );
}
function evaluate(subscriber) {
  const changed = [];
  for (const query of subscriber.queries.values()) {
    const json = JSON.stringify(FUNCTIONS[query.path](query.args));
    if (json !== query.json) changed.push({ id: query.id, json: (query.json = json) });
  }
  return changed;
}

const http = createServer(async (request, response) => {
  let body = "";
  for await (const chunk of request) body += chunk;
  const { path, args } = JSON.parse(body);
  const query = request.url === "/api/query";
  const value = query ? FUNCTIONS[path](args) : upsert.get(args.name).value;
  response.setHeader("Content-Type", "application/json");
  response.end(JSON.stringify({ status: "success", value }));
  if (query) return;
  timestamp += 1000;
  for (const subscriber of subscribers) {
    const changed = evaluate(subscriber);
    if (changed.length > 0) transition(subscriber, changed);
  }
});
new WebSocketServer({ server: http }).on("connection", (socket) => {
  const subscriber = { socket, queries: new Map(), querySet: 0, version: { querySet: 0, identity: 0, ts: encodeTimestamp(0) } };
  subscribers.add(subscriber);
  socket.on("close", () => subscribers.delete(subscriber));
  socket.on("message", (data) => {
    const message = JSON.parse(data);
    if (message.type !== "ModifyQuerySet") return;
    subscriber.querySet = message.newVersion;
    for (const { type, queryId, udfPath, args } of message.modifications) {
      if (type === "Add") subscriber.queries.set(queryId, { id: queryId, path: udfPath, args: args[0] });
      else subscriber.queries.delete(queryId);
    }
    transition(subscriber, evaluate(subscriber));
  });
});
http.listen(Number(port), "127.0.0.1", 1024);
