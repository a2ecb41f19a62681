// Everything that a call may never need, behind one function: where each web global comes from, and the modules that the
// eager part reaches on demand.

type Loader = () => Record<string, unknown>;

const console: Loader = () => require("./console.ts");
const process: Loader = () => require("./process.ts");
const clone: Loader = () => require("./structured_clone.ts");
const timers: Loader = () => require("./timers.ts");
const base64: Loader = () => require("./base64.ts");
const exceptions: Loader = () => require("./dom_exception.ts");
const events: Loader = () => require("./events.ts");
const abort: Loader = () => require("./abort.ts");
const text: Loader = () => require("./text_codec.ts");
const textStreams: Loader = () => require("./text_streams.ts");
const streams: Loader = () => require("./streams.ts");
const url: Loader = () => require("./url.ts");
const blob: Loader = () => require("./blob.ts");
const formData: Loader = () => require("./form_data.ts");
const headers: Loader = () => require("./headers.ts");
const request: Loader = () => require("./request.ts");
const response: Loader = () => require("./response.ts");
const fetch: Loader = () => require("./fetch.ts");
const crypto: Loader = () => require("./crypto/crypto.ts");
const cryptoKey: Loader = () => require("./crypto/key.ts");
const subtle: Loader = () => require("./crypto/subtle.ts");
const performance: Loader = () => require("./performance.ts");
const asyncContext: Loader = () => require("./async_context.ts");
const weak: Loader = () => require("./weak.ts");

// A table without methods: user code may have changed those of Array.
const loaders: Record<string, Loader> = {
  __proto__: null as never,
  console,
  process,
  structuredClone: clone,
  setTimeout: timers,
  setInterval: timers,
  clearTimeout: timers,
  clearInterval: timers,
  queueMicrotask: timers,
  atob: base64,
  btoa: base64,
  DOMException: exceptions,
  Event: events,
  EventTarget: events,
  CustomEvent: events,
  AbortController: abort,
  AbortSignal: abort,
  TextEncoder: text,
  TextDecoder: text,
  TextEncoderStream: textStreams,
  TextDecoderStream: textStreams,
  ReadableStream: streams,
  ReadableStreamBYOBReader: streams,
  ReadableStreamDefaultReader: streams,
  TransformStream: streams,
  WritableStream: streams,
  WritableStreamDefaultWriter: streams,
  ByteLengthQueuingStrategy: streams,
  CountQueuingStrategy: streams,
  URL: url,
  URLSearchParams: url,
  Blob: blob,
  File: blob,
  FormData: formData,
  Headers: headers,
  Request: request,
  Response: response,
  fetch,
  crypto,
  Crypto: crypto,
  CryptoKey: cryptoKey,
  SubtleCrypto: subtle,
  performance,
  Performance: performance,
  PerformanceEntry: performance,
  PerformanceMark: performance,
  PerformanceMeasure: performance,
  AsyncLocalStorage: asyncContext,
  AsyncResource: asyncContext,
  WeakRef: weak,
  FinalizationRegistry: weak,
};

export const loadGlobal = (name: string): unknown => loaders[name]!()[name];

export const errors = () => require("./errors.ts") as typeof import("./errors.ts");
export const stack = () => require("./stack.ts") as typeof import("./stack.ts");
export const analyze = () => require("./analyze.ts") as typeof import("./analyze.ts");
export const definitions = () => require("./definitions.ts") as typeof import("./definitions.ts");
export const http = () => require("./http_json.ts") as typeof import("./http_json.ts");
export const byteText = () => require("./byte_text.ts") as typeof import("./byte_text.ts");
export const storage = () => require("./storage.ts") as typeof import("./storage.ts");
