import { first } from "./cycle_a";

export const second = () => `second after ${first}`;
