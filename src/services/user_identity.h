// The UserIdentity object that functions see, made from the claims of a verified token (auth-and-node.md
// §2.1). Pure functions, thread-safe.
#pragma once

#include "value/value.h"

namespace hull {

// `claims`: plain JSON with `iss` and `sub`. No claim can take the place of a mapped field.
Value oidc_user_identity(ValueView claims);
Value custom_jwt_user_identity(ValueView claims);

}  // namespace hull
