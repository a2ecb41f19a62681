// Text of doubles, private to this room. All forms are the shortest that read back as the same number.
#pragma once

#include <string>

namespace hull {

void append_js_number(double d, std::string& out);  // as JSON.stringify: 3, 1e+21, 1.5e-7; finite only
void append_fraction_number(double d,
                            std::string& out);  // always with fraction or exponent: 3.0, -0.0; finite only
void append_display_number(double d, std::string& out);  // message text: 3.0, 1e21, NaN, inf, -0.0

}  // namespace hull
