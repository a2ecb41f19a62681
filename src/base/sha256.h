// SHA-256 of bytes that come in pieces (OpenSSL). Not thread-safe.
#pragma once

#include <memory>
#include <string>
#include <string_view>

struct evp_md_ctx_st;

namespace hull {

class Sha256 {
 public:
  Sha256();
  void update(std::string_view bytes);
  std::string finish();  // 32 raw bytes; the last call

 private:
  std::unique_ptr<evp_md_ctx_st, void (*)(evp_md_ctx_st*)> context_;
};

}  // namespace hull
