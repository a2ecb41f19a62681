// The performance API with the clock rules of runtime.md §3.

import { hull } from "../host.ts";
import { call, observeTime } from "../state.ts";
import { DOMException } from "./dom_exception.ts";
import { structuredClone } from "./structured_clone.ts";

const secret = Symbol("performance");

function guard(key: unknown): void {
  if (key !== secret) throw new TypeError("Illegal constructor");
}

function currentTime(): number {
  let ms = 0;
  if (call.kind !== undefined) {
    observeTime();
    ms = call.nowMs - call.importMs;
    if (call.kind !== "query") ms += hull.monotonicNow() - call.startedAt;
  }
  return Math.floor(ms * 10) / 10;
}

export class PerformanceEntry {
  constructor(
    key: unknown,
    readonly name: string,
    readonly entryType: string,
    readonly startTime: number,
    readonly duration: number,
  ) {
    guard(key);
  }
  toJSON(): object {
    return { name: this.name, entryType: this.entryType, startTime: this.startTime, duration: this.duration };
  }
}

export class PerformanceMark extends PerformanceEntry {
  readonly detail: unknown;
  constructor(name: unknown, options: { startTime?: number; detail?: unknown } = {}) {
    if (options?.startTime !== undefined && options.startTime < 0) {
      throw new TypeError("Cannot set a negative start time on a performance mark");
    }
    super(secret, String(name), "mark", options?.startTime ?? currentTime(), 0);
    this.detail = options?.detail === undefined ? null : structuredClone(options.detail);
  }
}

export class PerformanceMeasure extends PerformanceEntry {
  readonly detail: unknown;
  constructor(key: unknown, name: string, startTime: number, duration: number, detail: unknown) {
    super(key, name, "measure", startTime, duration);
    this.detail = detail === undefined ? null : structuredClone(detail);
  }
}

export class Performance {
  #entries: PerformanceEntry[] = [];
  constructor(key?: unknown) {
    guard(key);
  }
  get timeOrigin(): number {
    return call.importMs;
  }
  now(): number {
    return currentTime();
  }
  mark(name: unknown, options?: { startTime?: number; detail?: unknown }): PerformanceMark {
    const entry = new PerformanceMark(name, options);
    this.#entries.push(entry);
    return entry;
  }
  measure(name: unknown, startOrOptions?: any, endMark?: unknown): PerformanceMeasure {
    const options = typeof startOrOptions === "object" && startOrOptions !== null ? startOrOptions : { start: startOrOptions, end: endMark };
    let end = options.end === undefined ? undefined : this.#time(options.end);
    if (end === undefined && options.start !== undefined && options.duration !== undefined) {
      end = this.#time(options.start) + options.duration;
    }
    end ??= currentTime();
    let start = options.start === undefined ? 0 : this.#time(options.start);
    if (options.start === undefined && options.duration !== undefined) start = end - options.duration;
    const entry = new PerformanceMeasure(secret, String(name), start, end - start, options.detail);
    this.#entries.push(entry);
    return entry;
  }
  #time(markOrTime: unknown): number {
    if (typeof markOrTime === "number") return markOrTime;
    const found = this.#entries.findLast((entry) => entry.entryType === "mark" && entry.name === String(markOrTime));
    if (!found) throw new DOMException(`The mark '${markOrTime}' does not exist.`, "SyntaxError");
    return found.startTime;
  }
  getEntries(): PerformanceEntry[] {
    return this.#entries.toSorted((a, b) => a.startTime - b.startTime);
  }
  getEntriesByName(name: unknown, type?: unknown): PerformanceEntry[] {
    return this.getEntries().filter((entry) => entry.name === String(name) && (type === undefined || entry.entryType === type));
  }
  getEntriesByType(type: unknown): PerformanceEntry[] {
    return this.getEntries().filter((entry) => entry.entryType === type);
  }
  clearMarks(name?: unknown): void {
    this.#clear("mark", name);
  }
  clearMeasures(name?: unknown): void {
    this.#clear("measure", name);
  }
  #clear(type: string, name: unknown): void {
    this.#entries = this.#entries.filter((entry) => entry.entryType !== type || (name !== undefined && entry.name !== String(name)));
  }
  toJSON(): object {
    return { timeOrigin: this.timeOrigin };
  }
}

export const performance = new Performance(secret);
