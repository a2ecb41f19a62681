// Stand-in for npm tr46 inside whatwg-url: plain ASCII host names need no Unicode tables, so those are loaded only for others.

interface Options {
  checkHyphens?: boolean;
  useSTD3ASCIIRules?: boolean;
  verifyDNSLength?: boolean;
}

const plainAscii = /^[\x00-\x7f]*$/;
const punycodeLabel = /(^|\.)xn--/i;

const full = () => require("../../../node_modules/tr46/index.js") as typeof import("./tr46.ts");

function needsTables(domain: string, options: Options): boolean {
  const strict = options.checkHyphens || options.useSTD3ASCIIRules || options.verifyDNSLength;
  return Boolean(strict) || !plainAscii.test(domain) || punycodeLabel.test(domain);
}

export function toASCII(domain: string, options: Options): string | null {
  return needsTables(domain, options) ? full().toASCII(domain, options) : domain.toLowerCase();
}

export function toUnicode(domain: string, options: Options): unknown {
  return full().toUnicode(domain, options);
}
