// The console (runtime.md §8). One call is one log line; the host counts lines.

import { hull } from "../host.ts";
import { defineHidden, floor } from "../primordials.ts";

const maxLineBytes = 32768;
const maxBytesPerUnit = 3; // UTF-8 bytes of one UTF-16 unit

const timers = new Map<string, number>();

function emit(level: string, messages: string[]): void {
  let upperBound = 0;
  for (const message of messages) upperBound += message.length * maxBytesPerUnit + 1;
  if (upperBound <= maxLineBytes) hull.log(level, messages, false, "");
  else emitLong(level, messages);
}

// The bytes of all messages joined by spaces are limited; the one that overflows is cut, the rest dropped.
function emitLong(level: string, messages: string[]): void {
  const kept: string[] = [];
  let room = maxLineBytes;
  for (const message of messages) {
    if (kept.length > 0) room -= 1;
    const bytes = hull.utf8Encode(message);
    if (bytes.length > room) {
      if (room >= 0) kept.push(cut(bytes, room));
      hull.log(level, kept, true, "");
      return;
    }
    kept.push(message);
    room -= bytes.length;
  }
  hull.log(level, kept, false, "");
}

function cut(bytes: Uint8Array, length: number): string {
  while (length > 0 && (bytes[length]! & 0xc0) === 0x80) length--;
  return hull.utf8Decode(bytes.subarray(0, length), false, true);
}

// Most arguments are primitives: they are written here as object-inspect would, so that a context that logs only those does
// not pay for loading it.
function format(value: unknown): string {
  switch (typeof value) {
    case "string":
      if (value.length <= maxLineBytes && /^[^'\\\x00-\x1f]*$/.test(value)) return `'${value}'`;
      break;
    case "number":
      return Object.is(value, -0) ? "-0" : `${value}`;
    case "bigint":
      return `${value}n`;
    case "boolean":
    case "undefined":
      return `${value}`;
    default:
      if (value === null) return "null";
  }
  const inspect = require("./inspect.ts") as typeof import("./inspect.ts");
  return inspect.format(value);
}

function formatAll(args: unknown[], messages: string[] = []): string[] {
  for (let i = 0; i < args.length; i++) messages.push(format(args[i]));
  return messages;
}

function logger(level: string) {
  return (...args: unknown[]) => emit(level, formatAll(args));
}

function elapsed(label: string, start: number): string {
  return `${label}: ${floor(hull.monotonicNow() - start)}ms`;
}

function startTimer(label: unknown = "default"): void {
  const name = String(label);
  if (timers.has(name)) emit("WARN", [`Timer '${name}' already exists`]);
  else timers.set(name, hull.monotonicNow());
}

function logTimer(label: unknown, args: unknown[], end: boolean): void {
  const name = String(label);
  const start = timers.get(name);
  if (start === undefined) {
    emit("WARN", [`Timer '${name}' does not exist`]);
    return;
  }
  emit("INFO", formatAll(args, [elapsed(name, start)]));
  if (end) timers.delete(name);
}

const methods = {
  debug: logger("DEBUG"),
  error: logger("ERROR"),
  info: logger("INFO"),
  log: logger("LOG"),
  warn: logger("WARN"),
  trace: function trace(...args: unknown[]) {
    const { captureFrames } = require("./stack.ts") as typeof import("./stack.ts");
    emit("LOG", [...formatAll(args), captureFrames(trace).join("\n")]);
  },
  time: (label?: unknown) => startTimer(label),
  timeLog: (label: unknown = "default", ...args: unknown[]) => logTimer(label, args, false),
  timeEnd: (label: unknown = "default") => logTimer(label, [], true),
};

export const console = { ...methods };
defineHidden(console, Symbol.toStringTag, "console");
