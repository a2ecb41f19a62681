// examples/tasks: the script client runs as its README says.
import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { after, before, it } from "node:test";
import { join } from "node:path";
import { promisify } from "node:util";
import { App } from "./lib/cli.mjs";
import { HullServer, ROOT } from "./lib/server.mjs";

let server, app;
before(async () => {
  server = await HullServer.start();
  app = new App(join(ROOT, "examples/tasks"), server);
  await app.push();
});
after(async () => {
  app?.remove();
  await server?.stop();
});

it("adds over HTTP, finishes over the websocket, prints the live list", async () => {
  const { stdout } = await promisify(execFile)(process.execPath, ["tasks.mjs", "buy rope", "paint the hull"], {
    cwd: app.dir,
    env: { ...process.env, CONVEX_URL: server.url },
    timeout: 30_000,
  });
  assert.match(stdout, /left open: 0/);
  assert.match(stdout, /open tasks: /);
});
