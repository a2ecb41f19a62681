export const value = "imported";
