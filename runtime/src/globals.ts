// The web globals of runtime.md §2. Each is an accessor that loads its module on first use and then becomes a plain data
// property, so that a fresh context holds only the accessors.

import { lazy } from "./lazy.ts";
import { defineHidden, defineProperty } from "./primordials.ts";

const names = `
  console process structuredClone setTimeout setInterval clearTimeout clearInterval queueMicrotask atob btoa
  DOMException Event EventTarget CustomEvent AbortController AbortSignal TextEncoder TextDecoder TextEncoderStream
  TextDecoderStream ReadableStream ReadableStreamBYOBReader ReadableStreamDefaultReader TransformStream WritableStream
  WritableStreamDefaultWriter ByteLengthQueuingStrategy CountQueuingStrategy URL URLSearchParams Blob File FormData
  Headers Request Response fetch crypto Crypto CryptoKey SubtleCrypto performance Performance PerformanceEntry
  PerformanceMark PerformanceMeasure AsyncLocalStorage AsyncResource WeakRef FinalizationRegistry
`;

export function installGlobals(global: object): void {
  defineHidden(global, "self", global);
  for (const name of names.trim().split(/\s+/)) installLazy(global, name);
}

function installLazy(global: object, name: string): void {
  const replace = (value: unknown) => {
    defineHidden(global, name, value);
  };
  const get = () => {
    const value = lazy().loadGlobal(name);
    if (typeof value === "function" && value.name !== name) {
      defineProperty(value, "name", { value: name, configurable: true });
    }
    replace(value);
    return value;
  };
  defineProperty(global, name, { configurable: true, enumerable: false, get, set: replace });
}
