// The door to everything under lazy/, which the build keeps as one function that runs on the first call of this one.

export const lazy = () => require("./lazy/index.ts") as typeof import("./lazy/index.ts");
