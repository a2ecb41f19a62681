#include <cmath>

#include "base/encoding.h"
#include "value/json.h"
#include "value/number_text.h"

namespace hull {
namespace {

std::string_view raw_bytes(const auto& number) {
  return {reinterpret_cast<const char*>(&number), sizeof number};
}

class Writer {
 public:
  Writer(std::string& out, JsonFormat format) : out_(out), format_(format) {}

  void write(ValueView v) {
    switch (v.type()) {
      case ValueType::kNull:
        out_ += "null";
        return;
      case ValueType::kFalse:
        out_ += "false";
        return;
      case ValueType::kTrue:
        out_ += "true";
        return;
      case ValueType::kUndefined:
        out_ += R"({"$undefined":null})";
        return;
      case ValueType::kCommitTs:
        out_ += R"({"$commitTs":null})";
        return;
      case ValueType::kInt64:
        return write_int64(v.as_int64());
      case ValueType::kFloat64:
        return write_float64(v.as_float64());
      case ValueType::kString:
        return append_json_string(v.as_string(), out_);
      case ValueType::kBytes:
        if (format_ == JsonFormat::kClean) {
          out_ += '"' + base64_encode(v.as_string()) + '"';
        } else {
          tagged("$bytes", v.as_string());
        }
        return;
      case ValueType::kArray:
        out_.push_back('[');
        for (size_t i = 0; i < v.count(); ++i) {
          if (i > 0) out_.push_back(',');
          write(v.element(i));
        }
        out_.push_back(']');
        return;
      case ValueType::kObject:
        out_.push_back('{');
        for (size_t i = 0; i < v.count(); ++i) {
          auto [key, value] = v.field(i);
          if (i > 0) out_.push_back(',');
          append_json_string(key, out_);
          out_.push_back(':');
          write(value);
        }
        out_.push_back('}');
        return;
    }
  }

 private:
  void tagged(std::string_view tag, std::string_view bytes) {
    out_ += "{\"";
    out_ += tag;
    out_ += "\":\"";
    out_ += base64_encode(bytes);
    out_ += "\"}";
  }

  void write_int64(int64_t i) {
    if (format_ == JsonFormat::kClean) {
      out_ += '"' + std::to_string(i) + '"';
    } else if (format_ == JsonFormat::kExport) {
      out_ += std::to_string(i);
    } else {
      tagged("$integer", raw_bytes(i));
    }
  }

  void write_float64(double d) {
    bool negative_zero = d == 0 && std::signbit(d);
    if (std::isfinite(d)) {
      if (negative_zero && format_ == JsonFormat::kConvex) {
        tagged("$float", raw_bytes(d));
      } else if (negative_zero || format_ == JsonFormat::kExport) {
        append_fraction_number(d, out_);
      } else {
        append_js_number(d, out_);
      }
    } else if (format_ == JsonFormat::kClean) {
      out_ += std::isnan(d) ? "\"NaN\"" : d > 0 ? "\"Infinity\"" : "\"-Infinity\"";
    } else {
      tagged("$float", raw_bytes(d));
    }
  }

  std::string& out_;
  JsonFormat format_;
};

}  // namespace

void append_json(ValueView v, std::string& out, JsonFormat format) { Writer(out, format).write(v); }

std::string to_json(ValueView v, JsonFormat format) {
  std::string out;
  append_json(v, out, format);
  return out;
}

std::string to_plain_json(ValueView v) { return to_json(v, JsonFormat::kPlain); }

void append_json_string(std::string_view s, std::string& out) {
  constexpr std::string_view kHex = "0123456789abcdef";
  out.push_back('"');
  size_t copied = 0;
  for (size_t i = 0; i < s.size(); ++i) {
    auto c = static_cast<unsigned char>(s[i]);
    if (c >= 0x20 && c != '"' && c != '\\') continue;
    out += s.substr(copied, i - copied);
    copied = i + 1;
    out.push_back('\\');
    switch (c) {
      case '"':
      case '\\':
        out.push_back(static_cast<char>(c));
        break;
      case '\b':
        out.push_back('b');
        break;
      case '\f':
        out.push_back('f');
        break;
      case '\n':
        out.push_back('n');
        break;
      case '\r':
        out.push_back('r');
        break;
      case '\t':
        out.push_back('t');
        break;
      default:
        out += "u00";
        out.push_back(kHex[c >> 4]);
        out.push_back(kHex[c & 15]);
    }
  }
  out += s.substr(copied);
  out.push_back('"');
}

std::string json_string(std::string_view s) {
  std::string out;
  append_json_string(s, out);
  return out;
}

}  // namespace hull
