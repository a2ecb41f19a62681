// Errors whose text the host shows as it is: no "Uncaught", no frames (runtime.md §7.1 "host-made errors").

// For the texts of syscalls.md §2.1; the worker knows them by the property.
export class DeveloperError extends Error {
  constructor(readonly developerError: string) {
    super(developerError);
  }
}

// A failure of the analysis with its spec code (deploy-and-cli.md §3).
export class CodedError extends Error {
  constructor(
    text: string,
    readonly code: string,
  ) {
    super(text);
  }
}
