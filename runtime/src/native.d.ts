// The contract between worker.node (C++) and this runtime. `__hull` is installed by the worker in every context before the
// runtime bundle is evaluated, is visible to the runtime only (the runtime deletes the global after capturing it), and its
// functions are the same objects in every context so that they survive a V8 snapshot.
declare const __hull: HullNative;

interface HullNative {
  // --- ops ---------------------------------------------------------------------------------------------------------
  // Convex.asyncSyscall / Convex.syscall are these two (the worker serves 1.0/queryStream* locally from read-ahead).
  asyncSyscall(name: string, argsJson: string): Promise<string>;
  syscall(name: string, argsJson: string): string;
  // Private ops with a binary side: fetch, stream/read, sleep ... Resolves to [json, payload | undefined].
  // Rejects with the native error that mapOpError() made.
  //   fetch          {url, method, headers: [[k, v]], hasBody, streams, fetchId} + request body, unless it `streams`
  //                  -> {status, statusText, headers: [[k, v]], url, bodyStreamId: string | null}; never follows redirects
  //   fetch/write    {fetchId, done, error?} + bytes -> {closed?}; body of a fetch that `streams`. Answered when more is wanted;
  //                  closed: stop. `error` ends the exchange.
  //   fetch/abort    {fetchId}; ends the exchange, the fetch operation fails
  //   stream/read    {streamId} -> {done} + bytes (of a fetch response or of the HTTP action's request, by its streamId)
  //   stream/cancel  {streamId}; nobody will read on
  //   sleep          {ms, id}; answered when due, id 0 = no timer of user code
  //   signal/wait    {signal} -> {aborted}; answered when the client of the HTTP action goes away
  //   response/write {streamId, done, error?} + bytes -> {closed?}; body of an HTTP action's response, named by the streamId of
  //                  the response JSON. Answered when more is wanted; closed: stop, and write done. `error` cuts the body off. The call ends
  //                  when the result is there and, if it has a streamId, done was written.
  asyncOp(name: string, argsJson: string, payload?: Uint8Array): Promise<[string, Uint8Array | undefined]>;
  syncOp(name: string, argsJson: string): string;

  // --- facts -------------------------------------------------------------------------------------------------------
  // Phase of the context: "import" while modules are evaluated, else the kind of the running call.
  phase(): "import" | "query" | "mutation" | "action" | "http" | "schema" | "auth" | "definition";
  realNow(): number;                       // wall clock, ms, not observed
  monotonicNow(): number;                  // ms since process start, microsecond resolution
  turnNow(): number;                       // the same, as this turn of the event loop first saw it
  env(name: string): string | undefined;   // deployment variables
  secureRandom(into: Uint8Array): void;    // OS entropy (actions only)
  observe(what: "time" | "random"): void;  // marks the result of the call
  log(level: string, messages: string[], truncated: boolean, systemCode: string): void; // one line; the worker counts and truncates the number of lines
  // Ends the current call with a developer error even inside try/catch. Never returns.
  uncatchable(message: string): never;
  utf8Encode(text: string): Uint8Array;
  utf8Decode(bytes: Uint8Array, fatal: boolean, ignoreBOM: boolean): string;
  // v8 ValueSerializer round trip. The buffers of `transfer` are moved. Objects with one of the prototypes `platform` are cloned
  // by `clone`; `failed` makes the exception of V8's refusals.
  structuredClone(
    value: unknown,
    transfer: unknown[],
    platform: object[],
    clone: (object: object) => object,
    failed: (message: string) => Error,
  ): unknown;
  // crypto.subtle over node's OpenSSL; one function, see HullCrypto for the operations.
  crypto<K extends keyof HullCrypto>(operation: K, ...args: Parameters<HullCrypto[K]>): ReturnType<HullCrypto[K]>;
  // Structured stack of an error: set up through Isolate::SetPrepareStackTraceCallback, which calls hooks.prepareStackTrace.
  sourceMap(modulePath: string): string | undefined; // fetched from the server on first use (sync)
  setHooks(hooks: HullHooks): void;
  // Where a function's source text starts: script name, 1-based line and column (v8::Function counts from 0). Without it
  // analysis reports no positions.
  functionOrigin?(fn: Function): { file: string; line: number; column: number } | undefined;
  // Isolate::Get/SetContinuationPreservedEmbedderData, which V8 carries across await and promise reactions. With both,
  // AsyncLocalStorage follows asynchronous code; without them a store is visible only during the synchronous part of run().
  getContinuation?(): unknown;
  setContinuation?(value: unknown): void;
}

// What the runtime gives the worker. Called by the worker with the right context entered.
interface HullHooks {
  // Before user code of a call runs: reseed randomness, set the frozen clock, reset timers and per-call state.
  startCall(seed: Uint8Array, nowMs: number, kind: "query" | "mutation" | "action" | "http"): void;
  // Also used at import time with the import seed and time; performance.timeOrigin comes from here.
  startImport(seed: Uint8Array, nowMs: number): void;
  // Runs exported function `name` of module namespace `ns`. Resolves to the JSON text of the result, or the worker gets the
  // rejection. Throws {developerError: text} objects for the texts of syscalls.md §2.1 (missing export, wrong kind).
  invoke(ns: object, modulePath: string, name: string, kind: "query" | "mutation" | "action", argsJson: string): Promise<string>;
  invokeHttp(ns: object, routePath: string, requestJson: string): Promise<string>;
  // JSON text of [method, routePath], the route's name in logs, or "null" if nothing matches.
  lookupRoute(ns: object, path: string, method: string): string;
  // Describes a thrown value as runtime.md §7.1 wants it.
  // A frame reads "at handler (../convex/messages.ts:12:15)". `code` is a string property `code` of the error, if any: the
  // spec code of analysis failures. Errors made for syscalls.md §2.1 and by the analysis have no "Uncaught" and no frames.
  // Undefined: not an error.
  describeError(error: unknown): { message: string; frames: string[]; dataJson?: string; code?: string } | undefined;
  prepareStackTrace(error: unknown, callSites: NodeJS.CallSite[]): string;
  // Names of actions' operations still running, for the dangling-promise warning.
  unawaitedOps(): string[];
  // Analysis (deploy-and-cli.md §3.3-§3.9); each returns JSON text or throws. Result shapes: analyzeModule ->
  // {functions:[{name,udfType,visibility,args,returns,line,column}]}, analyzeHttp -> {routes:[{path,method}]},
  // analyzeCrons -> text of crons.export(), schema -> text of export(), auth -> text, definition -> text of JSON.stringify(export()).
  // They throw an Error with property `code` for spec codes (MissingSchemaExportError, InvalidModules, ...).
  analyzeModule(ns: object, modulePath: string): string;
  analyzeHttp(ns: object): string;
  analyzeCrons(ns: object): string;
  exportSchema(ns: object): string;
  exportAuth(ns: object): string;
  exportDefinition(ns: object): string;
}

// Keys: secret ones are their bytes, the others canonical DER (SubjectPublicKeyInfo, PKCS #8). A family is "RSA" or the name of a
// curve; parts are the numbers of a JSON Web Key: n e [d p q dp dq qi], x y [d], x [d]. `undefined`: the operation failed.
interface HullCrypto {
  view(source: unknown): Uint8Array | undefined; // of an ArrayBuffer or a view, not shared; same memory
  copy(bytes: Uint8Array): Uint8Array;
  size(bytes: Uint8Array): number; // typed arrays have getters that user code can replace
  equal(a: Uint8Array, b: Uint8Array): boolean; // in constant time
  random(size: number): Uint8Array | undefined;
  encodeBase64Url(bytes: Uint8Array): string;
  decodeBase64Url(text: string): Uint8Array | undefined;
  digest(hash: string, data: Uint8Array): Uint8Array;
  hmac(hash: string, key: Uint8Array, data: Uint8Array): Uint8Array;

  canonicalKey(family: string, isPrivate: boolean, der: Uint8Array): Uint8Array | undefined;
  keyFromParts(family: string, isPrivate: boolean, parts: Uint8Array[]): Uint8Array | undefined;
  keyFromPoint(family: string, point: Uint8Array): Uint8Array | undefined;
  partsOfKey(isPrivate: boolean, withPrivate: boolean, der: Uint8Array): Uint8Array[] | undefined;
  generateKey(family: string, rsaBits: number, rsaExponent: number): [publicKey: Uint8Array, privateKey: Uint8Array] | undefined;

  sign(scheme: string, hash: string, saltLength: number, privateKey: Uint8Array, data: Uint8Array): Uint8Array | undefined;
  verify(scheme: string, hash: string, saltLength: number, publicKey: Uint8Array, signature: Uint8Array, data: Uint8Array): boolean;

  aesCbc(encrypt: boolean, key: Uint8Array, iv: Uint8Array, data: Uint8Array): Uint8Array | undefined;
  aesCtr(key: Uint8Array, counter: Uint8Array, counterBits: number, data: Uint8Array): Uint8Array | undefined;
  aesGcm(
    encrypt: boolean, key: Uint8Array, iv: Uint8Array, additionalData: Uint8Array, tagBytes: number, data: Uint8Array,
  ): Uint8Array | undefined;
  aesKw(encrypt: boolean, key: Uint8Array, data: Uint8Array): Uint8Array | undefined;
  rsaOaep(encrypt: boolean, hash: string, label: Uint8Array, key: Uint8Array, data: Uint8Array): Uint8Array | undefined;

  pbkdf2(hash: string, password: Uint8Array, salt: Uint8Array, iterations: number, length: number): Uint8Array | undefined;
  hkdf(hash: string, key: Uint8Array, salt: Uint8Array, info: Uint8Array, length: number): Uint8Array | undefined;
  sharedSecret(privateKey: Uint8Array, publicKey: Uint8Array, bits: number | undefined): Uint8Array | undefined;
}
