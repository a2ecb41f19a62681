#include "worker/crypto_natives.h"

#include <openssl/crypto.h>
#include <openssl/err.h>
#include <openssl/rand.h>

#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

#include "worker/crypto_cipher.h"
#include "worker/crypto_derive.h"
#include "worker/crypto_digest.h"
#include "worker/crypto_keys.h"
#include "worker/crypto_sign.h"
#include "worker/host.h"
#include "worker/realm.h"
#include "worker/strings.h"

namespace hull::worker {

using v8::Local;
using v8::Value;

namespace {

constexpr uint32_t kMaxSecretKey = 64 << 10;

using Info = v8::FunctionCallbackInfo<Value>;

// monostate is `undefined`: the operation failed, or there is nothing.
using Result = std::variant<std::monostate, bool, double, std::string, KeyParts, Local<Value>>;

// The arguments after the name. Only the runtime calls, with the types of native.d.ts; anything else reads as
// empty.
class Args {
 public:
  Args(const Info& info, Watchdog& watchdog) : info_(info), watchdog_(watchdog) {}

  Local<Value> At(int i) const { return info_[i + 1]; }
  v8::Isolate* isolate() const { return info_.GetIsolate(); }
  std::function<bool()> stopping() const {
    return [this] { return watchdog_.stopping(); };
  }

  std::string Text(int i) const { return At(i)->IsString() ? ToUtf8(isolate(), At(i).As<v8::String>()) : ""; }
  bool Flag(int i) const { return At(i)->IsTrue(); }
  uint32_t Number(int i) const {
    return At(i)->IsNumber() ? static_cast<uint32_t>(At(i).As<v8::Number>()->Value()) : 0;
  }
  std::string_view Bytes(int i) const {
    return At(i)->IsArrayBufferView() ? BytesOf(At(i).As<v8::ArrayBufferView>()) : std::string_view();
  }
  Direction Way(int i) const { return Flag(i) ? Direction::kEncrypt : Direction::kDecrypt; }
  KeyParts Parts(int i) const {
    KeyParts parts;
    if (!At(i)->IsArray()) return parts;
    const auto array = At(i).As<v8::Array>();
    for (uint32_t at = 0; at < array->Length(); ++at) {
      Local<Value> part;
      if (!array->Get(isolate()->GetCurrentContext(), at).ToLocal(&part) || !part->IsArrayBufferView())
        return {};
      parts.emplace_back(BytesOf(part.As<v8::ArrayBufferView>()));
    }
    return parts;
  }

 private:
  const Info& info_;
  Watchdog& watchdog_;
};

Result Maybe(std::optional<std::string> bytes) {
  if (!bytes) return {};
  return std::move(*bytes);
}

// A view of the memory of an ArrayBuffer or a view.
Result View(const Args& args) {
  const Local<Value> source = args.At(0);
  if (source->IsArrayBuffer()) {
    const auto buffer = source.As<v8::ArrayBuffer>();
    return Result(v8::Uint8Array::New(buffer, 0, buffer->ByteLength()).As<Value>());
  }
  if (!source->IsArrayBufferView()) return {};
  const auto view = source.As<v8::ArrayBufferView>();
  if (view->Buffer()->GetBackingStore()->IsShared()) return {};
  return Result(v8::Uint8Array::New(view->Buffer(), view->ByteOffset(), view->ByteLength()).As<Value>());
}

Result Copy(const Args& args) { return std::string(args.Bytes(0)); }
Result Size(const Args& args) { return static_cast<double>(args.Bytes(0).size()); }

Result Equal(const Args& args) {
  const std::string_view a = args.Bytes(0);
  const std::string_view b = args.Bytes(1);
  return a.size() == b.size() && CRYPTO_memcmp(a.data(), b.data(), a.size()) == 0;
}

// Bytes of a new secret key; longer ones than anybody wants fail.
Result Random(const Args& args) {
  if (args.Number(0) > kMaxSecretKey) return {};
  std::string bytes(args.Number(0), '\0');
  if (RAND_bytes(reinterpret_cast<unsigned char*>(bytes.data()), static_cast<int>(bytes.size())) != 1)
    return {};
  return bytes;
}

// RFC 4648 section 5 without padding, as JSON Web Keys have it.
Result EncodeBase64Url(const Args& args) {
  const std::string_view bytes = args.Bytes(0);
  std::string text((bytes.size() + 2) / 3 * 4 + 1, '\0');
  const int size = EVP_EncodeBlock(Out(text), In(bytes), static_cast<int>(bytes.size()));
  text.resize(static_cast<size_t>(size));
  while (text.ends_with('=')) text.pop_back();
  for (char& c : text) c = c == '+' ? '-' : c == '/' ? '_' : c;
  return Result(ToV8(args.isolate(), text).As<Value>());
}

Result DecodeBase64Url(const Args& args) {
  std::string text = args.Text(0);
  for (char& c : text) {
    const bool valid =
        (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-' || c == '_';
    if (!valid) return {};
    c = c == '-' ? '+' : c == '_' ? '/' : c;
  }
  if (text.size() % 4 == 1) return {};
  const size_t size = text.size() * 3 / 4;
  while (text.size() % 4 != 0) text += '=';
  std::string bytes(text.size() / 4 * 3, '\0');
  if (EVP_DecodeBlock(Out(bytes), In(text), static_cast<int>(text.size())) < 0) return {};
  bytes.resize(size);
  return bytes;
}

Result DigestOf(const Args& args) { return Maybe(Digest(args.Text(0), args.Bytes(1))); }
Result HmacOf(const Args& args) { return Maybe(Hmac(args.Text(0), args.Bytes(1), args.Bytes(2))); }

Result Canonical(const Args& args) { return Maybe(CanonicalKey(args.Text(0), args.Flag(1), args.Bytes(2))); }
Result FromParts(const Args& args) { return Maybe(KeyFromParts(args.Text(0), args.Flag(1), args.Parts(2))); }
Result FromPoint(const Args& args) { return Maybe(KeyFromPoint(args.Text(0), args.Bytes(1))); }
Result PartsOf(const Args& args) {
  auto parts = PartsOfKey(args.Flag(0), args.Flag(1), args.Bytes(2));
  if (!parts) return {};
  return std::move(*parts);
}
Result Generate(const Args& args) {
  auto key = GenerateKey(args.Text(0), static_cast<int>(args.Number(1)), args.Number(2), args.stopping());
  if (!key) return {};
  return KeyParts{std::move(key->public_der), std::move(key->private_der)};
}

Result SignWith(const Args& args) {
  const std::string scheme = args.Text(0);
  const std::string hash = args.Text(1);
  return Maybe(Sign({scheme, hash, args.Number(2)}, args.Bytes(3), args.Bytes(4)));
}
Result VerifyWith(const Args& args) {
  const std::string scheme = args.Text(0);
  const std::string hash = args.Text(1);
  return Verify({scheme, hash, args.Number(2)}, args.Bytes(3), args.Bytes(4), args.Bytes(5));
}

Result Cbc(const Args& args) {
  return Maybe(AesCbc(args.Way(0), args.Bytes(1), args.Bytes(2), args.Bytes(3)));
}
Result Ctr(const Args& args) {
  return Maybe(AesCtr(args.Bytes(0), args.Bytes(1), args.Number(2), args.Bytes(3)));
}
Result Gcm(const Args& args) {
  return Maybe(
      AesGcm(args.Way(0), args.Bytes(1), args.Bytes(2), args.Bytes(3), args.Number(4), args.Bytes(5)));
}
Result Kw(const Args& args) { return Maybe(AesKw(args.Way(0), args.Bytes(1), args.Bytes(2))); }
Result Oaep(const Args& args) {
  return Maybe(RsaOaep(args.Way(0), args.Text(1), args.Bytes(2), args.Bytes(3), args.Bytes(4)));
}

Result Pbkdf2Of(const Args& args) {
  return Maybe(
      Pbkdf2(args.Text(0), args.Bytes(1), args.Bytes(2), args.Number(3), args.Number(4), args.stopping()));
}
Result HkdfOf(const Args& args) {
  return Maybe(Hkdf(args.Text(0), args.Bytes(1), args.Bytes(2), args.Bytes(3), args.Number(4)));
}
Result Agree(const Args& args) {
  const auto bits = args.At(2)->IsNumber() ? std::optional(args.Number(2)) : std::nullopt;
  return Maybe(SharedSecret(args.Bytes(0), args.Bytes(1), bits));
}

struct Operation {
  std::string_view name;
  Result (*run)(const Args& args);
};

constexpr Operation kOperations[] = {
    {"view", View},
    {"copy", Copy},
    {"size", Size},
    {"equal", Equal},
    {"random", Random},
    {"encodeBase64Url", EncodeBase64Url},
    {"decodeBase64Url", DecodeBase64Url},
    {"digest", DigestOf},
    {"hmac", HmacOf},
    {"canonicalKey", Canonical},
    {"keyFromParts", FromParts},
    {"keyFromPoint", FromPoint},
    {"partsOfKey", PartsOf},
    {"generateKey", Generate},
    {"sign", SignWith},
    {"verify", VerifyWith},
    {"aesCbc", Cbc},
    {"aesCtr", Ctr},
    {"aesGcm", Gcm},
    {"aesKw", Kw},
    {"rsaOaep", Oaep},
    {"pbkdf2", Pbkdf2Of},
    {"hkdf", HkdfOf},
    {"sharedSecret", Agree},
};

struct ToJavaScript {
  v8::Isolate* isolate;

  v8::MaybeLocal<Value> operator()(std::monostate) const { return v8::Undefined(isolate).As<Value>(); }
  v8::MaybeLocal<Value> operator()(bool flag) const { return v8::Boolean::New(isolate, flag).As<Value>(); }
  v8::MaybeLocal<Value> operator()(double number) const {
    return v8::Number::New(isolate, number).As<Value>();
  }
  v8::MaybeLocal<Value> operator()(Local<Value> value) const { return value; }
  v8::MaybeLocal<Value> operator()(const std::string& bytes) const {
    Local<v8::Uint8Array> array;
    if (ToBytes(isolate, bytes).ToLocal(&array)) return array.As<Value>();
    isolate->ThrowException(v8::Exception::RangeError(ToV8(isolate, "Array buffer allocation failed")));
    return {};
  }
  v8::MaybeLocal<Value> operator()(const KeyParts& parts) const {
    std::vector<Local<Value>> elements(parts.size());
    for (size_t i = 0; i < parts.size(); ++i) {
      if (!(*this)(parts[i]).ToLocal(&elements[i])) return {};
    }
    return v8::Array::New(isolate, elements.data(), elements.size()).As<Value>();
  }
};

}  // namespace

void CryptoOperation(const Info& info) {
  v8::Isolate* isolate = info.GetIsolate();
  Realm* realm = Realm::From(isolate->GetCurrentContext());
  if (!realm) return ThrowError(isolate, "This function call has already ended");
  if (!info[0]->IsString()) return ThrowTypeError(isolate, "expected text arguments");
  Watchdog& watchdog = realm->host().isolate->watchdog();
  const std::string name = ToUtf8(isolate, info[0].As<v8::String>());
  for (const Operation& operation : kOperations) {
    if (operation.name != name) continue;
    const Result result = operation.run(Args(info, watchdog));
    ERR_clear_error();
    if (watchdog.stopping()) return LeaveTerminated(isolate);
    Local<Value> value;
    if (std::visit(ToJavaScript{isolate}, result).ToLocal(&value)) info.GetReturnValue().Set(value);
    return;
  }
  ThrowError(isolate, "unknown operation " + name);
}

}  // namespace hull::worker
