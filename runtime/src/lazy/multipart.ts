// Reading and writing of multipart/form-data and urlencoded bodies.

import { Blob, File } from "./blob.ts";
import { FormData, formEntries } from "./form_data.ts";
import { concatBytes, decodeUtf8, utf8 } from "./web_idl.ts";

export const maxFormBytes = 20 * 1024 * 1024;
export const formTooLarge = () => new TypeError("InvalidMultiPartForm: the form is larger than 20 MiB");

const crlf = (text: string) => text.replace(/\r\n|\r|\n/g, "\r\n");
const escapes: Record<string, string> = { "\r": "%0D", "\n": "%0A", '"': "%22" };
const escapeName = (name: string) => name.replace(/[\r\n"]/g, (char) => escapes[char]!);

export function encodeMultipart(form: FormData, boundary: string): Blob {
  const chunks: (Uint8Array | Blob)[] = [];
  for (const [name, value] of formEntries(form)) {
    let head = `--${boundary}\r\nContent-Disposition: form-data; name="${escapeName(crlf(name))}"`;
    if (typeof value === "string") {
      chunks.push(utf8(`${head}\r\n\r\n${crlf(value)}\r\n`));
    } else {
      head += `; filename="${escapeName(value.name)}"\r\nContent-Type: ${value.type || "application/octet-stream"}`;
      chunks.push(utf8(`${head}\r\n\r\n`), value, utf8("\r\n"));
    }
  }
  chunks.push(utf8(`--${boundary}--\r\n`));
  return new Blob(chunks);
}

export function parseForm(bytes: Uint8Array, contentType: string | null): FormData {
  const type = (contentType ?? "").trim();
  const essence = type.split(";")[0]!.trim().toLowerCase();
  if (essence === "application/x-www-form-urlencoded") return parseUrlencoded(decodeUtf8(bytes));
  if (essence !== "multipart/form-data") {
    throw new TypeError(`Body can not be decoded as form data: unexpected content type ${JSON.stringify(type)}`);
  }
  const match = /;\s*boundary=(?:"([^"]+)"|([^;\s]+))/i.exec(type);
  if (!match) throw new TypeError("Body can not be decoded as form data: the content type has no boundary");
  if (bytes.length > maxFormBytes) throw formTooLarge();
  return parseMultipart(bytes, (match[1] ?? match[2])!);
}

function parseUrlencoded(text: string): FormData {
  const form = new FormData();
  const decode = (part: string) => {
    const escaped = part.replaceAll("+", " ").replace(/%(?![0-9a-fA-F]{2})/g, "%25");
    const bytes = concatBytes(
      escaped.split(/((?:%[0-9a-fA-F]{2})+)/).map((piece, index) =>
        index % 2 === 0 ? utf8(piece) : Uint8Array.from(piece.slice(1).split("%"), (hex) => parseInt(hex, 16)),
      ),
    );
    return decodeUtf8(bytes);
  };
  for (const pair of text.split("&")) {
    if (pair === "") continue;
    const equals = pair.indexOf("=");
    form.append(decode(equals < 0 ? pair : pair.slice(0, equals)), equals < 0 ? "" : decode(pair.slice(equals + 1)));
  }
  return form;
}

function indexOfBytes(bytes: Uint8Array, wanted: Uint8Array, from: number): number {
  for (let at = bytes.indexOf(wanted[0]!, from); at >= 0; at = bytes.indexOf(wanted[0]!, at + 1)) {
    let same = 1;
    while (same < wanted.length && bytes[at + same] === wanted[same]) same++;
    if (same === wanted.length) return at;
  }
  return -1;
}

function malformed(): TypeError {
  return new TypeError("InvalidMultiPartForm: the body is not a valid multipart form");
}

function parseMultipart(bytes: Uint8Array, boundary: string): FormData {
  const form = new FormData();
  const delimiter = utf8(`\r\n--${boundary}`);
  const blankLine = utf8("\r\n\r\n");
  let at = indexOfBytes(bytes, delimiter.subarray(2), 0);
  if (at < 0) throw malformed();
  at += delimiter.length - 2;
  for (;;) {
    if (bytes[at] === 0x2d && bytes[at + 1] === 0x2d) return form;
    while (bytes[at] === 0x20 || bytes[at] === 0x09) at++;
    if (bytes[at] !== 0x0d || bytes[at + 1] !== 0x0a) throw malformed();
    const headEnd = indexOfBytes(bytes, blankLine, at);
    if (headEnd < 0) throw malformed();
    const bodyStart = headEnd + blankLine.length;
    const bodyEnd = indexOfBytes(bytes, delimiter, bodyStart - 2);
    if (bodyEnd < 0) throw malformed();
    appendPart(form, decodeUtf8(bytes.subarray(at + 2, headEnd)), bytes.slice(bodyStart, Math.max(bodyStart, bodyEnd)));
    at = bodyEnd + delimiter.length;
  }
}

function appendPart(form: FormData, head: string, body: Uint8Array): void {
  const headers = new Map<string, string>();
  for (const line of head.split("\r\n")) {
    const colon = line.indexOf(":");
    if (colon > 0) headers.set(line.slice(0, colon).trim().toLowerCase(), line.slice(colon + 1).trim());
  }
  const disposition = headers.get("content-disposition") ?? "";
  const name = parameter(disposition, "name");
  if (!/^form-data\b/i.test(disposition) || name === undefined) throw malformed();
  const filename = parameter(disposition, "filename");
  const type = headers.get("content-type");
  if (filename === undefined) form.append(name, decodeUtf8(body));
  else form.append(name, new File([body], filename, { type: type ?? "text/plain" }));
}

function parameter(header: string, name: string): string | undefined {
  const match = new RegExp(`;\\s*${name}=(?:"((?:[^"\\\\]|\\\\.)*)"|([^;\\s]+))`, "i").exec(header);
  const value = match?.[1] ?? match?.[2];
  return value?.replace(/%(22|0A|0D)/gi, (_, hex) => String.fromCharCode(parseInt(hex, 16))).replace(/\\(["\\])/g, "$1");
}
