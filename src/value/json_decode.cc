#include "value/json_rules.h"
#include "value/names.h"

namespace hull {
namespace {

class Decoder {
 public:
  Decoder(const JsonParseOptions& options, ValueBuilder& out) : options_(options), out_(out) {}

  // Gives the convex size of the value, which stands inside `depth` containers.
  Result<size_t> decode(ValueView v, size_t depth, bool in_object = false) {
    if (v.is_array()) return decode_array(v, depth);
    if (v.is_object()) return decode_object(v, depth, in_object);
    out_.value(v);
    return convex_size(v);
  }

 private:
  Result<size_t> decode_array(ValueView v, size_t depth) {
    if (depth >= kMaxNesting) return too_nested(depth + 1);
    HULL_CHECK_OK(check_array_length(v.count()));
    out_.begin_array();
    size_t size = 2;
    for (size_t i = 0; i < v.count(); ++i) {
      HULL_TRY(size_t child, decode(v.element(i), depth + 1));
      size += child;
    }
    if (size > kMaxValueSize) return value_too_large(size);
    out_.end();
    return size;
  }

  Result<size_t> decode_object(ValueView v, size_t depth, bool in_object) {
    if (v.count() == 1) {
      auto [key, payload] = v.field(0);
      Special special = special_of(key, options_, depth, in_object);
      if (takes_text(special)) {
        if (!payload.is_string()) return payload_not_text(key);
        return build_from_text(special, payload.as_string(), out_);
      }
      if (special != Special::kNone) {
        if (!payload.is_null()) return payload_not_null(key);
        return build_token(special, out_);
      }
    }
    if (depth >= kMaxNesting) return too_nested(depth + 1);
    HULL_CHECK_OK(check_field_count(v.count()));
    out_.begin_object();
    size_t size = 2;
    for (size_t i = 0; i < v.count(); ++i) {
      auto [key, value] = v.field(i);
      HULL_CHECK_OK(check_field_name(key));
      out_.key(key);
      HULL_TRY(size_t child, decode(value, depth + 1, true));
      size += key.size() + 1 + child;
    }
    if (size > kMaxValueSize) return value_too_large(size);
    out_.end();
    return size;
  }

  const JsonParseOptions& options_;
  ValueBuilder& out_;
};

}  // namespace

Result<Value> decode_convex(ValueView plain, JsonParseOptions options) {
  ValueBuilder out;
  HULL_CHECK_OK(Decoder(options, out).decode(plain, 0));
  return out.finish();
}

}  // namespace hull
