// `crypto`: random values from the host in actions, from the seeded stream of the call or the import elsewhere (runtime.md §2, §3).

import { hull } from "../../host.ts";
import { fillSeeded } from "../../random.ts";
import { isAction } from "../../state.ts";
import { DOMException } from "../dom_exception.ts";
import { defineInterface } from "../web_idl.ts";

const maxBytes = 65536;
const secret = Symbol("crypto");
const hexByte = (byte: number) => byte.toString(16).padStart(2, "0");

function fill(bytes: Uint8Array): void {
  if (isAction()) hull.secureRandom(bytes);
  else fillSeeded(bytes);
}

export class Crypto {
  constructor(key?: unknown) {
    if (key !== secret) throw new TypeError("Illegal constructor");
  }

  get subtle(): unknown {
    return (require("./subtle.ts") as typeof import("./subtle.ts")).subtle;
  }

  getRandomValues<T>(array: T): T {
    if (!ArrayBuffer.isView(array) || array instanceof DataView || /^\[object Float/.test(Object.prototype.toString.call(array))) {
      throw new DOMException("The provided ArrayBufferView is not an integer array type", "TypeMismatchError");
    }
    if (array.byteLength > maxBytes) {
      throw new TypeError(
        `Byte length (${array.byteLength}) exceeds the number of bytes of entropy available via this API (${maxBytes})`,
      );
    }
    fill(new Uint8Array(array.buffer, array.byteOffset, array.byteLength));
    return array;
  }

  randomUUID(): string {
    const bytes = new Uint8Array(16);
    fill(bytes);
    bytes[6] = (bytes[6]! & 0x0f) | 0x40;
    bytes[8] = (bytes[8]! & 0x3f) | 0x80;
    const hex = Array.from(bytes, hexByte).join("");
    return `${hex.slice(0, 8)}-${hex.slice(8, 12)}-${hex.slice(12, 16)}-${hex.slice(16, 20)}-${hex.slice(20)}`;
  }
}

defineInterface(Crypto, "Crypto", 0);

export const crypto = new Crypto(secret);
