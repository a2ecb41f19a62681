// Stand-in for the legacy-encoding aware percent encoder inside whatwg-url: URLs of this runtime are always UTF-8.

import { hull } from "../host.ts";

export function percentEncodeAfterEncoding(_encoding: string, input: string, encodeSet: string, spaceAsPlus = false): string {
  let out = "";
  for (const byte of hull.utf8Encode(input)) {
    const char = String.fromCharCode(byte);
    if (spaceAsPlus && byte === 0x20) out += "+";
    else if (byte < 0x20 || byte > 0x7e || encodeSet.includes(char)) out += `%${byte < 16 ? "0" : ""}${byte.toString(16).toUpperCase()}`;
    else out += char;
  }
  return out;
}
