# quire_role (<role> PARTS <file>… LIBRARIES <target>…): a role's parts and its program.

function (quire_role role)
    cmake_parse_arguments (PARSE_ARGV 1 role "" "" "PARTS;LIBRARIES")

    add_library (quire_${role}_parts STATIC ${role_PARTS})
    target_include_directories (quire_${role}_parts PUBLIC ${CMAKE_CURRENT_SOURCE_DIR})
    target_link_libraries (quire_${role}_parts PUBLIC
        quire_common ${role_LIBRARIES} Threads::Threads m)

    add_executable (quire-${role} main.c)
    target_link_libraries (quire-${role} PRIVATE quire_${role}_parts)
    set_target_properties (quire-${role} PROPERTIES
        RUNTIME_OUTPUT_DIRECTORY ${PROJECT_BINARY_DIR}/bin)
endfunction ()
