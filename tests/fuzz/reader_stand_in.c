/* A reader that sends what it was given to read, and ends: in the place of quire-reader for fuzz_child. */
#include <stdlib.h>
#include <unistd.h>

#include "reader_descriptors.h"

int main (void)
{
    static char bytes [1 << 16];
    char asked [64];
    if (read (READER_SOCKET, asked, sizeof asked) <= 0)   /* what is asked first */
        return EXIT_SUCCESS;
    for (ssize_t size; (size = pread (READER_FILE, bytes, sizeof bytes, lseek (READER_FILE, 0, SEEK_CUR))) > 0;) {
        ssize_t sent = write (READER_SOCKET, bytes, (size_t) size);
        if (sent <= 0)
            break;
        lseek (READER_FILE, sent, SEEK_CUR);
    }
    return EXIT_SUCCESS;
}
