import { query } from "./_generated/server";

export const allocate = query({
  args: {},
  handler: async () => {
    const kept: unknown[] = [];
    for (;;) kept.push(new Array(1000).fill(kept.length));
  },
});
export const loop = query({
  args: {},
  handler: async () => {
    for (;;);
  },
});
export const abort = query({ args: {}, handler: async () => Array.from({ length: 1e9 }).length });
export const hang = query({ args: {}, handler: async () => await new Promise(() => {}) });
export const recurse = query({
  args: {},
  handler: async () => {
    const down = (n: number): number => down(n + 1) + 1;
    return down(0);
  },
});
export const fillWasm = query({
  args: {},
  handler: async () => {
    const kept: WebAssembly.Memory[] = [];
    for (;;) {
      const memory = new WebAssembly.Memory({ initial: 256 });
      new Uint8Array(memory.buffer).fill(1);
      kept.push(memory);
    }
  },
});
