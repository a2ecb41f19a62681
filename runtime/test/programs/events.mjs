// Event, EventTarget, AbortSignal, DOMException.

export const events = () => {
  const out = [];
  const event = new Event("x", { cancelable: true, bubbles: 1 });
  out.push(event.type, event.bubbles, event.cancelable, event.composed, event.defaultPrevented, event.eventPhase, event.isTrusted, event.target, event.currentTarget, event.returnValue, event.composedPath());
  const target = new EventTarget();
  const log = [];
  const first = function (e) { log.push(["first", this === target, e.target === target, e.currentTarget === target, e.eventPhase]); };
  const object = { handleEvent(e) { log.push(["object", this === object, e.type]); } };
  target.addEventListener("x", first);
  target.addEventListener("x", first);
  target.addEventListener("x", object, { once: true });
  target.addEventListener("x", (e) => { e.preventDefault(); log.push(["prevent", e.defaultPrevented]); }, { passive: true });
  const controller = new AbortController();
  target.addEventListener("x", () => log.push("signalled"), { signal: controller.signal });
  target.addEventListener("x", () => { log.push("remover"); target.removeEventListener("x", last); target.addEventListener("x", () => log.push("added")); }, { once: true });
  const last = () => log.push("removed");
  target.addEventListener("x", last);
  out.push(target.dispatchEvent(event), event.target === target, event.currentTarget, event.eventPhase);
  controller.abort();
  out.push(target.dispatchEvent(event));
  target.addEventListener("x", (e) => e.preventDefault());
  out.push(target.dispatchEvent(event), event.defaultPrevented, event.returnValue, log);
  const stop = new EventTarget();
  stop.addEventListener("s", (e) => { out.push("one"); e.stopImmediatePropagation(); });
  stop.addEventListener("s", () => out.push("never"));
  stop.dispatchEvent(new Event("s"));
  stop.addEventListener("n", null);
  stop.addEventListener("n", undefined);
  stop.removeEventListener("n", null);
  out.push(attempt(() => stop.dispatchEvent({ type: "x" })), attempt(() => new Event()), attempt(() => new Event(Symbol())), attempt(() => stop.addEventListener("x")), attempt(() => stop.addEventListener("x", 5)));
  const custom = new CustomEvent("c", { detail: { a: 1 } });
  out.push(custom.detail, custom instanceof Event, new CustomEvent("d").detail, tag(custom), tag(event), tag(target));
  class Sub extends EventTarget { go() { return this.dispatchEvent(new Event("sub")); } }
  const sub = new Sub();
  sub.addEventListener("sub", () => out.push("sub"));
  out.push(sub.go(), Event.AT_TARGET, Event.name, EventTarget.length, Event.length);
  return out;
};

export const abort = async () => {
  const out = [];
  const controller = new AbortController();
  const { signal } = controller;
  const log = [];
  signal.addEventListener("abort", () => log.push(1));
  signal.onabort = () => log.push("old");
  signal.addEventListener("abort", () => log.push(2));
  signal.onabort = function (e) { log.push(["on", this === signal, e.type]); };
  const any = AbortSignal.any([signal, new AbortController().signal]);
  const anyOfAny = AbortSignal.any([any]);
  signal.addEventListener("abort", () => log.push(["followers", any.aborted, anyOfAny.aborted]));
  anyOfAny.onabort = () => log.push("any");
  out.push(signal.aborted, signal.reason, attempt(() => signal.throwIfAborted()), signal === controller.signal);
  controller.abort("why");
  controller.abort("again");
  out.push(signal.aborted, signal.reason, any.reason, anyOfAny.reason, attempt(() => signal.throwIfAborted()), log);
  const plain = AbortSignal.abort();
  out.push(plain.reason.name, plain.reason.code, plain.reason instanceof DOMException, plain.reason instanceof Error, AbortSignal.abort(null).reason);
  out.push(attempt(() => AbortSignal.any()), attempt(() => AbortSignal.any([1])), AbortSignal.any([]).aborted, AbortSignal.any([AbortSignal.abort(7), AbortSignal.abort(8)]).reason);
  out.push(attempt(() => AbortSignal.timeout()), tag(signal), tag(controller), signal instanceof EventTarget);
  return out;
};

export const domException = () => {
  const out = [];
  for (const name of ["IndexSizeError", "HierarchyRequestError", "InvalidCharacterError", "NotFoundError", "NotSupportedError", "SyntaxError", "InvalidAccessError", "TypeMismatchError", "AbortError", "QuotaExceededError", "TimeoutError", "DataCloneError", "EncodingError", "OperationError", "Nope", ""]) {
    const error = new DOMException("m", name);
    out.push([name, error.name, error.message, error.code, String(error)]);
  }
  const error = new DOMException();
  out.push(error.name, error.message, error.code, error instanceof Error, typeof error.stack, tag(error), Object.keys(error), "cause" in error);
  const caused = new DOMException("x", { name: "DataError", cause: 5 });
  out.push(caused.name, caused.cause, caused.code, DOMException.ABORT_ERR, DOMException.prototype.DATA_CLONE_ERR, new DOMException(undefined, undefined).name, attempt(() => DOMException()), attempt(() => { "use strict"; caused.name = "x"; }));
  return out;
};

export const performanceTimeline = () => {
  performance.clearMarks();
  performance.clearMeasures();
  const out = [];
  const mark = performance.mark("a", { startTime: 10, detail: { x: [1] } });
  performance.mark("b", { startTime: 30 });
  out.push(mark.name, mark.entryType, mark.startTime, mark.duration, mark.detail, tag(mark), mark instanceof PerformanceEntry);
  for (const args of [["m1", "a", "b"], ["m2", { start: "a", duration: 5 }], ["m3", { end: "b", duration: 5 }], ["m4", { start: 1, end: 2, detail: "d" }], ["m5", "nope"], ["m6", { start: 1, end: 2, duration: 3 }], ["m8", undefined, "b"], ["m9", { start: 5 }, "b"]]) {
    out.push([args[0], attempt(() => { const m = performance.measure(...args); return [m.name, m.startTime, m.duration, m.detail, m.entryType]; })]);
  }
  out.push(performance.getEntries().map((e) => e.name), performance.getEntriesByType("mark").length, performance.getEntriesByName("a").length, performance.getEntriesByName("a", "measure").length);
  performance.clearMarks("a");
  performance.clearMeasures();
  out.push(performance.getEntries().map((e) => e.name), attempt(() => performance.mark("n", { startTime: -1 })), attempt(() => new PerformanceEntry()), attempt(() => new Performance()), attempt(() => performance.mark()), typeof performance.timeOrigin, typeof performance.now(), tag(performance), performance instanceof EventTarget);
  performance.clearMarks();
  return out;
};
