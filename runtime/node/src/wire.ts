// Frames between the server and this process (src/worker/protocol.proto) over the socket inherited as fd 3.

import { Socket } from "node:net";
import protobuf from "protobufjs/light.js";
import descriptor from "hull:protocol";

export interface Init {
  env: Record<string, string>;
  sourceDirectory: string;
}
export interface StartCall {
  callId: number;
  module: string;
  function: string;
  argsJson: string;
  userTimeoutMs: number;
}
export interface OpResult {
  opId: number;
  json?: string;
  payload?: Uint8Array;
  error?: { message: string; dataJson?: string };
}
export interface Analyze {
  modules: string[];
  userTimeoutMs: number;
}
export interface ToWorker {
  init?: Init;
  start?: StartCall;
  results?: { callId: number; results: OpResult[] };
  analyze?: Analyze;
  ping?: object;
}

export interface Op {
  opId: number;
  name: string;
  argsJson: string;
  payload?: Uint8Array;
}
export interface LogLine {
  level: string;
  messages: string[];
  truncated: boolean;
  timestampMs: number;
  systemCode: string;
}
export const ErrorKind = { EXCEPTION: 0, DEVELOPER: 1, TIMEOUT: 2 } as const;
export interface JsError {
  kind: number;
  message: string;
  frames: string[];
  dataJson?: string;
}
export interface CallDone {
  callId: number;
  resultJson?: string;
  error?: JsError;
  userTimeUs: number;
  retire: boolean;
}
export interface AnalyzedFunction {
  name: string;
  udfType: string;
  visibility: string;
  argsJson: string;
  returnsJson: string;
  line: number;
  column: number;
}
export interface AnalyzeResult {
  modules: { path: string; functions: AnalyzedFunction[] }[];
  failedModule?: string;
  error?: JsError;
  errorCode?: string;
  logs?: LogLine[];
}
export interface FromWorker {
  ready?: { startMs: number };
  ops?: { callId: number; ops: Op[] };
  logs?: { callId: number; lines: LogLine[] };
  done?: CallDone;
  analyzed?: AnalyzeResult;
  retiring?: { reason: string };
  pong?: object;
}

// Numbers of calls and operations are small.
(protobuf.util as { Long: unknown }).Long = null;
protobuf.configure();

const root = protobuf.Root.fromJSON(descriptor);
const ToWorkerType = root.lookupType("hull.wire.ToWorker");
const FromWorkerType = root.lookupType("hull.wire.FromWorker");
const headerBytes = 4;

const socket = new Socket({ fd: 3 });

export function send(frame: FromWorker): void {
  const body = FromWorkerType.encode(frame as {}).finish();
  const header = Buffer.alloc(headerBytes);
  header.writeUInt32LE(body.length);
  socket.write(Buffer.concat([header, body]));
}

// Calls `handle` with each frame. `onEnd`: the server is gone.
export function receive(handle: (frame: ToWorker) => void, onEnd: () => void): void {
  let chunks: Buffer[] = [];
  let have = 0;
  let wanted = headerBytes;
  socket.on("data", (chunk: Buffer) => {
    chunks.push(chunk);
    have += chunk.length;
    if (have < wanted) return;
    let rest = chunks.length === 1 ? chunk : Buffer.concat(chunks);
    for (;;) {
      wanted = headerBytes;
      if (rest.length < headerBytes) break;
      wanted += rest.readUInt32LE(0);
      if (rest.length < wanted) break;
      const body = rest.subarray(headerBytes, wanted);
      rest = rest.subarray(wanted);
      handle(ToWorkerType.decode(body) as unknown as ToWorker);
    }
    chunks = rest.length > 0 ? [rest] : [];
    have = rest.length;
  });
  socket.on("close", onEnd);
  socket.on("error", onEnd);
}
