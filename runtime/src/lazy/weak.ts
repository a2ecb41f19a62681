// WeakRef that never loses its target and a FinalizationRegistry that never calls back: garbage collection must not be
// observable (runtime.md §2).

import { defineProperty } from "../primordials.ts";

function canBeHeldWeakly(value: unknown): value is WeakKey {
  if (typeof value === "symbol") return Symbol.keyFor(value) === undefined;
  return (typeof value === "object" && value !== null) || typeof value === "function";
}

export class WeakRef<T extends WeakKey> {
  readonly #target: T;
  constructor(target: T) {
    if (!canBeHeldWeakly(target)) throw new TypeError("WeakRef: invalid target");
    this.#target = target;
  }
  deref(): T {
    return this.#target;
  }
}

export class FinalizationRegistry {
  readonly #tokens = new WeakSet<WeakKey>();
  constructor(cleanup: unknown) {
    if (typeof cleanup !== "function") throw new TypeError("FinalizationRegistry: cleanup must be callable");
  }
  register(target: unknown, heldValue?: unknown, token?: unknown): void {
    if (!canBeHeldWeakly(target)) throw new TypeError("FinalizationRegistry.prototype.register: invalid target");
    if (target === heldValue) throw new TypeError("FinalizationRegistry.prototype.register: target and holdings must not be same");
    if (token === undefined) return;
    if (!canBeHeldWeakly(token)) throw new TypeError("FinalizationRegistry.prototype.register: invalid unregister token");
    this.#tokens.add(token);
  }
  unregister(token: unknown): boolean {
    if (!canBeHeldWeakly(token)) throw new TypeError("FinalizationRegistry.prototype.unregister: invalid unregister token");
    return this.#tokens.delete(token);
  }
}

for (const [type, name] of [[WeakRef, "WeakRef"], [FinalizationRegistry, "FinalizationRegistry"]] as const) {
  defineProperty(type, "name", { value: name, configurable: true });
  defineProperty(type.prototype, Symbol.toStringTag, { value: name, configurable: true });
}
