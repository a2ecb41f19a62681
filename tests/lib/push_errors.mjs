// Pushes that the server refuses: the files that are added to an app (or replace its own) and what the CLI prints of the refusal.
const query = 'import { queryGeneric as query } from "convex/server";\n';
const like = (fields) => `const f = () => null;\nObject.assign(f, { isQuery: true, isPublic: true, ${fields} });\nexport const bad = f;\n`;
const bad = (source) => ({ "bad.ts": source });

const modules = "Loading the pushed modules encountered the following\n    error:\n";
const analyzed = (text) => `${modules}Failed to analyze bad.js: ${text}`;

/** Rows: [what, files below convex/, error code, message after "Hit an error while pushing:"]. */
export const functionRows = [
  ["a function name with $", bad(`${query}export const $a = query(() => 1);`), "InvalidFunctionName", "Invalid function name used in `bad.js`: Invalid first character '$' in $a"],
  ["an exception at import, with the log before it", bad('console.log("before", 1);\nthrow new TypeError("at import");\nexport {};'), "InvalidModules", analyzed("Uncaught TypeError: at import\n    at ../convex/bad.ts:2:7\n\n[LOG] 'before' 1")],
  ["an exception in an imported file", { "deep/lib.ts": 'export function dig(n: number): number {\n  if (n === 0) throw new Error("deep");\n  return dig(n - 1);\n}', "bad.ts": 'import { dig } from "./deep/lib";\nexport const x = dig(1);' }, "InvalidModules", analyzed("Uncaught Error: deep\n    at dig (../../convex/deep/lib.ts:2:22)\n    at dig (../../convex/deep/lib.ts:3:10)\n    at ../convex/bad.ts:2:18")],
  ["a SyntaxError", bad('export const x = new RegExp("(");'), "InvalidModules", analyzed("Uncaught SyntaxError: Invalid regular expression: /(/: Unterminated group\n    at ../convex/bad.ts:1:18")],
  ["fetch() at import", bad('export const x = fetch("https://x.invalid");'), "InvalidModules", analyzed("Uncaught Error: fetch() unsupported at import time\n    at ../convex/bad.ts:1:18")],
  ["a timer at import", bad("export const x = setTimeout(() => {}, 1);"), "InvalidModules", analyzed("Uncaught Error: setTimeout() unsupported at import time\n    at ../convex/bad.ts:1:18")],
  ["the database at import", bad(`${query}const f: any = query(async (ctx: any) => ctx.db.query("messages").first());\nexport const x = await f.invokeQuery("[{}]");`), "InvalidModules", analyzed("Uncaught Error: Can't use database at import time\n    at ../convex/bad.ts:2:")],
  ["a top-level await", bad("await new Promise(() => {});\nexport const x = 1;"), "InvalidModules", analyzed("Top-level awaits in source files are unsupported")],
  ["exportArgs gives no string", bad(like("exportArgs: () => 5")), "InvalidModules", `${modules}Invalid exportArgs return value: bad.js:bad.exportArgs() didn't return a string.`],
  ["exportArgs gives no JSON", bad(like('exportArgs: () => "{"')), "InvalidModules", `${modules}Invalid JSON returned from bad.js:bad.exportArgs(): `],
  ["exportArgs is no function", bad(like("exportArgs: 5")), "InvalidModules", `${modules}bad.js:bad.exportArgs is not a function or \`undefined\`.`],
  ["arguments that are no object", bad(like(`exportArgs: () => '{"type":"string"}'`)), "InvalidModules", `${modules}Args validator must be an object or any`],
  ["an unknown returns validator", bad(like(`exportReturns: () => '{"type":"wat"}'`)), "InvalidModules", `${modules}Error in returns validator: `],
  ["an undefined validator", bad(`${query}export const bad = query({ args: { x: undefined as any }, handler: async () => 1 });`), "InvalidModules", analyzed('Uncaught Error: A validator is undefined for field "x" in v.object(). This is often caused by circular imports. See https://docs.convex.dev/error#undefined-validator for details.')],
  ["a handler that is no function", bad(like("_handler: 5")), "InvalidModules", `${modules}bad.js:bad.handler is not a function.`],
  ["a function that cannot be called", bad("export const bad = { isQuery: true, isPublic: true };"), "InvalidModules", `${modules}bad.js:bad is not a function.`],
  ["a query in a Node.js module", bad(`"use node";\n${query}export const bad = query(async () => 1);`), "InvalidModules", `${modules}\`bad\` defined in \`bad.js\` is a Query function. Only actions can be defined in Node.js. See https://docs.convex.dev/functions/actions for more details.`],
  ["an exception in a Node.js module", bad('"use node";\nimport { actionGeneric as action } from "convex/server";\nexport const bad = action(async () => 1);\nthrow new Error("node import");'), "InvalidModules", analyzed("Uncaught Error: node import\n    at ../convex/bad.ts:4:7")],
];

const http = (body) => ({
  "http.ts": `import { httpRouter, httpActionGeneric as httpAction } from "convex/server";\nconst http = httpRouter();\nconst handler = httpAction(async () => new Response());\n${body}\nexport default http;\n`,
});
const routes = (value) => ({ "http.ts": `export default { isRouter: true, getRoutes: () => ${value}, lookup: () => null };` });
const noRoutes = "The `getRoutes()` method of Router did not return the expected type. `getRoutes()` should be a function returning an array of entries of the form [path: string, method: string, handler: HttpAction] (";
const crons = (schedule, name = "messages:send") => ({
  "crons.ts": `export default { isCrons: true, export: () => JSON.stringify({ tidy: { name: "${name}", args: [{}], schedule: ${JSON.stringify(schedule)} } }) };`,
});
const hourly = { type: "hourly", minuteUTC: 1 };
const providers = (provider) => ({ "auth.config.ts": `export default { providers: [${provider}] };` });
const invalidAuth = "The pushed auth config is invalid: ";
const invalidList = `${invalidAuth}auth config file must include a list of provider credentials`;

export const specialFileRows = [
  ["http.ts without default export", { "http.ts": "export const x = 1;" }, "InvalidModules", `${modules}\`convex/http.js\` must have a default export of a Router.`],
  ["http.ts that exports no router", { "http.ts": "export default {};" }, "InvalidModules", `${modules}The default export of \`convex/http.js\` is not a Router.`],
  ["a router without getRoutes", { "http.ts": "export default { isRouter: true };" }, "InvalidModules", `${modules}.getRoutes property on Router not found`],
  ["routes of a wrong form", routes('[["/a", 5]]'), "InvalidModules", `${modules}${noRoutes}`],
  ["a route with an unknown method", routes('[["/a", "BREW", () => 1]]'), "InvalidModules", `${modules}${noRoutes}'BREW' is not not a routable method (one of GET, POST, PUT, DELETE, PATCH, OPTIONS))`],
  ["a route twice", http('for (const method of ["GET", "GET"] as const) http.route({ path: "/a", method, handler });'), "InvalidModules", `${modules}Failed to analyze http.js: Uncaught Error: Path '/a' for method GET already in use\n`],
  ["a reserved route", http('http.route({ path: "/.files", method: "GET", handler });'), "InvalidModules", `${modules}Failed to analyze http.js: Uncaught Error: path '/.files' is reserved\n`],
  ["crons.ts without default export", { "crons.ts": "export const x = 1;" }, "InvalidModules", `${modules}\`convex/crons.js\` must have a default export of a Crons object.`],
  ["crons.ts that exports no crons", { "crons.ts": "export default {};" }, "InvalidModules", `${modules}The default export of \`convex/crons.js\` is not a Crons object.`],
  ["a cron of a missing function", crons(hourly, "messages:gone"), "InvalidModules", `${modules}The cron job 'tidy' schedules a function that does not exist: messages.js:gone`],
  ["a cron of a query", crons(hourly, "messages:list"), "InvalidModules", `${modules}The cron job 'tidy' schedules a query function, only actions and mutations can be scheduled: messages.js:list`],
  ["a cron interval of 0", crons({ type: "interval", seconds: 0 }), "InvalidCron", "Interval must be an integer greater than 0"],
  ["a cron with two intervals", crons({ type: "interval", seconds: 1, hours: 1 }), "InvalidCron", "Exactly one of (seconds, minutes, hours) should be specified"],
  ["a cron that never runs", crons({ type: "cron", cron: "0 0 30 2 *" }), "InvalidCron", 'The cron spec "0 0 30 2 *" will never match any time'],
  ["auth.config.ts without default export", { "auth.config.ts": "export const x = 1;" }, "InvalidAuthConfig", `${invalidAuth}auth config file is missing default export. To learn more, see https://docs.convex.dev/auth`],
  ["auth.config.ts without providers", { "auth.config.ts": "export default {};" }, "InvalidAuthConfig", invalidList],
  ["applicationId", providers('{ domain: "x.dev", applicationId: "a" }'), "InvalidAuthConfig", `${invalidList}: Provider at index 0 must have applicationID property spelled lowercase 'application', capital I, capital D.`],
  ["an unknown type of provider", providers('{ type: "saml", domain: "x.dev", applicationID: "a" }'), "InvalidAuthConfig", `${invalidList}: Provider at index 0 has unexpected 'type' value 'saml'`],
  ["a domain that is no web address", providers('{ domain: "ftp://x.dev", applicationID: "a" }'), "InvalidAuthConfig", `${invalidAuth}Invalid provider domain URL "ftp://x.dev": `],
  ["an exception in auth.config.ts", { "auth.config.ts": 'throw new Error("boom");\nexport default {};' }, "InvalidAuthConfig", `${invalidAuth}Uncaught Error: boom\n    at ../convex/auth.config.ts:1:7`],
];

const schema = (tables, before = "") => ({
  "schema.ts": `import { defineSchema, defineTable } from "convex/server";\nimport { v } from "convex/values";\n${before}export default defineSchema({ ${tables} });\n`,
});
const messages = (rest, fields = "body: v.any()") => schema(`messages: defineTable({ ${fields} })${rest}`);
const evaluating = (text) => `Hit an error while evaluating your schema:\n${text}`;
const config = (source) => ({ "convex.config.ts": `import { defineApp } from "convex/server";\nimport { v } from "convex/values";\n${source}` });
const invalidConfig = (why) =>
  `The default export of \`convex.config.ts\` in your app has an invalid value (${why}). Please make sure that you’re exporting the return value of \`defineApp()\` (\`import { defineApp } from 'convex/server'\`).`;

export const definitionRows = [
  ["schema.ts without default export", { "schema.ts": "export const x = 1;" }, "MissingSchemaExportError", evaluating("Schema file missing default export. To learn more, see the schema documentation at https://docs.convex.dev/database/schemas.")],
  ["schema.ts that exports no schema", { "schema.ts": "export default {};" }, "InvalidSchemaExport", evaluating("Default export from schema file isn't a Convex schema.")],
  ["an exception in schema.ts", { "schema.ts": 'throw new Error("boom");\nexport default {};' }, "InvalidSchema", evaluating("Uncaught Error: boom\n    at ../convex/schema.ts:1:7")],
  ["the environment in schema.ts", schema("", "process.env.X;\n"), "InvalidSchema", evaluating("Uncaught Error: Environment variables unsupported when evaluating schema")],
  ["a table of strings", schema("messages: defineTable(v.string() as any)"), "InvalidTopLevelTypeInSchemaError", evaluating("The document validator in a schema must be an object, a union of objects, or `v.any()`. Found v.string()")],
  ["an invalid table name", schema('"my-table": defineTable({})'), "InvalidTableName", evaluating('Invalid table name: "my-table". Identifiers must start with a letter and can only contain letters, digits, and underscores.')],
  ["a reserved table name", schema("_x: defineTable({})"), "TableNameReserved", evaluating("_x is a reserved table name.")],
  ["an index without fields", messages('.index("i", [])'), "EmptyIndex", evaluating('In table "messages" index "i" must have at least one field.')],
  ["a field twice in an index", messages('.index("i", ["body", "body"])'), "FieldsNotUniqueWithinIndex", evaluating('Duplicate field "body". Index fields must be unique within an index.')],
  ["the same index twice", messages('.index("i", ["body"]).index("j", ["body"])'), "IndexNotUnique", evaluating('In table "messages" index "i" and index "j" have the same fields. Indexes must be unique within a table.')],
  ["an index name twice", messages('.index("i", ["body"]).index("i", ["tag"])', "body: v.any(), tag: v.any()"), "IndexNamesNotUnique", evaluating('Table "messages" has two or more definitions of index "i".')],
  ["an index named by_id", messages('.index("by_id", ["body"])'), "IndexNameReserved", evaluating('In table "messages" cannot name an index "by_id" because the name is reserved.')],
  ["an invalid index name", messages('.index("my-index", ["body"])'), "InvalidIndexName", evaluating('Invalid index name: "my-index".')],
  ["_creationTime in an index", messages('.index("i", ["_creationTime"])'), "IndexFieldsContainCreationTime", evaluating("`_creationTime` is automatically added to the end of each index.")],
  ["an index over an unknown field", messages('.index("i", ["gone"])'), "SchemaDefinitionError", evaluating('In table "messages" the index "i" is invalid because it references the field "gone" that does not exist.')],
  ["a vector of one dimension", messages('.vectorIndex("i", { vectorField: "e", dimensions: 1 })', "e: v.array(v.float64())"), "InvalidVectorDimensionError", evaluating("Dimensions 1 must be between 2 and 4096.")],
  ["convex.config.ts without default export", { "convex.config.ts": "export const x = 1;" }, "InvalidDefinition", invalidConfig("missing default export")],
  ["convex.config.ts that exports a number", { "convex.config.ts": "export default 5;" }, "InvalidDefinition", invalidConfig("the default export is not an object")],
  ["convex.config.ts with two exports", config("export const x = 1;\nexport default defineApp();"), "InvalidDefinition", invalidConfig("`convex.config.ts` has more than one export")],
  ["an exception in convex.config.ts", config('throw new Error("boom");\nexport default defineApp();'), "InvalidConvexConfig", "Uncaught Error: boom\n    at convex.config.ts:3:7"],
  ["a declared variable that is no string", config("export default defineApp({ env: { A: v.number() as any } });"), "InvalidEnvVarDeclaration", "Environment variable A has an invalid declaration"],
];

/** Refused before anything is evaluated: the message has no prefix. */
export const pathRows = [
  ["a file name with -", { "my-file.ts": `${query}export const a = query(() => 1);` }, "InvalidConfig", "my-file.js is not a valid path to a Convex module. Path component my-file.js can only contain alphanumeric characters, underscores, or periods."],
  ["a file name of 73 characters", { [`${"a".repeat(70)}.ts`]: `${query}export const a = query(() => 1);` }, "InvalidConfig", `${"a".repeat(70)}.js is not a valid path to a Convex module. Path component is too long (73 > maximum 64): ${"a".repeat(64)}...`],
];
