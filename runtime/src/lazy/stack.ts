// Source-mapped stack frames (runtime.md §7.1). V8 asks for the text of a stack when `stack` is first read; maps are loaded
// only then.

import type { TraceMap } from "@jridgewell/trace-mapping";
import { hull } from "../host.ts";

const modulePrefix = "convex:/";
const maxFrames = 10;
const libraryInternals = /(^|\/)convex\/(src|dist\/(esm|cjs))\/server\/impl\//;

// Frames of every error whose stack was asked for, as "at handler (../convex/messages.ts:12:15)".
const framesOf = new WeakMap<object, string[]>();
const maps = new Map<string, TraceMap | null>();
const mapping = () => require("@jridgewell/trace-mapping") as typeof import("@jridgewell/trace-mapping");

export function prepareStackTrace(error: unknown, callSites: NodeJS.CallSite[]): string {
  const frames = formatFrames(callSites);
  if (typeof error === "object" && error !== null) framesOf.set(error, frames);
  // Libraries that inspect call sites set this; the host's callback replaces V8's own handling of it.
  const custom = (Error as { prepareStackTrace?: unknown }).prepareStackTrace;
  if (typeof custom === "function" && !preparing) {
    preparing = true;
    try {
      return custom.call(Error, error, callSites);
    } finally {
      preparing = false;
    }
  }
  let text = header(error);
  for (let i = 0; i < frames.length; i++) text += `\n    ${frames[i]}`;
  return text;
}

let preparing = false;

function header(error: unknown): string {
  try {
    return Error.prototype.toString.call(error);
  } catch {
    return "Error";
  }
}

// Frames of a thrown error; reading `stack` makes V8 call prepareStackTrace if nobody has read it before.
export function errorFrames(error: object): string[] {
  try {
    void (error as Error).stack;
  } catch {
    return [];
  }
  return framesOf.get(error) ?? [];
}

// Frames of the caller of `above`.
export function captureFrames(above: Function): string[] {
  const holder = new Error();
  Error.captureStackTrace(holder, above);
  return errorFrames(holder);
}

interface Frame {
  text: string;
  internal: boolean;
}

function formatFrames(callSites: NodeJS.CallSite[]): string[] {
  const frames: Frame[] = [];
  for (const site of callSites) {
    try {
      const frame = formatFrame(site);
      if (frame) frames.push(frame);
    } catch {
      continue; // a frame of a hostile object (for example a proxy receiver) is not worth losing the others
    }
  }
  let start = 0;
  let end = frames.length;
  while (start < end && frames[start]!.internal) start++;
  while (end > start && frames[end - 1]!.internal) end--;
  const texts: string[] = [];
  for (let i = start; i < end && texts.length < maxFrames; i++) texts.push(frames[i]!.text);
  return texts;
}

function formatFrame(site: NodeJS.CallSite): Frame | undefined {
  const extended = site as NodeJS.CallSite & { isPromiseAny?(): boolean; isPromiseAllSettled?(): boolean };
  if (site.isPromiseAll()) return { text: `at async Promise.all (index ${site.getPromiseIndex()})`, internal: false };
  if (extended.isPromiseAny?.()) return { text: `at async Promise.any (index ${site.getPromiseIndex()})`, internal: false };
  if (extended.isPromiseAllSettled?.()) {
    return { text: `at async Promise.allSettled (index ${site.getPromiseIndex()})`, internal: false };
  }
  const position = mapPosition(site.getFileName(), site.getLineNumber(), site.getColumnNumber());
  if (!position) return undefined;
  const location = `${position.source}:${position.line}:${position.column}`;
  const name = frameName(site);
  const prefix = site.isAsync() ? "at async " : "at ";
  return {
    text: name === undefined ? `${prefix}${location}` : `${prefix}${name} (${location})`,
    internal: libraryInternals.test(position.source),
  };
}

// As V8 prints a call: `fn`, `new Foo`, `Type.method [as alias]`, or nothing for top-level and anonymous code.
function frameName(site: NodeJS.CallSite): string | undefined {
  const functionName = site.getFunctionName();
  if (site.isConstructor()) return `new ${functionName || "<anonymous>"}`;
  if (site.isToplevel()) return functionName || undefined;
  const typeName = site.getTypeName();
  const methodName = site.getMethodName();
  if (!functionName) return `${typeName}.${methodName || "<anonymous>"}`;
  let name = functionName;
  if (typeName && !functionName.startsWith(typeName)) name = `${typeName}.${functionName}`;
  const named = functionName === methodName || functionName.endsWith(`.${methodName}`) || functionName.endsWith(` ${methodName}`);
  if (methodName && !named) name += ` [as ${methodName}]`;
  return name;
}

export interface Position {
  source: string;
  line: number; // 1-based
  column: number; // 1-based
}

// Maps a 1-based position in a pushed module.
export function mapPosition(file: unknown, line: number | null, column: number | null): Position | undefined {
  if (typeof file !== "string" || !file.startsWith(modulePrefix) || line === null || column === null) return undefined;
  const map = loadMap(file.slice(modulePrefix.length));
  if (!map) return undefined;
  const segment = mapping().traceSegment(map, line - 1, column - 1);
  if (!segment || segment.length === 1) return undefined;
  const source = map.sources[segment[1]];
  return source ? { source, line: segment[2] + 1, column: segment[3] + 1 } : undefined;
}

function loadMap(modulePath: string): TraceMap | null {
  let map = maps.get(modulePath);
  if (map === undefined) {
    map = null;
    try {
      const text = hull.sourceMap(modulePath);
      if (text) map = new (mapping().TraceMap)(text);
    } catch {
      map = null; // without a usable map the module's frames are left out
    }
    maps.set(modulePath, map);
  }
  return map;
}
