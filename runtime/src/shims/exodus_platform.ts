// Stand-in for the detection of native decoders inside npm @exodus/bytes, which would find this runtime's own.

export const nativeBuffer = null;
export const nativeEncoder = null;
export const nativeDecoder = null;
export const nativeDecoderLatin1 = null;
export const isHermes = false;
export const isDeno = false;
export const isLE = new Uint8Array(new Uint16Array([1]).buffer)[0] === 1;

// Text of the bytes `start` to `end` by a table of 256 strings.
export function decode2string(bytes: Uint8Array, start: number, end: number, table: string[]): string {
  let out = "";
  for (let at = start; at < end; at++) out += table[bytes[at]!]!;
  return out;
}

export function encodeCharcodes<T extends Uint8Array | Uint16Array>(text: string, into: T): T {
  for (let i = 0; i < text.length; i++) into[i] = text.charCodeAt(i);
  return into;
}
