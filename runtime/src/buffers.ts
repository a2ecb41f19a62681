// Resizable and growable buffers reserve memory past V8's allocator, which limits the others: here their maximal lengths count
// against the same limit (runtime.md §5.2), over the whole call.

import { construct, defineHidden } from "./primordials.ts";

type BufferClass = ArrayBufferConstructor | SharedArrayBufferConstructor;

const maxReservedBytes = 64 << 20;
let reserved = 0;
let sharedLimited = false;

function limited(native: BufferClass): BufferClass {
  const wrapper = new Proxy(native, {
    construct(target, args: [unknown, { maxByteLength?: unknown }?], newTarget) {
      const options = args[1];
      const wanted = typeof options === "object" && options !== null ? options.maxByteLength : undefined;
      if (wanted === undefined) return construct(target, [args[0]], newTarget);
      const maxByteLength = Number(wanted);
      if (maxByteLength + reserved > maxReservedBytes) throw new RangeError("Array buffer allocation failed");
      const buffer = construct(target, [args[0], { maxByteLength }], newTarget);
      reserved += maxByteLength;
      return buffer;
    },
  });
  defineHidden(native.prototype, "constructor", wrapper);
  return wrapper;
}

export function limitBuffers(): void {
  defineHidden(globalThis, "ArrayBuffer", limited(ArrayBuffer));
  limitSharedBuffers();
}

// V8 hides this class while it makes a snapshot.
export function limitSharedBuffers(): void {
  if (sharedLimited || typeof SharedArrayBuffer === "undefined") return;
  sharedLimited = true;
  defineHidden(globalThis, "SharedArrayBuffer", limited(SharedArrayBuffer));
}
