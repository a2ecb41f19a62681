// The multi-byte encodings of TextDecoder: known texts, the rules of the Encoding Standard for broken input, and streaming.
import assert from "node:assert/strict";
import { test } from "node:test";
import { makeContext } from "./fake-native.mjs";

const texts = {
  "gbk": [
    ["d6d0cec4b2e2cad4a3acc4e3bac3cac0bde7", "中文测试，你好世界"],
    ["b7b1f377d7d6", "繁體字"],
    ["8140814181428143", "丂丄丅丆"],
    ["a1faa1f6a1f0a1ef", "→■○★"],
    ["41424331323320bbecbacf", "ABC123 混合"],
  ],
  "gb18030": [
    ["d6d0cec4b2e2cad4", "中文测试"],
    ["9439fc369439da33", "😀💩"],
    ["81308b3781308a39", "ÿñ"],
    ["953282369835ee37", "𠀀𪚥"],
    ["41424320bbecbacf", "ABC 混合"],
  ],
  "big5": [
    ["a4a4a4e5b4fab8d5a141a741a66ea540acc9", "中文測試，你好世界"],
    ["a440a442a443a456", "一丁七丈"],
    ["bb4fc657", "臺灣"],
    ["adbbb4e4", "香港"],
    ["41424320b256a658", "ABC 混合"],
  ],
  "euc-jp": [
    ["c6fccbdcb8eca5c6a5b9a5c8", "日本語テスト"],
    ["a4d2a4e9a4aca4caa5aba5bfa5aba5cab4c1bbfa", "ひらがなカタカナ漢字"],
    ["8eb18eb28eb3", "ｱｲｳ"],
    ["8fb0a18fb0a28fb0a3", "丂丄丅"],
    ["41424320baaebadf", "ABC 混在"],
  ],
  "shift_jis": [
    ["93fa967b8cea836583588367", "日本語テスト"],
    ["82d082e782aa82c8834a835e834a83698abf8e9a", "ひらがなカタカナ漢字"],
    ["b1b2b3", "ｱｲｳ"],
    ["955c8ea6945c97cd", "表示能力"],
    ["874087418742878a", "①②③㈱"],
    ["414243208dac8ddd", "ABC 混在"],
  ],
  "iso-2022-jp": [
    ["1b2442467c4b5c386c2546253925481b2842", "日本語テスト"],
    ["1b244224522469242c244a252b253f252b254a34413b7a1b2842", "ひらがなカタカナ漢字"],
    ["414243201b24423a2e3a5f1b284220414243", "ABC 混在 ABC"],
  ],
  "euc-kr": [
    ["c7d1b1b9beee20c5d7bdbac6ae", "한국어 테스트"],
    ["bec8b3e7c7cfbcbcbfe420bcbcb0e8", "안녕하세요 세계"],
    ["8c63b9e6b0a2c7cf2094ee", "똠방각하 뷁"],
    ["f9d3edae", "漢字"],
    ["41424320c8a5c7d5", "ABC 혼합"],
  ],
};

// [encoding, bytes, text]: what the standard says where decoders differ.
const rules = [
  ["gbk", "80", "€"],
  ["gbk", "a2e3", "€"],
  ["gbk", "81", "\ufffd"],
  ["gbk", "8130", "\ufffd"],
  ["gbk", "ff41", "\ufffdA"],
  ["gbk", "8120", "\ufffd "],
  ["gb18030", "81308130", "\u0080"],
  ["gb18030", "8431a439", "\uffff"],
  ["gb18030", "8431a530", "\ufffd"],
  ["gb18030", "a8bc", "ḿ"],
  ["gb18030", "e3329a35", "\u{10ffff}"],
  ["gb18030", "8135f437", "\ue7c7"],
  ["gb18030", "813041", "\ufffd0A"],
  ["big5", "8862", "\u00ca\u0304"],
  ["big5", "88a5", "\u00ea\u030c"],
  ["big5", "8140", "\ufffd@"],
  ["big5", "a1", "\ufffd"],
  ["big5", "80", "\ufffd"],
  ["euc-jp", "8ea1", "｡"],
  ["euc-jp", "8fb0a1", "丂"],
  ["euc-jp", "8f41", "\ufffdA"],
  ["euc-jp", "a1ff", "\ufffd"],
  ["euc-jp", "a141", "\ufffdA"],
  ["shift_jis", "80", "\u0080"],
  ["shift_jis", "5c7e", "\\~"],
  ["shift_jis", "a1df", "｡ﾟ"],
  ["shift_jis", "f040", "\ue000"],
  ["shift_jis", "8141", "、"],
  ["shift_jis", "8130", "\ufffd0"],
  ["shift_jis", "fd", "\ufffd"],
  ["iso-2022-jp", "1b284a5c7e", "¥‾"],
  ["iso-2022-jp", "1b28493021", "ｰ｡"],
  ["iso-2022-jp", "1b2442", ""],
  ["iso-2022-jp", "1b24423021", "亜"],
  ["iso-2022-jp", "1b244230", "\ufffd"],
  ["iso-2022-jp", "0e", "\ufffd"],
  ["iso-2022-jp", "1b2841", "\ufffd(A"],
  ["euc-kr", "a1a1", "\u3000"],
  ["euc-kr", "8141", "갂"],
  ["euc-kr", "80", "\ufffd"],
  ["euc-kr", "8120", "\ufffd "],
  ["euc-kr", "a1", "\ufffd"],
  ["iso-8859-8-i", "e0", "א"],
  ["x-user-defined", "417fff80", "A\u007f\uf7ff\uf780"],
  ["windows-1252", "809f81", "€Ÿ\u0081"],
  ["windows-874", "a1", "ก"],
  ["iso-8859-16", "a4", "€"],
];

const rt = makeContext();
const decode = rt.run(`(label, bytes, options, splits) => {
  const decoder = new TextDecoder(label, options);
  let text = "";
  let at = 0;
  for (const split of splits) {
    text += decoder.decode(bytes.subarray(at, split), { stream: true });
    at = split;
  }
  return text + decoder.decode(bytes.subarray(at));
}`);
const bytesOf = (hex) => rt.run("Uint8Array").from(Buffer.from(hex, "hex"));
const everyByte = (bytes) => Array.from({ length: bytes.length }, (_, at) => at);

for (const [label, rows] of Object.entries(texts)) {
  test(`${label}: texts`, () => {
    for (const [hex, text] of rows) {
      const bytes = bytesOf(hex);
      assert.equal(decode(label, bytes, { fatal: true }, []), text);
      assert.equal(decode(label, bytes, { fatal: true }, everyByte(bytes)), text);
      for (let at = 1; at < bytes.length; at++) assert.equal(decode(label, bytes, {}, [at]), text);
    }
  });
}

test("broken and special input", () => {
  for (const [label, hex, text] of rules) {
    const bytes = bytesOf(hex);
    assert.equal(decode(label, bytes, {}, []), text, `${label} ${hex}`);
    assert.equal(decode(label, bytes, {}, everyByte(bytes)), text, `${label} ${hex} byte by byte`);
    if (text.includes("\ufffd")) assert.throws(() => decode(label, bytes, { fatal: true }, []), /TypeError/, `${label} ${hex}`);
  }
});

test("a decoder starts anew after each end of input", () => {
  assert.equal(
    rt.run(`const d = new TextDecoder("shift_jis"); d.decode(new Uint8Array([0x93])) + d.decode(new Uint8Array([0xfa, 0x93, 0xfa]).subarray(1)) +
      d.decode(new Uint8Array([0x93]), { stream: true }) + d.decode(new Uint8Array([0xfa]), { stream: true }) + d.decode()`),
    "\ufffd日日",
  );
});
