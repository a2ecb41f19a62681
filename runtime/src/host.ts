// The native object of the worker, taken off the global before user code can see it.

const holder = globalThis as unknown as { __hull?: HullNative };

export const hull: HullNative = holder.__hull!;
delete holder.__hull;
