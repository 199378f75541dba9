/* The full-text index, on Xapian: the only file that knows it. No exception leaves this file. */
#include "lexical.h"

#include <algorithm>
#include <cmath>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <functional>
#include <map>
#include <memory>
#include <set>
#include <string>
#include <vector>

#include <xapian.h>

#include "question.h"

namespace {

const char *const kind_names [LEXICAL_KINDS] = {"pages", "heads", "chunks", "cards", "names"};

const char key_identity [] = "identity", key_applied [] = "applied";
const Xapian::valueno slot_place = 0;   /* file and page, packed */

/* A filter of up to this many files is a part of the query; a larger one is asked for each hit. */
const size_t most_filter_terms = 64;

/* A related word (question.h) counts so much of one of the question. */
const double related_factor = 0.5;

/* BM25 with k1 = 1.2, b = 0.75 and the idf log (1 + (N - n + 0.5) / (n + 0.5)), which is positive
 * for every n.
 * Source: Robertson & Zaragoza 2009; the idf as in Lucene. */
const double k1 = 1.2, b = 0.75;

double bm25_idf (double documents, double with_term)
{
    return std::log (1 + (documents - with_term + 0.5) / (with_term + 0.5));
}

double bm25_part (double idf, double occurrences, double length, double average)
{
    return idf * occurrences * (k1 + 1) / (occurrences + k1 * (1 - b + b * length / average));
}

class Bm25 : public Xapian::Weight {
    double idf = 0, average = 1;

    void init (double factor) override
    {
        idf = bm25_idf (get_collection_size (), get_termfreq ()) * factor;
        average = std::max (get_average_length (), 1.0);
    }

public:
    Bm25 ()
    {
        need_stat (COLLECTION_SIZE);
        need_stat (TERMFREQ);
        need_stat (AVERAGE_LENGTH);
        need_stat (WDF);
        need_stat (WDF_MAX);
        need_stat (DOC_LENGTH);
        need_stat (DOC_LENGTH_MIN);
    }

    Bm25 *clone () const override { return new Bm25; }
    std::string name () const override { return "quire::Bm25"; }

    double get_sumpart (Xapian::termcount wdf, Xapian::termcount length,
                        Xapian::termcount) const override
    {
        return bm25_part (idf, wdf, length, average);
    }

    double get_maxpart () const override
    {
        return get_sumpart (get_wdf_upper_bound (), get_doclength_lower_bound (), 0);
    }

    double get_sumextra (Xapian::termcount, Xapian::termcount) const override { return 0; }
    double get_maxextra () const override { return 0; }
};

/* Lets through the documents of a set of files. */
class FileFilter : public Xapian::MatchDecider {
    const number_set_t *allowed;

public:
    explicit FileFilter (const number_set_t *allowed) : allowed (allowed) {}
    bool operator() (const Xapian::Document &document) const override;
};

std::string pack (uint32_t number)
{
    return {char (number >> 24), char (number >> 16), char (number >> 8), char (number)};
}

uint32_t unpack (const std::string &packed, size_t offset)
{
    uint32_t number = 0;
    for (size_t i = offset; i < offset + 4 && i < packed.size (); i++)
        number = number << 8 | (unsigned char) packed [i];
    return number;
}

bool FileFilter::operator() (const Xapian::Document &document) const
{
    return number_set_has (allowed, unpack (document.get_value (slot_place), 0));
}

std::string file_term (uint32_t file)
{
    return "F" + std::to_string (file);   /* terms of texts are never upper case */
}

/* -- terms ---------------------------------------------------------------------------------- */

struct Token {
    std::string word, term;   /* as it stands; stemmed */
    bool paired;              /* it may stand in a pair */
};

using take_t = std::function<void (const Token &)>;

/* Pairs are of words that say something, or of one with a number that counts things ("figure 3",
 * "2 March 2021"); the amounts of tables would only make the index larger. */
bool may_pair (const char *word, term_kind_t kind)
{
    const size_t most_digits = 4;
    if (kind == TERM_NUMBER)
        return std::strlen (word) <= most_digits && std::strchr (word, '.') == nullptr;
    return kind != TERM_DENSE && !terms_is_common (word);
}

void collect (void *context, const char *word, term_kind_t kind)
{
    static thread_local Xapian::Stem english ("english");
    (*static_cast<take_t *> (context)) ({word, kind == TERM_WORD ? english (word) : word, may_pair (word, kind)});
}

using walk_t = void (const char *, size_t, term_handler_t *, void *);

std::vector<Token> tokens_of (walk_t *terms, const char *text, size_t size)
{
    std::vector<Token> tokens;
    take_t take = [&] (const Token &token) { tokens.push_back (token); };
    terms (text, size, collect, &take);
    return tokens;
}

/* Neighbours, what may not pair between them left out, as one term each. */
std::vector<std::string> pairs_of (const std::vector<Token> &tokens)
{
    std::vector<std::string> pairs;
    const Token *before = nullptr;
    for (const Token &token : tokens) {
        if (!token.paired)
            continue;
        if (before != nullptr)
            pairs.push_back (before->term + " " + token.term);   /* terms have no spaces */
        before = &token;
    }
    return pairs;
}

void keep_distinct (std::vector<std::string> &terms)
{
    std::set<std::string> seen;
    terms.erase (std::remove_if (terms.begin (), terms.end (), [&] (const std::string &term) {
        return !seen.insert (term).second;
    }), terms.end ());
}

/* What is searched for. */
struct Question {
    std::vector<Token> words;                           /* all of them, in order */
    std::vector<std::string> terms, pairs, related, names;   /* each once */
};

Question question_of (const char *text, size_t size)
{
    Question question;
    std::vector<Token> tokens = tokens_of (terms_of_question, text, size);
    for (const Token &token : tokens)
        question.terms.push_back (token.term);
    keep_distinct (question.terms);
    question.pairs = pairs_of (tokens);
    keep_distinct (question.pairs);
    for (const Token &token : tokens_of (question_related, text, size))
        if (std::find (question.terms.begin (), question.terms.end (), token.term) == question.terms.end ())
            question.related.push_back (token.term);
    keep_distinct (question.related);
    for (const Token &token : tokens_of (terms_of_question_as_names, text, size))
        question.names.push_back (token.word);
    keep_distinct (question.names);
    question.words = tokens_of (terms_of_text, text, std::min<size_t> (size, MAX_QUESTION_BYTES));
    return question;
}

/* -- failures ------------------------------------------------------------------------------- */

/* Runs a piece of work; what it throws becomes an error. */
int guarded (const char *tried, const std::function<void ()> &work)
{
    try {
        work ();
        return 0;
    } catch (const Xapian::Error &error) {
        const char *cause = error.get_error_string ();
        bool full = cause != nullptr && std::strstr (cause, "No space left") != nullptr;
        return lexical_fail (full ? LEXICAL_FULL : LEXICAL_DAMAGED, tried, error.get_msg ().c_str ());
    } catch (const std::bad_alloc &) {
        return lexical_fail (LEXICAL_MEMORY, tried, "");
    } catch (const std::exception &error) {
        return lexical_fail (LEXICAL_DAMAGED, tried, error.what ());
    }
}

std::string database_path (const std::string &folder, int kind)
{
    return folder + "/" + kind_names [kind];
}

}  // namespace

/* -- the writer's side ---------------------------------------------------------------------- */

struct lexical {
    std::string folder, identity;
    Xapian::WritableDatabase databases [LEXICAL_KINDS];
    uint64_t applied = 0;
};

namespace {

std::string identity_of (const lexical &index)
{
    return index.identity + " " LEXICAL_VERSION;
}

void create (lexical &index)
{
    index.applied = 0;
    for (int kind = 0; kind < LEXICAL_KINDS; kind++) {
        index.databases [kind].close ();
        std::string path = database_path (index.folder, kind);
        std::filesystem::remove_all (path);
        index.databases [kind] = Xapian::WritableDatabase (path, Xapian::DB_CREATE_OR_OVERWRITE);
        index.databases [kind].set_metadata (key_identity, identity_of (index));
        index.databases [kind].set_metadata (key_applied, "0");
        index.databases [kind].commit ();
    }
}

/* True when all of it is there and belongs to this store. */
bool open_existing (lexical &index)
{
    try {
        uint64_t applied = UINT64_MAX;
        for (int kind = 0; kind < LEXICAL_KINDS; kind++) {
            Xapian::WritableDatabase &database = index.databases [kind];
            database = Xapian::WritableDatabase (database_path (index.folder, kind), Xapian::DB_OPEN);
            if (database.get_metadata (key_identity) != identity_of (index))
                return false;
            applied = std::min<uint64_t> (applied, std::stoull (database.get_metadata (key_applied)));
        }
        index.applied = applied;
        return true;
    } catch (const std::bad_alloc &) {
        throw;
    } catch (const Xapian::DatabaseLockError &) {
        throw;
    } catch (const Xapian::Error &) {
        return false;
    } catch (const std::logic_error &) {   /* "applied" is no number */
        return false;
    }
}

}  // namespace

lexical_t *lexical_open (const char *folder, const char *identity)
{
    std::unique_ptr<lexical> index;
    int result = guarded ("open", [&] {
        index = std::make_unique<lexical> ();
        index->folder = folder;
        index->identity = identity;
        std::filesystem::create_directories (folder);
        if (!open_existing (*index))
            create (*index);
    });
    return result == 0 ? index.release () : nullptr;
}

void lexical_close (lexical_t **lexical)
{
    if (*lexical == nullptr)
        return;
    (void) guarded ("close", [&] {
        for (Xapian::WritableDatabase &database : (*lexical)->databases) {
            try {
                database.close ();
            } catch (const Xapian::Error &) {   /* a cache: what is lost is made again */
            }
        }
    });
    delete *lexical;
    *lexical = nullptr;
}

int lexical_reset (lexical_t *lexical)
{
    return guarded ("make anew", [&] { create (*lexical); });
}

uint64_t lexical_applied (const lexical_t *lexical)
{
    return lexical->applied;
}

uint32_t lexical_count (const lexical_t *lexical, lexical_kind_t kind)
{
    uint32_t count = 0;
    (void) guarded ("count", [&] { count = lexical->databases [kind].get_doccount (); });
    return count;
}

int lexical_put (lexical_t *lexical, const lexical_document_t *source)
{
    return guarded ("add", [&] {
        Xapian::Document document;
        bool names = source->kind == LEXICAL_NAMES;
        std::vector<Token> tokens = tokens_of (names ? terms_of_name : terms_of_text, source->text, source->size);
        for (const Token &token : tokens)
            document.add_term (names ? token.word : token.term);
        if (source->kind == LEXICAL_CHUNKS)
            for (const std::string &pair : pairs_of (tokens))
                document.add_term (pair);
        document.add_boolean_term (file_term (source->file));
        document.add_value (slot_place, pack (source->file) + pack (source->page));
        lexical->databases [source->kind].replace_document (source->number, document);
    });
}

int lexical_remove_file (lexical_t *lexical, uint32_t file)
{
    return guarded ("remove", [&] {
        for (Xapian::WritableDatabase &database : lexical->databases)
            database.delete_document (file_term (file));
    });
}

int lexical_commit (lexical_t *lexical, uint64_t applied)
{
    return guarded ("commit", [&] {
        for (Xapian::WritableDatabase &database : lexical->databases) {
            database.set_metadata (key_applied, std::to_string (applied));
            database.commit ();
        }
        lexical->applied = applied;
    });
}

/* -- searching ------------------------------------------------------------------------------ */

struct lexical_reader {
    std::string folder;
    Xapian::Database databases [LEXICAL_KINDS];
    bool open = false;
};

namespace {

double idf_of (const Xapian::Database &database, const std::string &term)
{
    return bm25_idf (database.get_doccount (), database.get_termfreq (term));
}

/* The terms that the database has, the rarest first when there are too many. */
std::vector<std::string> known_terms (const Xapian::Database &database, std::vector<std::string> terms)
{
    terms.erase (std::remove_if (terms.begin (), terms.end (), [&] (const std::string &term) {
        return !database.term_exists (term);
    }), terms.end ());
    if (terms.size () <= MAX_QUESTION_TERMS)
        return terms;
    std::stable_sort (terms.begin (), terms.end (), [&] (const std::string &left, const std::string &right) {
        return database.get_termfreq (left) < database.get_termfreq (right);
    });
    terms.resize (MAX_QUESTION_TERMS);
    return terms;
}

Xapian::Query any_of (const std::vector<std::string> &terms)
{
    return {Xapian::Query::OP_OR, terms.begin (), terms.end ()};
}

Xapian::Query within (const Xapian::Query &query, const number_set_t *allowed)
{
    if (allowed == nullptr || allowed->count > most_filter_terms)
        return query;
    std::vector<std::string> files;
    for (size_t word = 0; word < allowed->word_count; word++)
        for (int bit = 0; bit < 64; bit++)
            if (allowed->words [word] >> bit & 1)
                files.push_back (file_term (uint32_t (word * 64 + bit)));
    return {Xapian::Query::OP_FILTER, query, any_of (files)};
}

using hits_t = std::vector<lexical_hit_t>;

void sort_by_number (hits_t &hits)
{
    std::sort (hits.begin (), hits.end (), [] (const lexical_hit_t &left, const lexical_hit_t &right) {
        return left.number < right.number;
    });
}

void sort_by_score (hits_t &hits)
{
    std::sort (hits.begin (), hits.end (), [] (const lexical_hit_t &left, const lexical_hit_t &right) {
        return left.score != right.score ? left.score > right.score : left.number < right.number;
    });
}

/* The values of a slot stand in the order of the documents: so one walk finds all places, where
 * opening each document would read twice as much. */
void add_places (const Xapian::Database &database, hits_t &hits)
{
    sort_by_number (hits);
    Xapian::ValueIterator place = database.valuestream_begin (slot_place);
    for (lexical_hit_t &hit : hits) {
        place.skip_to (hit.number);
        if (place == database.valuestream_end (slot_place))
            break;
        hit.file = unpack (*place, 0);
        hit.page = unpack (*place, 4);
    }
    sort_by_score (hits);
}

hits_t find (const Xapian::Database &database, const Xapian::Query &query, const number_set_t *allowed, size_t limit)
{
    hits_t found;
    if (query.empty () || (allowed != nullptr && allowed->count == 0))
        return found;
    Xapian::Enquire enquire (database);
    enquire.set_query (within (query, allowed));
    enquire.set_weighting_scheme (Bm25 ());
    FileFilter filter (allowed);
    bool asked_each = allowed != nullptr && allowed->count > most_filter_terms;
    Xapian::MSet matches = enquire.get_mset (0, Xapian::doccount (limit), 0, nullptr,
                                             asked_each ? &filter : nullptr);
    for (Xapian::MSetIterator i = matches.begin (); i != matches.end (); ++i)
        found.push_back ({*i, 0, 0, float (i.get_weight ())});
    add_places (database, found);
    return found;
}

Xapian::Query query_for (int kind, const Xapian::Database &database, const Question &question)
{
    if (kind == LEXICAL_NAMES)
        return any_of (known_terms (database, question.names));
    Xapian::Query query = any_of (known_terms (database, question.terms));
    if (kind == LEXICAL_CHUNKS)
        return query | any_of (known_terms (database, question.pairs));
    std::vector<std::string> related = known_terms (database, question.related);
    if ((kind == LEXICAL_PAGES || kind == LEXICAL_HEADS) && !related.empty ())
        return query | Xapian::Query (Xapian::Query::OP_SCALE_WEIGHT, any_of (related), related_factor);
    return query;
}

/* -- names ---------------------------------------------------------------------------------- */

/* The question's terms that name a file. */
using named_t = std::map<uint32_t, std::set<std::string>>;

/* The terms of the words that make up a word of a name: one, or up to three glued together. */
void add_named (const Question &question, const std::string &name, std::set<std::string> &terms)
{
    const size_t most_glued = 3;
    for (size_t first = 0; first < question.words.size (); first++) {
        std::string glued;
        for (size_t i = first; i < question.words.size () && i < first + most_glued; i++) {
            glued += question.words [i].word;
            if (glued != name)
                continue;
            for (size_t part = first; part <= i; part++)
                terms.insert (question.words [part].term);
        }
    }
}

/* Which share of a file's name, weighted by idf, do the question's words make up? */
float name_share (const Xapian::Database &database, const lexical_hit_t &hit, const Question &question, named_t &named)
{
    double found = 0, all = 0;
    for (Xapian::TermIterator term = database.termlist_begin (hit.number);
         term != database.termlist_end (hit.number); ++term) {
        if ((*term) [0] == 'F')
            continue;
        double idf = idf_of (database, *term);
        all += idf;
        if (std::find (question.names.begin (), question.names.end (), *term) == question.names.end ())
            continue;
        found += idf;
        add_named (question, *term, named [hit.file]);
    }
    return all > 0 ? float (found / all) : 0;
}

void weigh_names (const Xapian::Database &database, const Question &question, hits_t &hits, named_t &named)
{
    for (lexical_hit_t &hit : hits)
        hit.score = name_share (database, hit, question, named);
}

/* In the pages of the files that a term names, lets it count as if it stood there once. Hits must be
 * in the order of their numbers. */
void level_term (const Xapian::Database &database, const std::string &term, const named_t &named, hits_t &hits)
{
    double idf = idf_of (database, term), average = std::max (database.get_avlength (), 1.0);
    Xapian::PostingIterator posting = database.postlist_begin (term), end = database.postlist_end (term);
    for (lexical_hit_t &hit : hits) {
        named_t::const_iterator file = named.find (hit.file);
        if (file == named.end () || file->second.count (term) == 0)
            continue;
        if (posting != end)
            posting.skip_to (hit.number);
        double own = posting != end && *posting == hit.number
            ? bm25_part (idf, posting.get_wdf (), posting.get_doclength (), average) : 0;
        hit.score += float (idf - own);
    }
}

void level_names (const Xapian::Database &database, const Question &question, const named_t &named, hits_t &hits)
{
    sort_by_number (hits);
    for (const std::string &term : known_terms (database, question.terms))
        level_term (database, term, named, hits);
    sort_by_score (hits);
}

/* -- a search ------------------------------------------------------------------------------- */

void hand_over (const hits_t &found, lexical_hits_t *hits, int kind)
{
    if (found.empty ())
        return;
    size_t bytes = found.size () * sizeof (lexical_hit_t);
    hits->hits [kind] = static_cast<lexical_hit_t *> (std::malloc (bytes));
    if (hits->hits [kind] == nullptr)
        throw std::bad_alloc ();
    std::memcpy (hits->hits [kind], found.data (), bytes);
    hits->counts [kind] = found.size ();
}

void refresh (lexical_reader &reader)
{
    for (int kind = 0; kind < LEXICAL_KINDS; kind++) {
        if (reader.open)
            reader.databases [kind].reopen ();
        else
            reader.databases [kind] = Xapian::Database (database_path (reader.folder, kind));
    }
    reader.open = true;
}

/* Of the words that are anywhere: those that no page has part none from another. */
double full_score (const Xapian::Database &pages, const Xapian::Database &heads, const Question &question)
{
    double sum = 0;
    for (const std::string &term : question.terms)
        if (pages.term_exists (term) || heads.term_exists (term))
            sum += idf_of (pages, term) * (k1 + 1);
    return sum;
}

void search_all (lexical_reader &reader, const char *text, size_t size, const number_set_t *allowed,
                 lexical_hits_t *hits)
{
    const Question question = question_of (text, size);
    hits_t found [LEXICAL_KINDS];
    named_t named;
    for (int kind = 0; kind < LEXICAL_KINDS; kind++)
        if (hits->limits [kind] > 0)
            found [kind] = find (reader.databases [kind], query_for (kind, reader.databases [kind], question),
                                 allowed, hits->limits [kind]);
    weigh_names (reader.databases [LEXICAL_NAMES], question, found [LEXICAL_NAMES], named);
    level_names (reader.databases [LEXICAL_PAGES], question, named, found [LEXICAL_PAGES]);
    for (int kind = 0; kind < LEXICAL_KINDS; kind++)
        hand_over (found [kind], hits, kind);
    hits->full_score = float (full_score (reader.databases [LEXICAL_PAGES], reader.databases [LEXICAL_HEADS],
                                          question));
}

void free_hits (lexical_hits_t *hits)
{
    for (int kind = 0; kind < LEXICAL_KINDS; kind++) {
        std::free (hits->hits [kind]);
        hits->hits [kind] = nullptr;
        hits->counts [kind] = 0;
    }
}

}  // namespace

lexical_reader_t *lexical_reader_new (const char *folder)
{
    std::unique_ptr<lexical_reader> reader;
    int result = guarded ("open for reading", [&] {
        reader = std::make_unique<lexical_reader> ();
        reader->folder = folder;
    });
    return result == 0 ? reader.release () : nullptr;
}

void lexical_reader_destroy (lexical_reader_t **reader)
{
    delete *reader;
    *reader = nullptr;
}

/* The writer may overtake a reader twice and so take its revision away, or have made the index
 * anew: then it is opened again. */
int lexical_search (lexical_reader_t *reader, const char *question, size_t size,
                    const number_set_t *allowed, lexical_hits_t *hits)
{
    const int tries = 4;
    for (int i = 0; i < tries; i++) {
        bool again = false;
        int result = guarded ("search", [&] {
            try {
                free_hits (hits);
                refresh (*reader);
                search_all (*reader, question, size, allowed, hits);
            } catch (const Xapian::DatabaseOpeningError &) {
                reader->open = false;   /* being made anew: nothing to be found yet */
            } catch (const Xapian::DatabaseError &) {
                reader->open = false;
                again = i + 1 < tries;
                if (!again)
                    throw;
            }
        });
        if (!again)
            return result;
    }
    return 0;
}

/* -- checking ------------------------------------------------------------------------------- */

int lexical_list (const char *folder, const char *identity, lexical_kind_t kind, uint64_t *applied,
                  lexical_list_handler_t *handler, void *context)
{
    return guarded ("list", [&] {
        Xapian::Database database (database_path (folder, kind));
        if (database.get_metadata (key_identity) != std::string (identity) + " " LEXICAL_VERSION)
            throw Xapian::DatabaseOpeningError ("it is of another store or version");
        *applied = std::stoull (database.get_metadata (key_applied));
        Xapian::doccount count = 0;
        for (Xapian::ValueIterator place = database.valuestream_begin (slot_place);
             place != database.valuestream_end (slot_place); ++place, ++count)
            handler (context, place.get_docid (), unpack (*place, 0));
        if (count != database.get_doccount ())
            throw Xapian::DatabaseCorruptError ("it has documents without a file");
    });
}

void lexical_hits_free (lexical_hits_t *hits)
{
    free_hits (hits);
}
