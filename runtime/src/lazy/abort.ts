// AbortController and AbortSignal, with `timeout` and `any`.

import { asyncOp } from "../ops.ts";
import { call, isAction } from "../state.ts";
import { then } from "../primordials.ts";
import { DOMException } from "./dom_exception.ts";
import { Event, EventTarget } from "./events.ts";

export class AbortSignal extends EventTarget {
  #aborted = false;
  #reason: unknown = undefined;
  onabort: ((event: Event) => unknown) | null = null;

  get aborted(): boolean {
    return this.#aborted;
  }
  get reason(): unknown {
    return this.#reason;
  }
  throwIfAborted(): void {
    if (this.#aborted) throw this.#reason;
  }

  static abort(reason?: unknown): AbortSignal {
    const signal = new AbortSignal();
    abortSignal(signal, reason);
    return signal;
  }

  static timeout(ms: unknown): AbortSignal {
    if (call.kind === undefined) throw new Error("AbortSignal.timeout() unsupported at import time");
    const signal = new AbortSignal();
    if (isAction()) {
      const sleep = asyncOp("sleep", { ms: Math.max(0, Math.trunc(Number(ms) || 0)), id: 0 }, undefined, undefined);
      void then(sleep, () => abortSignal(signal, new DOMException("The operation timed out.", "TimeoutError")));
    }
    return signal;
  }

  static any(signals: Iterable<AbortSignal>): AbortSignal {
    const result = new AbortSignal();
    for (const signal of signals) {
      if (signal.aborted) {
        abortSignal(result, signal.reason);
        break;
      }
      signal.addEventListener("abort", () => abortSignal(result, signal.reason), { once: true });
    }
    return result;
  }

  static trigger(signal: AbortSignal, reason: unknown): void {
    if (signal.#aborted) return;
    signal.#aborted = true;
    signal.#reason = reason === undefined ? new DOMException("The operation was aborted.", "AbortError") : reason;
    const event = new Event("abort");
    if (typeof signal.onabort === "function") signal.addEventListener("abort", signal.onabort, { once: true });
    signal.dispatchEvent(event);
  }
}

export const abortSignal = AbortSignal.trigger;
delete (AbortSignal as { trigger?: unknown }).trigger;

export class AbortController {
  readonly #signal = new AbortSignal();
  get signal(): AbortSignal {
    return this.#signal;
  }
  abort(reason?: unknown): void {
    abortSignal(this.#signal, reason);
  }
}
