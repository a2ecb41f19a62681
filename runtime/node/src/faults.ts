// What would end a Node.js process: unhandled rejections, uncaught exceptions, process.exit(). Here it fails the call it
// belongs to; the server then gives the process no new calls, and those that run beside it may finish.

import { countRunning, runningCalls } from "./call.ts";
import { scopes } from "./scope.ts";
import { send } from "./wire.ts";

// Unwinds the code that wanted to exit.
class ProcessExit extends Error {}

function report(event: string, error: unknown): void {
  if (error instanceof ProcessExit) return;
  let scope = scopes.getStore();
  if (!scope && countRunning() === 1) [scope] = runningCalls();
  scope?.fail(event, error);
  send({ retiring: { reason: event } });
}

function exit(text: string): never {
  report("exit", text);
  throw new ProcessExit(text);
}

/** Ends the process for real. */
export const leave: (code: number) => never = process.exit.bind(process);

export function installFaultHandlers(): void {
  process.on("unhandledRejection", (reason) => report("unhandledRejection", reason));
  process.on("uncaughtException", (error) => report("uncaughtException", error));
  process.exit = (code) => exit(`process.exit() called with exit code ${code ?? process.exitCode ?? 0}`);
  process.abort = () => exit("process.abort() called");
}
