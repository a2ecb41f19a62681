// The published JavaScript clients: ConvexHttpClient, ConvexClient, ConvexReactClient.
import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { ConvexClient, ConvexHttpClient } from "convex/browser";
import { ConvexReactClient } from "convex/react";
import { anyApi as api } from "convex/server";
import { ConvexError } from "convex/values";
import { useApp } from "./lib/fixture.mjs";
import { sleep, until } from "./lib/server.mjs";

const hull = useApp("tests/app");

describe("ConvexHttpClient", () => {
  it("query, mutation, action, consistent reads, errors", async () => {
    const http = new ConvexHttpClient(hull.server.url, { logger: false });
    const id = await http.mutation(api.notes.add, { text: "http", rank: 1 });
    assert.equal((await http.query(api.notes.get, { id })).text, "http");
    assert.equal(await http.action(api.actions.nested, {}), "outer inner");
    assert.equal((await http.consistentQuery(api.notes.get, { id })).text, "http");
    await assert.rejects(http.mutation(api.notes.fail, { data: "why" }), (error) => error instanceof ConvexError && error.data === "why");
    assert.equal(await http.query(api.facts.echo, { value: 12n }), 12n);
  });
});

describe("ConvexClient", () => {
  it("live queries follow writes of another client", async () => {
    const reader = new ConvexClient(hull.server.url, { logger: false });
    const writer = new ConvexClient(hull.server.url, { logger: false });
    try {
      const seen = [];
      reader.onUpdate(api.counters.get, { name: "live" }, (value) => seen.push(value));
      await until(() => seen.length === 1);
      for (let n = 1; n <= 3; n++) {
        assert.equal(await writer.mutation(api.counters.bump, { name: "live" }), n);
        await until(() => seen.at(-1) === n);
      }
      assert.deepEqual(seen, [0, 1, 2, 3]);
    } finally {
      await reader.close();
      await writer.close();
    }
  });

  it("mutations of one client run in order, each once; errors arrive", async () => {
    const client = new ConvexClient(hull.server.url, { logger: false });
    try {
      const results = await Promise.all(Array.from({ length: 100 }, () => client.mutation(api.counters.bump, { name: "order" })));
      assert.deepEqual(results, Array.from({ length: 100 }, (_, n) => n + 1));
      await assert.rejects(client.mutation(api.notes.fail, {}), /boom/);
      await assert.rejects(client.action(api.actions.explode, {}), /action boom/);
      await assert.rejects(client.query(api.notes.nothing, {}), /Could not find public function for 'notes:nothing'/);
    } finally {
      await client.close();
    }
  });

  it("64 writers on one counter lose nothing", async () => {
    const clients = Array.from({ length: 64 }, () => new ConvexClient(hull.server.url, { logger: false }));
    try {
      await Promise.all(clients.map(async (client) => {
        for (let n = 0; n < 3; n++) await client.mutation(api.counters.bump, { name: "hot" });
      }));
      assert.equal(await clients[0].query(api.counters.get, { name: "hot" }), 192);
    } finally {
      await Promise.all(clients.map((client) => client.close()));
    }
  });

  it("a mutation in flight while the connection drops runs once", async () => {
    const client = new ConvexClient(hull.server.url, { logger: false });
    try {
      await client.query(api.counters.get, { name: "drop" });
      const pending = Array.from({ length: 20 }, () => client.mutation(api.counters.bump, { name: "drop" }));
      await sleep(5);
      client.client.webSocketManager.closeAndReconnect("Test");
      await Promise.all(pending);
      assert.equal(await client.query(api.counters.get, { name: "drop" }), 20);
    } finally {
      await client.close();
    }
  });
});

describe("ConvexReactClient", () => {
  it("watchQuery and optimistic updates", async () => {
    const client = new ConvexReactClient(hull.server.url, { logger: false });
    try {
      const watch = client.watchQuery(api.counters.get, { name: "react" });
      const seen = [];
      const stop = watch.onUpdate(() => seen.push(watch.localQueryResult()));
      await until(() => seen.at(-1) === 0);
      const done = client.mutation(api.counters.bump, { name: "react" }, {
        optimisticUpdate: (store) => store.setQuery(api.counters.get, { name: "react" }, 77),
      });
      await until(() => seen.includes(77));
      assert.equal(await done, 1);
      assert.equal(watch.localQueryResult(), 1);
      stop();
    } finally {
      await client.close();
    }
  });
});
