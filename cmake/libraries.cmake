# The outside libraries, each found once; linked only by the part that includes it.
#
#     PkgConfig::CZMQ        messaging            PkgConfig::SECCOMP     sandbox
#     PkgConfig::HIREDIS     job board (and TLS)  PkgConfig::SQLITE3     store
#     PkgConfig::YYJSON      JSON                 PkgConfig::XAPIAN      full text (C++)
#     PkgConfig::UTF8PROC    Unicode              FAISS::faiss_c         vectors' index
#     PkgConfig::MICROHTTPD  HTTP                 DNNL::dnnl             embedding
#     PkgConfig::MUPDF       PDF                  PkgConfig::CURL        HTTP client
#     PkgConfig::TESSERACT   OCR                  PkgConfig::OPENSSL     SHA-256
#     PkgConfig::LEPTONICA   pictures for OCR     PkgConfig::CMOCKA      unit tests

find_package (PkgConfig REQUIRED)
find_package (Threads REQUIRED)

pkg_check_modules (CZMQ REQUIRED IMPORTED_TARGET libczmq libzmq)
pkg_check_modules (HIREDIS REQUIRED IMPORTED_TARGET hiredis hiredis_ssl openssl)
pkg_check_modules (YYJSON REQUIRED IMPORTED_TARGET yyjson)
pkg_check_modules (UTF8PROC REQUIRED IMPORTED_TARGET libutf8proc)
pkg_check_modules (MICROHTTPD REQUIRED IMPORTED_TARGET libmicrohttpd)
pkg_check_modules (TESSERACT REQUIRED IMPORTED_TARGET tesseract)
pkg_check_modules (LEPTONICA REQUIRED IMPORTED_TARGET lept)
pkg_check_modules (SECCOMP REQUIRED IMPORTED_TARGET libseccomp)
pkg_check_modules (SQLITE3 REQUIRED IMPORTED_TARGET sqlite3)
pkg_check_modules (XAPIAN REQUIRED IMPORTED_TARGET xapian-core)
pkg_check_modules (CURL REQUIRED IMPORTED_TARGET libcurl)
pkg_check_modules (OPENSSL REQUIRED IMPORTED_TARGET openssl)

# Debian's mupdf.pc misspells its prefix and so names a folder that does not exist; the headers
# are where the compiler looks anyway.
pkg_check_modules (MUPDF REQUIRED IMPORTED_TARGET mupdf)
set_target_properties (PkgConfig::MUPDF PROPERTIES INTERFACE_INCLUDE_DIRECTORIES "")

find_package (dnnl REQUIRED CONFIG)

# FAISS comes as two static libraries, the C functions and what they call. They were built with
# GCC's OpenMP, whichever compiler builds Quire, and a program with them is linked as C++. Of LAPACK
# they name a dozen functions, none of which an exact index calls, so those come from the small
# reference libraries: OpenBLAS would add 46 MB to the container image.
set (debian_libraries /usr/lib/${CMAKE_LIBRARY_ARCHITECTURE})
find_library (FAISS_LIBRARY faiss REQUIRED)
find_library (FAISS_C_LIBRARY faiss_c REQUIRED)
find_library (LAPACK_LIBRARY liblapack.a PATHS ${debian_libraries}/lapack NO_DEFAULT_PATH REQUIRED)
find_library (BLAS_LIBRARY libblas.a PATHS ${debian_libraries}/blas NO_DEFAULT_PATH REQUIRED)
find_library (FORTRAN_LIBRARY libgfortran.so.5 REQUIRED)
add_library (FAISS::faiss_c STATIC IMPORTED GLOBAL)
set_target_properties (FAISS::faiss_c PROPERTIES
    IMPORTED_LOCATION ${FAISS_C_LIBRARY}
    IMPORTED_LINK_INTERFACE_LANGUAGES CXX)
target_link_libraries (FAISS::faiss_c INTERFACE
    ${FAISS_LIBRARY} ${LAPACK_LIBRARY} ${BLAS_LIBRARY} ${FORTRAN_LIBRARY} gomp Threads::Threads)

if (QUIRE_TESTS)
    pkg_check_modules (CMOCKA REQUIRED IMPORTED_TARGET cmocka)
endif ()
