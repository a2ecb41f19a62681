// MIME types as bodies need them.

const token = "[!#$%&'*+\\-.^_`|~0-9A-Za-z]+";
const type = new RegExp(`^[\\t\\n\\r ]*(${token}/${token})[\\t\\n\\r ]*(;.*)?$`, "s");
const parameter = new RegExp(`;[\\t\\n\\r ]*(${token})=(?:"((?:[^"\\\\]|\\\\.)*)"?[^;]*|([^;]*))`, "gs");
const onlyToken = new RegExp(`^${token}$`);

// The type of the blob that a body with this content type becomes: "" if it is not a MIME type.
export function blobType(contentType: string | null): string {
  const match = contentType === null ? null : type.exec(contentType);
  if (!match) return "";
  let out = match[1]!.toLowerCase();
  for (const [name, value] of parameters(match[2] ?? "")) {
    out += `;${name}=${onlyToken.test(value) ? value : `"${value.replace(/["\\]/g, "\\$&")}"`}`;
  }
  return out;
}

function parameters(text: string): Map<string, string> {
  const found = new Map<string, string>();
  for (const [, rawName, quoted, plain] of text.matchAll(parameter)) {
    const name = rawName!.toLowerCase();
    const value = quoted === undefined ? plain!.replace(/[\t\n\r ]+$/, "") : quoted.replace(/\\(.)/gs, "$1");
    if (!found.has(name) && (quoted !== undefined || value !== "")) found.set(name, value);
  }
  return found;
}
