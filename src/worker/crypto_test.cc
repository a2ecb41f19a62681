// crypto.subtle in the real runtime inside a worker: the sandbox, snapshots, and operations that take long.
// Results are compared with Node's in tests/subtle_*.test.mjs.
#include "worker/test_worker.h"

namespace hull::worker {
namespace {

class CryptoTest : public WorkerTest {
 protected:
  // A worker whose module m.js exports `functions`, each an async function that may return JSON values.
  static TestWorker* Started(TestWorker& worker, const std::string& functions) {
    worker.modules["m.js"] = Module(functions);
    auto init = TestWorker::DefaultInit();
    init.set_sandbox(true);
    EXPECT_EQ(worker.Init(init).sandbox_report(), "");
    return &worker;
  }

  static std::string Module(const std::string& functions) {
    return "const make = (handler, kind = 'isAction') => Object.assign(() => 0, {[kind]: true, isPublic: "
           "true,"
           " exportArgs: () => '{\"type\":\"any\"}', exportReturns: () => 'null',"
           " invokeQuery: async () => JSON.stringify((await handler()) ?? null),"
           " invokeAction: async () => JSON.stringify((await handler()) ?? null)});\n"
           "const subtle = crypto.subtle; const bytes = (n) => new Uint8Array(n).fill(3);\n" +
           functions;
  }

  static wire::StartCall Start(wire::UdfType type, const std::string& function, uint32_t timeout_ms = 10000) {
    auto start = TestWorker::Start(type, "m.js", function);
    start.set_user_timeout_ms(timeout_ms);
    return start;
  }
};

constexpr char kEveryRandomness[] = R"js(
const rsa = (name) => ({name, hash: 'SHA-256', modulusLength: 2048, publicExponent: new Uint8Array([1, 0, 1])});
const all = async () => {
  const out = [];
  for (const [generate, params] of [[rsa('RSA-PSS'), {name: 'RSA-PSS', saltLength: 32}],
      [{name: 'ECDSA', namedCurve: 'P-521'}, {name: 'ECDSA', hash: 'SHA-512'}], ['Ed25519', 'Ed25519']]) {
    const {publicKey, privateKey} = await subtle.generateKey(generate, false, ['sign', 'verify']);
    out.push(await subtle.verify(params, publicKey, await subtle.sign(params, privateKey, bytes(9)), bytes(9)));
  }
  const {publicKey, privateKey} = await subtle.generateKey(rsa('RSA-OAEP'), false, ['encrypt', 'decrypt']);
  const opened = await subtle.decrypt('RSA-OAEP', privateKey, await subtle.encrypt('RSA-OAEP', publicKey, bytes(9)));
  const a = await subtle.generateKey('X25519', false, ['deriveBits']);
  const b = await subtle.generateKey('X25519', false, ['deriveBits']);
  const secret = async (x, y) => String(new Uint8Array(await subtle.deriveBits({name: 'X25519', public: y}, x, 256)));
  const keys = [1, 2].map(() => subtle.generateKey({name: 'AES-KW', length: 256}, true, ['wrapKey']));
  const raw = await Promise.all(keys.map(async (key) => String(new Uint8Array(await subtle.exportKey('raw', await key)))));
  return [...out, opened.byteLength, await secret(a.privateKey, b.publicKey) === await secret(b.privateKey, a.publicKey),
      raw[0] !== raw[1]];
};
export const inAction = make(all);
export const inQuery = make(all, 'isQuery');
)js";

TEST_F(CryptoTest, RandomnessInTheSandbox) {
  TestWorker worker(HULL_RUNTIME_BUNDLE);
  Started(worker, kEveryRandomness);
  const auto out = worker.Run(Start(wire::ACTION, "inAction"));
  EXPECT_EQ(out.done.result_json(), "[true,true,true,9,true,true]") << out.done.error().message();
  EXPECT_EQ(
      worker.Run(Start(wire::QUERY, "inQuery")).done.error().message(),
      "Uncaught Error: Can't use cryptographic randomness in queries and mutations. Please consider using an "
      "action. See https://docs.convex.dev/functions/actions for more details.");
}

constexpr char kLong[] = R"js(
const pbkdf2 = async () => {
  const key = await subtle.importKey('raw', bytes(8), 'PBKDF2', false, ['deriveBits']);
  await subtle.deriveBits({name: 'PBKDF2', hash: 'SHA-512', salt: bytes(8), iterations: 2 ** 32 - 1}, key, 512);
};
export const inAction = make(pbkdf2);
export const inQuery = make(pbkdf2, 'isQuery');
export const salt = make(async () => {
  const key = await subtle.importKey('raw', bytes(8), 'PBKDF2', false, ['deriveBits']);
  await subtle.deriveBits({name: 'PBKDF2', hash: 'SHA-1', salt: bytes(20 << 20), iterations: 1}, key, 1 << 24);
});
export const rsa = make(async () => {
  for (;;) {
    await subtle.generateKey({name: 'RSA-PSS', hash: 'SHA-1', modulusLength: 8192, publicExponent: new Uint8Array([3])},
        false, ['sign']);
  }
});
export const fine = make(async () => 1);
)js";

TEST_F(CryptoTest, LongOperationsEndWithTheirTurnAndSpareTheWorker) {
  TestWorker worker(HULL_RUNTIME_BUNDLE);
  Started(worker, kLong);
  for (const char* function : {"inAction", "salt", "rsa"}) {
    const auto out = worker.Run(Start(wire::ACTION, function, 300));
    EXPECT_EQ(out.done.error().kind(), wire::JsError::TIMEOUT) << function << out.done.error().message();
    EXPECT_EQ(worker.Run(Start(wire::ACTION, "fine")).done.result_json(), "1");
  }
  const auto timed_out = worker.Run(Start(wire::QUERY, "inQuery", 300));
  EXPECT_EQ(timed_out.done.error().message(), "Function execution timed out (maximum duration: 0.3s)");
  EXPECT_LT(timed_out.done.user_time_us(), 600000u);
}

TEST_F(CryptoTest, LongOperationsAreCancelled) {
  TestWorker worker(HULL_RUNTIME_BUNDLE);
  Started(worker, kLong);
  const auto start = Start(wire::ACTION, "inAction", 60000);
  worker.Begin(start);
  usleep(200000);
  wire::ToWorker message;
  message.mutable_terminate()->set_call_id(start.call_id());
  worker.Send(message);
  EXPECT_EQ(worker.Finish().done.error().kind(), wire::JsError::TERMINATED);
  EXPECT_EQ(worker.Run(Start(wire::ACTION, "fine")).done.result_json(), "1");
}

constexpr char kSnapshot[] = R"js(
const jwk = {kty: 'OKP', crv: 'Ed25519', x: '11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo',
    d: 'nWGxne_9WmC6hEr0kuwsxERJxWl7MmkZcDusAxyuf2A'};
const signing = subtle.importKey('jwk', jwk, 'Ed25519', false, ['sign']);
const hmac = subtle.importKey('raw', bytes(64), {name: 'HMAC', hash: 'SHA-256'}, true, ['sign']);
const signed = hmac.then((key) => subtle.sign('HMAC', key, bytes(1)));
export const use = make(async () => {
  const [first, second] = [await signing, await hmac];
  const signature = new Uint8Array(await subtle.sign('Ed25519', first, bytes(0)));
  const again = new Uint8Array(await subtle.sign('HMAC', second, bytes(1)));
  return [first.type, first.algorithm.name, first.usages, first instanceof CryptoKey, signature.slice(0, 3).toHex(),
      again.toHex() === new Uint8Array(await signed).toHex(), second.algorithm.length];
});
)js";

TEST_F(CryptoTest, KeysLiveInSnapshots) {
  {
    TestWorker builder(HULL_RUNTIME_BUNDLE);
    Started(builder, kSnapshot);
    wire::ToWorker message;
    message.mutable_build_snapshot()->add_entries("m.js");
    message.mutable_build_snapshot()->set_output_path(snapshot());
    builder.Send(message);
    wire::FromWorker reply;
    ASSERT_TRUE(builder.Receive(&reply));
    ASSERT_EQ(reply.snapshot().entries_size(), 1);
  }
  TestWorker worker(HULL_RUNTIME_BUNDLE);
  worker.modules["m.js"] = Module(kSnapshot);
  auto init = TestWorker::DefaultInit();
  init.set_snapshot_path(snapshot());
  init.set_sandbox(true);
  ASSERT_EQ(worker.Init(init).snapshot_entries_size(), 1);
  for (int i = 0; i < 3; ++i) {
    EXPECT_EQ(worker.Run(Start(wire::ACTION, "use")).done.result_json(),
              R"(["private","Ed25519",["sign"],true,"e55643",true,512])");
  }
  EXPECT_EQ(worker.module_requests, 0);
}

constexpr char kDamaged[] = R"js(
const rsa = {name: 'RSASSA-PKCS1-v1_5', hash: 'SHA-1', modulusLength: 512, publicExponent: new Uint8Array([3])};
const kinds = [[rsa, rsa], [{name: 'ECDSA', namedCurve: 'P-521'}, {name: 'ECDSA', hash: 'SHA-1'}], ['Ed25519', 'Ed25519']];
export const damage = make(async () => {
  const names = new Set();
  for (const [algorithm, params] of kinds) {
    const pair = await subtle.generateKey(algorithm, true, ['sign', 'verify']);
    const forms = [['pkcs8', pair.privateKey], ['spki', pair.publicKey], ['jwk', pair.privateKey]];
    for (const [format, key] of forms) {
      const form = await subtle.exportKey(format, key);
      for (let round = 0; round < 300; ++round) {
        let changed = form;
        if (format === 'jwk') {
          const names = Object.keys(form).filter((name) => typeof form[name] === 'string');
          const name = names[Math.floor(Math.random() * names.length)];
          const other = names[Math.floor(Math.random() * names.length)];
          changed = {...form, [name]: round % 2 ? form[other] : form[name].slice(1)};
        } else {
          changed = new Uint8Array(form).slice(0, form.byteLength - (round % 5 ? 0 : round % 40));
          for (let i = 0; i < 1 + round % 3; ++i) changed[Math.floor(Math.random() * changed.length)] = Math.random() * 256;
        }
        const usages = format === 'spki' ? ['verify'] : ['sign'];
        try {
          const imported = await subtle.importKey(format, changed, algorithm, true, usages);
          if (format === 'spki') await subtle.verify(params, imported, bytes(64), bytes(3));
          else await subtle.sign(params, imported, bytes(3));
          await subtle.exportKey('jwk', imported);
          names.add('fine');
        } catch (error) {
          names.add(error.name);
        }
      }
    }
  }
  return [...names].filter((name) => name !== 'fine' && name !== 'OperationError').toSorted();
});
)js";

TEST_F(CryptoTest, DamagedKeysAreRefusedOrUsable) {
  TestWorker worker(HULL_RUNTIME_BUNDLE);
  Started(worker, kDamaged);
  const auto out = worker.Run(Start(wire::ACTION, "damage"));
  EXPECT_EQ(out.done.result_json(), R"(["DataError"])") << out.done.error().message();
}

constexpr char kMemory[] = R"js(
export const big = make(async () => {
  const names = [];
  const note = (promise) => promise.then(() => names.push('ok'), (error) => names.push(error.name));
  const key = await subtle.importKey('raw', bytes(32), 'AES-GCM', false, ['encrypt']);
  const data = new Uint8Array(40 << 20);
  await note(subtle.digest('SHA-256', data));
  await note(subtle.encrypt({name: 'AES-GCM', iv: bytes(12)}, key, data));
  const password = await subtle.importKey('raw', bytes(8), 'PBKDF2', false, ['deriveBits']);
  const params = {name: 'PBKDF2', hash: 'SHA-512', salt: bytes(8), iterations: 1};
  await note(subtle.deriveBits(params, password, 2 ** 32 - 8));
  const shared = new Uint8Array(new SharedArrayBuffer(8));
  await note(subtle.digest('SHA-256', shared));
  return names;
});
)js";

TEST_F(CryptoTest, MemoryIsLimited) {
  TestWorker worker(HULL_RUNTIME_BUNDLE);
  Started(worker, kMemory);
  const auto out = worker.Run(Start(wire::ACTION, "big"));
  EXPECT_EQ(out.done.result_json(), R"(["ok","RangeError","OperationError","TypeError"])")
      << out.done.error().message();
  EXPECT_LT(worker.PeakMebibytes(), 250u);
}

}  // namespace
}  // namespace hull::worker
