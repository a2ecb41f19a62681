// Analysis of pushed Node.js modules (deploy-and-cli.md §3.4): what they export, and that those are actions.

import { analyzeModule } from "../../src/lazy/analyze.ts";
import { CodedError, DeveloperError } from "../../src/developer_error.ts";
import { describeException } from "./call.ts";
import { moduleUrl, modulesDirectory } from "./directory.ts";
import { scopes, type Scope } from "./scope.ts";
import type { Analyze, AnalyzedFunction, AnalyzeResult, LogLine } from "./wire.ts";

const maxLogLines = 100;

export async function analyze(request: Analyze): Promise<AnalyzeResult> {
  const result: AnalyzeResult = { modules: [], logs: [] };
  for (const path of request.modules) {
    try {
      const ns = await load(path, request.userTimeoutMs, result.logs!);
      result.modules.push({ path, functions: functionsOf(ns, path) });
    } catch (error) {
      const { code, ...described } = describeException(error);
      described.message = described.message.replaceAll(modulesDirectory(), "");
      return { ...result, failedModule: path, error: described, errorCode: error instanceof CodedError ? code! : "" };
    }
  }
  return result;
}

// Evaluates a module. It fails as well if something it started fails meanwhile, or if it takes too long.
function load(path: string, timeoutMs: number, logs: LogLine[]): Promise<object> {
  return new Promise((resolve, reject) => {
    const tooLong = () => reject(new DeveloperError(`Function execution timed out (maximum duration: ${timeoutMs / 1000}s)`));
    const timer = setTimeout(tooLong, timeoutMs);
    const scope: Scope = {
      timers: new Map(),
      log(line) {
        logs.push(line);
        if (logs.length > maxLogLines) logs.shift();
      },
      fail: (event, error) => reject(event === "exit" ? new DeveloperError(String(error)) : error),
    };
    scopes
      .run(scope, () => import(moduleUrl(path)))
      .then(resolve, reject)
      .finally(() => clearTimeout(timer));
  });
}

function functionsOf(ns: any, path: string): AnalyzedFunction[] {
  for (const name of Object.keys(ns)) {
    if (typeof ns[name] === "function" && ns[name].isHttp) refuse(name, path, "HttpAction");
  }
  const { functions } = JSON.parse(analyzeModule(ns, path)) as {
    functions: { name: string; udfType: string; visibility: string | null; args: string; returns: string; line: number | null; column: number | null }[];
  };
  return functions.map((fn) => {
    if (fn.udfType !== "Action") refuse(fn.name, path, fn.udfType);
    return {
      name: fn.name,
      udfType: fn.udfType,
      visibility: fn.visibility ?? "",
      argsJson: fn.args,
      returnsJson: fn.returns,
      line: fn.line ?? 0,
      column: fn.column ?? 0,
    };
  });
}

function refuse(name: string, path: string, type: string): never {
  throw new CodedError(
    `\`${name}\` defined in \`${path}\` is a ${type} function. Only actions can be defined in Node.js. See https://docs.convex.dev/functions/actions for more details.`,
    "InvalidModules",
  );
}
