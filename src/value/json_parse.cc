#include <simdjson.h>

#include <charconv>
#include <cstring>

#include "value/json_rules.h"
#include "value/json_texts.h"
#include "value/names.h"
#include "value/packed.h"

namespace hull {
namespace {

namespace od = simdjson::ondemand;

constexpr size_t kKeptCapacity = size_t{4} << 20;

// This thread's parser, whose buffers serve one document after another; those of a huge one are given back.
class ParserLease {
 public:
  ParserLease() = default;
  ParserLease(const ParserLease&) = delete;
  ParserLease& operator=(const ParserLease&) = delete;
  ~ParserLease() {
    if (parser().capacity() > kKeptCapacity) parser() = od::parser();
  }
  od::parser* operator->() { return &parser(); }
  od::parser& operator*() { return parser(); }

 private:
  static od::parser& parser() {
    thread_local od::parser instance;
    return instance;
  }
};

Error bad_json(simdjson::error_code code) { return hull::not_json(simdjson::error_message(code)); }

std::string_view trim(std::string_view s) {
  constexpr std::string_view kSpace = " \t\r\n";
  size_t end = s.find_last_not_of(kSpace);
  return end == std::string_view::npos ? std::string_view() : s.substr(0, end + 1);
}

// simdjson 3.0 refuses a lone high surrogate but encodes a lone low one, which is not UTF-8.
bool well_formed(std::string_view s) {
  return std::memchr(s.data(), 0xed, s.size()) == nullptr || simdjson::validate_utf8(s.data(), s.size());
}

// Whether tokens follow the finished root value.
bool has_more(od::document& document) {
  return document.current_location().error() != simdjson::OUT_OF_BOUNDS;
}

// Long texts that are taken out of a document while it is read.
class TextTaker {
 public:
  TextTaker(const od::parser& parser, size_t min_bytes, const TakeText& take)
      : parser_(parser), min_bytes_(min_bytes), take_(take) {}

  // Whether the text was taken; `token` is its raw form.
  template <typename Node>
  Result<bool> take(Node& node, std::string_view token, ValueBuilder& out) {
    if (token.size() < min_bytes_) return false;
    od::raw_json_string raw;
    if (auto error = node.get_raw_json_string().get(raw)) return bad_json(error);
    // Not the parser's own buffer, which grows with every text of the document.
    if (buffer_.size() < token.size() + simdjson::SIMDJSON_PADDING)
      buffer_.resize(token.size() + simdjson::SIMDJSON_PADDING);
    auto* end = reinterpret_cast<uint8_t*>(buffer_.data());
    std::string_view text;
    if (auto error = parser_.unescape(raw, end).get(text)) return bad_json(error);
    if (!well_formed(text)) return bad_json(simdjson::STRING_ERROR);
    out.int64(take_(text));
    return true;
  }

 private:
  const od::parser& parser_;
  const size_t min_bytes_;
  const TakeText& take_;
  std::string buffer_;
};

// One pass from tokens to packed bytes. kConvex applies the rules of Convex JSON, otherwise everything is
// taken as is.
template <bool kConvex>
class Reader {
 public:
  Reader(const JsonParseOptions& options, ValueBuilder& out, TextTaker* taker = nullptr)
      : options_(options), out_(out), taker_(taker) {}

  // Gives the convex size of the value, which stands inside `depth` containers.
  template <typename Node>
  Result<size_t> read(Node& node, size_t depth, bool in_object = false) {
    od::json_type type;
    if (auto error = node.type().get(type)) return bad_json(error);
    switch (type) {
      case od::json_type::array:
        return read_array(node, depth);
      case od::json_type::object:
        return read_object(node, depth, in_object);
      case od::json_type::string: {
        std::string_view text;
        if (taker_ != nullptr) {
          std::string_view token;
          if (auto error = simdjson::simdjson_result<std::string_view>(node.raw_json_token()).get(token))
            return bad_json(error);
          HULL_TRY(bool taken, taker_->take(node, token, out_));
          if (taken) return 9;
        }
        if (auto error = node.get_string().get(text)) return bad_json(error);
        if (!well_formed(text)) return bad_json(simdjson::STRING_ERROR);
        out_.string(text);
        return 2 + text.size();
      }
      case od::json_type::number:
        return read_number(node);
      case od::json_type::boolean: {
        bool value;
        if (auto error = node.get_bool().get(value)) return bad_json(error);
        out_.boolean(value);
        return 1;
      }
      case od::json_type::null:
        HULL_CHECK_OK(read_null(node));
        out_.null();
        return 1;
    }
    return bad_json(simdjson::TAPE_ERROR);
  }

 private:
  template <typename Node>
  Result<void> read_null(Node& node) {
    bool null;
    if (auto error = node.is_null().get(null)) return bad_json(error);
    if (!null) return bad_json(simdjson::N_ATOM_ERROR);
    return {};
  }

  template <typename Node>
  Result<size_t> read_number(Node& node) {
    if (kConvex && options_.export_numbers) {
      std::string_view token;
      if (auto error = simdjson::simdjson_result<std::string_view>(node.raw_json_token()).get(token))
        return bad_json(error);
      token = trim(token);
      int64_t integer;
      auto [end, error] = std::from_chars(token.data(), token.data() + token.size(), integer);
      if (error == std::errc() && end == token.data() + token.size()) {
        // Still consumed as a number, which checks the grammar.
        double ignored;
        if (auto bad = node.get_double().get(ignored)) return bad_json(bad);
        out_.int64(integer);
        return 9;
      }
    }
    double number;
    if (auto error = node.get_double().get(number)) return bad_json(error);
    out_.float64(number);
    return 9;
  }

  Result<void> check_depth(size_t depth) {
    if (kConvex && depth >= kMaxNesting) return too_nested(depth + 1);
    if (depth >= packed::kMaxDepth) return bad_json(simdjson::DEPTH_ERROR);
    return {};
  }

  Result<void> check_size(size_t size) {
    if (kConvex && size > kMaxValueSize) return value_too_large(size);
    return {};
  }

  template <typename Node>
  Result<size_t> read_array(Node& node, size_t depth) {
    HULL_CHECK_OK(check_depth(depth));
    od::array array;
    if (auto error = node.get_array().get(array)) return bad_json(error);
    out_.begin_array();
    size_t size = 2, count = 0;
    for (auto element : array) {
      od::value child;
      if (auto error = element.get(child)) return bad_json(error);
      HULL_TRY(size_t child_size, read(child, depth + 1));
      size += child_size;
      ++count;
      HULL_CHECK_OK(check_size(size));
    }
    if constexpr (kConvex) HULL_CHECK_OK(check_array_length(count));
    out_.end();
    return size;
  }

  template <typename Node>
  Result<size_t> read_object(Node& node, size_t depth, bool in_object) {
    od::object object;
    if (auto error = node.get_object().get(object)) return bad_json(error);
    size_t size = 2, count = 0;
    Special special = Special::kNone;
    std::optional<size_t> special_size;
    std::string_view special_key;
    for (simdjson::simdjson_result<od::field> entry : object) {
      od::field field;
      if (auto error = std::move(entry).get(field)) return bad_json(error);
      std::string_view key;
      if (auto error = field.unescaped_key().get(key)) return bad_json(error);
      if (!well_formed(key)) return bad_json(simdjson::STRING_ERROR);
      if (key.size() > packed::kMaxKey) return not_json("an object key is too long");
      if (kConvex && count == 0) special = special_of(key, options_, depth, in_object);
      if (special != Special::kNone) {
        // With company, the key is only a name that nobody may use.
        if (count > 0) return check_field_name(special_key).error();
        special_key = key;
        HULL_TRY(special_size, read_special(special, key, field.value()));
        ++count;
        continue;
      }
      if (count == 0) {
        HULL_CHECK_OK(check_depth(depth));
        out_.begin_object();
      }
      if constexpr (kConvex) HULL_CHECK_OK(check_field_name(key));
      out_.key(key);
      size_t key_size = key.size();
      HULL_TRY(size_t child_size, read(field.value(), depth + 1, true));
      size += key_size + 1 + child_size;
      ++count;
      HULL_CHECK_OK(check_size(size));
    }
    if (special_size) return *special_size;
    if (count == 0) {
      HULL_CHECK_OK(check_depth(depth));
      out_.begin_object();
    }
    if constexpr (kConvex) HULL_CHECK_OK(check_field_count(count));
    out_.end();
    return size;
  }

  Result<size_t> read_special(Special special, std::string_view key, od::value& payload) {
    od::json_type type;
    if (auto error = payload.type().get(type)) return bad_json(error);
    if (takes_text(special)) {
      if (type != od::json_type::string) return payload_not_text(key);
      std::string_view text;
      if (auto error = payload.get_string().get(text)) return bad_json(error);
      return build_from_text(special, text, out_);
    }
    if (type != od::json_type::null) return payload_not_null(key);
    HULL_CHECK_OK(read_null(payload));
    return build_token(special, out_);
  }

  const JsonParseOptions& options_;
  ValueBuilder& out_;
  TextTaker* const taker_;
};

template <bool kConvex>
Result<Value> parse(std::string_view json, const JsonParseOptions& options) {
  simdjson::padded_string text(json);
  ParserLease parser;
  od::document document;
  if (auto error = parser->iterate(text).get(document)) return bad_json(error);
  ValueBuilder out;
  HULL_CHECK_OK(Reader<kConvex>(options, out).read(document, 0));
  if (has_more(document)) return bad_json(simdjson::TRAILING_CONTENT);
  return out.finish();
}

}  // namespace

Result<Value> parse_convex_json(std::string_view json, JsonParseOptions options) {
  return parse<true>(json, options);
}

Result<Value> parse_plain_json(std::string_view json) { return parse<false>(json, {}); }

Result<Value> parse_plain_json_texts(std::string json, size_t min_bytes, const TakeText& take) {
  json.reserve(json.size() + simdjson::SIMDJSON_PADDING);
  ParserLease parser;
  od::document document;
  if (auto error = parser->iterate(json.data(), json.size(), json.capacity()).get(document))
    return bad_json(error);
  ValueBuilder out;
  TextTaker taker(*parser, min_bytes, take);
  HULL_CHECK_OK(Reader<false>({}, out, &taker).read(document, 0));
  if (has_more(document)) return bad_json(simdjson::TRAILING_CONTENT);
  return out.finish();
}

Result<std::vector<std::pair<std::string, std::string>>> split_json_object(std::string_view json) {
  simdjson::padded_string text(json);
  ParserLease parser;
  od::document document;
  if (auto error = parser->iterate(text).get(document)) return bad_json(error);
  od::object object;
  if (auto error = document.get_object().get(object)) return bad_json(error);
  std::vector<std::pair<std::string, std::string>> out;
  for (simdjson::simdjson_result<od::field> entry : object) {
    od::field field;
    if (auto error = std::move(entry).get(field)) return bad_json(error);
    std::string_view key, raw;
    if (auto error = field.unescaped_key().get(key)) return bad_json(error);
    if (!well_formed(key)) return bad_json(simdjson::STRING_ERROR);
    std::string name(key);
    if (auto error = simdjson::to_json_string(field.value()).get(raw)) return bad_json(error);
    out.emplace_back(std::move(name), trim(raw));
  }
  if (has_more(document)) return bad_json(simdjson::TRAILING_CONTENT);
  return out;
}

Result<std::vector<std::string>> split_json_array(std::string_view json) {
  simdjson::padded_string text(json);
  ParserLease parser;
  od::document document;
  if (auto error = parser->iterate(text).get(document)) return bad_json(error);
  od::array array;
  if (auto error = document.get_array().get(array)) return bad_json(error);
  std::vector<std::string> out;
  for (auto element : array) {
    std::string_view raw;
    od::value value;
    if (auto error = element.get(value)) return bad_json(error);
    if (auto error = simdjson::to_json_string(value).get(raw)) return bad_json(error);
    out.emplace_back(trim(raw));
  }
  if (has_more(document)) return bad_json(simdjson::TRAILING_CONTENT);
  return out;
}

}  // namespace hull
