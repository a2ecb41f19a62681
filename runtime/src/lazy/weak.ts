// WeakRef that never loses its target and a FinalizationRegistry that never calls back: garbage collection must not be
// observable (runtime.md §2).

export class WeakRef<T extends WeakKey> {
  readonly #target: T;
  constructor(target: T) {
    if ((typeof target !== "object" && typeof target !== "function" && typeof target !== "symbol") || target === null) {
      throw new TypeError("WeakRef: invalid target");
    }
    this.#target = target;
  }
  deref(): T {
    return this.#target;
  }
  get [Symbol.toStringTag](): string {
    return "WeakRef";
  }
}

export class FinalizationRegistry {
  constructor(cleanup: unknown) {
    if (typeof cleanup !== "function") throw new TypeError("FinalizationRegistry: cleanup must be callable");
  }
  register(_target: unknown, _heldValue?: unknown, _token?: unknown): void {}
  unregister(_token: unknown): boolean {
    return false;
  }
  get [Symbol.toStringTag](): string {
    return "FinalizationRegistry";
  }
}
