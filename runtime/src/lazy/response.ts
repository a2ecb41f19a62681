// The Response class (runtime.md §9.2).

import { jsonStringify } from "../primordials.ts";
import { type Body, defineBodyMethods, extractBody } from "./body.ts";
import { Headers } from "./headers.ts";
import { defineInspect } from "./inspect.ts";
import { defineInterface, requireArguments, toDictionary, toText, utf8 } from "./web_idl.ts";

const redirectStatuses = [301, 302, 303, 307, 308];
const nullBodyStatuses = [101, 103, 204, 205, 304];

export interface ResponseParts {
  status: number;
  statusText: string;
  headers: Headers;
  body: Body | undefined;
  url: string;
  redirected: boolean;
  type: string;
}

const construction = "Failed to construct 'Response'";

class ReadyParts {
  constructor(readonly parts: ResponseParts) {}
}

export class Response {
  #parts: ResponseParts;

  constructor(init?: unknown, given?: unknown) {
    if (init instanceof ReadyParts) {
      this.#parts = init.parts;
      return;
    }
    const options = toDictionary(given, construction);
    const status = options.status === undefined ? 200 : Math.trunc(Number(options.status));
    if (!(status >= 200 && status <= 599)) {
      throw new RangeError(`${construction}: The status provided is outside the range [200, 599].`);
    }
    const statusText = options.statusText === undefined ? "" : toText(options.statusText);
    if (/[^\t\x20-\x7e\x80-\xff]/.test(statusText)) throw new TypeError(`${construction}: Invalid statusText`);
    const headers = new Headers(options.headers === null ? undefined : options.headers);
    let body: Body | undefined;
    if (init !== undefined && init !== null) {
      if (nullBodyStatuses.includes(status)) {
        throw new TypeError(`${construction}: Response with null body status cannot have body`);
      }
      const extracted = extractBody(init);
      body = extracted.body;
      if (extracted.contentType !== null && !headers.has("content-type")) headers.set("content-type", extracted.contentType);
    }
    this.#parts = { status, statusText, headers, body, url: "", redirected: false, type: "default" };
  }

  static json(data: unknown, given?: unknown): Response {
    requireArguments(arguments.length, 1, "Failed to execute 'json' on 'Response'");
    const text = jsonStringify(data);
    if (text === undefined) throw new TypeError("Failed to execute 'json' on 'Response': The data is not JSON serializable");
    const options = toDictionary(given, "Failed to execute 'json' on 'Response'");
    const headers = new Headers(options.headers ?? undefined);
    if (!headers.has("content-type")) headers.set("content-type", "application/json");
    return new Response(utf8(text), { status: options.status, statusText: options.statusText, headers });
  }
  static redirect(url: unknown, status: unknown = 302): Response {
    requireArguments(arguments.length, 1, "Failed to execute 'redirect' on 'Response'");
    const { URL } = require("./url.ts") as typeof import("./url.ts");
    const location = new URL(url).href;
    if (!redirectStatuses.includes(Number(status))) throw new RangeError("Failed to execute 'redirect' on 'Response': Invalid status code");
    return new Response(null, { status, headers: { location } });
  }
  static error(): Response {
    return responseOf({
      status: 500, statusText: "", headers: new Headers(), body: undefined, url: "", redirected: false, type: "error",
    });
  }

  get status(): number {
    return this.#parts.status;
  }
  get statusText(): string {
    return this.#parts.statusText;
  }
  get ok(): boolean {
    return this.#parts.status >= 200 && this.#parts.status <= 299;
  }
  get headers(): Headers {
    return this.#parts.headers;
  }
  get url(): string {
    return this.#parts.url;
  }
  get redirected(): boolean {
    return this.#parts.redirected;
  }
  get type(): string {
    return this.#parts.type;
  }
  clone(): Response {
    const { body } = this.#parts;
    if (body?.unusable) throw new TypeError("Failed to execute 'clone' on 'Response': body stream already read");
    return responseOf({ ...this.#parts, headers: new Headers(this.#parts.headers), body: body?.clone() });
  }

  static parts(response: Response): ResponseParts {
    return response.#parts;
  }
  static isOurs(value: unknown): value is Response {
    return typeof value === "object" && value !== null && #parts in value;
  }
}

export const responseOf = (parts: ResponseParts): Response => new Response(new ReadyParts(parts));
export const responseParts = Response.parts;
export const isResponse = Response.isOurs;
delete (Response as { parts?: unknown }).parts;
delete (Response as { isOurs?: unknown }).isOurs;

defineBodyMethods(Response.prototype, "Response", (response: Response) => {
  const { body, headers } = responseParts(response);
  return { body, contentType: headers.get("content-type") };
});
defineInterface(Response, "Response", 0);
defineInspect(Response.prototype, "Response", (response) => ({
  status: response.status, statusText: response.statusText, url: response.url, headers: response.headers,
}));
