// A local HTTP server that actions under test fetch from.
import { createHash } from "node:crypto";
import { createServer } from "node:http";
import { brotliCompressSync, gzipSync } from "node:zlib";
import { sleep } from "./server.mjs";

async function read(request) {
  const chunks = [];
  for await (const chunk of request) chunks.push(chunk);
  return Buffer.concat(chunks);
}

const routes = {
  "/echo": async (request, response) => {
    const body = await read(request);
    response.writeHead(200, { "content-type": "application/json" }).end(
      JSON.stringify({
        method: request.method,
        headers: request.headers,
        body: body.toString("latin1"),
      }),
    );
  },
  "/index": (_request, response, url) => response.end(url.searchParams.get("i")),
  "/moved": (_request, response, url) => {
    const left = Number(url.searchParams.get("times") ?? 1);
    const to = url.searchParams.get("to") ?? "/echo";
    response.writeHead(Number(url.searchParams.get("status") ?? 302), { location: left > 1 ? `/moved?times=${left - 1}` : to }).end("moved");
  },
  "/gzip": (_request, response) => response.writeHead(200, { "content-encoding": "gzip" }).end(gzipSync("zipped ".repeat(1000))),
  "/br": (_request, response) => response.writeHead(200, { "content-encoding": "br" }).end(brotliCompressSync("brotli ".repeat(1000))),
  "/cookie": (request, response) => response.writeHead(200, { "set-cookie": ["c=1", "d=2"] }).end(String(request.headers.cookie)),
  "/status": (_request, response, url) => response.writeHead(Number(url.searchParams.get("code")), "Custom Text").end(),
  "/count": async (request, response, url, peer) => {
    const pause = Number(url.searchParams.get("pause") ?? 0);
    let bytes = 0;
    const hash = createHash("sha256");
    for await (const chunk of request) {
      if (bytes === 0 && pause > 0) await sleep(pause);
      bytes += chunk.length;
      peer.uploaded += chunk.length;
      hash.update(chunk);
    }
    response.end(JSON.stringify({ bytes, chunked: request.headers["transfer-encoding"] ?? null }));
  },
  "/enough": (request, response) => {
    request.once("data", () => response.writeHead(413, { connection: "close" }).end("enough"));
  },
  "/bytes": (_request, response, url, peer) => {
    let left = Number(url.searchParams.get("n"));
    response.on("close", () => (peer.closed += 1));
    const pump = () => {
      while (left > 0) {
        const size = Math.min(left, 65536);
        left -= size;
        peer.sent += size;
        if (!response.write(Buffer.alloc(size))) return response.once("drain", pump);
      }
      response.end();
    };
    pump();
  },
  "/never": (_request, response, _url, peer) => {
    response.on("close", () => (peer.closed += 1));
  },
  "/stalls": (_request, response, _url, peer) => {
    response.on("close", () => (peer.closed += 1));
    response.write("begun");
  },
  "/breaks": (_request, response) => {
    response.writeHead(200, { "content-length": 1000 }).write("begun");
    setTimeout(() => response.socket.destroy(), 100);
  },
  "/v1/chat/completions": async (request, response) => {
    const { stream, messages } = JSON.parse(await read(request));
    if (request.headers.authorization !== "Bearer key" || messages[0].content !== "hi") return response.writeHead(401).end("{}");
    const head = { id: "c1", created: 1, model: "m" };
    if (!stream) {
      const choices = [{ index: 0, finish_reason: "stop", message: { role: "assistant", content: "whole answer" } }];
      return response.writeHead(200, { "content-type": "application/json" }).end(JSON.stringify({ ...head, object: "chat.completion", choices }));
    }
    response.writeHead(200, { "content-type": "text/event-stream" });
    for (const content of ["streamed ", "answer ", "\u2603"]) {
      response.write(`data: ${JSON.stringify({ ...head, object: "chat.completion.chunk", choices: [{ index: 0, delta: { content } }] })}\n\n`);
      await sleep(100);
    }
    response.end("data: [DONE]\n\n");
  },
};

export class Peer {
  uploaded = 0;
  sent = 0;
  closed = 0; // exchanges of the routes that count it
  connections = 0;

  static async start() {
    const peer = new Peer();
    peer.server = createServer((request, response) => {
      const url = new URL(request.url, "http://peer");
      const route = routes[url.pathname];
      if (!route) return response.writeHead(404).end("no such route");
      Promise.resolve(route(request, response, url, peer)).catch(() => response.destroy());
    });
    peer.server.on("connection", () => (peer.connections += 1));
    await new Promise((done) => peer.server.listen(0, "127.0.0.1", done));
    peer.url = `http://127.0.0.1:${peer.server.address().port}`;
    return peer;
  }
  stop() {
    this.server.closeAllConnections();
    this.server.close();
  }
}
