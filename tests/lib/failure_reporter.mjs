// A reporter for `node --test` that writes nothing but what failed: the test, where it stands, its error and its diagnostics, so that
// the reasons still stand together at the end of a long run (scripts/test).
import { relative } from "node:path";
import { inspect } from "node:util";

const MAX_TEXT = 4000;
const place = ({ file, line, column }) => `${relative(process.cwd(), file ?? "")}:${line}:${column}`;

function describe(failed, diagnostics) {
  const { error } = failed.details;
  const text = inspect(error.cause ?? error, { breakLength: 160 })
    .split("\n")
    .filter((line) => !/^\s+at .*node:internal/.test(line));
  return [`${failed.name} (${place(failed)})`, ...text, ...diagnostics].join("\n    ").slice(0, MAX_TEXT) + "\n";
}

export default async function* failures(events) {
  const failed = [];
  const diagnostics = new Map(); // by place; they come after the end of their test
  for await (const { type, data } of events) {
    if (type === "test:fail" && data.details.error.failureType !== "subtestsFailed") failed.push(data);
    if (type === "test:diagnostic") diagnostics.set(place(data), [...(diagnostics.get(place(data)) ?? []), data.message]);
  }
  for (const each of failed) yield describe(each, diagnostics.get(place(each)) ?? []);
}
