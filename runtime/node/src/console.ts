// The console of a call (runtime.md §8): one call of a method is one log line, formatted as Node's inspect does. Outside of any
// call, and for the methods that are not replaced, output goes where Node sends it: the server's log.

import { inspect } from "node:util";
import { scopes, type Scope } from "./scope.ts";
import { captureFrames } from "./stack.ts";

const maxLineBytes = 32768;

export function logLine(level: string, messages: string[], systemCode = ""): { level: string; messages: string[]; truncated: boolean; timestampMs: number; systemCode: string } {
  return { level, messages, truncated: false, timestampMs: Date.now(), systemCode };
}

// The bytes of all messages joined by spaces are limited; the one that overflows is cut, the rest dropped.
function emit(scope: Scope, level: string, messages: string[]): void {
  const line = logLine(level, []);
  let room = maxLineBytes;
  for (const message of messages) {
    if (line.messages.length > 0) room -= 1;
    const bytes = Buffer.byteLength(message);
    if (bytes > room) {
      if (room >= 0) line.messages.push(cut(Buffer.from(message), room));
      line.truncated = true;
      break;
    }
    line.messages.push(message);
    room -= bytes;
  }
  scope.log(line);
}

function cut(bytes: Buffer, length: number): string {
  while (length > 0 && (bytes[length]! & 0xc0) === 0x80) length--;
  return bytes.toString("utf8", 0, length);
}

function format(values: unknown[]): string[] {
  return values.map((value) => {
    try {
      return inspect(value, { maxStringLength: maxLineBytes });
    } catch (error) {
      return `[${error}]`; // an object whose own code throws while it is looked at
    }
  });
}

function logger(level: string) {
  return (scope: Scope, values: unknown[]) => emit(scope, level, format(values));
}

function startTimer(scope: Scope, [label = "default"]: unknown[]): void {
  const name = String(label);
  if (scope.timers.has(name)) emit(scope, "WARN", [`Timer '${name}' already exists`]);
  else scope.timers.set(name, performance.now());
}

function logTimer(scope: Scope, [label = "default", ...values]: unknown[]): void {
  const name = String(label);
  const start = scope.timers.get(name);
  if (start === undefined) emit(scope, "WARN", [`Timer '${name}' does not exist`]);
  else emit(scope, "INFO", [`${name}: ${Math.floor(performance.now() - start)}ms`, ...format(values)]);
}

function endTimer(scope: Scope, [label]: unknown[]): void {
  logTimer(scope, [label]);
  scope.timers.delete(String(label ?? "default"));
}

const methods = {
  debug: logger("DEBUG"),
  error: logger("ERROR"),
  info: logger("INFO"),
  log: logger("LOG"),
  warn: logger("WARN"),
  trace: (scope: Scope, values: unknown[]) => emit(scope, "LOG", [...format(values), captureFrames(console.trace).join("\n")]),
  time: startTimer,
  timeLog: logTimer,
  timeEnd: endTimer,
};

export function installConsole(): void {
  for (const name of Object.keys(methods) as (keyof typeof methods)[]) {
    const original = console[name] as (...values: unknown[]) => void;
    console[name] = (...values: unknown[]) => {
      const scope = scopes.getStore();
      if (scope) methods[name](scope, values);
      else original.apply(console, values);
    };
  }
}
