// AsyncLocalStorage and AsyncResource (runtime.md §2). The current frame is an immutable map from storage to value. With the
// host's continuation slot V8 carries it across await; otherwise it holds during the synchronous part of `run`.

import { hull } from "../host.ts";

type Frame = ReadonlyMap<AsyncLocalStorage, unknown>;

const emptyFrame: Frame = new Map();
let syncFrame: unknown;

function currentFrame(): Frame {
  const value = hull.getContinuation ? hull.getContinuation() : syncFrame;
  return value instanceof Map ? (value as Frame) : emptyFrame;
}

function setFrame(frame: Frame): void {
  if (hull.setContinuation) hull.setContinuation(frame);
  else syncFrame = frame;
}

function runIn<R>(frame: Frame, fn: (...args: any[]) => R, self: unknown, args: unknown[]): R {
  const previous = currentFrame();
  setFrame(frame);
  try {
    return Reflect.apply(fn, self, args);
  } finally {
    setFrame(previous);
  }
}

export class AsyncLocalStorage {
  readonly #defaultValue: unknown;
  readonly name: string;

  constructor(options: { defaultValue?: unknown; name?: string } = {}) {
    this.#defaultValue = options?.defaultValue;
    this.name = options?.name === undefined ? "" : String(options.name);
  }

  static bind<F extends (...args: any[]) => any>(fn: F): F {
    const frame = currentFrame();
    return function (this: unknown, ...args: unknown[]) {
      return runIn(frame, fn, this, args);
    } as F;
  }
  static snapshot(): (fn: (...args: any[]) => any, ...args: any[]) => any {
    const frame = currentFrame();
    return (fn, ...args) => runIn(frame, fn, undefined, args);
  }

  run<R>(store: unknown, fn: (...args: any[]) => R, ...args: any[]): R {
    return runIn(new Map(currentFrame()).set(this, store), fn, undefined, args);
  }
  exit<R>(fn: (...args: any[]) => R, ...args: any[]): R {
    return this.run(undefined, fn, ...args);
  }
  enterWith(store: unknown): void {
    setFrame(new Map(currentFrame()).set(this, store));
  }
  getStore(): unknown {
    const frame = currentFrame();
    return frame.has(this) ? frame.get(this) : this.#defaultValue;
  }
  disable(): void {
    const frame = new Map(currentFrame());
    frame.delete(this);
    setFrame(frame);
  }
}

let nextAsyncId = 1;

export class AsyncResource {
  readonly #frame = currentFrame();
  readonly #id = nextAsyncId++;
  readonly type: string;

  constructor(type: string) {
    this.type = String(type);
  }
  static bind<F extends (...args: any[]) => any>(fn: F): F {
    return AsyncLocalStorage.bind(fn);
  }
  runInAsyncScope<R>(fn: (...args: any[]) => R, self?: unknown, ...args: any[]): R {
    return runIn(this.#frame, fn, self, args);
  }
  bind<F extends (...args: any[]) => any>(fn: F): F {
    return ((...args: unknown[]) => this.runInAsyncScope(fn, undefined, ...args)) as F;
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
