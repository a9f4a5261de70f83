# cmake -DOUT=<file.c> -DGRANTS=<grants.sql> -DFILES=<a.sql,b.sql,…> -P embed.cmake
# Writes the schema files as arrays of bytes; admin/schema_files.h describes them.
function(array var path out)
    file(READ ${path} hex HEX)
    string(REGEX REPLACE "([0-9a-f][0-9a-f])" "0x\\1," bytes "${hex}")
    set(${out} "static const unsigned char ${var}[] = {${bytes}};\n" PARENT_SCOPE)
endfunction()

string(REPLACE "," ";" files "${FILES}")
set(arrays "")
set(table "")
set(number 0)
foreach(file IN LISTS files)
    get_filename_component(name ${file} NAME)
    array(file_${number} ${file} text)
    string(APPEND arrays "${text}")
    string(APPEND table "    {\"${name}\", file_${number}, sizeof file_${number}},\n")
    math(EXPR number "${number} + 1")
endforeach()
array(grants ${GRANTS} text)
file(WRITE ${OUT} "#include \"admin/schema_files.h\"\n\n${arrays}${text}\n"
    "const struct schema_file schema_files[] = {\n${table}    {NULL, NULL, 0},\n};\n"
    "const struct schema_file schema_grants = {\"grants.sql\", grants, sizeof grants};\n")
