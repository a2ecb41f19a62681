// What the modules shared with the isolate runtime ask of their host.

import { functionOrigin } from "./origin.ts";

const encoder = new TextEncoder();

export const hull = {
  utf8Encode: (text: string) => encoder.encode(text),
  utf8Decode: (bytes: Uint8Array, fatal: boolean, ignoreBOM: boolean) => new TextDecoder("utf-8", { fatal, ignoreBOM }).decode(bytes),
  functionOrigin,
};
