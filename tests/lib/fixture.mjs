// A server with an app for one test file: made before its tests, removed after them.
import { after, before } from "node:test";
import { join } from "node:path";
import { App } from "./cli.mjs";
import { HullServer, ROOT } from "./server.mjs";

/** `directory` is relative to the repository. The result's `server` and `app` are set once the tests run. */
export function useApp(directory, { push = true } = {}) {
  const hull = {};
  before(async () => {
    hull.server = await HullServer.start();
    hull.app = new App(join(ROOT, directory), hull.server);
    if (push) await hull.app.push();
  });
  after(async () => {
    hull.app?.remove();
    await hull.server?.stop();
  });
  return hull;
}
