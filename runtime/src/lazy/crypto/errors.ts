// The errors of crypto.subtle, and where cryptographic randomness is allowed (runtime.md §2.1).

import { isAction, isTransaction } from "../../state.ts";
import { DOMException } from "../dom_exception.ts";

const refused =
  "Can't use cryptographic randomness in queries and mutations. Please consider using an action. " +
  "See https://docs.convex.dev/functions/actions for more details.";

export const dataError = (text: string) => new DOMException(text, "DataError");
export const invalidAccess = (text: string) => new DOMException(text, "InvalidAccessError");
export const notSupported = (text: string) => new DOMException(text, "NotSupportedError");
export const operationError = (text: string) => new DOMException(text, "OperationError");
export const syntaxError = (text: string) => new DOMException(text, "SyntaxError");

export const unsupportedFormat = (format: string, name: string) => notSupported(`Format '${format}' is not supported for ${name} keys`);

export function requireRandomness(): void {
  if (isTransaction()) throw Object.assign(new Error(refused), { code: "NoCryptoRngInQueriesOrMutations" });
  if (!isAction()) throw new Error("Cannot use cryptographic randomness at import time");
}

// What a native gave, if it did.
export function succeeded<T>(result: T | undefined, operation: string): T {
  if (result === undefined) throw operationError(`The ${operation} operation failed`);
  return result;
}
