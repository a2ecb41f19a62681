// DOMException with the standard names and legacy codes.

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

export class DOMException extends Error {
  constructor(message: unknown = "", nameOrOptions: unknown = "Error") {
    const options = typeof nameOrOptions === "object" && nameOrOptions !== null ? (nameOrOptions as any) : undefined;
    super(String(message), options && "cause" in options ? { cause: options.cause } : undefined);
    const name = String(options ? (options.name ?? "Error") : nameOrOptions);
    Object.defineProperty(this, "name", { value: name, configurable: true, enumerable: false });
  }

  get code(): number {
    return this.name === "" ? 0 : names.indexOf(this.name) + 1;
  }
}

constants.forEach((constant, index) => {
  const descriptor = { value: index + 1, enumerable: true };
  Object.defineProperty(DOMException, `${constant}_ERR`, descriptor);
  Object.defineProperty(DOMException.prototype, `${constant}_ERR`, descriptor);
});
