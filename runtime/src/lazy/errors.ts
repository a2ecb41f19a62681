// Turns a thrown value into the error record of runtime.md §7.1.

import { CodedError, DeveloperError } from "../developer_error.ts";
import { hull } from "../host.ts";
import { errorFrames } from "./stack.ts";

const maxMessageBytes = 65536;

interface ErrorRecord {
  message: string;
  frames: string[];
  dataJson?: string;
  code?: string;
}

// Undefined: not an error; the worker shows the thrown value as V8 does.
export function describeError(error: unknown): ErrorRecord | undefined {
  const record = describe(error);
  if (record && record.message.length * 3 > maxMessageBytes) record.message = cut(record.message);
  return record;
}

function describe(error: unknown): ErrorRecord | undefined {
  if (error instanceof DeveloperError) return { message: error.developerError, frames: [] };
  if (error instanceof CodedError) return { message: error.message, frames: [], code: error.code };
  if (!isErrorObject(error)) return undefined;
  const data = convexData(error);
  if (data?.invalid !== undefined) return { message: `ConvexError with invalid data: ${data.invalid}`, frames: [] };
  const record: ErrorRecord = { message: uncaught(error), frames: errorFrames(error) };
  if (data?.json !== undefined) record.dataJson = data.json;
  const code = read(error, "code");
  if (typeof code === "string") record.code = code;
  return record;
}

function isErrorObject(value: unknown): value is Error {
  if (typeof value !== "object" || value === null) return false;
  try {
    return value instanceof Error || Object.prototype.toString.call(value) === "[object Error]" || isConvexError(value);
  } catch {
    return false;
  }
}

function read(value: object, key: PropertyKey): unknown {
  try {
    return (value as Record<PropertyKey, unknown>)[key];
  } catch {
    return undefined;
  }
}

function uncaught(error: Error): string {
  const name = text(read(error, "name"), "Error");
  const message = text(read(error, "message"), "");
  if (name && message) return `Uncaught ${name}: ${message}`;
  return name || message ? `Uncaught ${name || message}` : "Uncaught";
}

function text(value: unknown, fallback: string): string {
  if (value === undefined) return fallback;
  try {
    return String(value);
  } catch {
    return fallback;
  }
}

function isConvexError(value: object): boolean {
  const symbol = read(value, "ConvexErrorSymbol");
  return typeof symbol === "symbol" && read(value, symbol) === true;
}

// The library has replaced `data` by its JSON text and named the marking symbol (syscalls.md §2.3).
function convexData(error: object): { json?: string; invalid?: string } | undefined {
  if (!isConvexError(error)) return undefined;
  const data = read(error, "data");
  if (typeof data !== "string") return { invalid: "data is not a string" };
  try {
    JSON.parse(data);
  } catch (cause) {
    return { invalid: (cause as Error).message };
  }
  return { json: data };
}

function cut(message: string): string {
  const bytes = hull.utf8Encode(message);
  if (bytes.length <= maxMessageBytes) return message;
  let end = maxMessageBytes;
  while (end > 0 && (bytes[end]! & 0xc0) === 0x80) end--;
  return hull.utf8Decode(bytes.subarray(0, end), false, true);
}
