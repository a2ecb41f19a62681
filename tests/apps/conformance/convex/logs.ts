// runtime.md §8: console.
import { action, query } from "./_generated/server";

console.log("at import");
console.warn("of logs.ts");

class Box {
  constructor(readonly size: number) {}
}
export const values = query({
  handler: () => {
    console.log("hi", 3, 1n, undefined, null, true, -0);
    console.info({ a: { b: [1, 2] } }, [1, "x"], new Map([[1, 2]]), new Set(["a"]), new Box(1));
    console.debug(function f() {}, class A {}, Symbol("s"), /r/, new Date(0));
    console.warn("%s", "no substitution");
    console.error();
  },
});
export const timers = query({
  handler: () => {
    console.time("t");
    console.time("t");
    console.timeLog("t", "more");
    console.timeEnd("t");
    console.timeEnd("t");
    console.time();
    console.timeEnd();
  },
});
export const trace = query({ handler: () => console.trace("here") });
export const live = action({ handler: async () => console.log("from an action") });
