// Default exports of schema.js, auth.config.js and convex.config.js (deploy-and-cli.md §3.7-§3.9).

import { CodedError } from "../developer_error.ts";

const schemaDocs = "https://docs.convex.dev/database/schemas";

export function exportSchema(ns: any): string {
  const schema = ns.default;
  if (schema === undefined || schema === null) {
    throw new CodedError(
      `Schema file missing default export. To learn more, see the schema documentation at ${schemaDocs}.`,
      "MissingSchemaExportError",
    );
  }
  if (typeof schema.export !== "function") throw invalidSchema();
  let text: unknown;
  try {
    text = schema.export();
  } catch (cause) {
    throw invalidSchema(cause);
  }
  if (typeof text !== "string") throw invalidSchema();
  return text;
}

function invalidSchema(cause?: unknown): CodedError {
  const detail = cause instanceof Error ? ` ${cause.message}` : "";
  return new CodedError(
    `Default export from schema file isn't a Convex schema. To learn more, see the schema documentation at ${schemaDocs}.${detail}`,
    "InvalidSchemaExport",
  );
}

export function exportAuth(ns: any): string {
  const config = ns.default;
  if (config === undefined || config === null) {
    throw invalidAuth("auth config file is missing default export. To learn more, see https://docs.convex.dev/auth.");
  }
  const text = JSON.stringify(config);
  if (text === undefined || !Array.isArray(config.providers)) {
    throw invalidAuth("auth config file must include a list of provider credentials");
  }
  return text;
}

function invalidAuth(detail: string): CodedError {
  return new CodedError(`The pushed auth config is invalid: ${detail}`, "InvalidAuthConfig");
}

export function exportDefinition(ns: any): string {
  const definition = ns.default;
  if (definition === undefined) throw invalidDefinition("missing default export");
  if (typeof definition !== "object" || definition === null) throw invalidDefinition("the default export is not an object");
  if (Object.keys(ns).length !== 1) throw invalidDefinition("`convex.config.ts` has more than one export");
  if (typeof definition.export !== "function") {
    throw invalidDefinition("the default export does not have an `export` function");
  }
  const exported = definition.export();
  if (typeof exported !== "object" || exported === null) throw invalidDefinition("`export()` did not return an object");
  return JSON.stringify(exported);
}

function invalidDefinition(why: string): CodedError {
  return new CodedError(
    `The default export of \`convex.config.ts\` in your app has an invalid value (${why}). Please make sure that you’re ` +
      "exporting the return value of `defineApp()` (`import { defineApp } from 'convex/server'`).",
    "InvalidDefinition",
  );
}
