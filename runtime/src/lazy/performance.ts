// The performance API (User Timing) with the clock rules of runtime.md §3.

import { call } from "../state.ts";
import { DOMException } from "./dom_exception.ts";
import { EventTarget } from "./events.ts";
import { defineInspect } from "./inspect.ts";
import { currentTime } from "./performance_clock.ts";
import { structuredClone } from "./structured_clone.ts";
import { defineInterface, requireArguments, toDictionary, toText } from "./web_idl.ts";

const secret = Symbol("performance");

function guard(key: unknown): void {
  if (key !== secret) throw new TypeError("Illegal constructor");
}

function toTime(value: unknown): number {
  const number = Number(value);
  if (!Number.isFinite(number)) throw new TypeError("A time is not a finite number.");
  return number;
}

export class PerformanceEntry {
  readonly #name: string;
  readonly #entryType: string;
  readonly #startTime: number;
  readonly #duration: number;

  constructor(key: unknown, name: string, entryType: string, startTime: number, duration: number) {
    guard(key);
    this.#name = name;
    this.#entryType = entryType;
    this.#startTime = startTime;
    this.#duration = duration;
  }
  get name(): string {
    return this.#name;
  }
  get entryType(): string {
    return this.#entryType;
  }
  get startTime(): number {
    return this.#startTime;
  }
  get duration(): number {
    return this.#duration;
  }
  toJSON(): object {
    return { name: this.name, entryType: this.entryType, startTime: this.startTime, duration: this.duration };
  }
}

export class PerformanceMark extends PerformanceEntry {
  readonly #detail: unknown;
  constructor(name: unknown, init?: unknown) {
    requireArguments(arguments.length, 1, "Failed to construct 'PerformanceMark'");
    const options = toDictionary(init, "Failed to construct 'PerformanceMark'");
    const startTime = options.startTime === undefined ? currentTime() : toTime(options.startTime);
    if (startTime < 0) throw new TypeError("Cannot set a negative start time on a performance mark");
    super(secret, toText(name), "mark", startTime, 0);
    this.#detail = options.detail === undefined || options.detail === null ? null : structuredClone(options.detail);
  }
  get detail(): unknown {
    return this.#detail;
  }
  override toJSON(): object {
    return { ...super.toJSON(), detail: this.#detail };
  }
}

export class PerformanceMeasure extends PerformanceEntry {
  readonly #detail: unknown;
  constructor(key: unknown, name: string, startTime: number, duration: number, detail: unknown) {
    super(key, name, "measure", startTime, duration);
    this.#detail = detail === undefined || detail === null ? null : structuredClone(detail);
  }
  get detail(): unknown {
    return this.#detail;
  }
  override toJSON(): object {
    return { ...super.toJSON(), detail: this.#detail };
  }
}

const isOptions = (value: unknown): value is Record<string, unknown> => typeof value === "object" && value !== null;

export class Performance extends EventTarget {
  #entries: PerformanceEntry[] = [];
  constructor(key?: unknown) {
    guard(key);
    super();
  }
  get timeOrigin(): number {
    return call.importMs;
  }
  now(): number {
    return currentTime();
  }
  mark(name: unknown, options?: unknown): PerformanceMark {
    requireArguments(arguments.length, 1, "Failed to execute 'mark' on 'Performance'");
    const entry = new PerformanceMark(name, options);
    this.#entries.push(entry);
    return entry;
  }
  measure(name: unknown, startOrOptions?: unknown, endMark?: unknown): PerformanceMeasure {
    requireArguments(arguments.length, 1, "Failed to execute 'measure' on 'Performance'");
    const given = isOptions(startOrOptions) ? startOrOptions : undefined;
    const { start, end, duration, detail } = given ?? { start: startOrOptions ?? undefined, end: endMark };
    if (given && (start !== undefined || end !== undefined || duration !== undefined || detail !== undefined)) {
      if (endMark !== undefined) throw new TypeError("measure: an end mark and options exclude each other.");
      if (start === undefined && end === undefined) throw new TypeError("measure: the options need a start or an end.");
      if (start !== undefined && end !== undefined && duration !== undefined) {
        throw new TypeError("measure: start, end and duration exclude each other.");
      }
    }
    let endTime: number;
    if (end !== undefined) endTime = this.#time(end);
    else if (start !== undefined && duration !== undefined) endTime = this.#time(start) + toTime(duration);
    else endTime = currentTime();
    let startTime = 0;
    if (start !== undefined) startTime = this.#time(start);
    else if (duration !== undefined) startTime = endTime - toTime(duration);
    const entry = new PerformanceMeasure(secret, toText(name), startTime, endTime - startTime, detail);
    this.#entries.push(entry);
    return entry;
  }
  #time(markOrTime: unknown): number {
    if (typeof markOrTime === "number") {
      if (markOrTime < 0) throw new TypeError("measure: a time is negative.");
      return toTime(markOrTime);
    }
    const name = toText(markOrTime);
    const found = this.#entries.findLast((entry) => entry.entryType === "mark" && entry.name === name);
    if (!found) throw new DOMException(`The mark '${name}' does not exist.`, "SyntaxError");
    return found.startTime;
  }
  getEntries(): PerformanceEntry[] {
    return this.#entries.toSorted((a, b) => a.startTime - b.startTime);
  }
  getEntriesByName(name: unknown, type?: unknown): PerformanceEntry[] {
    requireArguments(arguments.length, 1, "Failed to execute 'getEntriesByName' on 'Performance'");
    const wanted = toText(name);
    return this.getEntries().filter((entry) => entry.name === wanted && (type === undefined || entry.entryType === type));
  }
  getEntriesByType(type: unknown): PerformanceEntry[] {
    requireArguments(arguments.length, 1, "Failed to execute 'getEntriesByType' on 'Performance'");
    return this.getEntries().filter((entry) => entry.entryType === type);
  }
  clearMarks(name?: unknown): void {
    this.#clear("mark", name);
  }
  clearMeasures(name?: unknown): void {
    this.#clear("measure", name);
  }
  #clear(type: string, name: unknown): void {
    const wanted = name === undefined ? undefined : toText(name);
    this.#entries = this.#entries.filter((entry) => entry.entryType !== type || (wanted !== undefined && entry.name !== wanted));
  }
  toJSON(): object {
    return { timeOrigin: this.timeOrigin };
  }
}

defineInterface(Performance, "Performance");
defineInterface(PerformanceEntry, "PerformanceEntry");
defineInterface(PerformanceMark, "PerformanceMark", 1);
defineInterface(PerformanceMeasure, "PerformanceMeasure");
const fields = ({ name, entryType, startTime, duration }: PerformanceEntry) => ({ name, entryType, startTime, duration });
for (const type of [PerformanceEntry, PerformanceMark, PerformanceMeasure]) defineInspect(type.prototype, type.name, fields);
export const performance = new Performance(secret);
