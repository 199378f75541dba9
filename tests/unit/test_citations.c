/* Citations: marks taken out of a stream cut anywhere, what no citation supports. */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "citations.h"
#include "error.h"
#include "quote.h"

/* What passages say here, by number; the third was not shown. */
static const char *const passages [] = {NULL, "the tower was built of grey granite", "rain fell on twelve days in May"};

typedef struct {
    char out [4096];   /* the text, with {passage:quote@index} for each citation */
    char text [4096];
} heard_t;

static bool check (void *context UNUSED, size_t preferred, const char *quote, size_t quote_size, const char *statement,
                   size_t statement_size, found_quote_t *found)
{
    for (size_t turn = 0; turn < 3; turn++) {
        size_t number = turn == 0 ? preferred : turn;
        if (number >= COUNT_OF (passages) || number == 0 || (turn > 0 && quote_size == 0))
            continue;
        *found = (found_quote_t) {.passage = number};
        const char *text = passages [number];
        if (quote_size > 0 ? quote_find (quote, quote_size, text, strlen (text), &found->from, &found->to)
                           : quote_shared (statement, statement_size, text, strlen (text), &found->from, &found->to))
            return true;
    }
    return false;
}

static void on_text (void *context, const char *text, size_t size)
{
    heard_t *heard = context;
    strncat (heard->out, text, size);
    strncat (heard->text, text, size);
}

static void on_citation (void *context, const found_quote_t *quote, uint32_t index)
{
    heard_t *heard = context;
    size_t length = strlen (heard->out);
    snprintf (heard->out + length, sizeof heard->out - length, "{%zu:%.*s@%u}", quote->passage,
              (int) (quote->to - quote->from), passages [quote->passage] + quote->from, index);
}

static const citations_handler_t handler = {check, on_text, on_citation};

static const struct {
    const char *written, *told;
    uint32_t rejected;
} cases [] = {
    {"Plain text.", "Plain text.", 0},
    {"Grey [1: \"grey granite\"].", "Grey [1]{1:grey granite@5}.", 0},
    {"Grey [1 \"grey granite\"].", "Grey [1]{1:grey granite@5}.", 0},
    {"Grey [1, \"grey granite\"].", "Grey [1]{1:grey granite@5}.", 0},
    {"Grey [passage 1: \xE2\x80\x9Cgrey granite\xE2\x80\x9D].", "Grey [1]{1:grey granite@5}.", 0},
    {"Grey [Passage 1: 'grey granite'].", "Grey [1]{1:grey granite@5}.", 0},
    {"Grey \xE3\x80\x90" "1: \"grey granite\"\xE3\x80\x91.", "Grey [1]{1:grey granite@5}.", 0},
    {"Both [1: \"grey granite\"; 2: \"twelve days\"].", "Both [1]{1:grey granite@5}[2]{2:twelve days@8}.", 0},
    {"Two [1: \"the tower\", \"grey granite\"].", "Two [1]{1:the tower@4}[1]{1:grey granite@7}.", 0},
    {"Two [1: \"the tower\"][2: \"in May\"].", "Two [1]{1:the tower@4}[2]{2:in May@7}.", 0},
    {"\xC3\x9C" "ber [1: \"grey granite\"]", "\xC3\x9C" "ber [1]{1:grey granite@5}", 0},
    /* not found: no mark, nor the space before it */
    {"Pink [1: \"pink granite\"].", "Pink.", 1},
    {"Half [1: \"pink granite\"; 2: \"in May\"].", "Half [2]{2:in May@5}.", 1},
    {"Short [1: \"the\"].", "Short.", 1},
    {"Empty [1: \"\"].", "Empty.", 1},
    /* the number is wrong, the words are right; or no such passage */
    {"Rain [1: \"rain fell\"].", "Rain [2]{2:rain fell@5}.", 0},
    {"Rain [9: \"rain fell\"].", "Rain [2]{2:rain fell@5}.", 0},
    {"Snow [9: \"snow fell\"].", "Snow.", 1},
    /* a number alone: what the statement shares with the passage */
    {"It was built of grey granite [1].", "It was built of grey granite [1]{1:was built of grey granite@29}.", 0},
    {"Rain fell. It was built of grey granite. [1]", "Rain fell. It was built of grey granite. [1]{1:was built of grey granite@41}", 0},
    {"It is high [1].", "It is high.", 1},
    {"It was built of grey granite [1, 2].", "It was built of grey granite [1]{1:was built of grey granite@29}.", 1},
    /* brackets that are no marks */
    {"a [link] and [1a] [2024] [] [x: \"y\"] [-1]", "a [link] and [1a] [2024] [] [x: \"y\"] [-1]", 0},
    {"open [1: \"grey gran", "open [1: \"grey gran", 0},
    {"[1: \"see [2] here\"]", "", 1},
    {"[1: grey granite]", "[1: grey granite]", 0},
    /* nothing is fetched, no address hidden */
    {"![alt](http://x/y) [a](http://x)", "[alt] (http://x/y) [a] (http://x)", 0},
    {"<img src=x> <IMG> 1 < 2 <imgs", "< img src=x> < IMG> 1 < 2 < imgs", 0},
    {"<p style=\"background:url(//x)\">a</p> <", "< p style=\"background:url(//x)\">a</p> <", 0},
    {"!", "!", 0}, {"Wow! [1: \"the tower\"]", "Wow! [1]{1:the tower@5}", 0},
    {"spaces  stay \n\n so ", "spaces  stay \n\n so ", 0},
    {"\xE3\x80\x82\xE3\x80\x90\xE6\xB3\xA8\xE3\x80\x91", "\xE3\x80\x82\xE3\x80\x90\xE6\xB3\xA8\xE3\x80\x91", 0},
};

static void check_case (size_t number, size_t piece)
{
    heard_t heard = {.out = ""};
    size_t size = strlen (cases [number].written), told;
    citations_t *citations = citations_new (&handler, &heard);
    for (size_t at = 0; at < size;) {
        size_t part = size - at < piece ? size - at : piece;
        while (at + part < size && ((unsigned char) cases [number].written [at + part] & 0xC0) == 0x80)
            part++;   /* whole characters come */
        assert_int_equal (citations_feed (citations, cases [number].written + at, part), 0);
        at += part;
    }
    assert_int_equal (citations_finish (citations), 0);
    assert_string_equal (heard.out, cases [number].told);
    assert_int_equal (citations_rejected (citations), cases [number].rejected);
    assert_string_equal (citations_text (citations, &told), heard.text);
    assert_int_equal (told, strlen (heard.text));
    citations_destroy (&citations);
}

static void test_marks_however_they_come (void **state UNUSED)
{
    for (size_t i = 0; i < COUNT_OF (cases); i++)
        for (size_t piece = 1; piece <= strlen (cases [i].written) + 1; piece++)
            check_case (i, piece);
}

static void feed_all (citations_t *citations, const char *text)
{
    assert_int_equal (citations_feed (citations, text, strlen (text)), 0);
    assert_int_equal (citations_finish (citations), 0);
}

static void test_unsupported (void **state UNUSED)
{
    static const struct {
        const char *written, *unsupported;   /* parted by bars */
    } texts [] = {
        {"Grey [1: \"grey granite\"]. High. Old.", "High.|Old."},
        {"It is grey. [1: \"grey granite\"] It is high.", "It is high."},
        {"It is grey.[1: \"grey granite\"] It is \xC3\xBC" "ber high. So grey [1: \"grey granite\"].", "It is \xC3\xBC" "ber high."},
        {"In short:\n- it is grey [1: \"grey granite\"]\n- it is high", "- it is high"},
        {"# A heading\n\nIt is grey [1: \"grey granite\"].", ""},
        {"The documents do not say.", ""}, {"the documents do not say", ""}, {"", ""}, {"OK.", "OK."}, {"...", ""},
    };
    for (size_t i = 0; i < COUNT_OF (texts); i++) {
        heard_t heard = {.out = ""};
        unsupported_t ranges [8];
        char all [256] = "";
        citations_t *citations = citations_new (&handler, &heard);
        feed_all (citations, texts [i].written);
        size_t count = citations_unsupported (citations, ranges, 8);
        for (size_t k = 0; k < count; k++) {
            size_t at = 0, from = 0, to = 0;   /* code points to bytes */
            for (uint32_t point = 0; heard.text [at] != '\0' || point == ranges [k].end; point++) {
                from = point == ranges [k].start ? at : from;
                to = point == ranges [k].end ? at : to;
                if (heard.text [at] == '\0')
                    break;
                for (at++; ((unsigned char) heard.text [at] & 0xC0) == 0x80;)
                    at++;
            }
            strcat (all, k == 0 ? "" : "|");
            strncat (all, heard.text + from, to - from);
        }
        assert_string_equal (all, texts [i].unsupported);
        citations_destroy (&citations);
    }
}

static void test_declines (void **state UNUSED)
{
    assert_true (citations_declines ("The documents do not say."));
    assert_true (citations_declines ("\"The documents do not say\" anything."));
    assert_false (citations_declines ("The documents say."));
    assert_false (citations_declines (""));
}

static void drop_text (void *context UNUSED, const char *text UNUSED, size_t size UNUSED) {}

static void test_limits (void **state UNUSED)
{
    static const citations_handler_t deaf = {check, drop_text, on_citation};
    static char text [MAX_ANSWER_BYTES];
    citations_t *citations = citations_new (&deaf, NULL);
    memset (text, 'x', sizeof text);
    memcpy (text, "[1: \"", 5);   /* a mark that never ends is text */
    assert_int_equal (citations_feed (citations, text, sizeof text), 0);
    assert_int_equal (citations_finish (citations), 0);
    size_t size;
    assert_memory_equal (citations_text (citations, &size), text, sizeof text);
    assert_int_equal (size, sizeof text);
    assert_int_equal (citations_feed (citations, "x", 1), -1);
    assert_int_equal (error_get (), ERROR_BODY_TOO_LARGE);
    assert_int_equal (citations_feed (citations, "x", 1), -1);
    citations_destroy (&citations);
}

/* Any characters of those that mean something: the text stays within what was written. */
static void test_any_text (void **state UNUSED)
{
    static const citations_handler_t deaf = {check, drop_text, on_citation};
    static const char *const pieces [] = {"[", "]", "1", "2", ":", "\"", " ", "x", "\xE3\x80\x90", "\xE3\x80\x91", "!", "<",
                                          "(", ",", ";", "\n", "grey granite", "passage ", "img", "\xE2\x80\x9C"};
    srand (7);
    for (int round = 0; round < 5000; round++) {
        heard_t heard = {.out = ""};
        citations_t *citations = citations_new (&deaf, &heard);
        size_t size, written = 0;
        for (int i = 0; i < 40; i++) {
            const char *piece = pieces [(size_t) rand () % COUNT_OF (pieces)];
            assert_int_equal (citations_feed (citations, piece, strlen (piece)), 0);
            written += strlen (piece);
        }
        assert_int_equal (citations_finish (citations), 0);
        (void) citations_text (citations, &size);
        assert_true (size <= written + 40);
        citations_destroy (&citations);
    }
}

int main (void)
{
    const struct CMUnitTest tests [] = {
        cmocka_unit_test (test_marks_however_they_come), cmocka_unit_test (test_unsupported),
        cmocka_unit_test (test_declines), cmocka_unit_test (test_limits), cmocka_unit_test (test_any_text),
    };
    return cmocka_run_group_tests (tests, NULL, NULL);
}
