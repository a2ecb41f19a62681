// Uint8Array's base64 and hex methods. V8 13.6 has them behind a flag, but forgets where in its buffer an array begins and has no
// setFrom*; also it puts its own into every context that comes out of a snapshot. So the flag stays off.

import { lazy } from "./lazy.ts";
import { defineHidden } from "./primordials.ts";

const onArrays = {
  toBase64(this: unknown, options?: unknown): string {
    return lazy().byteText().toBase64(this, options);
  },
  toHex(this: unknown): string {
    return lazy().byteText().toHex(this);
  },
  setFromBase64(this: unknown, text: unknown, options?: unknown): { read: number; written: number } {
    return lazy().byteText().setFromBase64(this, text, options);
  },
  setFromHex(this: unknown, text: unknown): { read: number; written: number } {
    return lazy().byteText().setFromHex(this, text);
  },
};

const onConstructor = {
  fromBase64(text: unknown, options?: unknown): Uint8Array {
    return lazy().byteText().fromBase64(text, options);
  },
  fromHex(text: unknown): Uint8Array {
    return lazy().byteText().fromHex(text);
  },
};

export function installByteText(): void {
  for (const [name, method] of Object.entries(onArrays)) defineHidden(Uint8Array.prototype, name, method);
  for (const [name, method] of Object.entries(onConstructor)) defineHidden(Uint8Array, name, method);
}
