/* Makes a rename last: a new name is on the disk when its folder is. */
#ifndef QUIRE_SYNC_FOLDER_H
#define QUIRE_SYNC_FOLDER_H

#include "macros.h"

/* Syncs the folder that holds path. 0, or -1 with errno. */
MUST_CHECK int sync_folder_of (const char *path);

#endif
