// Runs an exported action (syscalls.md §2.1, auth-and-node.md §7.3).

import { DeveloperError } from "../../src/developer_error.ts";
import { Call, describeException } from "./call.ts";
import { moduleUrl, modulesDirectory } from "./directory.ts";
import { scopes } from "./scope.ts";
import type { StartCall } from "./wire.ts";

export function invoke(start: StartCall): void {
  const call = new Call(start);
  scopes.run(call, () => run(call));
}

async function run(call: Call): Promise<void> {
  const { module: path, function: name, argsJson } = call.start;
  let ns: any;
  try {
    ns = await import(moduleUrl(path));
  } catch (error) {
    const described = describeException(error);
    described.message = described.message.replaceAll(modulesDirectory(), "");
    return call.failWith(described, true); // Node.js remembers that the module failed
  }
  try {
    const fn = ns[name];
    if (fn === undefined || fn === null) throw new DeveloperError(`Couldn't find action \`${name}\` in \`${path}\``);
    if (!fn.isAction || typeof fn.invokeAction !== "function") {
      throw new DeveloperError(`\`${name}\` wasn't registered as a Convex action in \`${path}\``);
    }
    call.succeed(String(await fn.invokeAction(call.requestId, argsJson)));
  } catch (error) {
    call.failWith(describeException(error));
  }
}
