// runtime.md §4: a module that fails when it is loaded fails all its functions.
import { query } from "./_generated/server";

const mode = process.env.IMPORT_MODE;
console.log("loading");
if (mode === "throw") throw new Error("no import today");
if (mode === "reject") void Promise.reject(new Error("nobody waits"));
if (mode === "database") (globalThis as any).Convex.syscall("1.0/db/normalizeId", "{}");
if (mode === "get") void (globalThis as any).Convex.asyncSyscall("1.0/get", "{}");
if (mode === "runQuery") void (globalThis as any).Convex.asyncSyscall("1.0/runUdf", "{}");
if (mode === "runAction") void (globalThis as any).Convex.asyncSyscall("1.0/actions/action", "{}");
if (mode === "component") (globalThis as any).Convex.syscall("1.0/componentArgument", "{}");
if (mode === "fetch") void fetch("http://127.0.0.1:1/");
if (mode === "timer") setTimeout(() => {}, 1);
if (mode === "loop") for (;;);
if (mode === "import") void import("./part").catch((error) => console.log(String(error)));
if (mode === "formatter") (globalThis as any).formatter = new Intl.NumberFormat("en");

export const one = query({ handler: () => 1 });
export const two = query({ handler: () => 2 });
