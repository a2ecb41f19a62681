// Calls: results, errors, operations, read-ahead, module loading.
#include "worker/test_worker.h"

namespace hull::worker {
namespace {

class CallTest : public WorkerTest {
 protected:
  void SetUp() override {
    WorkerTest::SetUp();
    worker_ = std::make_unique<TestWorker>(runtime_);
    worker_->Init();
  }
  Outcome Query(const std::string& source, const TestWorker::Answer& answer = {}) {
    return Of(wire::QUERY, source, answer);
  }
  Outcome Of(wire::UdfType type, const std::string& source, const TestWorker::Answer& answer = {}) {
    const std::string path = "m" + std::to_string(++modules_) + ".js";
    worker_->modules[path] = source;
    return worker_->Run(TestWorker::Start(type, path, "f"), answer);
  }
  static void Echo(const wire::Op& op, wire::OpResults* results) { AddJson(results, op, op.args_json()); }

  std::unique_ptr<TestWorker> worker_;
  int modules_ = 0;
};

TEST_F(CallTest, ReturnsWhatTheHandlerReturned) {
  const auto out = Query(
      "export const f = async () => ({...info, phase: host.phase(), env: host.env('NAME'), no: "
      "host.env('X')});");
  EXPECT_EQ(
      out.done.result_json(),
      R"({"importSeed":5,"importTime":1000,"seed":7,"now":2000,"kind":"query","phase":"query","env":"value"})");
  EXPECT_FALSE(out.done.retire());
  EXPECT_GT(out.done.heap_used_bytes(), 0u);
}

TEST_F(CallTest, FreshContextPerCallCodeLoadedOnce) {
  worker_->modules["m.js"] =
      "let n = 0; globalThis.k = globalThis.k ?? 0; export const f = () => [++n, ++globalThis.k];";
  for (int i = 0; i < 3; ++i) {
    EXPECT_EQ(worker_->Run(TestWorker::Start(wire::QUERY, "m.js", "f")).done.result_json(), "[1,1]");
  }
  EXPECT_EQ(worker_->module_requests, 1);
}

TEST_F(CallTest, ImportsRelativeModulesAndNamesThemInFrames) {
  worker_->modules["dir/a.js"] =
      "import {b} from '../lib/./b.js';\nimport '/c.js';\nexport const f = () => b();";
  worker_->modules["lib/b.js"] =
      "import {f} from '../dir/a.js';\nexport function b() {\n throw new Error('x'); }";
  worker_->modules["c.js"] = "";
  const auto out = worker_->Run(TestWorker::Start(wire::QUERY, "dir/a.js", "f"));
  EXPECT_EQ(out.done.error().message(), "Uncaught Error: x");
  ASSERT_GE(out.done.error().frames_size(), 2);
  EXPECT_EQ(out.done.error().frames(0), "b@convex:/lib/b.js:3");
}

TEST_F(CallTest, ModuleErrors) {
  auto error = [&](const std::string& source) { return Query(source).done.error().message(); };
  EXPECT_EQ(error("import './gone.js';"),
            "Couldn't find JavaScript module 'gone.js'. Did you forget to run `npx convex dev`?");
  EXPECT_EQ(error("import 'lodash';"),
            "Uncaught TypeError: Relative import path \"lodash\" not prefixed with / or ./ or ../ from "
            "\"convex:/m2.js\"");
  EXPECT_EQ(error("import 'https://x.y/z.js';"),
            "Uncaught TypeError: Unsupported scheme (https) in https://x.y/z.js");
  EXPECT_EQ(error("import '//host/z.js';"),
            "Uncaught TypeError: Module URL convex://host/z.js must not have an authority. Has host");
  EXPECT_EQ(error("await new Promise(() => {}); export const f = () => 1;"),
            "Top-level awaits in source files are unsupported");
  EXPECT_EQ(error("throw new Error('top')"), "Uncaught Error: top");
  EXPECT_EQ(error("export const f = () => import.meta.url"), "Uncaught TypeError: import.meta unsupported");
  EXPECT_EQ(error("export const f = () => import('./m1.js')"),
            "Uncaught TypeError: dynamic module import unsupported");
  EXPECT_EQ(error("export const g = 1"), "Couldn't find \"f\" in module \"m9.js\".");
  EXPECT_EQ(error("export const f = () => eval('1')"),
            "Uncaught EvalError: Code generation from strings disallowed for this context");
  EXPECT_NE(error("export const f = (").find("Uncaught SyntaxError"), std::string::npos);
  EXPECT_EQ(error("export const f = () => Convex.asyncSyscall('1.0/get', '{}'); await f();"),
            "Uncaught Error: Can't use database at import time");
}

TEST_F(CallTest, ActionsImportDynamically) {
  worker_->modules["lazy.js"] = "globalThis.times = (globalThis.times ?? 0) + 1; export const v = 42;";
  const auto out = Of(wire::ACTION,
                      "export const f = async () => { const a = await import('./lazy.js');"
                      " const b = await import('./lazy.js'); return [a.v, a === b, times]; }");
  EXPECT_EQ(out.done.result_json(), "[42,true,1]");
  EXPECT_EQ(
      Of(wire::ACTION, "export const f = () => import('./none.js').catch(e => e.message)").done.result_json(),
      "\"Couldn't find JavaScript module 'none.js'. Did you forget to run `npx convex dev`?\"");
}

TEST_F(CallTest, OperationsOfOneTurnTravelTogetherAndKeepTheirOrder) {
  const auto out = Query(
      "export const f = async () => { const seen = [];"
      " await Promise.all([1,2,3].map(async i => { seen.push(await Convex.asyncSyscall('1.0/get', "
      "String(i))); }));"
      " await Convex.asyncSyscall('1.0/get', '4'); return seen; }",
      [](const wire::Op& op, wire::OpResults* results) {
        Echo(op, results);
        std::reverse(results->mutable_results()->begin(), results->mutable_results()->end());
      });
  EXPECT_EQ(out.done.result_json(), R"(["1","2","3"])");
  ASSERT_EQ(out.batches.size(), 2u);
  EXPECT_EQ(out.batches[0].ops_size(), 3);
}

TEST_F(CallTest, OperationErrors) {
  const auto fail = [](const wire::Op& op, wire::OpResults* results) {
    auto* result = results->add_results();
    result->set_op_id(op.op_id());
    result->mutable_error()->set_message("bad");
    if (op.args_json() == "data") result->mutable_error()->set_data_json(R"({"a":1})");
    result->mutable_error()->set_fatal(op.args_json() == "fatal");
  };
  const auto f = [&](const std::string& arg) {
    return Query("export const f = () => Convex.asyncSyscall('1.0/get', '" + arg +
                     "').catch(e => [e instanceof Error, e.message, e.data])",
                 fail);
  };
  EXPECT_EQ(f("x").done.result_json(), R"([true,"bad",null])");
  EXPECT_EQ(f("data").done.result_json(), R"([true,"bad",{"a":1}])");
  EXPECT_EQ(f("fatal").done.error().kind(), wire::JsError::TERMINATED);
  EXPECT_EQ(f("fatal").done.error().message(), "bad");
  const auto sync = Query(
      "export const f = () => { try { Convex.syscall('1.0/db/normalizeId', 'data') } catch (e) { return "
      "e.data } }",
      fail);
  EXPECT_EQ(sync.done.result_json(), R"({"a":1})");
}

TEST_F(CallTest, PrivateOperationsAreNotForUserCode) {
  const auto refusal = [&](const std::string& call) {
    return Of(wire::ACTION,
              "export const f = async () => { try { await Convex." + call +
                  "; } catch (e) { return e.message } return 'answered' }",
              Echo)
        .done.result_json();
  };
  EXPECT_EQ(refusal("asyncSyscall('response/write', '{}')"), R"("Unknown async operation response/write")");
  EXPECT_EQ(refusal("asyncSyscall('sleep', '{}')"), R"("Unknown async operation sleep")");
  EXPECT_EQ(refusal("asyncSyscall('1.0/queryStream', '{}')"), R"("Unknown async operation 1.0/queryStream")");
  EXPECT_EQ(refusal("syscall('sleep', '{}')"), R"("Unknown operation sleep")");
  EXPECT_EQ(refusal("syscall('1.0/actions/query', '{}')"), R"("Unknown operation 1.0/actions/query")");
}

TEST_F(CallTest, SynchronousAndBinaryOperations) {
  const auto out =
      Of(wire::ACTION,
         "export const f = async () => { const p = host.asyncOp('stream', 'x', new Uint8Array([1,2]));"
         " const s = Convex.syscall('1.0/db/normalizeId', '\"s\"');"
         " const [json, bytes] = await p; return [s, json, [...bytes]]; }",
         [](const wire::Op& op, wire::OpResults* results) {
           AddJson(results, op, op.args_json())->set_payload(op.payload() + "\x03");
         });
  EXPECT_EQ(out.done.result_json(), R"(["\"s\"","x",[1,2,3]])");
  ASSERT_EQ(out.batches.size(), 1u);
  EXPECT_TRUE(out.batches[0].ops(1).sync());
}

TEST_F(CallTest, ReadAheadAsksOncePerPage) {
  int asked = 0;
  std::vector<std::string> args;
  const auto out = Query(
      "export const f = async () => {"
      " const {queryId} = JSON.parse(Convex.syscall('1.0/queryStream', "
      "'{\"query\":{\"t\":1},\"version\":\"1\"}'));"
      " const all = []; while (true) { const {value, done} ="
      " JSON.parse(await Convex.asyncSyscall('1.0/queryStreamNext', JSON.stringify({queryId})));"
      " if (done) break; all.push(value); }"
      " const late = await Convex.asyncSyscall('1.0/queryStreamNext', JSON.stringify({queryId})).catch(e => "
      "e.message);"
      " return [all, late, Convex.syscall('1.0/queryCleanup', JSON.stringify({queryId}))]; }",
      [&](const wire::Op& op, wire::OpResults* results) {
        ASSERT_EQ(op.name(), "1.0/queryStreamNext");
        args.push_back(op.args_json());
        auto* result = results->add_results();
        result->set_op_id(op.op_id());
        for (int i = 0; i < 3; ++i) {
          auto* row = result->mutable_rows()->add_rows();
          row->set_json(std::to_string(asked * 10 + i));
          row->set_within_limits(!(asked == 0 && i == 2));
        }
        result->mutable_rows()->set_exhausted(++asked == 2);
      });
  EXPECT_EQ(out.done.result_json(), R"([[0,1,10,11,12],"in-progress query not found","false"])");
  EXPECT_EQ(args,
            (std::vector<std::string>{R"({"queryId":0,"query":{"t":1},"version":"1"})", R"({"queryId":0})"}));
  ASSERT_EQ(out.batches.size(), 2u);
  ASSERT_EQ(out.batches[1].consumed_size(), 1);
  EXPECT_EQ(out.batches[1].consumed(0).rows(), 2u);
  ASSERT_EQ(out.done.consumed_size(), 1);
  EXPECT_EQ(out.done.consumed(0).rows(), 3u);
}

TEST_F(CallTest, ParallelStreamsAndErrorsInStreams) {
  const std::string source =
      "const open = () => Convex.syscall('1.0/queryStream', '{\"query\":1}');"
      "const next = id => Convex.asyncSyscall('1.0/queryStreamNext', `{\"queryId\":${id}}`);"
      "export const f = async () => { open(); open();"
      " return await Promise.all([next(0), next(1), next(0), next(0)].map(p => p.catch(e => e.message))); }";
  const auto out = Query(source, [](const wire::Op& op, wire::OpResults* results) {
    auto* result = results->add_results();
    result->set_op_id(op.op_id());
    if (op.args_json().starts_with("{\"queryId\":1")) {
      result->mutable_error()->set_message("no index");
      return;
    }
    auto* row = result->mutable_rows()->add_rows();
    row->set_json("7");
    row->set_within_limits(true);
    result->mutable_rows()->set_exhausted(true);
  });
  EXPECT_EQ(out.done.result_json(),
            R"(["{\"value\":7,\"done\":false}","no index","{\"value\":null,\"done\":true}",)"
            R"("in-progress query not found"])");
  ASSERT_EQ(out.batches.size(), 1u);
  EXPECT_EQ(out.batches[0].ops_size(), 2);
}

TEST_F(CallTest, EndsOfQueriesAndMutations) {
  auto ran =
      Of(wire::MUTATION, "export const f = () => { Convex.asyncSyscall('1.0/insert', '1'); return 5 }", Echo);
  EXPECT_EQ(ran.done.result_json(), "5");
  EXPECT_EQ(ran.batches.size(), 1u);
  EXPECT_EQ(Query("export const f = () => new Promise(() => {})").done.error().message(),
            "Returned promise will never resolve");
  EXPECT_EQ(
      Query("export const f = () => { Promise.reject(new Error('lost')); return 1 }").done.error().message(),
      "Uncaught Error: lost");
  EXPECT_EQ(Query("export const f = () => { Promise.reject(new Error('lost')).catch(() => 0); return 1 }")
                .done.result_json(),
            "1");
  const auto action = Of(wire::ACTION, "export const f = () => { host.asyncOp('sleep', '1'); return 1 }");
  EXPECT_EQ(action.done.result_json(), "1");
  EXPECT_EQ(action.done.unawaited_ops(0), "sleep");
}

TEST_F(CallTest, CallsInterleaveWithinOneIsolate) {
  worker_->modules["m.js"] =
      "export const f = async ({x}) => x + await Convex.asyncSyscall('1.0/runUdf', '{}');";
  const auto parent = TestWorker::Start(wire::MUTATION, "m.js", "f", R"([{"x":"p"}])");
  worker_->Begin(parent);
  wire::FromWorker message;
  ASSERT_TRUE(worker_->Receive(&message));
  const uint64_t op = message.ops().ops(0).op_id();
  const auto child = worker_->Run(TestWorker::Start(wire::MUTATION, "m.js", "f", R"([{"x":"c"}])"), Echo);
  EXPECT_EQ(child.done.result_json(), "\"c{}\"");
  wire::ToWorker reply;
  reply.mutable_results()->set_call_id(parent.call_id());
  auto* result = reply.mutable_results()->add_results();
  result->set_op_id(op);
  result->set_json("done");
  worker_->Send(reply);
  EXPECT_EQ(worker_->Finish().done.result_json(), "\"pdone\"");
}

TEST_F(CallTest, LogsAndFlags) {
  const auto out = Query(
      "export const f = () => { for (let i = 0; i < 300; i++) host.log('INFO', ['a', String(i)], false, '');"
      " host.observe('time'); }");
  ASSERT_EQ(out.done.logs_size(), 256);
  EXPECT_EQ(out.done.logs(254).messages(1), "254");
  EXPECT_EQ(out.done.logs(255).messages(0), "Log overflow (maximum 256). Remaining log lines omitted.");
  EXPECT_TRUE(out.done.observed_time());
  EXPECT_FALSE(out.done.observed_random());
  const auto live = Of(wire::ACTION, "export const f = () => host.log('WARN', ['x'], true, 'warning:X')");
  ASSERT_EQ(live.live_logs.size(), 1u);
  EXPECT_EQ(live.live_logs[0].system_code(), "warning:X");
}

TEST_F(CallTest, Natives) {
  EXPECT_EQ(Query("const hex = b => [...b].map(x => x.toString(16).padStart(2, '0')).join('');"
                  "export const f = () => [hex(host.crypto('digest', 'SHA-256', "
                  "host.utf8Encode('abc'))).slice(0, 16),"
                  " hex(host.crypto('hmac', 'SHA-1', new Uint8Array(0), new Uint8Array(0))).slice(0, 8)];")
                .done.result_json(),
            R"(["ba7816bf8f01cfea","fbdb1d1b"])");
  EXPECT_EQ(Query("export const f = () => { const a = {m: new Map([[1, new Date(5)]])}; a.self = a;"
                  " const clone = (x, list = []) => host.structuredClone(x, list, [], x => x, text => new "
                  "RangeError(text));"
                  " const b = clone(a); let e; try { clone(() => 1) } catch (x) { e = x }"
                  " const buffer = new ArrayBuffer(3), moved = clone([buffer], [buffer])[0];"
                  " return [b.self === b, b.m.get(1).getTime(), b.m instanceof Map, e.message,"
                  " buffer.byteLength, moved.byteLength]; }")
                .done.result_json(),
            R"([true,5,true,"() => 1 could not be cloned.",0,3])");
  EXPECT_EQ(
      Query(
          "export const f = () => { let e; try { host.utf8Decode(new Uint8Array([0xff]), true, false) }"
          " catch (x) { e = x.name } return [e, host.utf8Decode(new Uint8Array([0xff, 0x41]), false, false),"
          " host.utf8Decode(new Uint8Array([0xef,0xbb,0xbf,0x42]), true, false)] }")
          .done.result_json(),
      "[\"TypeError\",\"\xef\xbf\xbd"
      "A\",\"B\"]");
  const auto uncatchable = Query(
      "export const f = () => { try { host.uncatchable('stop') } catch { host.log('LOG', ['no'], false, '') }"
      " finally { host.log('LOG', ['no'], false, '') } }");
  EXPECT_EQ(uncatchable.done.error().message(), "stop");
  EXPECT_EQ(uncatchable.done.error().kind(), wire::JsError::DEVELOPER);
  EXPECT_EQ(uncatchable.done.logs_size(), 0);
  EXPECT_EQ(Of(wire::HTTP_ACTION, "").done.result_json(), R"({"route":"","request":[{}]})");
}

TEST_F(CallTest, HttpResponsesStream) {
  const auto out =
      Of(wire::HTTP_ACTION,
         "export const f = async host => { (async () => { for (let i = 0; i < 3; i++)"
         " await host.asyncOp('response/write', JSON.stringify({done: i == 2}), new Uint8Array([i])); })();"
         " return '{\"streamId\":\"r\"}'; }",
         [](const wire::Op& op, wire::OpResults* results) {
           if (op.name() == "response/write") AddJson(results, op, "{}");
         });
  EXPECT_EQ(out.done.result_json(), R"({"streamId":"r"})");
  ASSERT_EQ(out.batches.size(), 4u);
  EXPECT_EQ(out.batches[0].ops(0).name(), "http/route");
  EXPECT_EQ(out.batches[1].ops(1).name(), "http/response");
  EXPECT_EQ(out.batches[3].ops(0).args_json(), R"({"done":true})");
}

TEST_F(CallTest, ContinuationsAndOrigins) {
  EXPECT_EQ(Query("export const f = async () => { host.setContinuation(7); await null; const a = "
                  "host.getContinuation();"
                  " host.setContinuation(undefined); return [a, host.functionOrigin(f)]; }")
                .done.result_json(),
            R"([7,{"file":"convex:/m1.js","line":1,"column":18}])");
}

}  // namespace
}  // namespace hull::worker
