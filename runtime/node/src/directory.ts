// Where the pushed modules lie: `<source directory>/modules/<path>`, source maps beside them.

import { join } from "node:path";
import { pathToFileURL } from "node:url";

let modules = "";
let url = "";

export function setSourceDirectory(directory: string): void {
  modules = join(directory, "modules/");
  url = pathToFileURL(modules).href;
}

export const modulesDirectory = (): string => modules;
export const moduleUrl = (path: string): string => url + path;

/** The path of the module behind a URL; undefined for files that were not pushed. */
export function modulePath(fileUrl: string): string | undefined {
  return fileUrl.startsWith(url) ? fileUrl.slice(url.length) : undefined;
}
