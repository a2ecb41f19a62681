// HTTP actions: the request and response JSON of syscalls.md §2.4 and §3.

import { asyncOp } from "../ops.ts";
import { then } from "../primordials.ts";
import { AbortSignal, abortSignal } from "./abort.ts";
import { Body, HostSource } from "./body.ts";
import { headerPairs, headersOf } from "./headers.ts";
import { type Request, requestOf } from "./request.ts";
import { isResponse, Response, responseParts } from "./response.ts";

interface RequestJson {
  headerPairs: Array<[string, string]>;
  url: string;
  method: string;
  streamId: string | null;
  signal: string | null;
}

interface ResponseJson {
  headerPairs: Array<[string, string]>;
  status: number;
  streamId: string | null;
  url?: string;
}

let nextResponseId = 1;

export function requestFromConvexJson(json: RequestJson): Request {
  const streamId = json.streamId ?? null;
  return requestOf({
    url: json.url,
    method: json.method,
    headers: headersOf(json.headerPairs),
    body: streamId === null ? undefined : Body.ofSource(new HostSource(streamId)),
    signal: () => clientSignal(json.signal ?? null),
  });
}

// Aborts when the client goes away; the host is asked to tell only if the handler looks at the signal.
function clientSignal(id: string | null): AbortSignal {
  const signal = new AbortSignal();
  if (id === null) return signal;
  const gone = asyncOp("signal/wait", { signal: id }, undefined, undefined);
  void then(
    gone,
    ([json]) => {
      if (JSON.parse(json).aborted) abortSignal(signal, undefined);
    },
    () => {},
  );
  return signal;
}

export function convexJsonFromResponse(response: unknown): ResponseJson {
  if (!isResponse(response)) throw new Error("HTTP actions must return a Response");
  const { body, headers, status, url } = responseParts(response);
  if (body?.unusable) throw new TypeError("HTTP actions must return a Response whose body was not read");
  const pairs = headerPairs(headers).map(([name, value]): [string, string] => [name, value]);
  if (body?.length !== undefined && !headers.has("content-length")) pairs.push(["content-length", String(body.length)]);
  const json: ResponseJson = { headerPairs: pairs, status, streamId: null };
  if (url) json.url = url;
  if (body) {
    json.streamId = `response-${nextResponseId++}`;
    void sendBody(json.streamId, body);
  }
  return json;
}

// What a request gets that no route matches (syscalls.md §2.4).
export function noRouteJson(): ResponseJson {
  const headers = { "content-type": "text/plain; charset=utf-8" };
  return convexJsonFromResponse(new Response("No matching routes found", { status: 404, headers }));
}

// Hands the body to the host piece by piece; an operation is answered when the host wants more. `closed`: it wants no more,
// and the body is cancelled.
async function sendBody(streamId: string, body: Body): Promise<void> {
  const write = (args: object, bytes?: Uint8Array) => asyncOp("response/write", { streamId, ...args }, bytes, undefined);
  if (body.length !== undefined) {
    await write({ done: true }, await body.consume());
    return;
  }
  try {
    for await (const chunk of body.chunks()) {
      const [json] = await write({ done: false }, chunk);
      if (JSON.parse(json).closed) break;
    }
  } catch (error) {
    const { describeError } = require("./errors.ts") as typeof import("./errors.ts");
    const described = describeError(error);
    const lines = described ? [described.message, ...described.frames.map((frame) => `    ${frame}`), ""] : ["Uncaught"];
    await write({ done: true, error: lines.join("\n") });
    return;
  }
  await write({ done: true });
}
