// Types of bundled packages that ship none.

declare module "object-inspect" {
  export default function inspect(value: unknown, options?: object): string;
}

declare module "whatwg-url/webidl2js-wrapper.js" {
  interface Wrapper {
    install(global: object, names: string[]): void;
  }
  export const URL: Wrapper;
  export const URLSearchParams: Wrapper;
}

declare module "@exodus/bytes/fallback/encoding.labels.js" {
  const labels: Record<string, string[]>;
  export default labels;
}

declare module "@exodus/bytes/fallback/single-byte.js" {
  export function encodingDecoder(name: string): (bytes: Uint8Array, loose: boolean) => string;
}

declare module "@exodus/bytes/fallback/multi-byte.js" {
  export function multibyteDecoder(name: string, loose: boolean): (bytes: Uint8Array, stream: boolean) => string;
}
