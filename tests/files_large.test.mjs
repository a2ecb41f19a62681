// A large file goes up and comes down with bounded memory of the server. HULL_FILES_BYTES: its size (2147483648 for 2 GiB).
import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { readFileSync, statfsSync } from "node:fs";
import { request } from "node:http";
import { it } from "node:test";
import { useApp } from "./lib/fixture.mjs";
import { sleep } from "./lib/server.mjs";

const size = Number(process.env.HULL_FILES_BYTES ?? 300_000_000);
const piece = 1 << 20;
const allowedGrowth = 64; // MiB
const hull = useApp("tests/apps/files");
const call = async (kind, path, args) => (await hull.server.call(kind, path, args)).value;

const residentMiB = () => Number(/VmRSS:\s+(\d+)/.exec(readFileSync(`/proc/${hull.server.process.pid}/status`, "utf8"))[1]) / 1024;

/** Runs `run` and tells how far the server's memory went above where it was. */
async function growthDuring(run) {
  const before = residentMiB();
  let most = before;
  let running = true;
  const sampling = (async () => {
    for (; running; await sleep(20)) most = Math.max(most, residentMiB());
  })();
  const started = performance.now();
  try {
    const result = await run();
    return { result, growth: most - before, seconds: (performance.now() - started) / 1000 };
  } finally {
    running = false;
    await sampling;
  }
}

// The bytes of the file around `at`: no two pieces are equal.
function contentAt(at) {
  const bytes = Buffer.alloc(Math.min(piece, size - at), 0x5a);
  bytes.writeUInt32LE(at / piece);
  return bytes;
}

function upload(url, hash) {
  return new Promise((done, fail) => {
    const out = request(url, { method: "POST", headers: { "Content-Type": "application/x-large", "Content-Length": size } }, (answer) => {
      let text = "";
      answer.on("data", (data) => (text += data)).on("end", () => done({ status: answer.statusCode, text }));
    });
    out.on("error", fail);
    let at = 0;
    const more = () => {
      while (at < size) {
        const bytes = contentAt(at);
        hash.update(bytes);
        at += bytes.length;
        if (!out.write(bytes)) return void out.once("drain", more);
      }
      out.end();
    };
    more();
  });
}

/** Reads a part, piece by piece. */
function download(url, headers, use) {
  return new Promise((done, fail) => {
    request(url, { headers }, (answer) => {
      answer.on("data", use).on("end", () => done(answer)).on("error", fail);
    })
      .on("error", fail)
      .end();
  });
}

it(`${size} bytes up, in ranges down, and down as a whole`, { timeout: 900_000 }, async (t) => {
  const { bavail, bsize } = statfsSync(hull.server.dataDir);
  if (bavail * bsize < size * 1.5) return t.skip("too little space");
  // What the first requests need is there before.
  await fetch(await call("query", "files:url", { id: await call("action", "files:make", { size: 1_000_000, type: "" }) }));
  const url = await call("mutation", "files:uploadUrl");
  const hash = createHash("sha256");
  const up = await growthDuring(() => upload(url, hash));
  assert.equal(up.result.status, 200, up.result.text);
  const { storageId } = JSON.parse(up.result.text);
  const sha256 = hash.digest();
  t.diagnostic(`upload: ${up.seconds.toFixed(1)} s, server grew by ${up.growth.toFixed(1)} MiB`);
  assert.ok(up.growth < allowedGrowth, `the upload took ${up.growth} MiB`);

  const document = await call("query", "files:document", { id: storageId });
  assert.deepEqual([document.size, document.sha256, document.contentType], [size, sha256.toString("base64"), "application/x-large"]);
  const fileUrl = await call("query", "files:url", { id: storageId });

  const ranged = await growthDuring(async () => {
    const parts = createHash("sha256");
    const step = Math.ceil(size / 7);
    for (let from = 0; from < size; from += step) {
      const to = Math.min(size, from + step) - 1;
      const answer = await download(fileUrl, { Range: `bytes=${from}-${to}` }, (data) => parts.update(data));
      assert.deepEqual([answer.statusCode, answer.headers["content-range"]], [206, `bytes ${from}-${to}/${size}`]);
    }
    return parts.digest();
  });
  t.diagnostic(`ranges: ${ranged.seconds.toFixed(1)} s, server grew by ${ranged.growth.toFixed(1)} MiB`);
  assert.ok(ranged.result.equals(sha256));
  assert.ok(ranged.growth < allowedGrowth, `the ranges took ${ranged.growth} MiB`);

  const whole = await growthDuring(async () => {
    const all = createHash("sha256");
    const answer = await download(fileUrl, {}, (data) => all.update(data));
    assert.deepEqual([answer.statusCode, answer.headers["content-length"]], [200, `${size}`]);
    return all.digest();
  });
  t.diagnostic(`whole: ${whole.seconds.toFixed(1)} s, server grew by ${whole.growth.toFixed(1)} MiB`);
  assert.ok(whole.result.equals(sha256));
  assert.ok(whole.growth < allowedGrowth, `the download took ${whole.growth} MiB`);
});
