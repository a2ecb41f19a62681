#include "base/envelope.h"

#include <gcrypt.h>
#include <sodium.h>

#include <cstdlib>
#include <memory>

#include "base/digest.h"
#include "base/encoding.h"
#include "base/random.h"

namespace hull {
namespace {

constexpr size_t kSecretBytes = 32;
constexpr size_t kKeyBytes = 16;
constexpr size_t kNonceBytes = 12;
constexpr size_t kTagBytes = 16;
constexpr std::string_view kZeroNonce{"\0\0\0\0\0\0\0\0\0\0\0\0", kNonceBytes};
constexpr char kLegacyVersion = 1;

// Anything but success here is a fault of the installation or of this file, never of input.
void must(gcry_error_t error) {
  if (error != 0) std::abort();
}

struct CloseCipher {
  void operator()(gcry_cipher_hd_t handle) const { gcry_cipher_close(handle); }
};
using Cipher = std::unique_ptr<gcry_cipher_handle, CloseCipher>;

Cipher open_cipher(std::string_view key, std::string_view nonce, uint8_t version) {
  static const bool ready = [] {
    if (gcry_check_version("1.10.0") == nullptr) std::abort();
    gcry_control(GCRYCTL_DISABLE_SECMEM, 0);
    gcry_control(GCRYCTL_INITIALIZATION_FINISHED, 0);
    return true;
  }();
  (void)ready;
  gcry_cipher_hd_t handle = nullptr;
  must(gcry_cipher_open(&handle, GCRY_CIPHER_AES128, GCRY_CIPHER_MODE_GCM_SIV, 0));
  Cipher cipher(handle);
  must(gcry_cipher_setkey(handle, key.data(), key.size()));
  must(gcry_cipher_setiv(handle, nonce.data(), nonce.size()));
  must(gcry_cipher_authenticate(handle, &version, 1));
  return cipher;
}

// ciphertext || tag
std::string encrypt(std::string_view key, std::string_view nonce, uint8_t version,
                    std::string_view plaintext) {
  Cipher cipher = open_cipher(key, nonce, version);
  std::string out(plaintext.size() + kTagBytes, '\0');
  must(gcry_cipher_final(cipher.get()));
  must(gcry_cipher_encrypt(cipher.get(), out.data(), plaintext.size(), plaintext.data(), plaintext.size()));
  must(gcry_cipher_gettag(cipher.get(), out.data() + plaintext.size(), kTagBytes));
  return out;
}

std::optional<std::string> decrypt(std::string_view key, std::string_view nonce, uint8_t version,
                                   std::string_view sealed) {
  if (sealed.size() < kTagBytes) return std::nullopt;
  std::string_view text = sealed.substr(0, sealed.size() - kTagBytes);
  std::string_view tag = sealed.substr(text.size());
  Cipher cipher = open_cipher(key, nonce, version);
  std::string out(text.size(), '\0');
  // GCM-SIV needs the tag before it can decrypt, since the tag is the initial counter.
  if (gcry_cipher_set_decryption_tag(cipher.get(), tag.data(), tag.size()) != 0) return std::nullopt;
  must(gcry_cipher_final(cipher.get()));
  if (gcry_cipher_decrypt(cipher.get(), out.data(), out.size(), text.data(), text.size()) != 0)
    return std::nullopt;
  if (gcry_cipher_checktag(cipher.get(), tag.data(), tag.size()) != 0) return std::nullopt;
  return out;
}

// The bytes after the version byte.
std::optional<std::string> decode_body(uint8_t version, std::string_view hex_text) {
  std::optional<std::string> bytes = hex_decode(hex_text);
  if (!bytes || bytes->empty() || static_cast<uint8_t>(bytes->front()) != version) return std::nullopt;
  bytes->erase(0, 1);
  return bytes;
}

}  // namespace

Result<InstanceSecret> InstanceSecret::from_hex(std::string_view hex) {
  std::optional<std::string> bytes = hex_decode(hex);
  if (!bytes) return Error::bad_request("InvalidInstanceSecret", "Couldn't hexdecode key");
  if (bytes->size() != kSecretBytes) {
    return Error::bad_request("InvalidInstanceSecret",
                              "Hex-decoded key was " + std::to_string(bytes->size()) + " bytes, not 32");
  }
  return InstanceSecret(std::move(*bytes));
}

InstanceSecret InstanceSecret::generate() { return InstanceSecret(random_bytes(kSecretBytes)); }

std::string InstanceSecret::hex() const { return hex_encode(bytes_); }

std::string InstanceSecret::derive_key(std::string_view purpose) const {
  std::string message("\0\0\0\1", 4);
  message += purpose;
  return hmac_sha256(bytes_, message).substr(0, kKeyBytes);
}

std::string InstanceSecret::fingerprint() const { return sha256_hex(bytes_).substr(0, 8); }

std::string InstanceSecret::seal_random(std::string_view purpose, uint8_t version, std::string_view plaintext,
                                        std::optional<std::string_view> nonce) const {
  std::string out(1, static_cast<char>(version));
  std::string chosen = nonce ? std::string(*nonce) : random_bytes(kNonceBytes);
  out += chosen;
  out += encrypt(derive_key(purpose), chosen, version, plaintext);
  return hex_encode(out);
}

std::string InstanceSecret::seal_deterministic(std::string_view purpose, uint8_t version,
                                               std::string_view plaintext) const {
  std::string out(1, static_cast<char>(version));
  out += encrypt(derive_key(purpose), kZeroNonce, version, plaintext);
  return hex_encode(out);
}

std::optional<std::string> InstanceSecret::open_random(std::string_view purpose, uint8_t version,
                                                       std::string_view hex_text) const {
  std::optional<std::string> body = decode_body(version, hex_text);
  if (!body || body->size() < kNonceBytes) return std::nullopt;
  std::string_view view = *body;
  return decrypt(derive_key(purpose), view.substr(0, kNonceBytes), version, view.substr(kNonceBytes));
}

std::optional<std::string> InstanceSecret::open_deterministic(std::string_view purpose, uint8_t version,
                                                              std::string_view hex_text) const {
  std::optional<std::string> body = decode_body(version, hex_text);
  if (!body) return std::nullopt;
  return decrypt(derive_key(purpose), kZeroNonce, version, *body);
}

std::optional<std::string> InstanceSecret::open_legacy(std::string_view hex_text) const {
  std::optional<std::string> body = decode_body(kLegacyVersion, hex_text);
  constexpr size_t kHeader = crypto_secretbox_NONCEBYTES + crypto_secretbox_MACBYTES;
  if (!body || body->size() < kHeader) return std::nullopt;
  auto bytes = reinterpret_cast<const unsigned char*>(body->data());
  std::string out(body->size() - kHeader, '\0');
  if (crypto_secretbox_open_easy(reinterpret_cast<unsigned char*>(out.data()),
                                 bytes + crypto_secretbox_NONCEBYTES,
                                 body->size() - crypto_secretbox_NONCEBYTES, bytes,
                                 reinterpret_cast<const unsigned char*>(bytes_.data())) != 0)
    return std::nullopt;
  return out;
}

}  // namespace hull
