/* Messages: every message of the table comes back as it was sent; what is malformed is refused. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "error.h"
#include "message.h"

static strings_builder_t words;

/* A different value for every field, by its type. */
#define FILL_u32(m, field)     m->field = (uint32_t) ++counter * 0x01010101u
#define FILL_u64(m, field)     m->field = (uint64_t) ++counter * 0x0101010101010101u
#define FILL_f32(m, field)     m->field = (float) ++counter / 3
#define FILL_string(m, field)  m->field = "Überschrift " #field
#define FILL_bytes(m, field)   m->field = (bytes_t) {"\0\1" #field, sizeof #field + 2}
#define FILL_strings(m, field) m->field = strings_built (&words)

#define SAME_u32(a, b)     assert_int_equal (a, b)
#define SAME_u64(a, b)     assert_true (a == b)
#define SAME_f32(a, b)     assert_true (a == b)
#define SAME_string(a, b)  assert_string_equal (a, b)
#define SAME_bytes(a, b)   assert_int_equal (a.size, b.size); assert_memory_equal (a.data, b.data, a.size)
#define SAME_strings(a, b) assert_int_equal (a.count, b.count); assert_memory_equal (a.data, b.data, a.size)

/* Every cut of it must be refused, and so must a longer one. */
static void cuts_are_refused (const uint8_t *data, size_t size)
{
    message_t message;
    for (size_t cut = 0; cut < size; cut++) {
        uint8_t *part = malloc (cut + 1);   /* of its own, so that a read past its end is seen */
        memcpy (part, data, cut);
        assert_int_equal (message_decode (&message, part, cut), -1);
        assert_int_equal (error_get (), ERROR_BAD_MESSAGE);
        free (part);
    }
    uint8_t *longer = calloc (1, size + 1);
    memcpy (longer, data, size);
    assert_int_equal (message_decode (&message, longer, size + 1), -1);
    free (longer);
}

static void test_every_message_comes_back (void **state)
{
    (void) state;
    assert_int_equal (strings_add (&words, "eins", 4), 0);
    assert_int_equal (strings_add (&words, "", 0), 0);
    assert_int_equal (strings_add (&words, "zwei", 4), 0);
    int counter UNUSED = 0;
#define F(type, field, what) FILL_##type (m, field);
#define G(type, field, what) SAME_##type (sent.field, got.field);
#define MESSAGE(NAME, name, from, to, FIELDS) { \
        message_t message = {.id = MESSAGE_##NAME}, back; \
        name##_message_t *m = &message.name; \
        FIELDS (F) \
        size_t size; \
        uint8_t *data = message_encode (&message, &size); \
        assert_non_null (data); \
        assert_int_equal (message_decode (&back, data, size), 0); \
        assert_int_equal (back.id, MESSAGE_##NAME); \
        name##_message_t sent UNUSED = message.name, got UNUSED = back.name; \
        FIELDS (G) \
        cuts_are_refused (data, size); \
        free (data); \
    }
#include "messages.def"
#undef MESSAGE
    strings_free (&words);
}

static void test_strings_are_walked (void **state)
{
    (void) state;
    strings_builder_t builder = {0};
    assert_int_equal (strings_add (&builder, "a", 1), 0);
    assert_int_equal (strings_add (&builder, "", 0), 0);
    strings_t list = strings_built (&builder);
    size_t cursor = 0;
    assert_string_equal (strings_next (list, &cursor), "a");
    assert_string_equal (strings_next (list, &cursor), "");
    assert_null (strings_next (list, &cursor));
    strings_free (&builder);
}

static void refused (const char *data, size_t size)
{
    message_t message;
    assert_int_equal (message_decode (&message, data, size), -1);
    assert_int_equal (error_get (), ERROR_BAD_MESSAGE);
}

static void test_malformed_is_refused (void **state)
{
    (void) state;
    char unknown [] = {MESSAGE_VERSION, (char) 0xEE};
    char other_version [] = {MESSAGE_VERSION + 1, MESSAGE_GET_STATUS, 0, 0, 0, 0, 0, 0, 0, 0};
    char no_utf8 [] = {MESSAGE_VERSION, MESSAGE_FORGET_FILE, 2, 0, 0, 0, (char) 0xC3, 0x28, 0};
    char with_nul [] = {MESSAGE_VERSION, MESSAGE_FORGET_FILE, 2, 0, 0, 0, 'a', 0, 0};
    char unended [] = {MESSAGE_VERSION, MESSAGE_FORGET_FILE, 1, 0, 0, 0, 'a', 'b'};
    char huge [] = {MESSAGE_VERSION, MESSAGE_FORGET_FILE, -1, -1, -1, -1, 'a', 0};
    refused (unknown, sizeof unknown);
    refused (other_version, sizeof other_version);
    refused (no_utf8, sizeof no_utf8);
    refused (with_nul, sizeof with_nul);
    refused (unended, sizeof unended);
    refused (huge, sizeof huge);
}

static void test_description_tells_no_secret (void **state)
{
    (void) state;
    message_t message = {.id = MESSAGE_EXTRACT_PAGES,
                         .extract_pages = {7, "file-abc", "00ff", "s3cret", 1, 32}};
    char text [512];
    message_describe (&message, text, sizeof text);
    assert_string_equal (text, "extract_pages task=7 file_id=file-abc first=1 last=32");
}

int main (void)
{
    const struct CMUnitTest tests [] = {
        cmocka_unit_test (test_every_message_comes_back),
        cmocka_unit_test (test_strings_are_walked),
        cmocka_unit_test (test_malformed_is_refused),
        cmocka_unit_test (test_description_tells_no_secret),
    };
    return cmocka_run_group_tests_name ("message", tests, NULL, NULL);
}
