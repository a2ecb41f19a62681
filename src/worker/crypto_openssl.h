// What the crypto_*.cc files share: owners of OpenSSL objects, and views of bytes as OpenSSL wants them.
//
// OpenSSL is the one inside the hosting node binary. Functions that can fail on their input return nullopt;
// which WebCrypto error that is, the runtime knows (runtime/src/lazy/crypto/).
#pragma once

#include <openssl/bn.h>
#include <openssl/evp.h>

#include <memory>
#include <string>
#include <string_view>

namespace hull::worker {

template <auto kFree>
struct OpensslFree {
  template <typename T>
  void operator()(T* object) const {
    kFree(object);
  }
};

using BigNumber = std::unique_ptr<BIGNUM, OpensslFree<BN_clear_free>>;
using Key = std::unique_ptr<EVP_PKEY, OpensslFree<EVP_PKEY_free>>;
using KeyContext = std::unique_ptr<EVP_PKEY_CTX, OpensslFree<EVP_PKEY_CTX_free>>;
using HashContext = std::unique_ptr<EVP_MD_CTX, OpensslFree<EVP_MD_CTX_free>>;
using CipherContext = std::unique_ptr<EVP_CIPHER_CTX, OpensslFree<EVP_CIPHER_CTX_free>>;

// Never null: OpenSSL takes a null pointer for "not given".
inline const unsigned char* In(std::string_view bytes) {
  static const unsigned char kNothing = 0;
  return bytes.empty() ? &kNothing : reinterpret_cast<const unsigned char*>(bytes.data());
}
inline unsigned char* Out(std::string& bytes) { return reinterpret_cast<unsigned char*>(bytes.data()); }

}  // namespace hull::worker
