// What pushed code finds in its process: only the deployment's variables, and the globals that bundled CommonJS expects.

import { createRequire } from "node:module";
import { modulesDirectory } from "./directory.ts";

const kept = new Set(["PATH", "PWD", "LANG", "NODE_PATH", "TZ", "UTC"]);

export function setEnvironment(variables: Record<string, string>): void {
  for (const name of Object.keys(process.env)) if (!kept.has(name)) delete process.env[name];
  Object.assign(process.env, variables);
}

export function installCommonJs(): void {
  const directory = modulesDirectory();
  const filename = `${directory}index.js`;
  const module = { exports: {}, filename, id: filename, loaded: true, children: [], paths: [] };
  Object.assign(globalThis, {
    require: createRequire(filename),
    module,
    exports: module.exports,
    __dirname: directory.slice(0, -1),
    __filename: filename,
  });
}
