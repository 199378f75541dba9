/* Multipart forms and file names: by table, whole and byte by byte. */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>
#include <stdio.h>
#include <string.h>

#include "multipart.h"
#include "utf8.h"

/* What was heard: "name[file name]=data;" for each part. */
typedef struct {
    char text [4096];
    size_t size;
} heard_t;

static void hear (heard_t *heard, const char *data, size_t size)
{
    assert_true (heard->size + size < sizeof heard->text);
    memcpy (heard->text + heard->size, data, size);
    heard->text [heard->size += size] = 0;
}

static int on_part (void *context, const part_t *part)
{
    hear (context, part->name, strlen (part->name));
    if (part->is_file) {
        hear (context, "[", 1);
        hear (context, part->file_name, part->file_name_size);
        hear (context, "]", 1);
    }
    hear (context, "=", 1);
    return 0;
}

static int on_data (void *context, const char *data, size_t size)
{
    hear (context, data, size);
    return 0;
}

static int on_part_end (void *context)
{
    hear (context, ";", 1);
    return 0;
}

static const multipart_handlers_t handlers = {on_part, on_data, on_part_end};

/* Feeds the form in pieces of `step` bytes. Returns what was heard, or NULL when it was refused. */
static const char *parse (const char *type, const char *form, size_t size, size_t step)
{
    static heard_t heard;
    heard = (heard_t) {0};
    multipart_t *multipart = multipart_new (type, &handlers, &heard);
    int outcome = multipart == NULL ? -1 : 0;
    for (size_t at = 0; outcome == 0 && at < size; at += step)
        outcome = multipart_feed (multipart, form + at, size - at < step ? size - at : step);
    if (outcome == 0)
        outcome = multipart_finish (multipart);
    multipart_destroy (&multipart);
    return outcome == 0 ? heard.text : NULL;
}

#define FORM "multipart/form-data; boundary=B"
#define PART(rest, data) "--B\r\nContent-Disposition: form-data; " rest "\r\n\r\n" data "\r\n"

static void test_forms (void **state UNUSED)
{
    static const struct {
        const char *type, *form, *heard;
    } cases [] = {
        {FORM, PART ("name=\"a\"", "1") "--B--\r\n", "a=1;"},
        {FORM, PART ("name=a", "1") PART ("name=\"b\"; filename=\"x.pdf\"", "2") "--B--", "a=1;b[x.pdf]=2;"},
        {"Multipart/Form-Data;boundary=\"B\"; charset=x", PART ("name=\"a\"", "1") "--B--\r\n", "a=1;"},
        {FORM, "ignored\r\n" PART ("name=\"a\"", "") "--B--\r\nignored", "a=;"},
        {FORM, "\r\n" PART ("name=\"a\"", "x") "--B--", "a=x;"},
        {FORM, PART ("name=\"a\"", "\r\n--A\r\n--\r\n-\r\r\n--C") "--B--", "a=\r\n--A\r\n--\r\n-\r\r\n--C;"},
        {FORM, PART ("name=\"a\"", "\r\r\n--\r") "--B--", "a=\r\r\n--\r;"},
        {FORM, "--B \t\r\nContent-Disposition: form-data; name=\"a\"\r\n\r\n1\r\n--B--", "a=1;"},
        {FORM, "--B\r\nContent-Type: x\r\ncontent-DISPOSITION:form-data;name=\"a\"\r\n\r\n1\r\n--B--", "a=1;"},
        {FORM, PART ("name=\"a\"; filename=\"\"", "1") "--B--", "a[]=1;"},
        {FORM, PART ("name=\"a\"; filename=\"q\\\"u%22o\\\\te.pdf\"", "1") "--B--", "a[q\"u\"o\\te.pdf]=1;"},
        {FORM, PART ("name=\"a\"; filename=\"C:\\dir\\x.pdf\"", "1") "--B--", "a[C:\\dir\\x.pdf]=1;"},
        {FORM, PART ("name=\"a\"; filename=\"x;y=z.pdf\"", "1") "--B--", "a[x;y=z.pdf]=1;"},
        {FORM, PART ("name=\"a\"; filename=\"100%.pdf\"", "1") "--B--", "a[100%.pdf]=1;"},
        {FORM, PART ("name=\"a\"; filename=\"f.pdf\"; filename*=UTF-8''%e2%82%ac%20.pdf", "1") "--B--", "a[\xe2\x82\xac .pdf]=1;"},
        {FORM, PART ("name=\"a\"; filename=\"f.pdf\"; filename*=iso-8859-1''%a3", "1") "--B--", "a[f.pdf]=1;"},
        {FORM, "--B--", ""}, {FORM, "--B--\r\n", ""},
        {FORM, "", NULL}, {FORM, "--B", NULL}, {FORM, "--B\r\n", NULL}, {FORM, "nothing", NULL},
        {FORM, PART ("name=\"a\"", "1"), NULL}, {FORM, PART ("name=\"a\"", "1") "--B-x", NULL},
        {FORM, PART ("name=\"a\"", "1") "--Bx\r\n", NULL}, {FORM, PART ("name=\"\"", "1") "--B--", NULL},
        {FORM, PART ("filename=\"a\"", "1") "--B--", NULL}, {FORM, "--B\r\n\r\n1\r\n--B--", NULL},
        {FORM, "--B\r\nContent-Disposition: attachment; name=\"a\"\r\n\r\n1\r\n--B--", NULL},
        {FORM, PART ("name=\"\xff\"", "1") "--B--", NULL},
        {"multipart/form-data", "--B--", NULL}, {"multipart/form-data; boundary=", "--B--", NULL},
        {"multipart/mixed; boundary=B", "--B--", NULL}, {"application/json", "{}", NULL}, {NULL, "", NULL},
        {"multipart/form-data; boundary=12345678901234567890123456789012345678901234567890123456789012345678901", "", NULL},
    };
    for (size_t i = 0; i < COUNT_OF (cases); i++)
        for (size_t step = 1; step <= 64; step = step < 8 ? step + 1 : step * 2) {
            const char *heard = parse (cases [i].type, cases [i].form, strlen (cases [i].form), step);
            if (cases [i].heard == NULL)
                assert_null (heard);
            else {
                assert_non_null (heard);
                assert_string_equal (heard, cases [i].heard);
            }
        }
}

static void test_limits (void **state UNUSED)
{
    static char form [MAX_PART_HEADERS + 1000];
    size_t size = (size_t) sprintf (form, "--B\r\nX: ");
    memset (form + size, 'x', MAX_PART_HEADERS);
    assert_null (parse (FORM, form, size + MAX_PART_HEADERS, 100));
    size = 0;
    for (size_t i = 0; i <= MAX_PARTS; i++)
        size += (size_t) sprintf (form + size, PART ("name=a", "1"));
    size += (size_t) sprintf (form + size, "--B--");
    assert_null (parse (FORM, form, size, 100));
    assert_int_equal (error_get (), ERROR_BAD_MULTIPART);
}

static void test_names (void **state UNUSED)
{
    static const struct {
        const char *sent;
        size_t size;   /* 0: up to the NUL */
        const char *kept;
    } cases [] = {
        {"report.pdf", 0, "report.pdf"}, {"", 0, "document.pdf"}, {"/", 0, "document.pdf"}, {"..", 0, "document.pdf"},
        {"../../etc/passwd", 0, "passwd"}, {"C:\\Users\\me\\r.pdf", 0, "r.pdf"}, {"a/b\\c.pdf", 0, "c.pdf"},
        {"dir/", 0, "document.pdf"}, {"  spaced name.pdf  ", 0, "spaced name.pdf"}, {"nul\0byte.pdf", 12, "nulbyte.pdf"},
        {"line\nbreak\t.pdf", 0, "linebreak.pdf"}, {"\xd0\xbf\xd1\x80\xd0\xb8.pdf", 0, "\xd0\xbf\xd1\x80\xd0\xb8.pdf"},
        {"\xe2\x80\xae" "fdp.exe", 0, "fdp.exe"}, {"\xc2\x9b[31m.pdf", 0, "[31m.pdf"}, {"\xff\xfe.pdf", 0, "\xef\xbf\xbd\xef\xbf\xbd.pdf"},
        {"report.pdf \n", 0, "report.pdf"}, {"\x01 report. pdf \x02", 0, "report. pdf"}, {"x \xe2\x80\x8e", 0, "x"},
        {".hidden.pdf", 0, ".hidden.pdf"}, {"no extension", 0, "no extension"}, {"\x01\x02", 0, "document.pdf"},
    };
    char out [MAX_FILE_NAME + 1];
    for (size_t i = 0; i < COUNT_OF (cases); i++) {
        file_name_clean (cases [i].sent, cases [i].size != 0 ? cases [i].size : strlen (cases [i].sent), out);
        assert_string_equal (out, cases [i].kept);
    }
}

/* However long, and whichever characters: at most 255 bytes, whole characters, the extension kept. */
static void test_long_names (void **state UNUSED)
{
    static const char *const characters [] = {"x", "\xc3\xa9", "\xe2\x82\xac", "\xf0\x9f\x90\xa7"};
    char name [2000], out [MAX_FILE_NAME + 1];
    for (size_t i = 0; i < COUNT_OF (characters); i++) {
        name [0] = 0;
        for (size_t j = 0; j < 300; j++)
            strcat (name, characters [i]);
        strcat (name, ".pdf");
        file_name_clean (name, strlen (name), out);
        assert_true (strlen (out) <= MAX_FILE_NAME && strlen (out) > MAX_FILE_NAME - 4);
        assert_true (utf8_valid (out, strlen (out)));
        assert_string_equal (out + strlen (out) - 4, ".pdf");
    }
}

int main (void)
{
    const struct CMUnitTest tests [] = {
        cmocka_unit_test (test_forms), cmocka_unit_test (test_limits), cmocka_unit_test (test_names),
        cmocka_unit_test (test_long_names),
    };
    return cmocka_run_group_tests (tests, NULL, NULL);
}
