// What popular libraries are used for, as plain functions: the test runs them in Node as well and compares.
import { addDays, differenceInCalendarDays, eachDayOfInterval, format, formatDistance, formatISO, parseISO } from "date-fns";
import { customAlphabet, nanoid } from "nanoid";
import lodash from "lodash";
import superjson from "superjson";
import { z } from "zod";

const User = z.object({
  name: z.string().min(2),
  age: z.number().int().positive().optional(),
  email: z.email(),
  tags: z.array(z.enum(["a", "b"])).default([]),
  when: z.coerce.date().transform((date) => date.getTime()),
  kind: z.discriminatedUnion("type", [z.object({ type: z.literal("x"), x: z.number() }), z.object({ type: z.literal("y"), y: z.string() })]),
});

export const uses: Record<string, () => unknown> = {
  zodParses: () => User.parse({ name: "Ann", email: "ann@example.com", when: "2026-01-02T03:04:05Z", kind: { type: "x", x: 1 } }),
  zodRefuses: () => {
    const result = User.safeParse({ name: "A", age: -1, email: "no", tags: ["c"], when: "never", kind: { type: "z" } });
    return result.success ? "accepted" : result.error.issues.map((issue) => [issue.code, issue.path.join("."), issue.message]);
  },
  zodJsonSchema: () => z.toJSONSchema(z.object({ a: z.string(), b: z.union([z.number(), z.null()]) })),

  dates: () => {
    const start = parseISO("2026-02-27T10:00:00Z");
    return [
      format(addDays(start, 2), "yyyy-MM-dd EEEE HH:mm"),
      differenceInCalendarDays(parseISO("2026-03-05"), start),
      formatDistance(addDays(start, 40), start, { addSuffix: true }),
      formatISO(start, { representation: "date" }),
      eachDayOfInterval({ start, end: addDays(start, 3) }).length,
    ];
  },

  lodashCollections: () => [
    lodash.groupBy([1.2, 1.8, 2.1], Math.floor),
    lodash.orderBy([{ a: 2 }, { a: 1 }], ["a"], ["desc"]),
    lodash.chunk([1, 2, 3, 4, 5], 2),
    lodash.merge({ a: { b: 1 } }, { a: { c: 2 } }),
    lodash.cloneDeep({ date: new Date(0), list: [{ x: 1 }] }).list,
    lodash.partition([1, 2, 3], (n) => n > 1),
  ],
  lodashStrings: () => [lodash.camelCase("Foo Bar-baz"), lodash.deburr("déjà vu"), lodash.startCase("a_bC"), lodash.truncate("x".repeat(50), { length: 10 })],

  superjsonRoundTrip: () => {
    const value = { when: new Date(0), big: 10n, set: new Set([1, 2]), map: new Map([["a", undefined]]), re: /x/gi, nan: NaN, url: new URL("http://a/b?c") };
    const text = superjson.stringify(value);
    const back = superjson.parse<typeof value>(text);
    return [text, back.when.getTime(), String(back.big), [...back.set], back.map.has("a"), back.re.flags, Number.isNaN(back.nan), back.url.href];
  },

  nanoidLooksRight: () => [/^[\w-]{21}$/.test(nanoid()), /^[01]{8}$/.test(customAlphabet("01", 8)()), nanoid() !== nanoid()],
};
