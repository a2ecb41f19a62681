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
