/* Prints a program's SQL statements, one a line, for the tests that prepare each with the program's own rights, and ask
 * how MariaDB would go about it. dp-admin's table has nothing but texts. */
#include <stdio.h>

#include PROGRAM_STATEMENTS

int main(void)
{
    for (size_t i = 0; i < sizeof STATEMENTS / sizeof STATEMENTS[0]; i++)
        puts(STATEMENTS[i] STATEMENT_TEXT);
    return 0;
}
