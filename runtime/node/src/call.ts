// One running action: its operations, log lines, time limit and end (runtime.md §13, auth-and-node.md §7.3).

import { randomUUID } from "node:crypto";
import { describeError } from "../../src/lazy/errors.ts";
import { logLine } from "./console.ts";
import { errorFrames } from "./stack.ts";
import type { Scope } from "./scope.ts";
import { ErrorKind, send, type JsError, type LogLine, type Op, type OpResult, type StartCall } from "./wire.ts";

const maxLines = 256;
const maxCharacters = 1_048_576;
const maxPendingOps = 1000;
const tooManyOps = "Too many concurrent operations. See https://docs.convex.dev/functions/actions#limits for more information.";

interface PendingOp {
  name: string;
  resolve(result: OpResult): void;
  reject(error: Error): void;
}

const running = new Map<number, Call>();
const byRequestId = new Map<string, Call>();

export const callOf = (requestId: string): Call | undefined => byRequestId.get(requestId);
export const runningCalls = (): Iterable<Call> => running.values();
export const countRunning = (): number => running.size;

export class Call implements Scope {
  readonly timers = new Map<string, number>();
  /** What the library hands back with each operation. */
  readonly requestId = randomUUID();
  private ended = false;
  private lines = 0;
  private characters = 0;
  private nextOp = 1;
  private readonly pending = new Map<number, PendingOp>();
  private unsent: Op[] = [];
  private readonly began = performance.now();
  private readonly limit: NodeJS.Timeout;

  constructor(readonly start: StartCall) {
    running.set(start.callId, this);
    byRequestId.set(this.requestId, this);
    this.limit = setTimeout(() => this.timeOut(), start.userTimeoutMs);
  }

  async op(name: string, argsJson: string): Promise<string> {
    return (await this.exchange(name, argsJson)).json ?? "null";
  }

  /** An operation that bytes belong to. */
  exchange(name: string, argsJson: string, payload?: Uint8Array): Promise<OpResult> {
    if (this.ended) return Promise.reject(new Error(`The action that called ${opTitle(name)} has already ended`));
    if (this.pending.size >= maxPendingOps) return Promise.reject(new Error(tooManyOps));
    const opId = this.nextOp++;
    // Those issued in one turn travel together.
    if (this.unsent.length === 0) queueMicrotask(() => this.sendOps());
    this.unsent.push({ opId, name, argsJson, ...(payload && { payload }) });
    return new Promise((resolve, reject) => this.pending.set(opId, { name, resolve, reject }));
  }

  private sendOps(): void {
    const ops = this.unsent;
    this.unsent = [];
    if (!this.ended && ops.length > 0) send({ ops: { callId: this.start.callId, ops } });
  }

  answer(result: OpResult): void {
    const op = this.pending.get(result.opId);
    if (!op) return;
    this.pending.delete(result.opId);
    if (!result.error) return op.resolve(result);
    const error = new Error(result.error.message) as Error & { data?: unknown };
    if (Object.hasOwn(result.error, "dataJson")) error.data = JSON.parse(result.error.dataJson!);
    op.reject(error);
  }

  log(line: LogLine): void {
    if (this.ended || this.lines >= maxLines) return;
    this.lines++;
    this.characters += line.messages.join(" ").length;
    if (this.lines === maxLines) line = this.overflow(`maximum ${maxLines}`);
    else if (this.characters > maxCharacters) line = this.overflow("maximum 1M characters");
    send({ logs: { callId: this.start.callId, lines: [line] } });
  }

  private overflow(what: string): LogLine {
    this.lines = maxLines;
    return logLine("ERROR", [`Log overflow (${what}). Remaining log lines omitted.`]);
  }

  succeed(resultJson: string): void {
    this.end({ resultJson });
  }

  /** `retire`: what happened may have left the process in a bad state. */
  failWith(error: JsError, retire = false): void {
    this.end({ error }, retire);
  }

  fail(event: string, error: unknown): void {
    this.failWith(describeEvent(event, error), true);
  }

  private timeOut(): void {
    const seconds = this.start.userTimeoutMs / 1000;
    const message = `Action \`${this.start.function}\` execution timed out (maximum duration ${seconds}s)`;
    this.failWith({ kind: ErrorKind.TIMEOUT, message, frames: [] }, true);
  }

  private end(outcome: { resultJson?: string; error?: JsError }, retire = false): void {
    if (this.ended) return;
    clearTimeout(this.limit);
    const lines = [...this.pending.values()].map(({ name }) =>
      logLine(
        "WARN",
        [
          `You have an outstanding ${opTitle(name)} call. Operations should be awaited or they might not run. Not awaiting promises might result in unexpected failures. See https://docs.convex.dev/functions/actions#dangling-promises for more information.`,
        ],
        "UnawaitedOperations",
      ),
    );
    this.sendOps();
    this.ended = true;
    if (lines.length > 0) send({ logs: { callId: this.start.callId, lines } });
    const userTimeUs = Math.round((performance.now() - this.began) * 1000);
    send({ done: { callId: this.start.callId, userTimeUs, retire, ...outcome } });
    running.delete(this.start.callId);
    byRequestId.delete(this.requestId);
  }
}

export function answerOps(callId: number, results: OpResult[]): void {
  const call = running.get(callId);
  for (const result of results) call?.answer(result);
}

function opTitle(name: string): string {
  return name.replace(/^1\.0\/(actions\/)?/, "");
}

function textOf(thrown: unknown): string {
  try {
    return String(thrown);
  } catch {
    return "#<Object>";
  }
}

/** An exception as the server wants it; texts of our own have no frames. */
export function describeException(error: unknown): JsError & { code?: string } {
  const { message, frames, dataJson, code } = describeError(error) ?? { message: `Uncaught ${textOf(error)}`, frames: [] };
  const kind = message.startsWith("Uncaught") ? ErrorKind.EXCEPTION : ErrorKind.DEVELOPER;
  return { kind, message, frames, ...(dataJson === undefined ? {} : { dataJson }), ...(code === undefined ? {} : { code }) };
}

// For what JavaScript did not catch, the event takes the place of the error's name.
function describeEvent(event: string, error: unknown): JsError {
  if (event === "exit") return { kind: ErrorKind.DEVELOPER, message: String(error), frames: [] };
  if (!(error instanceof Error)) return { kind: ErrorKind.EXCEPTION, message: `Uncaught ${event}: ${String(error)}`, frames: [] };
  return { kind: ErrorKind.EXCEPTION, message: `Uncaught ${event}: ${error.message}`, frames: errorFrames(error) };
}
