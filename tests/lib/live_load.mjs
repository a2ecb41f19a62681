// Clients with a live query each and a steady writer, while something happens to their deployment.
import { ConvexClient } from "convex/browser";
import { sleep, until } from "./server.mjs";

const WRITES_PER_SECOND = 10;

/**
 * `watch` is [query, args], `newest(value)` what it tells of the latest write, `write(n)` gives [mutation, args] of the n-th, whose trace in
 * the query is `trace(n)`. Runs `change(load)`, then stops writing and waits until every client has seen the last write.
 * Gives the errors of all calls, and the longest time of a mutation in ms. `load.updates()` counts what the clients were sent.
 */
export async function underLoad({ server, clients, token, watch, newest, write, trace }, change) {
  const errors = [];
  const connect = () => {
    const client = new ConvexClient(server.url, { logger: false, onServerDisconnectError: (error) => errors.push(`disconnect: ${error}`) });
    if (token !== undefined) client.setAuth(async () => token);
    return client;
  };
  let updates = 0;
  const watched = Array.from({ length: clients }, () => {
    const entry = { client: connect() };
    const seen = (value) => {
      entry.newest = newest(value);
      updates++;
    };
    entry.client.onUpdate(...watch, seen, (error) => errors.push(`query: ${error}`));
    return entry;
  });
  const writer = connect();
  let running = true;
  let written = 0;
  let slowest = 0;
  const writing = (async () => {
    const calls = [];
    for (let n = 0; running; n++) {
      const started = performance.now();
      const done = () => {
        written++;
        slowest = Math.max(slowest, performance.now() - started);
      };
      calls.push(writer.mutation(...write(n)).then(done, (error) => errors.push(`mutation: ${error}`)));
      await sleep(1000 / WRITES_PER_SECOND);
    }
    await Promise.all(calls);
  })();
  try {
    await until(() => watched.every(({ newest: value }) => value !== undefined), 60_000);
    await change({ updates: () => updates });
  } finally {
    running = false;
  }
  await writing;
  try {
    const last = trace(written - 1);
    await until(() => errors.length > 0 || watched.every(({ newest: value }) => value === last), 60_000);
  } finally {
    await Promise.all([writer, ...watched.map(({ client }) => client)].map((client) => client.close()));
  }
  return { errors, written, slowest };
}
