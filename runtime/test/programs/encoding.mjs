// TextEncoder, TextDecoder and their streams; base64. The multi-byte encodings have tables of their own (encoding.test.mjs).

export const encoder = () => {
  const out = [];
  const encoder = new TextEncoder();
  for (const text of ["", "a", "é", "€", "💩", "\ud800", "a\udc00b", "\ud800\ud800\udc00", undefined, null, 5, "\u0000"]) {
    out.push(attempt(() => encoder.encode(text)));
    for (let size = 0; size < 9; size++) {
      const into = new Uint8Array(size);
      out.push(attempt(() => ({ ...encoder.encodeInto(String(text), into) })), attempt(() => into));
    }
  }
  out.push(attempt(() => encoder.encodeInto("a", new Uint16Array(2))), attempt(() => encoder.encodeInto("a")), encoder.encoding, attempt(() => encoder.encode(Symbol())));
  const shared = new Uint8Array(10).subarray(3, 6);
  out.push({ ...encoder.encodeInto("xyz!", shared) }, [...new Uint8Array(shared.buffer)]);
  return out;
};

export const unicode = () => {
  const next = seeded(7);
  const out = [];
  const interesting = [0x00, 0x41, 0x7f, 0x80, 0xbf, 0xc0, 0xc1, 0xc2, 0xdf, 0xe0, 0xa0, 0x9f, 0xed, 0xef, 0xbb, 0xbf, 0xf0, 0x90, 0x8f, 0xf4, 0xf5, 0xff, 0xd8, 0xdc, 0xfe];
  for (const label of ["utf-8", "utf-16le", "utf-16be"]) {
    for (let i = 0; i < 700; i++) {
      const bytes = Uint8Array.from({ length: next(8) }, () => interesting[next(interesting.length)]);
      const options = { fatal: next(3) === 0, ignoreBOM: next(2) === 0 };
      out.push([label, bytes.join(), options, attempt(() => new TextDecoder(label, options).decode(bytes))]);
      if (options.fatal) continue;
      const decoder = new TextDecoder(label, options);
      let text = "";
      for (let at = 0; at < bytes.length; ) {
        const step = 1 + next(3);
        text += decoder.decode(bytes.subarray(at, at + step), { stream: true });
        at += step;
      }
      out.push(text + decoder.decode(), decoder.decode(bytes));
    }
  }
  return out;
};

export const labels = () => {
  const names = `unicode-1-1-utf-8 unicode11utf8 unicode20utf8 utf-8 utf8 x-unicode20utf8 866 cp866 csibm866 ibm866 csisolatin2 iso-8859-2 iso-ir-101 iso8859-2 iso88592 iso_8859-2 iso_8859-2:1987 l2 latin2 csisolatin3 iso-8859-3 iso-ir-109 l3 csisolatin4 iso-8859-4 l4 csisolatincyrillic cyrillic iso-8859-5 arabic asmo-708 csiso88596e csiso88596i ecma-114 iso-8859-6-e iso-8859-6-i iso-8859-6 csisolatingreek ecma-118 elot_928 greek greek8 iso-8859-7 sun_eu_greek csiso88598e hebrew iso-8859-8-e iso-8859-8 visual csiso88598i iso-8859-8-i logical csisolatin6 iso-8859-10 l6 iso-8859-13 iso-8859-14 csisolatin9 iso-8859-15 l9 iso-8859-16 cskoi8r koi koi8 koi8-r koi8_r koi8-ru koi8-u csmacintosh mac macintosh x-mac-roman dos-874 iso-8859-11 tis-620 windows-874 cp1250 windows-1250 cp1251 windows-1251 x-cp1251 ansi_x3.4-1968 ascii cp1252 cp819 ibm819 iso-8859-1 latin1 us-ascii windows-1252 x-cp1252 cp1253 cp1254 csisolatin5 iso-8859-9 latin5 windows-1254 cp1255 cp1256 cp1257 cp1258 x-mac-cyrillic x-mac-ukrainian chinese csgb2312 gb2312 gb_2312-80 gbk x-gbk gb18030 big5 big5-hkscs cn-big5 csbig5 x-x-big5 cseucpkdfmtjapanese euc-jp x-euc-jp csiso2022jp iso-2022-jp csshiftjis ms932 ms_kanji shift-jis shift_jis sjis windows-31j x-sjis cseuckr euc-kr korean ks_c_5601-1987 ksc5601 windows-949 unicodefffe utf-16be csunicode iso-10646-ucs-2 ucs-2 unicode unicodefeff utf-16 utf-16le`.split(" ");
  const out = names.map((name) => [name, attempt(() => new TextDecoder(name).encoding)]);
  for (const odd of [" UTF-8\n", "\tLATIN1\f", "utf-7", "", "utf-8\u0000", "\u00a0utf-8", "replacement", "iso-2022-kr", "hz-gb-2312", "nope", null]) out.push([odd, attempt(() => new TextDecoder(odd).encoding)]);
  const decoder = new TextDecoder("UTF-16", { fatal: 1, ignoreBOM: "x" });
  out.push(decoder.encoding, decoder.fatal, decoder.ignoreBOM, attempt(() => new TextDecoder().decode("x")), attempt(() => new TextDecoder().decode(null)), attempt(() => new TextDecoder().decode(new DataView(new ArrayBuffer(2)))), attempt(() => new TextDecoder().decode()));
  return out;
};

export const singleByte = () => {
  const all = Uint8Array.from({ length: 256 }, (_, byte) => byte);
  return ["ibm866", "iso-8859-2", "iso-8859-3", "iso-8859-4", "iso-8859-5", "iso-8859-6", "iso-8859-7", "iso-8859-8", "iso-8859-10", "iso-8859-13", "iso-8859-14", "iso-8859-15", "koi8-r", "koi8-u", "macintosh", "windows-1250", "windows-1251", "windows-1252", "windows-1254", "windows-1256", "windows-1258", "x-mac-cyrillic"].map((name) => [name, new TextDecoder(name).decode(all)]);
};

export const base64 = () => {
  const next = seeded(3);
  const out = [];
  const inputs = ["", "a", "ab", "abc", "abcd", " abcd", "abcd\t", "ab\ncd", "ab=", "abc=", "abcd=", "ab==", "abcd====", "a===", "=a", "a=b=", "AAA/", "AA-_", "\u00a0abcd", "ab\u0000cd", "YQ", "YR==", "YWI", "YWJ=", "\u000babcd", null, undefined, 12, Infinity, "é"];
  for (const input of inputs) out.push([input, attempt(() => atob(input)), attempt(() => btoa(input))]);
  for (let i = 0; i < 100; i++) {
    const text = String.fromCharCode(...Uint8Array.from({ length: next(40) }, () => next(256)));
    out.push([btoa(text), atob(btoa(text)) === text]);
  }
  out.push(attempt(() => btoa("€")), attempt(() => atob(Symbol())), attempt(() => btoa(Symbol())));
  return out;
};

export const textStreams = async () => {
  const collect = async (stream) => {
    const out = [];
    for await (const chunk of stream) out.push(tag(chunk));
    return out;
  };
  return attempts([
    () => collect(ReadableStream.from(["a", "\ud83d", "\udca9", "é\ud800", "x", "\ud800"]).pipeThrough(new TextEncoderStream())),
    () => collect(ReadableStream.from([[0xf0, 0x9f], [0x92, 0xa9], [0xff], [0xe2, 0x82]].map((b) => new Uint8Array(b))).pipeThrough(new TextDecoderStream())),
    () => collect(ReadableStream.from([[0xe2, 0x82]].map((b) => new Uint8Array(b))).pipeThrough(new TextDecoderStream("utf-8", { fatal: true }))),
    () => collect(ReadableStream.from(["x"]).pipeThrough(new TextDecoderStream())),
    () => [new TextDecoderStream("latin1").encoding, new TextDecoderStream().fatal, new TextEncoderStream().encoding],
  ]);
};
