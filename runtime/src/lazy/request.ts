// The Request class (runtime.md §9).

import { AbortSignal } from "./abort.ts";
import { type Body, defineBodyMethods, extractBody } from "./body.ts";
import { Headers } from "./headers.ts";
import { defineInspect } from "./inspect.ts";
import { URL } from "./url.ts";

const upperCased = ["DELETE", "GET", "HEAD", "OPTIONS", "POST", "PUT", "PATCH"];
const settings = {
  mode: "cors", credentials: "same-origin", cache: "default", redirect: "follow", referrer: "about:client",
  referrerPolicy: "", integrity: "", keepalive: false, duplex: "half",
} as const;
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

function parseUrl(input: unknown): string {
  const url = new URL(input);
  if (url.username || url.password) {
    throw new TypeError(`Request cannot be constructed from a URL that includes credentials: ${String(input)}`);
  }
  return url.href;
}

function normalizeMethod(value: unknown): string {
  const text = String(value);
  const upper = text.toUpperCase();
  if (!/^[!#$%&'*+\-.^_`|~0-9A-Za-z]+$/.test(text) || ["CONNECT", "TRACE", "TRACK"].includes(upper)) {
    throw new TypeError(`Failed to construct 'Request': '${text}' is not a valid HTTP method.`);
  }
  return upperCased.includes(upper) ? upper : text;
}

export class Request {
  #parts: RequestParts;
  #signal: AbortSignal | undefined;

  constructor(input: unknown, init: any = {}) {
    if (input instanceof ReadyParts) {
      this.#parts = input.parts;
      return;
    }
    if (arguments.length === 0) throw new TypeError("Failed to construct 'Request': 1 argument required, but only 0 present.");
    init ??= {};
    const from = input instanceof Request ? input.#parts : undefined;
    const method = init.method !== undefined ? normalizeMethod(init.method) : (from?.method ?? "GET");
    const headers = new Headers(init.headers ?? from?.headers);
    let body: Body | undefined;
    if (init.body !== undefined && init.body !== null) {
      if (method === "GET" || method === "HEAD") throw new TypeError("Request with GET/HEAD method cannot have body.");
      const extracted = extractBody(init.body);
      body = extracted.body;
      if (extracted.contentType !== null && !headers.has("content-type")) headers.set("content-type", extracted.contentType);
    } else if (from?.body) {
      if (from.body.unusable) throw new TypeError("Failed to construct 'Request': body stream already read");
      body = from.body;
    }
    const chosen = { ...(from?.settings ?? settings) } as Settings;
    for (const key of Object.keys(settings) as Array<keyof Settings>) if (init[key] !== undefined) chosen[key] = init[key];
    const given: AbortSignal | null | undefined = init.signal === null ? undefined : (init.signal ?? undefined);
    this.#parts = {
      url: from ? from.url : parseUrl(input),
      method,
      headers,
      body,
      signal: given ? () => given : input instanceof Request && init.signal !== null ? () => input.signal : () => new AbortSignal(),
      settings: chosen,
    };
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
  clone(): Request {
    const { body } = this.#parts;
    if (body?.unusable) throw new TypeError("Failed to execute 'clone' on 'Request': body stream already read");
    return requestOf({
      ...this.#parts,
      headers: new Headers(this.#parts.headers),
      body: body?.clone(),
      signal: () => this.signal,
    });
  }
  get [Symbol.toStringTag](): string {
    return "Request";
  }

  static parts(request: Request): RequestParts {
    return request.#parts;
  }
  static adopt(parts: RequestParts): Request {
    return new Request(new ReadyParts(parts));
  }
}

export const requestParts = Request.parts;
const adoptParts = Request.adopt;
delete (Request as { parts?: unknown }).parts;
delete (Request as { adopt?: unknown }).adopt;

// A request with ready parts, which need no parsing.
export const requestOf = (parts: Omit<RequestParts, "settings"> & { settings?: Settings }): Request =>
  adoptParts({ settings: { ...settings }, ...parts });

for (const key of Object.keys(settings) as Array<keyof Settings>) {
  Object.defineProperty(Request.prototype, key, {
    get(this: Request) {
      return requestParts(this).settings[key];
    },
    configurable: true,
    enumerable: true,
  });
}
defineBodyMethods(Request.prototype, "Request", (request: Request) => {
  const { body, headers } = requestParts(request);
  return { body, contentType: headers.get("content-type") };
});
defineInspect(Request.prototype, "Request", (request) => ({ method: request.method, url: request.url, headers: request.headers }));
