// examples/tasks: the script client runs as its README says.
import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { it } from "node:test";
import { promisify } from "node:util";
import { useApp } from "./lib/fixture.mjs";

const hull = useApp("examples/tasks");

it("adds over HTTP, finishes over the websocket, prints the live list", async () => {
  const { stdout } = await promisify(execFile)(process.execPath, ["tasks.mjs", "buy rope", "paint the hull"], {
    cwd: hull.app.dir,
    env: { ...process.env, CONVEX_URL: hull.server.url },
    timeout: 30_000,
  });
  assert.match(stdout, /left open: 0/);
  assert.match(stdout, /open tasks: /);
});
