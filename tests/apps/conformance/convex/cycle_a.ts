import { query } from "./_generated/server";
import { second } from "./cycle_b";

export const first = "first";
export const both = query({ handler: () => [first, second()] });
