/* Prints a program's SQL statements, one a line, for the test that prepares each with the program's own rights. */
#include <stdio.h>

#include PROGRAM_STATEMENTS

int main(void)
{
    for (size_t i = 0; i < sizeof statements / sizeof statements[0]; i++)
        puts(statements[i].sql);
    return 0;
}
