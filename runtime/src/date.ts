// `Date` with the deterministic clock of runtime.md §3. It shares the built-in prototype, so that instances are real Dates.

import { hull } from "./host.ts";
import { apply, construct, defineHidden, defineProperty, floor } from "./primordials.ts";
import { call, observeTime, refuseInConfig } from "./state.ts";

const NativeDate = Date;
const dateToString = NativeDate.prototype.toString;

export function now(): number {
  switch (call.kind) {
    case "query":
    case "mutation":
      observeTime();
      return floor(call.nowMs);
    case undefined:
      refuseInConfig("Date");
      return floor(call.importMs);
    default:
      return floor(hull.realNow());
  }
}

export function installDate(global: object): void {
  const holder = {
    Date: function (this: unknown, ...args: unknown[]): unknown {
      if (new.target === undefined) return apply(dateToString, new NativeDate(now()), []);
      const newTarget: Function = new.target === (holder.Date as unknown) ? NativeDate : new.target;
      return construct(NativeDate, args.length === 0 ? [now()] : args, newTarget);
    },
    now,
  };
  const wrapper = holder.Date;
  defineProperty(wrapper, "prototype", { value: NativeDate.prototype, writable: false });
  defineProperty(wrapper, "length", { value: 7, configurable: true });
  defineHidden(wrapper, "now", holder.now);
  defineHidden(wrapper, "parse", NativeDate.parse);
  defineHidden(wrapper, "UTC", NativeDate.UTC);
  defineHidden(NativeDate.prototype, "constructor", wrapper);
  defineHidden(global, "Date", wrapper);
  installIntlClock();
}

// Formatting without a date means "now": it must be the same now.
function installIntlClock(): void {
  const prototype = Intl.DateTimeFormat.prototype;
  const getFormat = Object.getOwnPropertyDescriptor(prototype, "format")!.get!;
  const formatToParts = prototype.formatToParts;
  defineProperty(prototype, "format", {
    configurable: true,
    enumerable: false,
    get(this: Intl.DateTimeFormat) {
      const format = apply(getFormat, this, []) as (date: unknown) => string;
      return (date?: unknown) => format(date === undefined ? now() : date);
    },
  });
  defineHidden(prototype, "formatToParts", function (this: Intl.DateTimeFormat, date?: unknown) {
    return apply(formatToParts, this, [date === undefined ? now() : date]);
  });
}
