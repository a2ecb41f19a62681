// URL and URLSearchParams: npm whatwg-url with the error text of runtime.md §2.

import { URL as UrlWrapper, URLSearchParams as ParamsWrapper } from "whatwg-url/webidl2js-wrapper.js";
import { defineInspect } from "./inspect.ts";
import { defineInterface, toUSVString } from "./web_idl.ts";

const scope: any = { Object, Array, Promise, String, TypeError, SyntaxError, RangeError };
UrlWrapper.install(scope, ["Window"]);
ParamsWrapper.install(scope, ["Window"]);

const Base = scope.URL;

function invalidUrlText(input: unknown): string {
  return `Invalid URL: '${toUSVString(input)}'`;
}

const holder = {
  URL: function (this: unknown, ...args: unknown[]) {
    if (new.target === undefined) throw new TypeError("Class constructor URL cannot be invoked without 'new'");
    try {
      return Reflect.construct(Base, args, new.target === (holder.URL as unknown) ? Base : new.target);
    } catch (error) {
      if (args.length > 0 && String((error as Error)?.message).startsWith("Invalid ")) throw new TypeError(invalidUrlText(args[0]));
      throw error;
    }
  },
};

export const URL: any = holder.URL;
export const URLSearchParams = scope.URLSearchParams;

Object.defineProperty(URL, "prototype", { value: Base.prototype, writable: false });
for (const name of ["parse", "canParse"]) Object.defineProperty(URL, name, Object.getOwnPropertyDescriptor(Base, name)!);
Object.defineProperty(Base.prototype, "constructor", { value: URL, writable: true, configurable: true, enumerable: false });

defineInterface(URL, "URL", 1);
defineInterface(URLSearchParams, "URLSearchParams", 0);
const shown = ["href", "origin", "protocol", "username", "password", "host", "hostname", "port", "pathname", "hash", "search"];
defineInspect(Base.prototype, "URL", (url) => Object.fromEntries(shown.map((name) => [name, url[name]])));
defineInspect(URLSearchParams.prototype, "URLSearchParams", (params) => Object.fromEntries(params));
