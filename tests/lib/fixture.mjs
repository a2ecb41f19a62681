// A server with an app for one test file: made before its tests, removed after them.
import { after, before } from "node:test";
import { join } from "node:path";
import { App } from "./cli.mjs";
import { HullServer, ROOT } from "./server.mjs";

/**
 * `directory` is relative to the repository, `env` the server's environment. The result's `server` and `app` are set once the
 * tests run.
 */
export function useApp(directory, { push = true, env } = {}) {
  const hull = {};
  before(async () => {
    hull.server = await HullServer.start({ env });
    hull.app = new App(join(ROOT, directory), hull.server);
    if (push) await hull.app.push();
  });
  after(async () => {
    hull.app?.remove();
    await hull.server?.stop();
  });
  return hull;
}
