// Everything that a call may never need, behind one function: where each web global comes from, and the modules that the
// eager part reaches on demand.

type Loader = () => Record<string, unknown>;

const groups: Array<[load: Loader, names: string[]]> = [
  [() => require("./console.ts"), ["console"]],
  [() => require("./process.ts"), ["process"]],
  [() => require("./structured_clone.ts"), ["structuredClone"]],
  [
    () => require("./timers.ts"),
    ["setTimeout", "setInterval", "clearTimeout", "clearInterval", "queueMicrotask"],
  ],
  [() => require("./base64.ts"), ["atob", "btoa"]],
  [() => require("./dom_exception.ts"), ["DOMException"]],
  [() => require("./events.ts"), ["Event", "EventTarget", "CustomEvent"]],
  [() => require("./abort.ts"), ["AbortController", "AbortSignal"]],
  [() => require("./text_codec.ts"), ["TextEncoder", "TextDecoder"]],
  [() => require("./text_streams.ts"), ["TextEncoderStream", "TextDecoderStream"]],
  [
    () => require("./streams.ts"),
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
  [() => require("./url.ts"), ["URL", "URLSearchParams"]],
  [() => require("./blob.ts"), ["Blob", "File"]],
  [() => require("./form_data.ts"), ["FormData"]],
  [() => require("./headers.ts"), ["Headers"]],
  [() => require("./request.ts"), ["Request"]],
  [() => require("./response.ts"), ["Response"]],
  [() => require("./fetch.ts"), ["fetch"]],
  [() => require("./crypto/crypto.ts"), ["crypto", "Crypto"]],
  [() => require("./crypto/key.ts"), ["CryptoKey"]],
  [() => require("./crypto/subtle.ts"), ["SubtleCrypto"]],
  [
    () => require("./performance.ts"),
    ["performance", "Performance", "PerformanceEntry", "PerformanceMark", "PerformanceMeasure"],
  ],
  [() => require("./async_context.ts"), ["AsyncLocalStorage", "AsyncResource"]],
  [() => require("./weak.ts"), ["WeakRef", "FinalizationRegistry"]],
];

export function loadGlobal(name: string): unknown {
  const [load] = groups.find(([, names]) => names.includes(name))!;
  return load()[name];
}

export const errors = () => require("./errors.ts") as typeof import("./errors.ts");
export const stack = () => require("./stack.ts") as typeof import("./stack.ts");
export const analyze = () => require("./analyze.ts") as typeof import("./analyze.ts");
export const definitions = () => require("./definitions.ts") as typeof import("./definitions.ts");
export const http = () => require("./http_json.ts") as typeof import("./http_json.ts");
export const byteText = () => require("./byte_text.ts") as typeof import("./byte_text.ts");
export const storage = () => require("./storage.ts") as typeof import("./storage.ts");
