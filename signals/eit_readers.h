/* eit_readers.h: the readers, one line each (eit_read.c holds the table). */
#ifndef SIGNALS_EIT_READERS_H
#define SIGNALS_EIT_READERS_H

#include "signals/eit_read.h"

extern const eit_reader eit_read_get, eit_read_draeger_get;         /* eit_read_get.c */
extern const eit_reader eit_read_draeger_eit, eit_read_draeger_bin; /* eit_read_draeger.c */
extern const eit_reader eit_read_sheffield, eit_read_csv;           /* eit_read_table.c */
extern const eit_reader eit_read_ktc, eit_read_rpi;                 /* eit_read_phantom.c */

#endif
