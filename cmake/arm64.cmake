# Cross-building for arm64 on another Debian, with the packages of its architecture arm64 beside the
# machine's own, and running the tests by qemu-user:
#
#     cmake -G Ninja -B build -DCMAKE_TOOLCHAIN_FILE=cmake/arm64.cmake
set (CMAKE_SYSTEM_NAME Linux)
set (CMAKE_SYSTEM_PROCESSOR aarch64)
set (CMAKE_LIBRARY_ARCHITECTURE aarch64-linux-gnu)
set (CMAKE_C_COMPILER aarch64-linux-gnu-gcc)
set (CMAKE_CXX_COMPILER aarch64-linux-gnu-g++)
set (CMAKE_FIND_ROOT_PATH_MODE_PROGRAM NEVER)
set (CMAKE_CROSSCOMPILING_EMULATOR qemu-aarch64)
set (PKG_CONFIG_EXECUTABLE aarch64-linux-gnu-pkg-config)
