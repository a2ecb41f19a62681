// AbortController and AbortSignal, with `timeout` and `any`.

import { asyncOp } from "../ops.ts";
import { call, isAction } from "../state.ts";
import { apply, then } from "../primordials.ts";
import { DOMException } from "./dom_exception.ts";
import { Event, EventTarget } from "./events.ts";
import { defineInspect } from "./inspect.ts";
import { refuseTimer } from "./timers.ts";
import { defineInterface, enforceUnsigned, requireArguments } from "./web_idl.ts";

export class AbortSignal extends EventTarget {
  #aborted = false;
  #reason: unknown = undefined;
  #handler: ((event: Event) => unknown) | null = null;
  #handlerAdded = false;
  // Signals that follow this one and, for a signal that follows others, those it follows.
  #dependents: AbortSignal[] = [];
  #sources: AbortSignal[] | undefined;

  get aborted(): boolean {
    return this.#aborted;
  }
  get reason(): unknown {
    return this.#reason;
  }
  throwIfAborted(): void {
    if (this.#aborted) throw this.#reason;
  }
  get onabort(): ((event: Event) => unknown) | null {
    return this.#handler;
  }
  // The handler keeps the place among the listeners that it got first.
  set onabort(value: unknown) {
    this.#handler = typeof value === "function" ? (value as (event: Event) => unknown) : null;
    if (this.#handlerAdded || !this.#handler) return;
    this.#handlerAdded = true;
    this.addEventListener("abort", (event) => this.#handler && apply(this.#handler, this, [event]));
  }

  static abort(reason?: unknown): AbortSignal {
    const signal = new AbortSignal();
    abortSignal(signal, reason);
    return signal;
  }

  static timeout(ms: unknown): AbortSignal {
    requireArguments(arguments.length, 1, "Failed to execute 'timeout' on 'AbortSignal'");
    const delay = enforceUnsigned(ms, "Failed to execute 'timeout' on 'AbortSignal'");
    if (call.kind === undefined) throw new Error("AbortSignal.timeout() unsupported at import time");
    const signal = new AbortSignal();
    if (!isAction()) {
      refuseTimer();
      return signal;
    }
    const sleep = asyncOp("sleep", { ms: delay, id: 0 }, undefined, undefined);
    void then(sleep, () => abortSignal(signal, new DOMException("The operation timed out.", "TimeoutError")));
    return signal;
  }

  static any(signals: Iterable<AbortSignal>): AbortSignal {
    requireArguments(arguments.length, 1, "Failed to execute 'any' on 'AbortSignal'");
    if (typeof signals !== "object" || signals === null) {
      throw new TypeError("Failed to execute 'any' on 'AbortSignal': the value cannot be converted to a sequence.");
    }
    const list = [...signals];
    for (const signal of list) {
      if (!isAbortSignal(signal)) throw new TypeError("Failed to execute 'any' on 'AbortSignal': an item is not an AbortSignal.");
    }
    return followSignals(list);
  }

  static trigger(signal: AbortSignal, reason: unknown): void {
    if (signal.#aborted) return;
    signal.#aborted = true;
    signal.#reason = reason === undefined ? new DOMException("The operation was aborted.", "AbortError") : reason;
    // All that follow are aborted before the first listener runs.
    const followers: AbortSignal[] = [];
    for (const follower of signal.#dependents) {
      if (follower.#aborted) continue;
      follower.#aborted = true;
      follower.#reason = signal.#reason;
      followers.push(follower);
    }
    signal.dispatchEvent(new Event("abort"));
    for (const follower of followers) follower.dispatchEvent(new Event("abort"));
  }
  static follow(signals: AbortSignal[]): AbortSignal {
    const result = new AbortSignal();
    const aborted = signals.find((signal) => signal.#aborted);
    if (aborted) {
      result.#aborted = true;
      result.#reason = aborted.#reason;
      return result;
    }
    result.#sources = [];
    for (const signal of signals) {
      for (const source of signal.#sources ?? [signal]) {
        if (result.#sources.includes(source)) continue;
        result.#sources.push(source);
        source.#dependents.push(result);
      }
    }
    return result;
  }
  static has(value: unknown): value is AbortSignal {
    return typeof value === "object" && value !== null && #aborted in value;
  }
}

export const abortSignal = AbortSignal.trigger;
export const isAbortSignal = AbortSignal.has;
// A signal that is aborted when one of the given ones is.
export const followSignals = AbortSignal.follow;
for (const key of ["trigger", "has", "follow"]) delete (AbortSignal as any)[key];

export class AbortController {
  readonly #signal = new AbortSignal();
  get signal(): AbortSignal {
    return this.#signal;
  }
  abort(reason?: unknown): void {
    abortSignal(this.#signal, reason);
  }
}

defineInterface(AbortSignal, "AbortSignal");
defineInterface(AbortController, "AbortController");
defineInspect(AbortSignal.prototype, "AbortSignal", ({ aborted }) => ({ aborted }));
defineInspect(AbortController.prototype, "AbortController", ({ signal }) => ({ signal }));
