# Compiler flags, sanitizers and build accelerators shared by every room.
option(HULL_TESTS "Build the unit tests" ON)
option(HULL_BENCH "Build the benchmarks" ON)
option(HULL_FUZZ "Build the fuzz targets against libFuzzer (needs clang)" OFF)
set(HULL_SANITIZE "" CACHE STRING "Value for -fsanitize= (address,undefined or thread)")

# The node binary has no sanitizer runtime: sanitized servers and tests use the workers of the release build.
set(HULL_LIB_DIR ${CMAKE_BINARY_DIR}/lib/hull CACHE PATH "Where the tests find worker.node, runtime.js and node_executor.mjs")

# Seconds that one unit test may take; sanitized code is many times slower.
set(HULL_TEST_TIMEOUT 300)
if(HULL_SANITIZE)
  set(HULL_TEST_TIMEOUT 1800)
endif()

add_compile_options(-Wall -Wextra -Wno-missing-field-initializers -fno-omit-frame-pointer)
if(HULL_FUZZ)
  add_compile_options(-fsanitize=fuzzer-no-link)
endif()
if(HULL_SANITIZE STREQUAL thread)
  # ThreadSanitizer does not follow the fences of Asio; what they order is ordered by its mutexes as well.
  add_compile_options(-Wno-tsan)
endif()
if(HULL_SANITIZE)
  add_compile_options(-fsanitize=${HULL_SANITIZE} -fno-sanitize-recover=all)
  add_link_options(-fsanitize=${HULL_SANITIZE})
endif()

# Line tables are what stack traces need; full debug information doubles build time and quadruples the binary.
set(CMAKE_CXX_FLAGS_RELWITHDEBINFO "-O2 -g1 -DNDEBUG")
if(HULL_SANITIZE)
  set(CMAKE_CXX_FLAGS_DEBUG "-g1")
endif()

# Paths below the checkout count as relative, so that every clone on a machine shares the cache.
find_program(HULL_CCACHE ccache)
if(HULL_CCACHE)
  set(HULL_LAUNCHER ${CMAKE_COMMAND} -E env CCACHE_BASEDIR=${CMAKE_SOURCE_DIR} CCACHE_NOHASHDIR=1 ${HULL_CCACHE})
  set(CMAKE_C_COMPILER_LAUNCHER ${HULL_LAUNCHER})
  set(CMAKE_CXX_COMPILER_LAUNCHER ${HULL_LAUNCHER})
endif()
find_program(HULL_MOLD mold)
if(HULL_MOLD)
  add_link_options(-fuse-ld=mold)
endif()
