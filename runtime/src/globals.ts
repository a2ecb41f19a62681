// The web globals of runtime.md §2. Each is an accessor that loads its module on first use and then becomes a plain data
// property, so that a fresh context holds only the accessors.

import { defineProperty } from "./primordials.ts";

type Loader = () => Record<string, unknown>;

const groups: Array<[load: Loader, names: string[]]> = [
  [() => require("./lazy/console.ts"), ["console"]],
  [() => require("./lazy/process.ts"), ["process"]],
  [() => require("./lazy/structured_clone.ts"), ["structuredClone"]],
  [
    () => require("./lazy/timers.ts"),
    ["setTimeout", "setInterval", "clearTimeout", "clearInterval", "queueMicrotask"],
  ],
  [() => require("./lazy/base64.ts"), ["atob", "btoa"]],
  [() => require("./lazy/dom_exception.ts"), ["DOMException"]],
  [() => require("./lazy/events.ts"), ["Event", "EventTarget", "CustomEvent"]],
  [() => require("./lazy/abort.ts"), ["AbortController", "AbortSignal"]],
  [() => require("./lazy/text_codec.ts"), ["TextEncoder", "TextDecoder"]],
  [() => require("./lazy/text_streams.ts"), ["TextEncoderStream", "TextDecoderStream"]],
  [
    () => require("./lazy/streams.ts"),
    [
      "ReadableStream",
      "ReadableStreamBYOBReader",
      "ReadableStreamDefaultReader",
      "TransformStream",
      "WritableStream",
      "WritableStreamDefaultWriter",
      "ByteLengthQueuingStrategy",
      "CountQueuingStrategy",
    ],
  ],
  [() => require("./lazy/url.ts"), ["URL", "URLSearchParams"]],
  [() => require("./lazy/blob.ts"), ["Blob", "File"]],
  [() => require("./lazy/form_data.ts"), ["FormData"]],
  [() => require("./lazy/headers.ts"), ["Headers"]],
  [() => require("./lazy/request.ts"), ["Request"]],
  [() => require("./lazy/response.ts"), ["Response"]],
  [() => require("./lazy/fetch.ts"), ["fetch"]],
  [() => require("./lazy/crypto.ts"), ["crypto", "Crypto"]],
  [() => require("./lazy/subtle.ts"), ["CryptoKey", "SubtleCrypto"]],
  [
    () => require("./lazy/performance.ts"),
    ["performance", "Performance", "PerformanceEntry", "PerformanceMark", "PerformanceMeasure"],
  ],
  [() => require("./lazy/async_context.ts"), ["AsyncLocalStorage", "AsyncResource"]],
  [() => require("./lazy/weak.ts"), ["WeakRef", "FinalizationRegistry"]],
];

export function installGlobals(global: object): void {
  defineProperty(global, "self", { value: global, writable: true, configurable: true, enumerable: false });
  for (const [load, names] of groups) {
    for (const name of names) installLazy(global, name, load);
  }
}

function installLazy(global: object, name: string, load: Loader): void {
  const replace = (value: unknown) => {
    defineProperty(global, name, { value, writable: true, configurable: true, enumerable: false });
  };
  defineProperty(global, name, {
    configurable: true,
    enumerable: false,
    get() {
      const value = load()[name];
      if (typeof value === "function" && value.name !== name) {
        defineProperty(value, "name", { value: name, configurable: true });
      }
      replace(value);
      return value;
    },
    set: replace,
  });
}
