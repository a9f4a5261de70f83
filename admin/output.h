/* output: results on a terminal or as JSON. What people or banks wrote may hold anything: control characters are shown
 * as \xNN on a terminal and escaped in JSON. */
#ifndef DP_ADMIN_OUTPUT_H
#define DP_ADMIN_OUTPUT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/str.h"

/* One fact of a thing: a text, or a number when `is_number`. */
struct output_field {
    const char *name;
    struct str text; /* NULL ptr: not known; null in JSON, nothing on a terminal */
    bool is_number;  /* `text` holds its digits, or `number` when text is NULL */
    int64_t number;
};

#define OUTPUT_TEXT(n, t)   ((struct output_field){.name = (n), .text = (t)})
#define OUTPUT_DIGITS(n, t) ((struct output_field){.name = (n), .text = (t), .is_number = true})
#define OUTPUT_NUMBER(n, v) ((struct output_field){.name = (n), .is_number = true, .number = (v)})

/* The text as a terminal may see it. */
void output_safe(struct str text);
/* {"name": "text", …} without a line's end. */
void output_object(const struct output_field *fields, size_t n_fields);
/* "name   value", one a line; empty ones are left out. */
void output_lines(const struct output_field *fields, size_t n_fields);

#endif
