// The console (runtime.md §8). One call is one log line; the host counts lines.

import { hull } from "../host.ts";
import { append, defineHidden, floor, join, mapDelete, mapGet, mapSet, newMap } from "../primordials.ts";

const maxLineBytes = 32768;
const maxBytesPerUnit = 3; // UTF-8 bytes of one UTF-16 unit

const timers = newMap<string, number>();
const counters = newMap<string, number>();

function emit(level: string, messages: string[]): void {
  let upperBound = 0;
  for (let i = 0; i < messages.length; i++) upperBound += messages[i]!.length * maxBytesPerUnit + 1;
  if (upperBound <= maxLineBytes) hull.log(level, messages, false, "");
  else emitLong(level, messages);
}

// The bytes of all messages joined by spaces are limited; the one that overflows is cut, the rest dropped.
function emitLong(level: string, messages: string[]): void {
  const kept: string[] = [];
  let room = maxLineBytes;
  for (let i = 0; i < messages.length; i++) {
    const message = messages[i]!;
    if (kept.length > 0) room -= 1;
    const bytes = hull.utf8Encode(message);
    if (bytes.length > room) {
      if (room >= 0) append(kept, cut(bytes, room));
      hull.log(level, kept, true, "");
      return;
    }
    append(kept, message);
    room -= bytes.length;
  }
  hull.log(level, kept, false, "");
}

function cut(bytes: Uint8Array, length: number): string {
  while (length > 0 && (bytes[length]! & 0xc0) === 0x80) length--;
  return hull.utf8Decode(bytes.subarray(0, length), false, true);
}

// Whether quotes around the text are all that it needs. A loop, since user code may have changed RegExp.prototype.
function isPlain(text: string): boolean {
  for (let i = 0; i < text.length; i++) {
    const char = text[i]!;
    if (char === "'" || char === "\\" || char < " ") return false;
  }
  return true;
}

// Most arguments are primitives: they are written here as object-inspect would, so that a context that logs only those does
// not pay for loading it.
function format(value: unknown): string {
  switch (typeof value) {
    case "string":
      if (value.length <= maxLineBytes && isPlain(value)) return `'${value}'`;
      break;
    case "number":
      return value === 0 && 1 / value < 0 ? "-0" : `${value}`;
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
  for (let i = 0; i < args.length; i++) append(messages, format(args[i]));
  return messages;
}

function logger(level: string) {
  return (...args: unknown[]) => emit(level, formatAll(args));
}

function elapsed(label: string, start: number): string {
  return `${label}: ${floor(hull.monotonicNow() - start)}ms`;
}

function startTimer(label: unknown): void {
  const name = `${label as string}`;
  if (mapGet(timers, name) !== undefined) emit("WARN", [`Timer '${name}' already exists`]);
  else mapSet(timers, name, hull.monotonicNow());
}

function logTimer(label: unknown, args: unknown[], end: boolean): void {
  const name = `${label as string}`;
  const start = mapGet(timers, name);
  if (start === undefined) {
    emit("WARN", [`Timer '${name}' does not exist`]);
    return;
  }
  emit("INFO", formatAll(args, [elapsed(name, start)]));
  if (end) mapDelete(timers, name);
}

function count(label: unknown): void {
  const name = `${label as string}`;
  const times = (mapGet(counters, name) ?? 0) + 1;
  mapSet(counters, name, times);
  emit("LOG", [`${name}: ${times}`]);
}

function assertTrue(condition: unknown, args: unknown[]): void {
  if (!condition) emit("ERROR", formatAll(args, ["Assertion failed"]));
}

const methods = {
  debug: logger("DEBUG"),
  error: logger("ERROR"),
  info: logger("INFO"),
  log: logger("LOG"),
  warn: logger("WARN"),
  trace: function trace(...args: unknown[]) {
    const { captureFrames } = require("./stack.ts") as typeof import("./stack.ts");
    const messages = formatAll(args);
    append(messages, join(captureFrames(trace), "\n"));
    emit("LOG", messages);
  },
  time: (label: unknown = "default") => startTimer(label),
  timeLog: (label: unknown = "default", ...args: unknown[]) => logTimer(label, args, false),
  timeEnd: (label: unknown = "default") => logTimer(label, [], true),
  // Beyond the reference, for code that was written for browsers: one line each, without tables and indentation.
  assert: (condition?: unknown, ...args: unknown[]) => assertTrue(condition, args),
  count: (label: unknown = "default") => count(label),
  countReset: (label: unknown = "default") => void mapDelete(counters, `${label as string}`),
  dir: (value: unknown) => emit("LOG", [format(value)]),
  table: (value: unknown) => emit("LOG", [format(value)]),
  group: logger("LOG"),
  groupCollapsed: logger("LOG"),
  groupEnd: () => {},
};

export const console = { ...methods };
defineHidden(console, Symbol.toStringTag, "console");
