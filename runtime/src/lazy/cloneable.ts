// What structuredClone does with objects of the runtime's own classes: those that say how are cloned, the others refused.

type Cloner = (object: any) => object | undefined; // undefined: only its prototype is ours

// Prototypes of all classes and, for those that can be cloned, how.
export const platformPrototypes: object[] = [];
const cloners: Cloner[] = [];

export function registerPlatform(prototype: object): void {
  platformPrototypes[platformPrototypes.length] = prototype;
}

export function defineCloneable(cloner: Cloner): void {
  cloners[cloners.length] = cloner;
}

export function clonePlatform(object: object): object | undefined {
  for (let i = 0; i < cloners.length; i++) {
    const clone = cloners[i]!(object);
    if (clone) return clone;
  }
  return undefined;
}
