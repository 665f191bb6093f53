# What `cmake --install` lays down: header and its description, library, licences, the package for find_package, and a file
# for pkg-config.

include(CMakePackageConfigHelpers)

install(FILES include/remotemedia.h DESTINATION ${CMAKE_INSTALL_INCLUDEDIR})
install(FILES include/remotemedia.abi.json DESTINATION ${CMAKE_INSTALL_DATADIR}/remotemedia)
# C++ programs include <remotemedia.hpp>; it needs no library of its own.
install(DIRECTORY bindings/cpp/include/ DESTINATION ${CMAKE_INSTALL_INCLUDEDIR} FILES_MATCHING PATTERN "*.hpp")
install(PROGRAMS ${CMAKE_CURRENT_BINARY_DIR}/lib/${REMOTEMEDIA_SONAME} DESTINATION ${CMAKE_INSTALL_LIBDIR})
install(FILES ${CMAKE_CURRENT_BINARY_DIR}/lib/libremotemedia.so DESTINATION ${CMAKE_INSTALL_LIBDIR})
# What is linked into the library asks to be named wherever it goes.
install(FILES LICENSE LICENSE-MIT LICENSE-APACHE LICENSE-THIRD-PARTY DESTINATION ${CMAKE_INSTALL_DOCDIR})
# The library has the weights of the speech detector inside, whose licence asks to be passed on.
install(FILES runtime/silero/LICENSE DESTINATION ${CMAKE_INSTALL_DOCDIR} RENAME LICENSE-silero-vad)

set(package_folder ${CMAKE_INSTALL_LIBDIR}/cmake/remotemedia)
configure_package_config_file(
  cmake/remotemedia-config.cmake.in
  ${CMAKE_CURRENT_BINARY_DIR}/remotemedia-config.cmake
  INSTALL_DESTINATION ${package_folder}
  PATH_VARS CMAKE_INSTALL_INCLUDEDIR CMAKE_INSTALL_LIBDIR)
# Below 1.0 a minor version may change what a program sees.
write_basic_package_version_file(
  ${CMAKE_CURRENT_BINARY_DIR}/remotemedia-config-version.cmake
  COMPATIBILITY SameMinorVersion)
install(
  FILES
    ${CMAKE_CURRENT_BINARY_DIR}/remotemedia-config.cmake
    ${CMAKE_CURRENT_BINARY_DIR}/remotemedia-config-version.cmake
  DESTINATION ${package_folder})

# The tree can be moved: paths are relative to the file.
file(RELATIVE_PATH pc_prefix /prefix/${CMAKE_INSTALL_LIBDIR}/pkgconfig /prefix)
configure_file(cmake/remotemedia.pc.in ${CMAKE_CURRENT_BINARY_DIR}/remotemedia.pc @ONLY)
install(FILES ${CMAKE_CURRENT_BINARY_DIR}/remotemedia.pc DESTINATION ${CMAKE_INSTALL_LIBDIR}/pkgconfig)
