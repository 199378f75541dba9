# The compiler: language, warnings, hardening, sanitizers.

set (CMAKE_C_STANDARD 17)
set (CMAKE_CXX_STANDARD 17)
set (CMAKE_C_STANDARD_REQUIRED ON)
set (CMAKE_CXX_STANDARD_REQUIRED ON)
set (CMAKE_EXPORT_COMPILE_COMMANDS ON)
set (CMAKE_POSITION_INDEPENDENT_CODE ON)

if (NOT CMAKE_BUILD_TYPE)
    set (CMAKE_BUILD_TYPE RelWithDebInfo CACHE STRING "Kind of build" FORCE)
endif ()

find_program (CCACHE ccache)
if (CCACHE)
    set (CMAKE_C_COMPILER_LAUNCHER ${CCACHE})
    set (CMAKE_CXX_COMPILER_LAUNCHER ${CCACHE})
endif ()

# Position-independent programs, so that their code stands at a random address.
include (CheckPIESupported)
check_pie_supported ()

add_compile_options (-Wall -Wextra -Werror -Wformat-security)
include_directories (${PROJECT_SOURCE_DIR})

if (QUIRE_SANITIZE)
    add_compile_options (-fsanitize=${QUIRE_SANITIZE} -fno-sanitize-recover=all
                         -fno-omit-frame-pointer)
    add_link_options (-fsanitize=${QUIRE_SANITIZE})
else ()
    # Fortify replaces the functions that the sanitizers watch, so it is for plain builds alone.
    if (NOT CMAKE_BUILD_TYPE STREQUAL "Debug")
        add_compile_options (-U_FORTIFY_SOURCE -D_FORTIFY_SOURCE=3)
    endif ()
    add_compile_options (-fstack-protector-strong -fstack-clash-protection)
    if (CMAKE_SYSTEM_PROCESSOR MATCHES "x86_64")
        add_compile_options (-fcf-protection)
    endif ()
    add_link_options (-Wl,-z,relro,-z,now -Wl,-z,noexecstack)
endif ()
