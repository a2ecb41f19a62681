// The host object underneath npm convex.
declare const Convex: {
  syscall(op: string, args: string): string;
  asyncSyscall(op: string, args: string): Promise<string>;
  jsSyscall(op: string, args: object): unknown;
};

export const host = Convex as any;
export const op = async (name: string, args: object = {}) => JSON.parse(await Convex.asyncSyscall(name, JSON.stringify(args)));
export const syncOp = (name: string, args: object = {}) => JSON.parse(Convex.syscall(name, JSON.stringify(args)));
/** The message of the error, or what came instead. */
export const caught = async (run: () => unknown): Promise<string> => {
  try {
    return `no error: ${JSON.stringify(await run())}`;
  } catch (error: any) {
    return String(error.message);
  }
};
