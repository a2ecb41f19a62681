// An error whose text the host shows as it is: no "Uncaught", no frames (runtime.md §7.1 "host-made errors").

export class DeveloperError extends Error {
  readonly developerError: string;
  constructor(text: string, readonly code?: string) {
    super(text);
    this.developerError = text;
  }
}
