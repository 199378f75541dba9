# Makes a C file that holds other files, such as those of the folder web/, as a list of web.h.
#
#     web_files_make (<C file to make> <name of the list> <file>…)

function (web_files_make out list)
    set (parts "")
    set (rows "")
    set (number 0)
    foreach (file IN LISTS ARGN)
        get_filename_component (name ${file} NAME)
        set (symbol ${list}_${number})
        string (APPEND parts "__asm__ (\".section .rodata\\n${symbol}:\\n.incbin \\\"${file}\\\"\\n\"\n"
                             "         \"${symbol}_end:\\n.byte 0\\n.previous\");\n"
                             "extern const uint8_t ${symbol} [] __asm__ (\"${symbol}\"), "
                             "${symbol}_end [] __asm__ (\"${symbol}_end\");\n")
        string (APPEND rows "    {\"${name}\", ${symbol}, ${symbol}_end},\n")
        math (EXPR number "${number} + 1")
    endforeach ()
    file (GENERATE OUTPUT ${out} CONTENT
"/* Made by web_files.cmake. */
#include \"web.h\"

${parts}
const web_file_t ${list} [] = {
${rows}    {0},
};
")
    # The assembler reads the files, which the compiler's list of dependencies does not show.
    set_source_files_properties (${out} PROPERTIES OBJECT_DEPENDS "${ARGN}" GENERATED TRUE)
endfunction ()
