// Event, CustomEvent and EventTarget, without a tree: a target is its own path.

import { hull } from "../host.ts";
import { apply } from "../primordials.ts";
import { call } from "../state.ts";
import { DOMException } from "./dom_exception.ts";
import { defineInspect } from "./inspect.ts";
import { currentTime } from "./performance_clock.ts";
import { defineInterface, requireArguments, toDictionary, toText } from "./web_idl.ts";

export class Event {
  #type: string;
  #bubbles: boolean;
  #cancelable: boolean;
  readonly #composed: boolean;
  readonly #madeAt = call.kind === undefined ? 0 : hull.monotonicNow();
  #target: EventTarget | null = null;
  #dispatching = false;
  #propagationStopped = false;
  #stopped = false;
  #canceled = false;
  #passive = false;

  constructor(type: unknown, init?: unknown) {
    requireArguments(arguments.length, 1, "Failed to construct 'Event'");
    const options = toDictionary(init, "Failed to construct 'Event'");
    this.#type = toText(type);
    this.#bubbles = Boolean(options.bubbles);
    this.#cancelable = Boolean(options.cancelable);
    this.#composed = Boolean(options.composed);
  }

  get type(): string {
    return this.#type;
  }
  get target(): EventTarget | null {
    return this.#target;
  }
  get srcElement(): EventTarget | null {
    return this.#target;
  }
  get currentTarget(): EventTarget | null {
    return this.#dispatching ? this.#target : null;
  }
  composedPath(): EventTarget[] {
    return this.#dispatching && this.#target ? [this.#target] : [];
  }
  get eventPhase(): number {
    return this.#dispatching ? 2 : 0;
  }
  stopPropagation(): void {
    this.#propagationStopped = true;
  }
  get cancelBubble(): boolean {
    return this.#propagationStopped;
  }
  set cancelBubble(value: unknown) {
    if (value) this.#propagationStopped = true;
  }
  stopImmediatePropagation(): void {
    this.#propagationStopped = true;
    this.#stopped = true;
  }
  get bubbles(): boolean {
    return this.#bubbles;
  }
  get cancelable(): boolean {
    return this.#cancelable;
  }
  get returnValue(): boolean {
    return !this.#canceled;
  }
  set returnValue(value: unknown) {
    if (!value) this.preventDefault();
  }
  preventDefault(): void {
    if (this.#cancelable && !this.#passive) this.#canceled = true;
  }
  get defaultPrevented(): boolean {
    return this.#canceled;
  }
  get composed(): boolean {
    return this.#composed;
  }
  get isTrusted(): boolean {
    return false;
  }
  // Looking at it is looking at the clock.
  get timeStamp(): number {
    return currentTime(this.#madeAt);
  }
  initEvent(type: unknown, bubbles: unknown = false, cancelable: unknown = false): void {
    if (this.#dispatching) return;
    this.#type = toText(type);
    this.#bubbles = Boolean(bubbles);
    this.#cancelable = Boolean(cancelable);
    this.#target = null;
    this.#propagationStopped = this.#stopped = this.#canceled = false;
  }

  static dispatch(event: Event, target: EventTarget, listeners: readonly Listener[]): boolean {
    if (event.#dispatching) throw new DOMException("The event is already being dispatched.", "InvalidStateError");
    event.#dispatching = true;
    event.#target = target;
    for (const capture of [true, false]) {
      if (event.#propagationStopped) break;
      for (let i = 0; i < listeners.length && !event.#stopped; i++) {
        const listener = listeners[i]!;
        if (listener.removed || listener.capture !== capture || listener.type !== event.#type) continue;
        if (listener.once) listener.remove();
        event.#passive = listener.passive;
        run(listener.callback, target, event);
        event.#passive = false;
      }
    }
    event.#dispatching = false;
    event.#propagationStopped = event.#stopped = false;
    return !event.#canceled;
  }
  static has(value: unknown): value is Event {
    return typeof value === "object" && value !== null && #type in value;
  }
}

const dispatch = Event.dispatch;
const isEvent = Event.has;
delete (Event as { dispatch?: unknown }).dispatch;
delete (Event as { has?: unknown }).has;

// A listener that throws is reported like any other unhandled error; the other listeners still run.
function run(callback: Callback, target: EventTarget, event: Event): void {
  try {
    if (typeof callback === "function") {
      apply(callback, target, [event]);
      return;
    }
    const { handleEvent } = callback;
    if (typeof handleEvent !== "function") throw new TypeError("The event listener has no method handleEvent.");
    apply(handleEvent, callback, [event]);
  } catch (error) {
    void rejectUnhandled(error);
  }
}

async function rejectUnhandled(error: unknown): Promise<never> {
  throw error;
}

export class CustomEvent extends Event {
  #detail: unknown;
  constructor(type: unknown, init?: unknown) {
    requireArguments(arguments.length, 1, "Failed to construct 'CustomEvent'");
    super(type, init);
    this.#detail = toDictionary(init, "Failed to construct 'CustomEvent'").detail ?? null;
  }
  get detail(): unknown {
    return this.#detail;
  }
  initCustomEvent(type: unknown, bubbles: unknown = false, cancelable: unknown = false, detail: unknown = null): void {
    if (this.eventPhase !== 0) return;
    this.initEvent(type, bubbles, cancelable);
    this.#detail = detail;
  }
}

export type Callback = ((event: Event) => unknown) | { handleEvent(event: Event): unknown };

interface Listener {
  type: string;
  callback: Callback;
  capture: boolean;
  once: boolean;
  passive: boolean;
  removed: boolean;
  remove(): void;
}

function captureOf(options: unknown): boolean {
  return Boolean(typeof options === "object" && options !== null ? (options as any).capture : options);
}

export class EventTarget {
  // Replaced as a whole by every change, so that a dispatch goes through the list as it was.
  #listeners: readonly Listener[] = [];

  addEventListener(type: unknown, callback: Callback | null | undefined, options?: any): void {
    requireArguments(arguments.length, 2, "Failed to execute 'addEventListener' on 'EventTarget'");
    const name = toText(type);
    const capture = captureOf(options);
    const flags = typeof options === "object" && options !== null ? options : {};
    const once = Boolean(flags.once);
    const passive = Boolean(flags.passive);
    const { signal } = flags;
    if (signal !== undefined && !(signal instanceof EventTarget && "aborted" in signal)) {
      throw new TypeError("Failed to execute 'addEventListener' on 'EventTarget': the signal is not an AbortSignal.");
    }
    if (callback === null || callback === undefined) return;
    if (typeof callback !== "function" && typeof callback !== "object") {
      throw new TypeError("Failed to execute 'addEventListener' on 'EventTarget': the callback is not an object.");
    }
    if (signal?.aborted || this.#find(name, callback, capture) !== undefined) return;
    const remove = () => this.#remove(listener);
    const listener: Listener = { type: name, callback, capture, once, passive, removed: false, remove };
    this.#listeners = [...this.#listeners, listener];
    signal?.addEventListener("abort", remove, { once: true });
  }

  removeEventListener(type: unknown, callback: Callback | null | undefined, options?: unknown): void {
    requireArguments(arguments.length, 2, "Failed to execute 'removeEventListener' on 'EventTarget'");
    const listener = callback && this.#find(toText(type), callback, captureOf(options));
    if (listener) this.#remove(listener);
  }

  dispatchEvent(event: Event): boolean {
    if (!isEvent(event)) throw new TypeError("Failed to execute 'dispatchEvent' on 'EventTarget': parameter 1 is not of type 'Event'.");
    return dispatch(event, this, this.#listeners);
  }

  #find(type: string, callback: Callback, capture: boolean): Listener | undefined {
    return this.#listeners.find((entry) => entry.type === type && entry.callback === callback && entry.capture === capture);
  }
  #remove(listener: Listener): void {
    listener.removed = true;
    this.#listeners = this.#listeners.filter((other) => other !== listener);
  }
}

defineInterface(Event, "Event", 1);
defineInterface(CustomEvent, "CustomEvent", 1);
defineInterface(EventTarget, "EventTarget");
const phases = { NONE: 0, CAPTURING_PHASE: 1, AT_TARGET: 2, BUBBLING_PHASE: 3 };
for (const [name, value] of Object.entries(phases)) {
  for (const holder of [Event, Event.prototype]) Object.defineProperty(holder, name, { value, enumerable: true });
}
defineInspect(Event.prototype, "Event", ({ type, defaultPrevented, cancelable }) => ({ type, defaultPrevented, cancelable }));
defineInspect(CustomEvent.prototype, "CustomEvent", ({ type, detail }) => ({ type, detail }));
