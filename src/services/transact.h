// Moved to the database room, where the functions room can use it too.
#pragma once

#include "database/transact.h"
