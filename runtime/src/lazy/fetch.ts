// fetch (runtime.md §9.1). The host does one exchange per "fetch" operation; redirects are followed here.

import { asyncOp, track } from "../ops.ts";
import { call, isAction } from "../state.ts";
import type { AbortSignal } from "./abort.ts";
import { Body, HostSource } from "./body.ts";
import { headerPairs, headersOf, Headers } from "./headers.ts";
import { Request, requestParts } from "./request.ts";
import { type Response, responseOf } from "./response.ts";
import { URL } from "./url.ts";

const maxRedirects = 20;
const refused =
  "Can't use fetch() in queries and mutations. Please consider using an action. " +
  "See https://docs.convex.dev/functions/actions for more details.";
const bodyHeaders = ["content-encoding", "content-language", "content-length", "content-location", "content-type"];

// A body of known length is sent in one piece up to this size, so that its length is announced and it can be sent again.
const maxHeldBody = 16 * 1024 * 1024;

let nextFetchId = 1;
export const newFetchId = (): string => String(nextFetchId++);

interface Exchange {
  url: any; // URL
  method: string;
  headers: Headers;
  payload: Uint8Array | undefined; // a body whose bytes are known
  upload: Body | undefined; // any other body
  signal: AbortSignal;
}

interface Answer {
  status: number;
  statusText: string;
  headers: Array<[string, string]>;
  url: string;
  bodyStreamId: string | null;
}

export async function fetch(input: unknown, init: any = {}): Promise<Response> {
  return track("fetch", start(input, init));
}

async function start(input: unknown, init: any): Promise<Response> {
  if (call.kind === undefined) throw new Error("fetch() unsupported at import time");
  if (!isAction()) throw Object.assign(new Error(refused), { code: "NoFetchInQueriesOrMutations" });
  const request = new Request(input, init);
  const { signal } = request;
  signal.throwIfAborted();
  const { body, settings } = requestParts(request);
  if (body?.unusable) throw new TypeError("Failed to execute 'fetch': body stream already read");
  const held = body && (body.length ?? Infinity) <= maxHeldBody;
  const exchange: Exchange = {
    url: new URL(request.url),
    method: request.method,
    headers: new Headers(request.headers),
    payload: body && (held || body.replayable) ? await body.consume() : undefined,
    upload: held || body?.replayable ? undefined : body,
    signal,
  };
  return follow(exchange, String(settings.redirect));
}

async function follow(exchange: Exchange, mode: string): Promise<Response> {
  for (let redirects = 0; ; redirects++) {
    const { protocol } = exchange.url;
    if (protocol !== "http:" && protocol !== "https:") {
      throw new TypeError(`Unsupported URL scheme -- http and https are supported (scheme was ${protocol.slice(0, -1)})`);
    }
    const { answer, source } = await send(exchange);
    const location = isRedirect(answer.status) ? headersOf(answer.headers).get("location") : null;
    if (location === null || mode === "manual") return toResponse(answer, source, exchange, redirects > 0);
    source?.cancel();
    if (mode === "error") throw new TypeError("fetch attempted redirect");
    if (redirects >= maxRedirects) throw new TypeError("fetch too many redirects");
    redirect(exchange, answer.status, location);
  }
}

function isRedirect(status: number): boolean {
  return status === 301 || status === 302 || status === 303 || status === 307 || status === 308;
}

// Points the exchange at the new location.
function redirect(exchange: Exchange, status: number, location: string): void {
  const target = new URL(location, exchange.url.href);
  if (!target.hash) target.hash = exchange.url.hash;
  const toGet =
    (status === 303 && exchange.method !== "GET" && exchange.method !== "HEAD") ||
    ((status === 301 || status === 302) && exchange.method === "POST");
  if (toGet) {
    exchange.method = "GET";
    exchange.payload = exchange.upload = undefined;
    for (const name of bodyHeaders) exchange.headers.delete(name);
  } else if (exchange.upload) throw new TypeError("fetch cannot redirect with streamed body");
  if (target.origin !== exchange.url.origin) exchange.headers.delete("authorization");
  exchange.url = target;
}

async function send(exchange: Exchange): Promise<{ answer: Answer; source: HostSource | undefined }> {
  const { url, method, headers, payload, upload, signal } = exchange;
  const fetchId = newFetchId();
  const wire = new URL(url.href);
  wire.hash = "";
  const hasBody = (payload ?? upload) !== undefined;
  const args = { url: wire.href, method, headers: headerPairs(headers), hasBody, streams: upload !== undefined, fetchId };
  const operation = asyncOp("fetch", args, payload, undefined);
  const uploading = upload && new Upload(fetchId, upload);
  try {
    const [json] = await abortable(operation, signal, () => {
      asyncOp("fetch/abort", { fetchId }, undefined, undefined).catch(() => {});
    });
    const answer = JSON.parse(json) as Answer;
    const source = answer.bodyStreamId === null ? undefined : new AbortableSource(answer.bodyStreamId, signal);
    return { answer, source };
  } catch (error) {
    throw uploading?.failure ? uploading.failure.error : error;
  }
}

// Hands a request body to the host piece by piece, while the response may already be on its way.
export class Upload {
  failure: { error: unknown } | undefined; // why the body could not be made
  constructor(
    readonly fetchId: string,
    body: Body,
  ) {
    this.#run(body).catch(() => {}); // the exchange has ended
  }
  async #run(body: Body): Promise<void> {
    const write = (args: object, bytes?: Uint8Array) =>
      asyncOp("fetch/write", { fetchId: this.fetchId, ...args }, bytes, undefined);
    try {
      for await (const chunk of body.chunks()) {
        const [json] = await write({ done: false }, chunk);
        if (JSON.parse(json).closed) return;
      }
    } catch (error) {
      this.failure = { error };
      await write({ done: true, error: String(error) });
      return;
    }
    await write({ done: true });
  }
}

// Settles with the operation, or rejects with the reason of the signal as soon as it is aborted.
function abortable<T>(operation: Promise<T>, signal: AbortSignal, onAbort: () => void): Promise<T> {
  return new Promise((resolve, reject) => {
    const abort = () => {
      onAbort();
      reject(signal.reason);
    };
    signal.addEventListener("abort", abort, { once: true });
    operation.then(resolve, reject).finally(() => signal.removeEventListener("abort", abort));
  });
}

// The body of a response, which the signal of its fetch also ends.
class AbortableSource extends HostSource {
  constructor(
    streamId: string,
    readonly signal: AbortSignal,
  ) {
    super(streamId);
  }
  override async next(): Promise<Uint8Array | undefined> {
    this.signal.throwIfAborted();
    return abortable(super.next(), this.signal, () => this.cancel());
  }
}

function toResponse(answer: Answer, source: HostSource | undefined, exchange: Exchange, redirected: boolean): Response {
  return responseOf({
    status: answer.status,
    statusText: answer.statusText,
    headers: headersOf(answer.headers),
    body: source && Body.ofSource(source),
    url: exchange.url.href.replace(/#.*$/s, ""),
    redirected,
    type: "basic",
  });
}
