// An HTTP proxy on loopback that tells which requests pass through it. A lost connection on one side is lost on the other.
import { createServer, request as forward } from "node:http";

/** Forwards to `target`; calls `onRequest(path)` before each request. */
export async function watchingProxy(target, onRequest) {
  const { hostname, port } = new URL(target);
  const server = createServer((request, response) => {
    onRequest(request.url);
    const { method, url: path, headers } = request;
    const onward = forward({ hostname, port, method, path, headers }, (answer) => {
      response.writeHead(answer.statusCode, answer.headers);
      answer.pipe(response);
      answer.once("error", () => response.destroy());
    });
    onward.once("error", () => response.destroy());
    request.pipe(onward);
  });
  await new Promise((done) => server.listen(0, "127.0.0.1", done));
  const close = () => {
    server.closeAllConnections();
    server.close();
  };
  return { url: `http://127.0.0.1:${server.address().port}`, close };
}
