// Throughput of stored files against plain nginx (Debian's nginx-light), which neither hashes nor syncs what it is sent. Without nginx
// on this machine there are no such figures.
import { execFile, spawn } from "node:child_process";
import { accessSync, mkdirSync, mkdtempSync, openSync, rmSync, writeFileSync, writeSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";
import { freePort } from "../tests/lib/ports.mjs";
import { sleep } from "../tests/lib/server.mjs";

const NGINX = "/usr/sbin/nginx";
const MEBIBYTES = 256;
const ROUNDS = 3;
const PARALLEL = 4;

const curl = async (...args) => {
  const { stdout } = await promisify(execFile)("curl", ["--silent", "--show-error", "--fail", "--write-out", "\n%{time_total}", ...args], { maxBuffer: 1 << 22 });
  const lines = stdout.trimEnd().split("\n");
  return { seconds: Number(lines.pop()), body: lines.join("\n") };
};
const median = (samples) => samples.toSorted((a, b) => a - b)[Math.floor(samples.length / 2)];

/** MiB/s of `transfer`, which tells how long it took. */
async function rateOf(transfer, mebibytes = MEBIBYTES) {
  const rates = [];
  for (let round = 0; round < ROUNDS; round++) rates.push(mebibytes / (await transfer(round)));
  return median(rates);
}

async function withNginx(use) {
  const root = mkdtempSync(join(tmpdir(), "hull-bench-nginx-"));
  const port = await freePort();
  mkdirSync(join(root, "files"));
  writeFileSync(
    join(root, "nginx.conf"),
    `daemon off; worker_processes 2; pid ${root}/pid; error_log ${root}/error.log;
     events {}
     http {
       access_log off; sendfile on; tcp_nopush on; client_max_body_size 0;
       client_body_temp_path ${root}/body; proxy_temp_path ${root}/proxy; fastcgi_temp_path ${root}/fastcgi; uwsgi_temp_path ${root}/uwsgi; scgi_temp_path ${root}/scgi;
       server { listen 127.0.0.1:${port}; location / { root ${root}/files; dav_methods PUT; } }
     }`,
  );
  const child = spawn(NGINX, ["-c", join(root, "nginx.conf"), "-e", join(root, "error.log"), "-g", process.getuid() === 0 ? "user root;" : ""], { stdio: "ignore" });
  try {
    await sleep(500);
    return await use(`http://127.0.0.1:${port}`);
  } finally {
    child.kill("SIGTERM");
    await new Promise((done) => child.once("exit", done));
    rmSync(root, { recursive: true });
  }
}

/** Runs `use` with a file of random pieces. */
async function withFile(use) {
  const directory = mkdtempSync(join(tmpdir(), "hull-bench-files-"));
  try {
    const path = join(directory, "large.bin");
    const file = openSync(path, "w");
    const piece = crypto.getRandomValues(Buffer.alloc(65536));
    for (let n = 0; n < MEBIBYTES * 16; n++) writeSync(file, piece);
    return await use(path);
  } finally {
    rmSync(directory, { recursive: true });
  }
}

export function fileFigures({ once, note }) {
  try {
    accessSync(NGINX);
  } catch {
    note("no figures of stored files: nginx-light is not installed");
    return {};
  }
  const post = (server, path) => async () => {
    const { value: url } = await server.call("mutation", "blobs:uploadUrl");
    return curl("-X", "POST", "-T", path, url);
  };
  // Everything in one go: both servers with the same file.
  const measured = (server) =>
    once("files", () =>
      withFile((path) =>
        withNginx(async (nginx) => {
          let id;
          const upload = post(server, path);
          const up = [
            await rateOf(async () => {
              const { seconds, body } = await upload();
              id = JSON.parse(body).storageId;
              return seconds;
            }),
            await rateOf(async (round) => (await curl("-T", path, `${nginx}/large-${round}`)).seconds),
          ];
          const { value: url } = await server.call("query", "blobs:url", { id });
          const down = [];
          const parallel = [];
          for (const from of [url, `${nginx}/large-0`]) {
            const fetchOnce = async () => (await curl("-o", "/dev/null", from)).seconds;
            down.push(await rateOf(fetchOnce));
            parallel.push(
              await rateOf(async () => {
                const started = performance.now();
                await Promise.all(Array.from({ length: PARALLEL }, fetchOnce));
                return (performance.now() - started) / 1000;
              }, MEBIBYTES * PARALLEL),
            );
          }
          return { up, down, parallel };
        }),
      ),
    );
  const figure = (name, baseline) => ({ unit: "MiB/s", baseline, measure: async (server) => (await measured(server))[name] });
  return {
    file_upload: figure("up", "nginx, PUT of the same file (not hashed, not synced)"),
    file_download: figure("down", "nginx, the same file with sendfile"),
    [`file_download_${PARALLEL}`]: figure("parallel", `nginx, ${PARALLEL} downloads at once`),
  };
}
