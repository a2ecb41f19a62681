// What `npx convex dev` prints of pushes that the server refuses, row by row: it keeps running, and each change of a file is the next push.
import assert from "node:assert/strict";
import { mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { after, before, describe, it } from "node:test";
import { dirname, join } from "node:path";
import { App } from "./lib/cli.mjs";
import { definitionRows, functionRows, pathRows, specialFileRows } from "./lib/push_errors.mjs";
import { HullServer, ROOT } from "./lib/server.mjs";

const PREFIX = "Hit an error while pushing:\n";

/** A deployment of its own, with a `dev` that watches; `rows` one after another. */
function refused(title, rows, prefix = PREFIX) {
  describe(title, { concurrency: false }, () => {
    let server;
    let app;
    let dev;
    let own;
    before(async () => {
      server = await HullServer.start();
      app = new App(join(ROOT, "tests/apps/push"), server);
      own = { "schema.ts": readFileSync(join(app.dir, "convex/schema.ts"), "utf8") };
      await app.push();
      dev = app.follow(["dev", "--typecheck", "disable", "--codegen", "disable", "--tail-logs", "disable"]);
      await dev.seen("Convex functions ready!");
    });
    after(async () => {
      await dev?.stop();
      app?.remove();
      await server?.stop();
    });
    let last = {};
    const replaceFiles = (files) => {
      dev.output = "";
      for (const name of Object.keys(last)) if (!(name in files) && !(name in own)) rmSync(join(app.dir, "convex", name));
      const kept = Object.keys(last).filter((name) => name in own && !(name in files));
      for (const [name, text] of [...kept.map((name) => [name, own[name]]), ...Object.entries(files)]) {
        mkdirSync(dirname(join(app.dir, "convex", name)), { recursive: true });
        writeFileSync(join(app.dir, "convex", name), text);
      }
      last = files;
    };
    for (const [what, files, code, text] of rows) {
      it(what, async () => {
        replaceFiles(files);
        await dev.seen(`400 Bad Request: ${code}: ${prefix}${text}`);
      });
    }
    it("goes on with what is right", async () => {
      assert.equal((await server.call("mutation", "messages:send", { body: "between" })).status, "success");
      replaceFiles({});
      await dev.seen("Convex functions ready!");
    });
  });
}

describe("refused pushes", { concurrency: true }, () => {
  refused("functions", functionRows);
  refused("http, crons and auth", specialFileRows);
  refused("schema and convex.config", definitionRows);
  refused("paths", pathRows, "");
});
