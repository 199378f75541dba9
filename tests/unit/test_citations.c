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
#include "support.h"

/* What passages say here, by number. */
static const char *const passages [] = {NULL, "the tower was built of grey granite", "rain fell on twelve days in May",
                                        "as shown in [12] and [3, 4] the array a[0] holds it"};
#define PASSAGES (COUNT_OF (passages) - 1)

typedef struct {
    char out [4096];   /* the text, with {passage:quote@index} for each citation */
    char text [4096];
} heard_t;

static bool check (void *context UNUSED, size_t preferred, const char *quote, size_t quote_size, const char *statement,
                   size_t statement_size, found_quote_t *found)
{
    for (size_t turn = 0; turn <= PASSAGES; turn++) {
        size_t number = turn == 0 ? preferred : turn;
        if (number >= COUNT_OF (passages) || number == 0 || (turn > 0 && !quote_is_telling (quote, quote_size)))
            continue;
        *found = (found_quote_t) {.passage = number};
        const char *text = passages [number];
        if (quote_size > 0 ? quote_find (quote, quote_size, text, strlen (text), &found->from, &found->to)
                           : support_find (statement, statement_size, "", text, strlen (text), &found->from, &found->to))
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
    /* a number alone: does the passage say what the statement says? */
    {"It was built of grey granite [1].", "It was built of grey granite [1]{1:the tower was built of grey granite@29}.", 0},
    {"Rain fell. It was built of grey granite. [1]", "Rain fell. It was built of grey granite. [1]{1:the tower was built of grey granite@41}", 0},
    {"It is high [1].", "It is high.", 1},
    {"It was built of grey granite [1, 2].", "It was built of grey granite [1]{1:the tower was built of grey granite@29}.", 1},
    /* the other ways that models cite in */
    {"Built of granite [1-2].", "Built of granite [1]{1:the tower was built of grey granite@17}.", 1},
    {"Built of granite [1\xE2\x80\x93" "2].", "Built of granite [1]{1:the tower was built of grey granite@17}.", 1},
    {"Built of granite [1 to 2].", "Built of granite [1]{1:the tower was built of grey granite@17}.", 1},
    {"Built of granite [1 and 2].", "Built of granite [1]{1:the tower was built of grey granite@17}.", 1},
    {"Built of granite [1 & 2].", "Built of granite [1]{1:the tower was built of grey granite@17}.", 1},
    {"Built of granite [1/2].", "Built of granite [1]{1:the tower was built of grey granite@17}.", 1},
    {"Built of granite [1][2].", "Built of granite [1]{1:the tower was built of grey granite@17}.", 1},
    {"Built of granite[1].", "Built of granite[1]{1:the tower was built of grey granite@16}.", 0},
    {"Built of granite [^1].", "Built of granite [1]{1:the tower was built of grey granite@17}.", 0},
    {"Built of granite [#1].", "Built of granite [1]{1:the tower was built of grey granite@17}.", 0},
    {"Built of granite [Passage 1].", "Built of granite [1]{1:the tower was built of grey granite@17}.", 0},
    {"Built of granite [Passages 1 and 2].", "Built of granite [1]{1:the tower was built of grey granite@17}.", 1},
    {"Built of granite [see source 1].", "Built of granite [1]{1:the tower was built of grey granite@17}.", 0},
    {"Built of granite [Source: 1].", "Built of granite [1]{1:the tower was built of grey granite@17}.", 0},
    {"Built of granite [1 p. 3].", "Built of granite [1]{1:the tower was built of grey granite@17}.", 0},
    {"Built of granite [1, page 3].", "Built of granite [1]{1:the tower was built of grey granite@17}.", 0},
    {"Grey [1, p. 3: \"grey granite\"].", "Grey [1]{1:grey granite@5}.", 0},
    {"Grey [1: \"grey granite\", p. 3].", "Grey [1]{1:grey granite@5}.", 0},
    {"Grey [1: grey granite].", "Grey [1]{1:grey granite@5}.", 0},
    {"Pink [1: pink granite].", "Pink.", 1},
    {"Built of granite [1\xE2\x80\xA0source].", "Built of granite [1]{1:the tower was built of grey granite@17}.", 0},
    {"Built of granite \xE3\x80\x90" "1\xE2\x80\xA0source\xE3\x80\x91.", "Built of granite [1]{1:the tower was built of grey granite@17}.", 0},
    {"Built of granite \xE3\x80\x90" "1\xE2\x80\xA0L3-L9\xE3\x80\x91.", "Built of granite [1]{1:the tower was built of grey granite@17}.", 0},
    {"Built of granite \xE3\x80\x90" "4:0\xE2\x80\xA0source\xE3\x80\x91.", "Built of granite.", 1},
    {"Built of granite \xEF\xBC\xBB" "1\xEF\xBC\xBD.", "Built of granite [1]{1:the tower was built of grey granite@17}.", 0},
    {"Built of granite [0] [99] [2-1] [1-99].", "Built of granite.", 4},
    {"Built of granite [0: \"grey granite\"].", "Built of granite [1]{1:grey granite@17}.", 0},
    {"[1] It was built.", " It was built.", 1},
    {"Built of granite\n[9]\nof rain", "Built of granite\n\nof rain", 1},
    /* in parentheses: with a word or a quote as in brackets, a number alone when it is a passage's */
    {"Built of granite (Passage 1).", "Built of granite [1]{1:the tower was built of grey granite@17}.", 0},
    {"Built of granite (see passage 2).", "Built of granite.", 1},
    {"Grey (1: \"grey granite\").", "Grey [1]{1:grey granite@5}.", 0},
    {"Built of granite (1).", "Built of granite [1]{1:the tower was built of grey granite@17}.", 0},
    {"Built of granite (1) or so (2).", "Built of granite [1]{1:the tower was built of grey granite@17} or so.", 1},
    {"It is high (1, 2).", "It is high.", 2},
    {"It needs (1) age, (2) sex and (3) income.", "It needs (1) age, (2) sex and (3) income.", 0},
    {"(1) age\n(2) sex", "(1) age\n(2) sex", 0},
    {"a loss of (12), f(1), $(3), 12(b), (2018), (see below), (5 million), (1.5)",
     "a loss of (12), f(1), $(3), 12(b), (2018), (see below), (5 million), (1.5)", 0},
    /* what only looks like one: it goes, or its brackets do when it has words */
    {"high [p. 3] and [page 3]", "high and", 2},
    {"high [1a] and [3b]", "high and", 2},
    {"high [report.pdf, p. 3].", "high report.pdf, p. 3.", 1},
    {"high \xE3\x80\x90report.pdf\xE3\x80\x91.", "high report.pdf.", 1},
    {"of [5 million] since [12 May]", "of 5 million since 12 May", 2},
    {"high [1: \"see", "high \"see", 1},
    {"high [1", "high ", 1},
    {"high [1\nlow", "high \nlow", 1},
    {"high [[9]1] and [[9] 1]", "high [1 and [ 1]", 3}, {"high [1\xE2\x80\xA0 [9] x]", "high \xE2\x80\xA0 x]", 2}, {"It is (1\xE2\x80\xA0 [9] x) so", "It is (1\xE2\x80\xA0 x) so", 1},
    {"high [a.pdf [9] x]", "high a.pdf x]", 2}, {"high [1 [9] x]", "high  x]", 2},
    /* a document's own brackets, and an index */
    {"It says \"as shown in [12] and [3, 4] the array\" so.", "It says \"as shown in [12] and [3, 4] the array\" so.", 0},
    {"\xE2\x80\x9C" "As shown in [12]\xE2\x80\x9D or \xE2\x80\x9C" "as shown in [12],\xE2\x80\x9D", "\xE2\x80\x9C" "As shown in\xE2\x80\x9D or \xE2\x80\x9C" "as shown in [12],\xE2\x80\x9D", 1},
    {"\xC2\xABthe array a[0]\xC2\xBB", "\xC2\xABthe array a[0]\xC2\xBB", 0},
    {"It says \"as shown by [12] and\" so.", "It says \"as shown by and\" so.", 1},
    {"It says \"[12]\" and as shown in [12].", "It says \"\" and as shown in.", 2},
    {"A 5\" pipe [2] and a 7\" pipe.", "A 5\" pipe and a 7\" pipe.", 1},
    {"A 5\" pipe [2]\nand a 7\" pipe [3].", "A 5\" pipe\nand a 7\" pipe.", 2},
    {"Use `a[0]` or ``b(1)[2]``.", "Use `a[0]` or ``b(1)[2]``.", 0},
    {"Use `[0]` or `a [1]` or a[0].", "Use `` or `a` or a.", 3},
    {"A ` tick and a[0]", "A ` tick and a", 1},
    {"```c\na[0] = b[1];\n```\na[0]", "```c\na[0] = b[1];\n```\na", 1},
    /* brackets that are no marks */
    {"a [link] and [2024] [] [x: \"y\"] [-1]", "a [link] and [2024] [] [x: \"y\"] [-1]", 0},
    {"CI [1.2, 3.4] at [95 %] of [12,000]", "CI [1.2, 3.4] at [95 %] of [12,000]", 0},
    {"[1: \"see [2] here\"]", "", 1},
    /* nothing is fetched, no address hidden */
    {"![alt](http://x/y) [a](http://x)", "[alt] (http://x/y) [a] (http://x)", 0},
    {"a built of granite [1](http://x)", "a built of granite [1]{1:the tower was built of grey granite@19} (http://x)", 0},
    {"[a]: http://x\n> built of granite [1]: b", "[a] : http://x\n> built of granite [1]{1:the tower was built of grey granite@34}: b", 0},
    {"built of granite\n[1]: http://x", "built of granite\n[1]{1:the tower was built of grey granite@17} : http://x", 0},
    {"a <passage-0f number=\"1\" file=\"a.pdf\" page=\"2\">b</passage-0f> c", "a b c", 0},
    {"a <passage", "a < passage", 0}, {"a </passage-0f", "a </passage-0f", 0}, {"a <passage-\n>", "a < passage-\n>", 0},
    {"<passages> </pass> <", "< passages> </pass> <", 0},
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
    citations_t *citations = citations_new (&handler, PASSAGES, &heard);
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
        citations_t *citations = citations_new (&handler, PASSAGES, &heard);
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
    citations_t *citations = citations_new (&deaf, PASSAGES, NULL);
    memset (text, 'x', sizeof text);
    memcpy (text, "[1: \"", 5);   /* of a mark that never ends only the number goes */
    assert_int_equal (citations_feed (citations, text, sizeof text), 0);
    assert_int_equal (citations_finish (citations), 0);
    size_t size;
    assert_memory_equal (citations_text (citations, &size), text + 4, sizeof text - 4);
    assert_int_equal (size, sizeof text - 4);
    assert_int_equal (citations_rejected (citations), 1);
    assert_int_equal (citations_feed (citations, "xxxxx", 5), -1);
    assert_int_equal (error_get (), ERROR_BODY_TOO_LARGE);
    assert_int_equal (citations_feed (citations, "x", 1), -1);
    citations_destroy (&citations);
}

/* No number in brackets that was not checked: in the text between the marks that were put. */
static void check_text (const heard_t *heard, const char *written)
{
    const char *at = heard->out;
    for (; (at = strchr (at, '[')) != NULL; at++) {
        size_t digits = strspn (at + 1, "0123456789");
        bool bare = digits > 0 && digits <= 3 && at [1 + digits] == ']', put = bare && at [2 + digits] == '{';
        if (bare && !put && strchr (written, '`') == NULL && strstr (written, "shown in") == NULL)
            fail_msg ("'%s' of '%s'", heard->out, written);
    }
}

/* Any pieces of those that mean something: the text is the same however it came. */
static void test_any_text (void **state UNUSED)
{
    static const char *const pieces [] = {
        "[", "]", "1", "2", ":", "\"", " ", "x", "\xE3\x80\x90", "\xE3\x80\x91", "!", "<", "(", ")", ",", ";", "\n",
        "grey granite", "passage ", "img", "\xE2\x80\x9C", "\xE2\x80\x9D", "`", "p. ", "\xE2\x80\xA0", "-", "^", "[1]", "(1)",
        "built of grey granite ", "as shown in [12]", "</passage-", ">", ".pdf", "]:", "]("};
    srand (7);
    for (int round = 0; round < 20000; round++) {
        heard_t whole = {.out = ""}, split = {.out = ""};
        char written [1024] = "";
        citations_t *at_once = citations_new (&handler, PASSAGES, &whole), *in_pieces = citations_new (&handler, PASSAGES, &split);
        for (int i = rand () % 30; i >= 0; i--)
            strcat (written, pieces [(size_t) rand () % COUNT_OF (pieces)]);
        feed_all (at_once, written);
        for (size_t at = 0, next; written [at] != '\0'; at = next) {
            for (next = at + 1; ((unsigned char) written [next] & 0xC0) == 0x80;)
                next++;
            assert_int_equal (citations_feed (in_pieces, written + at, next - at), 0);
        }
        assert_int_equal (citations_finish (in_pieces), 0);
        if (strcmp (whole.out, split.out) != 0)
            fail_msg ("'%s' became '%s' at once, and '%s' in pieces", written, whole.out, split.out);
        assert_int_equal (citations_rejected (at_once), citations_rejected (in_pieces));
        check_text (&whole, written);
        citations_destroy (&at_once);
        citations_destroy (&in_pieces);
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
