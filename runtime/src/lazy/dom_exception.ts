// DOMException with the standard names and legacy codes.

import { defineHidden } from "../primordials.ts";
import { defineInterface } from "./web_idl.ts";

const names = [
  "IndexSizeError", "", "HierarchyRequestError", "WrongDocumentError", "InvalidCharacterError", "",
  "NoModificationAllowedError", "NotFoundError", "NotSupportedError", "InUseAttributeError", "InvalidStateError",
  "SyntaxError", "InvalidModificationError", "NamespaceError", "InvalidAccessError", "", "TypeMismatchError",
  "SecurityError", "NetworkError", "AbortError", "URLMismatchError", "QuotaExceededError", "TimeoutError",
  "InvalidNodeTypeError", "DataCloneError",
];

const constants = [
  "INDEX_SIZE", "DOMSTRING_SIZE", "HIERARCHY_REQUEST", "WRONG_DOCUMENT", "INVALID_CHARACTER", "NO_DATA_ALLOWED",
  "NO_MODIFICATION_ALLOWED", "NOT_FOUND", "NOT_SUPPORTED", "INUSE_ATTRIBUTE", "INVALID_STATE", "SYNTAX",
  "INVALID_MODIFICATION", "NAMESPACE", "INVALID_ACCESS", "VALIDATION", "TYPE_MISMATCH", "SECURITY", "NETWORK", "ABORT",
  "URL_MISMATCH", "QUOTA_EXCEEDED", "TIMEOUT", "INVALID_NODE_TYPE", "DATA_CLONE",
];

const codes: Record<string, number> = { __proto__: null } as never;
names.forEach((name, index) => {
  if (name !== "") codes[name] = index + 1;
});

export class DOMException extends Error {
  readonly #message: string;
  readonly #name: string;

  // The members of Error are accessors here, as the standard says.
  constructor(message: unknown = "", nameOrOptions: unknown = "Error") {
    const options = typeof nameOrOptions === "object" && nameOrOptions !== null ? (nameOrOptions as any) : undefined;
    super(undefined, options && "cause" in options ? { cause: options.cause } : undefined);
    this.#message = String(message);
    this.#name = String(options ? (options.name ?? "Error") : nameOrOptions);
  }

  get name(): string {
    return this.#name;
  }
  get message(): string {
    return this.#message;
  }
  get code(): number {
    return codes[this.#name] ?? 0;
  }

  static has(value: unknown): value is DOMException {
    return typeof value === "object" && value !== null && #name in value;
  }
}

export const isDOMException = DOMException.has;
delete (DOMException as { has?: unknown }).has;

defineInterface(DOMException, "DOMException", 0);
defineHidden(DOMException.prototype, "inspect", function (this: DOMException) {
  return `[${String(this)}]`;
});
constants.forEach((constant, index) => {
  const descriptor = { value: index + 1, enumerable: true };
  Object.defineProperty(DOMException, `${constant}_ERR`, descriptor);
  Object.defineProperty(DOMException.prototype, `${constant}_ERR`, descriptor);
});
