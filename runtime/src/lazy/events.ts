// Event, CustomEvent and EventTarget, without a tree: a target is its own path.

import { now } from "../date.ts";
import { DOMException } from "./dom_exception.ts";

interface EventState {
  target: EventTarget | null;
  dispatching: boolean;
  stopped: boolean;
  canceled: boolean;
  passive: boolean;
}
const states = new WeakMap<Event, EventState>();
const stateOf = (event: Event) => states.get(event)!;

export class Event {
  static readonly NONE = 0;
  static readonly CAPTURING_PHASE = 1;
  static readonly AT_TARGET = 2;
  static readonly BUBBLING_PHASE = 3;
  readonly type: string;
  readonly bubbles: boolean;
  readonly cancelable: boolean;
  readonly composed: boolean;
  readonly timeStamp: number;
  readonly isTrusted = false;

  constructor(type: unknown, init: { bubbles?: unknown; cancelable?: unknown; composed?: unknown } = {}) {
    if (arguments.length === 0) throw new TypeError("Failed to construct 'Event': 1 argument required, but only 0 present");
    this.type = String(type);
    this.bubbles = Boolean(init?.bubbles);
    this.cancelable = Boolean(init?.cancelable);
    this.composed = Boolean(init?.composed);
    this.timeStamp = now();
    states.set(this, { target: null, dispatching: false, stopped: false, canceled: false, passive: false });
  }

  get target(): EventTarget | null {
    return stateOf(this).target;
  }
  get srcElement(): EventTarget | null {
    return stateOf(this).target;
  }
  get currentTarget(): EventTarget | null {
    return stateOf(this).dispatching ? stateOf(this).target : null;
  }
  get eventPhase(): number {
    return stateOf(this).dispatching ? Event.AT_TARGET : Event.NONE;
  }
  get defaultPrevented(): boolean {
    return stateOf(this).canceled;
  }
  get returnValue(): boolean {
    return !stateOf(this).canceled;
  }
  get cancelBubble(): boolean {
    return false;
  }
  composedPath(): EventTarget[] {
    const { dispatching, target } = stateOf(this);
    return dispatching && target ? [target] : [];
  }
  preventDefault(): void {
    if (this.cancelable && !stateOf(this).passive) stateOf(this).canceled = true;
  }
  stopPropagation(): void {}
  stopImmediatePropagation(): void {
    stateOf(this).stopped = true;
  }
}

export class CustomEvent extends Event {
  readonly detail: unknown;
  constructor(type: unknown, init: any = {}) {
    super(type, init);
    this.detail = init?.detail ?? null;
  }
}

type Callback = ((event: Event) => unknown) | { handleEvent(event: Event): unknown };

interface Listener {
  callback: Callback;
  capture: boolean;
  once: boolean;
  passive: boolean;
  removed: boolean;
}

export class EventTarget {
  readonly #listeners = new Map<string, Listener[]>();

  addEventListener(type: unknown, callback: Callback | null, options?: any): void {
    if (callback === null || callback === undefined) return;
    const flags = typeof options === "object" && options !== null ? options : { capture: Boolean(options) };
    if (flags.signal?.aborted) return;
    const capture = Boolean(flags.capture);
    const name = String(type);
    const list = this.#listeners.get(name) ?? [];
    if (list.some((entry) => entry.callback === callback && entry.capture === capture)) return;
    list.push({ callback, capture, once: Boolean(flags.once), passive: Boolean(flags.passive), removed: false });
    this.#listeners.set(name, list);
    flags.signal?.addEventListener("abort", () => this.removeEventListener(name, callback, { capture }), { once: true });
  }

  removeEventListener(type: unknown, callback: Callback | null, options?: any): void {
    const capture = Boolean(typeof options === "object" && options !== null ? options.capture : options);
    const list = this.#listeners.get(String(type));
    const index = list?.findIndex((entry) => entry.callback === callback && entry.capture === capture) ?? -1;
    if (index < 0) return;
    list![index]!.removed = true;
    this.#listeners.set(String(type), list!.toSpliced(index, 1));
  }

  dispatchEvent(event: Event): boolean {
    const state = states.get(event);
    if (!state) throw new TypeError("Failed to execute 'dispatchEvent' on 'EventTarget': parameter 1 is not of type 'Event'");
    if (state.dispatching) throw new DOMException("The event is already being dispatched.", "InvalidStateError");
    state.dispatching = true;
    state.target = this;
    for (const listener of [...(this.#listeners.get(event.type) ?? [])]) {
      if (listener.removed) continue;
      if (listener.once) this.removeEventListener(event.type, listener.callback, { capture: listener.capture });
      state.passive = listener.passive;
      try {
        if (typeof listener.callback === "function") listener.callback.call(this, event);
        else listener.callback.handleEvent(event);
      } catch (error) {
        void Promise.reject(error); // reported like any other unhandled error; the other listeners still run
      }
      if (state.stopped) break;
    }
    state.dispatching = false;
    state.stopped = false;
    state.passive = false;
    return !state.canceled;
  }
}
