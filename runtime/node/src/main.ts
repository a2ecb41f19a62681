// The executor of "use node" actions: a Node.js process that serves many calls of one code version at once and answers to the
// server like a worker (src/worker/protocol.proto). It ends when the server closes the socket.

import { analyze } from "./analyze.ts";
import { answerOps } from "./call.ts";
import { installConsole } from "./console.ts";
import { installConvex } from "./convex.ts";
import { setSourceDirectory } from "./directory.ts";
import { installCommonJs, setEnvironment } from "./environment.ts";
import { installFaultHandlers, leave } from "./faults.ts";
import { invoke } from "./invoke.ts";
import { receive, send, type Init, type ToWorker } from "./wire.ts";

function init({ env, sourceDirectory }: Init): void {
  setSourceDirectory(sourceDirectory);
  setEnvironment(env);
  installCommonJs();
  installConsole();
  installConvex();
  installFaultHandlers();
  send({ ready: { startMs: performance.now() } });
}

function handle(frame: ToWorker): void {
  if (frame.init) init(frame.init);
  else if (frame.start) invoke(frame.start);
  else if (frame.results) answerOps(frame.results.callId, frame.results.results);
  else if (frame.ping) send({ pong: {} });
  else if (frame.analyze) void analyze(frame.analyze).then((analyzed) => send({ analyzed }));
}

receive(handle, () => leave(0));
