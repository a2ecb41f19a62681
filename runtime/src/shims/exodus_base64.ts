// Stand-in for the base64 module inside npm @exodus/bytes, of which its tables need one function.

import { decodeBytes } from "../lazy/base64.ts";

export function fromBase64url(text: string): Uint8Array {
  return decodeBytes(text.replaceAll("-", "+").replaceAll("_", "/"))!;
}
