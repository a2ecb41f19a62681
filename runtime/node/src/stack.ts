// Frames of thrown errors, mapped through the source maps of the pushed modules (runtime.md §7.1). Everything else of a stack
// (Node's own code, external packages) is left out. `error.stack` itself stays what V8 made it.

import { readFileSync } from "node:fs";
import { join } from "node:path";
import { TraceMap, traceSegment } from "@jridgewell/trace-mapping";
import { modulePath, modulesDirectory } from "./directory.ts";

const maxFrames = 10;
const libraryInternals = /(^|\/)convex\/(src|dist\/(esm|cjs))\/server\/impl\//;
const maps = new Map<string, TraceMap | null>();

// Frames that do not count are taken off afterwards, so V8 must look further than the limit.
Error.stackTraceLimit = 50;

export interface Position {
  source: string;
  line: number; // 1-based
  column: number; // 1-based
}

interface Frame {
  text: string;
  internal: boolean;
}

/** "at handler (../convex/messages.ts:12:15)", ... */
export function errorFrames(error: object): string[] {
  const frames: Frame[] = [];
  for (const line of stackLines(error)) {
    const frame = readFrame(line);
    if (frame) frames.push(frame);
  }
  let start = 0;
  let end = frames.length;
  while (start < end && frames[start]!.internal) start++;
  while (end > start && frames[end - 1]!.internal) end--;
  return frames.slice(start, Math.min(end, start + maxFrames)).map((frame) => frame.text);
}

/** Frames of the caller of `above`. */
export function captureFrames(above: Function): string[] {
  const holder = {};
  Error.captureStackTrace(holder, above);
  return errorFrames(holder);
}

function stackLines(error: object): string[] {
  let stack: unknown;
  let header: string;
  try {
    stack = (error as Error).stack;
    header = `${error}`;
  } catch {
    return [];
  }
  if (typeof stack !== "string") return [];
  // The message may quote another stack.
  return (stack.startsWith(header) ? stack.slice(header.length) : stack).split("\n");
}

function readFrame(line: string): Frame | undefined {
  const call = /^ {4}at (.+)$/.exec(line)?.[1];
  if (call === undefined) return undefined;
  if (/^async Promise\.\w+ \(index \d+\)$/.test(call)) return { text: `at ${call}`, internal: false };
  const named = /^(.+) \((file:.+):(\d+):(\d+)\)$/.exec(call);
  const [name, file, row, column] = named ? named.slice(1) : [undefined, ...(/^((?:async )?file:.+):(\d+):(\d+)$/.exec(call)?.slice(1) ?? [])];
  if (file === undefined) return undefined;
  const isAsync = file.startsWith("async ");
  const path = modulePath(isAsync ? file.slice("async ".length) : file);
  const position = path === undefined ? undefined : mapModulePosition(path, Number(row), Number(column));
  if (!position) return undefined;
  const location = `${position.source}:${position.line}:${position.column}`;
  return {
    text: name === undefined ? `at ${isAsync ? "async " : ""}${location}` : `at ${name} (${location})`,
    internal: libraryInternals.test(position.source),
  };
}

const modulePrefix = "convex:/";

/** Maps a 1-based position in a pushed module, named as isolates name it ("convex:/dir/mod.js"). */
export function mapPosition(file: unknown, line: number | null, column: number | null): Position | undefined {
  if (typeof file !== "string" || !file.startsWith(modulePrefix) || line === null || column === null) return undefined;
  return mapModulePosition(file.slice(modulePrefix.length), line, column);
}

function mapModulePosition(path: string, line: number, column: number): Position | undefined {
  const map = loadMap(path);
  const segment = map && traceSegment(map, line - 1, column - 1);
  if (!segment || segment.length === 1) return undefined;
  const source = map.sources[segment[1]];
  return source ? { source, line: segment[2] + 1, column: segment[3] + 1 } : undefined;
}

function loadMap(path: string): TraceMap | null {
  let map = maps.get(path);
  if (map === undefined) {
    try {
      map = new TraceMap(readFileSync(join(modulesDirectory(), `${path}.map`), "utf8"));
    } catch {
      map = null; // without a usable map the module's frames are left out
    }
    maps.set(path, map);
  }
  return map;
}
