// The limit on open files. Every connection takes one.
#pragma once

namespace hull {

// Raises the soft limit to the hard one; warns in the log if that is little for a server.
void raise_file_limit();

}  // namespace hull
