// AsyncLocalStorage and AsyncResource (runtime.md §2). The current frame is an immutable list of stores. With the host's
// continuation slot V8 carries it across await; otherwise it holds during the synchronous part of `run`.

import { hull } from "../host.ts";
import { apply, defineProperty } from "../primordials.ts";

interface Frame {
  storage: AsyncLocalStorage;
  store: unknown;
  enabled: boolean;
  next: Frame | undefined;
}

let syncFrame: Frame | undefined;

// Only this module writes the slot.
export function currentFrame(): Frame | undefined {
  return hull.getContinuation ? (hull.getContinuation() as Frame | undefined) : syncFrame;
}

function setFrame(frame: Frame | undefined): void {
  if (hull.setContinuation) hull.setContinuation(frame);
  else syncFrame = frame;
}

export function runIn<R>(frame: Frame | undefined, fn: (...args: any[]) => R, self: unknown, args: unknown[]): R {
  const previous = currentFrame();
  setFrame(frame);
  try {
    return apply(fn, self, args) as R;
  } finally {
    setFrame(previous);
  }
}

function find(storage: AsyncLocalStorage): Frame | undefined {
  for (let frame = currentFrame(); frame; frame = frame.next) if (frame.storage === storage) return frame;
  return undefined;
}

// The list without `storage`; what is behind it is shared.
function without(storage: AsyncLocalStorage, frame: Frame | undefined): Frame | undefined {
  if (!frame) return undefined;
  if (frame.storage === storage) return frame.next;
  const next = without(storage, frame.next);
  return next === frame.next ? frame : { ...frame, next };
}

function extended(storage: AsyncLocalStorage, store: unknown, enabled: boolean): Frame {
  return { storage, store, enabled, next: without(storage, currentFrame()) };
}

function requireFunction(fn: unknown): void {
  if (typeof fn !== "function") throw new TypeError('The "fn" argument must be of type function.');
}

// The function that `bind` returns takes over the length of the given one.
function boundFunction<F extends (...args: any[]) => any>(fn: F, frame: Frame | undefined, self: { value: unknown } | undefined): F {
  const bound = function (this: unknown, ...args: unknown[]) {
    return runIn(frame, fn, self ? self.value : this, args);
  };
  defineProperty(bound, "length", { value: fn.length, configurable: true });
  return bound as F;
}

export class AsyncLocalStorage {
  readonly #defaultValue: unknown;
  readonly #name: string;

  constructor(options: { defaultValue?: unknown; name?: string } = {}) {
    this.#defaultValue = options?.defaultValue;
    this.#name = options?.name === undefined ? "" : `${options.name}`;
  }

  static bind<F extends (...args: any[]) => any>(fn: F): F {
    requireFunction(fn);
    return boundFunction(fn, currentFrame(), undefined);
  }
  static snapshot(): (fn: (...args: any[]) => any, ...args: any[]) => any {
    const frame = currentFrame();
    return function (this: unknown, fn, ...args) {
      return runIn(frame, fn, this, args);
    };
  }

  get name(): string {
    return this.#name;
  }
  run<R>(store: unknown, fn: (...args: any[]) => R, ...args: any[]): R {
    return runIn(extended(this, store, true), fn, undefined, args);
  }
  exit<R>(fn: (...args: any[]) => R, ...args: any[]): R {
    return runIn(extended(this, undefined, false), fn, undefined, args);
  }
  enterWith(store: unknown): void {
    setFrame(extended(this, store, true));
  }
  getStore(): unknown {
    const frame = find(this);
    return frame?.enabled ? frame.store : this.#defaultValue;
  }
  disable(): void {
    setFrame(without(this, currentFrame()));
  }
}

let nextAsyncId = 1;

export class AsyncResource {
  readonly #frame = currentFrame();
  readonly #id = nextAsyncId++;

  constructor(type: unknown, _options?: unknown) {
    if (typeof type !== "string") throw new TypeError('The "type" argument must be of type string.');
  }
  static bind<F extends (...args: any[]) => any>(fn: F, _type?: unknown, self?: unknown): F {
    requireFunction(fn);
    return boundFunction(fn, currentFrame(), self === undefined ? undefined : { value: self });
  }
  runInAsyncScope<R>(fn: (...args: any[]) => R, self?: unknown, ...args: any[]): R {
    return runIn(this.#frame, fn, self, args);
  }
  bind<F extends (...args: any[]) => any>(fn: F, self?: unknown): F {
    requireFunction(fn);
    return boundFunction(fn, this.#frame, self === undefined ? undefined : { value: self });
  }
  emitDestroy(): this {
    return this;
  }
  asyncId(): number {
    return this.#id;
  }
  triggerAsyncId(): number {
    return 0;
  }
}

defineProperty(AsyncLocalStorage, "name", { value: "AsyncLocalStorage", configurable: true });
defineProperty(AsyncResource, "name", { value: "AsyncResource", configurable: true });
