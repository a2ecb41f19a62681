// `process.env` (runtime.md §2): a proxy that only answers `get`, with the rules of each phase (deploy-and-cli.md §3.7-§3.9).

import { CodedError } from "../developer_error.ts";
import { hull } from "../host.ts";
import { phase } from "../state.ts";

const validName = /^[a-zA-Z][a-zA-Z0-9_]{0,255}$/;

function readVariable(_target: object, name: string | symbol): string | undefined {
  if (typeof name === "symbol") return undefined;
  if (!validName.test(name)) {
    throw new Error(
      `The environment variable name ${name} is invalid. Environment variable names must begin with a letter and may only ` +
        "include characters a-z, A-Z, 0-9, and underscores.",
    );
  }
  const current = phase();
  if (current === "schema") throw new Error("Environment variables unsupported when evaluating schema");
  const value = hull.env(name);
  if (value === undefined && current === "auth") {
    throw new CodedError(
      `Environment variable ${name} is used in auth config file but its value was not set`,
      "AuthConfigMissingEnvironmentVariable",
    );
  }
  return value;
}

export const process = { env: new Proxy(Object.create(null), { __proto__: null, get: readVariable } as ProxyHandler<object>) as Record<string, string | undefined> };
