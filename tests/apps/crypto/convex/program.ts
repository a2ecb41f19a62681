// Programs for crypto.subtle as data, so that the same one runs in a function and in the test's own Node.
//
// A program is a list of steps [method, ...arguments]. In arguments {ref: [n, field?]} is the result of step n (or a key of a
// pair), {u8: ArrayBuffer} a Uint8Array. The outcome of a step is its result as data, or the name of its error.

export type Step = [method: string, ...args: unknown[]];

function resolve(value: any, results: any[]): any {
  if (Array.isArray(value)) return value.map((element) => resolve(element, results));
  if (typeof value !== "object" || value === null || value instanceof ArrayBuffer) return value;
  if (value.ref) {
    const [step, field] = value.ref;
    return field ? results[step][field] : results[step];
  }
  if (value.u8) return new Uint8Array(value.u8);
  return Object.fromEntries(Object.entries(value).map(([name, member]) => [name, resolve(member, results)]));
}

function shown(value: any): any {
  if (value?.publicKey) return { publicKey: shown(value.publicKey), privateKey: shown(value.privateKey) };
  if (Object.prototype.toString.call(value) !== "[object CryptoKey]") return value;
  const { type, extractable, algorithm, usages } = value;
  const { publicExponent, ...rest } = algorithm;
  return { type, extractable, usages: [...usages], algorithm: publicExponent ? { ...rest, publicExponent: [...publicExponent] } : rest };
}

export async function runProgram(subtle: any, steps: Step[]): Promise<any[]> {
  const results: any[] = [];
  const outcomes: any[] = [];
  for (const [method, ...args] of steps) {
    try {
      const result = await subtle[method](...args.map((argument) => resolve(argument, results)));
      results.push(result);
      outcomes.push({ value: shown(result) });
    } catch (error: any) {
      results.push(undefined);
      outcomes.push({ error: error.name, message: error.message, exception: error instanceof DOMException });
    }
  }
  return outcomes;
}
