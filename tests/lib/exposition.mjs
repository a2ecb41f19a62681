// A strict reader of the Prometheus text format (version 0.0.4, prometheus.io/docs/instrumenting/exposition_formats): throws on whatever a scraper may not accept.
import assert from "node:assert/strict";

const NAME = /^[a-zA-Z_:][a-zA-Z0-9_:]*$/;
const LABEL = /^[a-zA-Z_][a-zA-Z0-9_]*$/;
const TYPES = new Set(["counter", "gauge", "histogram", "summary", "untyped"]);

function number(text) {
  if (text === "+Inf") return Infinity;
  if (text === "-Inf") return -Infinity;
  if (/^[nN]a[nN]$/.test(text)) return NaN;
  assert.match(text, /^[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?$/, `a number, not '${text}'`);
  return Number(text);
}

/** `{a="x",b="y"}` at the start of `text`, and what follows. */
function labels(text) {
  const out = {};
  if (!text.startsWith("{")) return [out, text];
  let rest = text.slice(1);
  while (!rest.startsWith("}")) {
    const found = /^([^=]+)="((?:[^"\\\n]|\\["\\n])*)"(,?)/.exec(rest);
    assert.ok(found, `labels at ${rest}`);
    const [all, name, value, comma] = found;
    assert.match(name, LABEL);
    assert.ok(!(name in out), `label ${name} is there twice`);
    out[name] = value.replace(/\\(["\\n])/g, (_, c) => (c === "n" ? "\n" : c));
    rest = rest.slice(all.length);
    assert.ok(comma || rest.startsWith("}"), `labels at ${rest}`);
  }
  return [out, rest.slice(1)];
}

const key = (sample) => JSON.stringify([sample.name, Object.entries(sample.labels).sort()]);

function checkHistogram(family) {
  const groups = new Map();
  for (const sample of family.samples) {
    const { le, ...others } = sample.labels;
    const id = JSON.stringify(Object.entries(others).sort());
    const group = groups.get(id) ?? { buckets: [] };
    groups.set(id, group);
    if (sample.name === `${family.name}_bucket`) {
      assert.ok(le !== undefined, `a bucket of ${family.name} without le`);
      group.buckets.push([number(le), sample.value]);
    } else {
      assert.equal(le, undefined);
      group[sample.name.slice(family.name.length)] = sample.value;
    }
  }
  for (const group of groups.values()) {
    assert.ok(group.buckets.length > 1 && "_sum" in group && "_count" in group, `${family.name} is complete`);
    for (let i = 1; i < group.buckets.length; i++) {
      assert.ok(group.buckets[i][0] > group.buckets[i - 1][0], `bounds of ${family.name} ascend`);
      assert.ok(group.buckets[i][1] >= group.buckets[i - 1][1], `buckets of ${family.name} are cumulative`);
    }
    const [bound, count] = group.buckets.at(-1);
    assert.equal(bound, Infinity);
    assert.equal(count, group._count, `+Inf of ${family.name}`);
  }
}

/** Families by name: { name, type, help, samples: [{ name, labels, value }] }. */
export function parseExposition(text) {
  assert.ok(text.endsWith("\n"), "the last line ends");
  const families = new Map();
  const seen = new Set();
  let current;
  for (const line of text.slice(0, -1).split("\n")) {
    const comment = /^# (HELP|TYPE) (\S+)(?: (.*))?$/.exec(line);
    if (comment) {
      const [, kind, name, rest] = comment;
      assert.match(name, NAME);
      if (current?.name !== name) {
        assert.ok(!families.has(name), `the lines of ${name} are together`);
        current = { name, samples: [] };
        families.set(name, current);
      }
      assert.equal(current.samples.length, 0, `${kind} of ${name} comes before its samples`);
      assert.ok(!(kind in current), `one ${kind} of ${name}`);
      current[kind] = rest ?? "";
      if (kind === "TYPE") assert.ok(TYPES.has(rest), rest);
      continue;
    }
    if (line.startsWith("#") || line === "") continue;
    const [, name, rest] = /^([^{ ]+)(.*)$/.exec(line) ?? [];
    assert.match(name ?? "", NAME, line);
    const [found, after] = labels(rest);
    const value = /^ (\S+)( -?\d+)?$/.exec(after);
    assert.ok(value, `a value in ${line}`);
    const sample = { name, labels: found, value: number(value[1]) };
    assert.ok(current, `a family for ${line}`);
    const suffixes = current.TYPE === "histogram" ? ["_bucket", "_sum", "_count"] : [""];
    assert.ok(suffixes.some((suffix) => name === current.name + suffix), `${name} belongs to ${current.name}`);
    assert.ok(!seen.has(key(sample)), `${line} is there once`);
    seen.add(key(sample));
    if (current.TYPE === "counter") assert.ok(sample.value >= 0, line);
    current.samples.push(sample);
  }
  for (const family of families.values()) {
    assert.ok(family.TYPE && family.HELP, `${family.name} has a type and a help text`);
    if (family.TYPE === "histogram") checkHistogram(family);
  }
  return families;
}
