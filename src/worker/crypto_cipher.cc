#include "worker/crypto_cipher.h"

#include <limits.h>
#include <openssl/rsa.h>

#include "worker/crypto_digest.h"
#include "worker/crypto_keys.h"

namespace hull::worker {
namespace {

constexpr size_t kBlock = 16;
using Counter = unsigned __int128;

struct AesCiphers {
  const EVP_CIPHER* (*with128)();
  const EVP_CIPHER* (*with192)();
  const EVP_CIPHER* (*with256)();
};
constexpr AesCiphers kCbc = {EVP_aes_128_cbc, EVP_aes_192_cbc, EVP_aes_256_cbc};
constexpr AesCiphers kCtr = {EVP_aes_128_ctr, EVP_aes_192_ctr, EVP_aes_256_ctr};
constexpr AesCiphers kGcm = {EVP_aes_128_gcm, EVP_aes_192_gcm, EVP_aes_256_gcm};
constexpr AesCiphers kWrap = {EVP_aes_128_wrap, EVP_aes_192_wrap, EVP_aes_256_wrap};

const EVP_CIPHER* ForKey(const AesCiphers& ciphers, std::string_view key) {
  switch (key.size()) {
    case 16:
      return ciphers.with128();
    case 24:
      return ciphers.with192();
    case 32:
      return ciphers.with256();
    default:
      return nullptr;
  }
}

// One pass over `data` with a cipher context that has been given key and parameters. Room for a block more.
std::optional<std::string> Run(EVP_CIPHER_CTX* context, std::string_view data) {
  if (data.size() > INT_MAX - 2 * kBlock) return std::nullopt;
  std::string out(data.size() + kBlock, '\0');
  int size = 0;
  int rest = 0;
  // Key wrap takes an empty update for its end.
  if (!data.empty() &&
      EVP_CipherUpdate(context, Out(out), &size, In(data), static_cast<int>(data.size())) != 1) {
    return std::nullopt;
  }
  if (EVP_CipherFinal_ex(context, Out(out) + size, &rest) != 1) return std::nullopt;
  out.resize(static_cast<size_t>(size) + static_cast<size_t>(rest));
  return out;
}

std::optional<std::string> RunWith(const EVP_CIPHER* cipher, Direction direction, std::string_view key,
                                   const unsigned char* iv, std::string_view data) {
  const CipherContext context(EVP_CIPHER_CTX_new());
  EVP_CIPHER_CTX_set_flags(context.get(), EVP_CIPHER_CTX_FLAG_WRAP_ALLOW);
  if (!cipher ||
      EVP_CipherInit_ex(context.get(), cipher, nullptr, In(key), iv, direction == Direction::kEncrypt) != 1) {
    return std::nullopt;
  }
  return Run(context.get(), data);
}

Counter ReadCounter(std::string_view bytes) {
  Counter value = 0;
  for (const char byte : bytes) value = value << 8 | static_cast<unsigned char>(byte);
  return value;
}

std::string CounterBytes(Counter value) {
  std::string bytes(kBlock, '\0');
  for (size_t i = kBlock; i-- > 0; value >>= 8) bytes[i] = static_cast<char>(value & 0xff);
  return bytes;
}

}  // namespace

std::optional<std::string> AesCbc(Direction direction, std::string_view key, std::string_view iv,
                                  std::string_view data) {
  if (iv.size() != kBlock) return std::nullopt;
  return RunWith(ForKey(kCbc, key), direction, key, In(iv), data);
}

std::optional<std::string> AesCtr(std::string_view key, std::string_view counter, uint32_t counter_bits,
                                  std::string_view data) {
  if (counter.size() != kBlock || counter_bits == 0 || counter_bits > 128) return std::nullopt;
  const EVP_CIPHER* cipher = ForKey(kCtr, key);
  const Counter mask = ~Counter{0} >> (128 - counter_bits);
  const Counter start = ReadCounter(counter);
  const Counter blocks = (data.size() + kBlock - 1) / kBlock;
  if (blocks > 0 && blocks - 1 > mask) return std::nullopt;
  const Counter after_first = mask - (start & mask);  // blocks before the counter wraps around, less one
  if (blocks == 0 || blocks - 1 <= after_first)
    return RunWith(cipher, Direction::kEncrypt, key, In(counter), data);
  const size_t head = static_cast<size_t>(after_first + 1) * kBlock;
  auto out = RunWith(cipher, Direction::kEncrypt, key, In(counter), data.substr(0, head));
  const std::string wrapped = CounterBytes(start & ~mask);
  const auto tail = RunWith(cipher, Direction::kEncrypt, key, In(wrapped), data.substr(head));
  if (!out || !tail) return std::nullopt;
  return *out += *tail;
}

std::optional<std::string> AesGcm(Direction direction, std::string_view key, std::string_view iv,
                                  std::string_view additional_data, uint32_t tag_bytes,
                                  std::string_view data) {
  const bool encrypt = direction == Direction::kEncrypt;
  const EVP_CIPHER* cipher = ForKey(kGcm, key);
  const CipherContext context(EVP_CIPHER_CTX_new());
  if (!cipher || iv.empty() || iv.size() > INT_MAX || additional_data.size() > INT_MAX ||
      tag_bytes > kBlock || (!encrypt && data.size() < tag_bytes) ||
      EVP_CipherInit_ex(context.get(), cipher, nullptr, nullptr, nullptr, encrypt) != 1 ||
      EVP_CIPHER_CTX_ctrl(context.get(), EVP_CTRL_AEAD_SET_IVLEN, static_cast<int>(iv.size()), nullptr) !=
          1 ||
      EVP_CipherInit_ex(context.get(), nullptr, nullptr, In(key), In(iv), encrypt) != 1) {
    return std::nullopt;
  }
  std::string tag(tag_bytes, '\0');
  if (!encrypt) {
    tag = data.substr(data.size() - tag_bytes);
    data.remove_suffix(tag_bytes);
    if (EVP_CIPHER_CTX_ctrl(context.get(), EVP_CTRL_AEAD_SET_TAG, static_cast<int>(tag_bytes), tag.data()) !=
        1) {
      return std::nullopt;
    }
  }
  int ignored = 0;
  if (EVP_CipherUpdate(context.get(), nullptr, &ignored, In(additional_data),
                       static_cast<int>(additional_data.size())) != 1) {
    return std::nullopt;
  }
  auto out = Run(context.get(), data);
  if (!out || !encrypt) return out;
  if (EVP_CIPHER_CTX_ctrl(context.get(), EVP_CTRL_AEAD_GET_TAG, static_cast<int>(tag_bytes), tag.data()) !=
      1) {
    return std::nullopt;
  }
  return *out += tag;
}

std::optional<std::string> AesKw(Direction direction, std::string_view key, std::string_view data) {
  return RunWith(ForKey(kWrap, key), direction, key, nullptr, data);
}

std::optional<std::string> RsaOaep(Direction direction, std::string_view hash, std::string_view label,
                                   std::string_view key_der, std::string_view data) {
  const bool encrypt = direction == Direction::kEncrypt;
  const Key key = ReadKey(!encrypt, key_der);
  const EVP_MD* md = HashNamed(hash);
  const KeyContext context(key ? EVP_PKEY_CTX_new_from_pkey(nullptr, key.get(), nullptr) : nullptr);
  if (!context || !md ||
      (encrypt ? EVP_PKEY_encrypt_init(context.get()) : EVP_PKEY_decrypt_init(context.get())) != 1 ||
      EVP_PKEY_CTX_set_rsa_padding(context.get(), RSA_PKCS1_OAEP_PADDING) != 1 ||
      EVP_PKEY_CTX_set_rsa_oaep_md(context.get(), md) != 1 ||
      EVP_PKEY_CTX_set_rsa_mgf1_md(context.get(), md) != 1) {
    return std::nullopt;
  }
  if (!label.empty()) {
    void* owned = OPENSSL_memdup(label.data(), label.size());
    if (!owned || label.size() > INT_MAX ||
        EVP_PKEY_CTX_set0_rsa_oaep_label(context.get(), owned, static_cast<int>(label.size())) != 1) {
      OPENSSL_free(owned);
      return std::nullopt;
    }
  }
  std::string out(static_cast<size_t>(EVP_PKEY_get_size(key.get())), '\0');
  size_t size = out.size();
  const auto run = encrypt ? EVP_PKEY_encrypt : EVP_PKEY_decrypt;
  if (run(context.get(), Out(out), &size, In(data), data.size()) != 1) return std::nullopt;
  out.resize(size);
  return out;
}

}  // namespace hull::worker
