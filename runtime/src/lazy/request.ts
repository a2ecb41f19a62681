// The Request class (runtime.md §9).

import { AbortSignal, followSignals, isAbortSignal } from "./abort.ts";
import { type Body, defineBodyMethods, extractBody } from "./body.ts";
import { Headers } from "./headers.ts";
import { defineInspect } from "./inspect.ts";
import { URL } from "./url.ts";
import { defineInterface, requireArguments, toDictionary, toText } from "./web_idl.ts";

const upperCased = ["DELETE", "GET", "HEAD", "OPTIONS", "POST", "PUT", "PATCH"];
const settings = {
  mode: "cors", credentials: "same-origin", cache: "default", redirect: "follow", referrer: "about:client",
  referrerPolicy: "", integrity: "", keepalive: false, duplex: "half",
} as const;
const settingNames = Object.keys(settings) as Array<keyof typeof settings>;
type Settings = { -readonly [K in keyof typeof settings]: (typeof settings)[K] | string | boolean };

export interface RequestParts {
  url: string;
  method: string;
  headers: Headers;
  body: Body | undefined;
  signal: () => AbortSignal; // made on first use
  settings: Settings;
}

class ReadyParts {
  constructor(readonly parts: RequestParts) {}
}

// Which values the enumerated settings have.
const enumerations: Record<string, readonly string[]> = {
  mode: ["cors", "navigate", "no-cors", "same-origin"],
  credentials: ["include", "omit", "same-origin"],
  cache: ["default", "force-cache", "no-cache", "no-store", "only-if-cached", "reload"],
  redirect: ["error", "follow", "manual"],
  referrerPolicy: [
    "", "no-referrer", "no-referrer-when-downgrade", "origin", "origin-when-cross-origin", "same-origin", "strict-origin",
    "strict-origin-when-cross-origin", "unsafe-url",
  ],
  duplex: ["half"],
};
const construction = "Failed to construct 'Request'";

function parseUrl(input: unknown): string {
  const url = new URL(input);
  if (url.username || url.password) {
    throw new TypeError(`Request cannot be constructed from a URL that includes credentials: ${toText(input)}`);
  }
  return url.href;
}

function normalizeMethod(value: unknown): string {
  const text = toText(value);
  const upper = text.toUpperCase();
  if (!/^[!#$%&'*+\-.^_`|~0-9A-Za-z]+$/.test(text) || ["CONNECT", "TRACE", "TRACK"].includes(upper)) {
    throw new TypeError(`${construction}: '${text}' is not a valid HTTP method.`);
  }
  return upperCased.includes(upper) ? upper : text;
}

function normalizeReferrer(value: unknown): string {
  const text = toText(value);
  if (text === "") return "no-referrer";
  const { href } = new URL(text);
  return href;
}

function normalizeSetting(key: keyof Settings, value: unknown): string | boolean {
  if (key === "keepalive") return Boolean(value);
  if (key === "referrer") return normalizeReferrer(value);
  const text = toText(value);
  const allowed = enumerations[key];
  if (allowed && !allowed.includes(text)) throw new TypeError(`${construction}: '${text}' is not a valid value of '${key}'.`);
  if (key === "mode" && text === "navigate") throw new TypeError(`${construction}: the mode 'navigate' is reserved.`);
  return text;
}

function chooseSettings(base: Settings, init: Record<string, unknown>): Settings {
  const chosen = { ...base };
  for (const key of settingNames) if (init[key] !== undefined) (chosen as any)[key] = normalizeSetting(key, init[key]);
  if (chosen.cache === "only-if-cached" && chosen.mode !== "same-origin") {
    throw new TypeError(`${construction}: 'only-if-cached' needs the mode 'same-origin'.`);
  }
  return chosen;
}

// The signal to follow: `init` decides, null means none.
function chooseSignal(from: Request | undefined, init: Record<string, unknown>): () => AbortSignal {
  const { signal } = init;
  if (signal === undefined) return from ? () => followSignals([from.signal]) : () => new AbortSignal();
  if (signal === null) return () => new AbortSignal();
  if (!isAbortSignal(signal)) throw new TypeError(`${construction}: the signal is not an AbortSignal.`);
  return () => followSignals([signal]);
}

export class Request {
  #parts: RequestParts;
  #signal: AbortSignal | undefined;

  constructor(input: unknown, options?: unknown) {
    if (input instanceof ReadyParts) {
      this.#parts = input.parts;
      return;
    }
    requireArguments(arguments.length, 1, construction);
    const init = toDictionary(options, construction);
    if (init.window !== undefined && init.window !== null) throw new TypeError(`${construction}: 'window' can only be null.`);
    const source = isRequest(input) ? input : undefined;
    const from = source && source.#parts;
    const url = from ? from.url : parseUrl(input);
    const chosen = chooseSettings(from?.settings ?? settings, init);
    const method = init.method !== undefined ? normalizeMethod(init.method) : (from?.method ?? "GET");
    const signal = chooseSignal(source, init);
    const headers = new Headers(init.headers ?? from?.headers);
    const hasBody = init.body !== undefined && init.body !== null;
    if ((hasBody || from?.body) && (method === "GET" || method === "HEAD")) {
      throw new TypeError("Request with GET/HEAD method cannot have body.");
    }
    let body: Body | undefined;
    if (hasBody) {
      const extracted = extractBody(init.body);
      body = extracted.body;
      if (extracted.contentType !== null && !headers.has("content-type")) headers.set("content-type", extracted.contentType);
    } else if (from?.body) {
      if (from.body.unusable) throw new TypeError(`${construction}: body stream already read`);
      body = from.body.transfer();
    }
    this.#parts = { url, method, headers, body, signal, settings: chosen };
  }

  get url(): string {
    return this.#parts.url;
  }
  get method(): string {
    return this.#parts.method;
  }
  get headers(): Headers {
    return this.#parts.headers;
  }
  get signal(): AbortSignal {
    return (this.#signal ??= this.#parts.signal());
  }
  get destination(): string {
    return "";
  }
  get isReloadNavigation(): boolean {
    return false;
  }
  get isHistoryNavigation(): boolean {
    return false;
  }
  clone(): Request {
    const { body } = this.#parts;
    if (body?.unusable) throw new TypeError("Failed to execute 'clone' on 'Request': body stream already read");
    return requestOf({
      ...this.#parts,
      headers: new Headers(this.#parts.headers),
      body: body?.clone(),
      settings: { ...this.#parts.settings },
      signal: () => followSignals([this.signal]),
    });
  }

  static parts(request: Request): RequestParts {
    return request.#parts;
  }
  static adopt(parts: RequestParts): Request {
    return new Request(new ReadyParts(parts));
  }
  static has(value: unknown): value is Request {
    return typeof value === "object" && value !== null && #parts in value;
  }
}

export const requestParts = Request.parts;
const adoptParts = Request.adopt;
const isRequest = Request.has;
for (const key of ["parts", "adopt", "has"]) delete (Request as any)[key];

// A request with ready parts, which need no parsing.
export const requestOf = (parts: Omit<RequestParts, "settings"> & { settings?: Settings }): Request =>
  adoptParts({ settings: { ...settings }, ...parts });

for (const key of settingNames) {
  Object.defineProperty(Request.prototype, key, {
    get(this: Request) {
      const value = requestParts(this).settings[key];
      return value === "no-referrer" && key === "referrer" ? "" : value;
    },
    configurable: true,
    enumerable: true,
  });
}
defineBodyMethods(Request.prototype, "Request", (request: Request) => {
  const { body, headers } = requestParts(request);
  return { body, contentType: headers.get("content-type") };
});
defineInterface(Request, "Request", 1);
defineInspect(Request.prototype, "Request", (request) => ({ method: request.method, url: request.url, headers: request.headers }));
