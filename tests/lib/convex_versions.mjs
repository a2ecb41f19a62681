// npm `convex` as published in the twelve months before this server: versions whose push, protocol or CLI differ, installed from npm
// into a directory that is kept between runs.
import { execFile } from "node:child_process";
import { existsSync, mkdirSync, mkdtempSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";

export const VERSIONS = ["1.30.0", "1.31.7", "1.34.1", "1.38.0", "1.42.3", "1.45.0", "1.48.0", "1.49.0"];
const DIRECTORY = process.env.HULL_CONVEX_VERSIONS_DIR ?? join(tmpdir(), "hull-convex-versions");

/** Resolves to the node_modules directory of the version. */
export async function install(version) {
  const installed = join(DIRECTORY, version);
  if (!existsSync(installed)) {
    mkdirSync(DIRECTORY, { recursive: true });
    const unfinished = mkdtempSync(join(DIRECTORY, "unfinished-"));
    writeFileSync(join(unfinished, "package.json"), JSON.stringify({ private: true, dependencies: { convex: version } }));
    const options = { cwd: unfinished, env: { ...process.env, npm_config_update_notifier: "false" }, timeout: 180_000 };
    await promisify(execFile)("npm", ["install", "--no-audit", "--no-fund", "--ignore-scripts", "--prefer-offline"], options);
    try {
      renameSync(unfinished, installed);
    } catch (error) {
      // Another run was faster.
      if (!existsSync(installed)) throw error;
      rmSync(unfinished, { recursive: true });
    }
  }
  return join(installed, "node_modules");
}
